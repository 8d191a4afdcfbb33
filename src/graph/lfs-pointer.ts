/** Of a repository that was cloned without Git LFS, large files are a few lines that say where they are. */

import { StartupError } from '../base/errors.ts';

const POINTER_BEGINS = 'version https://git-lfs.github.com/';

/**
 * @param beginning of the file, as text
 * @throws StartupError where the file is a pointer
 */
export function refuseLfsPointer(file: string, beginning: string): void {
  if (!beginning.startsWith(POINTER_BEGINS)) return;
  throw new StartupError(
    `${file}: is a pointer of Git LFS, not the file itself; fetch it with git lfs pull, or the model with hf download`,
  );
}
