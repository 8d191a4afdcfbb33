/**
 * Files that are made once and kept in the cache directory. They are written under another name and renamed when they are
 * whole, so that a run that is killed leaves nothing that looks finished.
 */

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../base/clock.ts';
import { StartupError } from '../base/errors.ts';
import { diskRoom } from './disk-room.ts';
import { makeFolders } from './make-folders.ts';
import { putInPlace } from './put-in-place.ts';

export type CachedFileOptions = {
  readonly cacheDirectory: string;
  readonly file: string;
  readonly byteLength: number;
  /** What is in it, as errors call it. */
  readonly content: string;
};

/** A file that is being written is touched so often, also while nothing is ready to be written. */
const TOUCH_MS = 30_000;
/** What has not been touched for so long, a killed run left: soon enough that one which is killed again and again fills no disk. */
const ABANDONED_MS = 10 * TOUCH_MS;
const PARTIAL = '.partial';
/** Of any checkpoint and form: a key, a suffix and a number. Nothing else in the directory is ours to take away. */
const OURS = /^[0-9a-f]{32}\.\w+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/;

/**
 * Finds the file, or has it written. Two that write it at once, in one container or in two that share the directory, each
 * write their own; the last one's stays.
 * @param write fills `output`, which has its length already and lies at the path `temporary`
 * @throws StartupError when the directory cannot be written, and what `write` throws of these
 */
export async function cachedFile(
  { cacheDirectory, file, byteLength, content }: CachedFileOptions,
  write: (output: FileHandle, temporary: string) => Promise<void>,
): Promise<void> {
  const target = path.join(cacheDirectory, file);
  // Also where the file is there: who starts again at once after being killed makes it beside what is not old yet.
  await removeAbandoned(cacheDirectory);
  if (await hasLength(target, byteLength)) return;
  try {
    await writeWhole(target, byteLength, write);
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(
      `the ${content} (${byteLength} bytes) cannot be written to ${cacheDirectory}: ${(cause as Error).message}; choose another place with --cache-dir`,
      { cause },
    );
  }
}

async function writeWhole(
  target: string,
  byteLength: number,
  write: (output: FileHandle, temporary: string) => Promise<void>,
): Promise<void> {
  const folder = path.dirname(target);
  await makeFolders(folder);
  await requireRoom(folder, byteLength);
  const temporary = `${target}.${randomUUID()}${PARTIAL}`;
  const output = await open(temporary, 'wx');
  const touch = setInterval(() => {
    const now = systemClock.unixSeconds();
    void output.utimes(now, now).catch(() => {});
  }, TOUCH_MS);
  try {
    await output.truncate(byteLength);
    await write(output, temporary);
    await output.sync();
    // Before it has its name: under Windows ONNX Runtime opens nothing that somebody has open to write.
    await output.close();
    await putInPlace({
      move: () => rename(temporary, target),
      isThere: () => hasLength(target, byteLength),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
  } finally {
    clearInterval(touch);
    await output.close();
    await rm(temporary, { force: true });
  }
}

async function hasLength(file: string, byteLength: number): Promise<boolean> {
  const found = await stat(file).catch(() => null);
  return found?.size === byteLength;
}

/** Before the work of writing it. @throws Error where the file system says that it has no room for so many bytes */
async function requireRoom(folder: string, byteLength: number): Promise<void> {
  const told = await statfs(folder).catch(() => null);
  const room = told === null ? null : diskRoom(told, process.getuid?.() === 0);
  if (room !== null && room < byteLength) throw new Error(`ENOSPC: there is room for ${room} bytes`);
}

/** As far as it can be: the directory may not be there yet, or not be ours to write. */
async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!OURS.test(name)) continue;
    const file = path.join(directory, name);
    const found = await stat(file).catch(() => null);
    if (found !== null && 1000 * systemClock.unixSeconds() - found.mtimeMs > ABANDONED_MS)
      await rm(file, { force: true }).catch(() => {});
  }
}
