/**
 * The zeros that a cache on a device begins with: one sparse file, which all caches of all layers are read from when the
 * session is made. It takes no room on a file system that knows holes (NTFS knows none that were not announced), and is never
 * written to.
 */

import { constants, open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { makeFolders } from './make-folders.ts';
import type { Weights } from './weight-cache.ts';

const FILE_NAME = 'zeros';
/** Made where it is not there, kept where it is. Not `a`: Windows lets nobody set the length of a file that is open to be appended to. */
const OPEN_TO_GROW = constants.O_RDWR | constants.O_CREAT;

/**
 * Finds or makes the file, at least so long.
 * @returns its path, without links
 * @throws StartupError when the directory cannot be written
 */
export async function zerosFile(directory: string, byteLength: number): Promise<string> {
  const file = path.join(directory, FILE_NAME);
  try {
    // A directory that was filled before may be read-only now.
    if (((await stat(file).catch(() => null))?.size ?? -1) >= byteLength) return await realpath(file);
    await makeFolders(directory);
    const handle = await open(file, OPEN_TO_GROW);
    try {
      // Only ever longer: another server may be reading it.
      if ((await handle.stat()).size < byteLength) await handle.truncate(byteLength);
    } finally {
      await handle.close();
    }
    return await realpath(file);
  } catch (cause) {
    throw new StartupError(
      `the file of zeros that the KV cache begins with cannot be written to ${directory}: ${(cause as Error).message}; choose another place with --cache-dir`,
      { cause },
    );
  }
}

/**
 * The same weights relative to a folder that holds the other file too: ONNX Runtime reads external data from one
 * folder and what is below it.
 * @returns also the file's own name relative to that folder
 * @throws StartupError when there is no such folder (two drives of Windows)
 */
export async function joinFolders(
  weights: Weights,
  file: string,
): Promise<{ readonly weights: Weights; readonly file: string }> {
  const weightsFolder = await realpath(weights.folder);
  const folder = commonFolder(weightsFolder, path.dirname(file));
  if (folder === null) {
    throw new StartupError(`--cache-dir must be on the drive of the weights, ${weightsFolder}`);
  }
  const prefix = path.relative(folder, weightsFolder);
  const tensors = new Map(
    [...weights.tensors].map(([name, tensor]) => [name, { ...tensor, file: path.join(prefix, tensor.file) }]),
  );
  return { weights: { ...weights, folder, tensors }, file: path.relative(folder, file) };
}

function commonFolder(one: string, other: string): string | null {
  for (let folder = one; ; folder = path.dirname(folder)) {
    const way = path.relative(folder, other);
    if (way.split(path.sep)[0] !== '..' && !path.isAbsolute(way)) return folder;
    if (folder === path.dirname(folder)) return null;
  }
}
