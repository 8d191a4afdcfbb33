/** A folder with those above it. */

import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes the folder and what is missing above it; harmless when it is there. Not Node's recursive `mkdir`: that never ends where the
 * system says that something is missing though nothing above is, as in `/proc`.
 * @throws the system's error for the folder that cannot be made
 */
export async function makeFolders(folder: string): Promise<void> {
  const failure = await makeOne(folder);
  if (failure === null) return;
  const above = path.dirname(folder);
  if (failure.code !== 'ENOENT' || above === folder) throw failure;
  await makeFolders(above);
  const lastFailure = await makeOne(folder);
  if (lastFailure !== null) throw lastFailure;
}

/** @returns why there is no such folder now */
async function makeOne(folder: string): Promise<NodeJS.ErrnoException | null> {
  try {
    await mkdir(folder);
    return null;
  } catch (error) {
    // What is there already is told by different errors, according to the place it is in.
    const isThere = await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    return isThere ? null : (error as NodeJS.ErrnoException);
  }
}
