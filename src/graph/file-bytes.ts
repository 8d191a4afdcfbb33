/** Byte ranges of files, whole or not at all: one read or write of the system may move fewer bytes and call that success. */

import { type FileHandle, open } from 'node:fs/promises';
import { StartupError } from '../base/errors.ts';

/** Fills `bytes` from `offset` of the file on. @throws StartupError when it ends before, or cannot be read. */
export async function readRange(file: string, bytes: Uint8Array, offset: number): Promise<void> {
  const input = await openToRead(file);
  try {
    await readFully(input, { file, bytes, offset });
  } finally {
    await input.close();
  }
}

/** @throws StartupError */
export async function openToRead(file: string): Promise<FileHandle> {
  return open(file).catch((cause) => {
    throw unreadable(file, cause);
  });
}

/** Of one call to the system: Node's calls count bytes in 32 bits. */
const TRANSFER_BYTES_MAX = 2 ** 30;

export type FileRange = {
  /** As errors call it. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly offset: number;
};

/** Fills `bytes` from an open file. @throws StartupError when it ends before, or cannot be read. */
export async function readFully(
  input: Pick<FileHandle, 'read'>,
  { file, bytes, offset }: FileRange,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await input
      .read(bytes, done, Math.min(TRANSFER_BYTES_MAX, bytes.length - done), offset + done)
      .catch((cause) => {
        throw unreadable(file, cause);
      });
    if (bytesRead === 0) {
      throw new StartupError(`${file}: is cut short: it has no byte ${offset + done}; fetch it again`);
    }
    done += bytesRead;
  }
}

/** Writes all of `data`. @throws the system's error, such as ENOSPC, when there is no room for it. */
export async function writeFully(
  output: Pick<FileHandle, 'write'>,
  data: ArrayBufferView,
  offset: number,
): Promise<void> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(TRANSFER_BYTES_MAX, bytes.length - done);
    const { bytesWritten } = await output.write(bytes, done, length, offset + done);
    if (bytesWritten === 0) throw new Error('nothing more can be written to it');
    done += bytesWritten;
  }
}

function unreadable(file: string, cause: NodeJS.ErrnoException): StartupError {
  return new StartupError(`${file}: cannot be read (${cause.code ?? cause.message})`, { cause });
}
