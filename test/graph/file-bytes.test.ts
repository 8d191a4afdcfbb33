import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { readFully, readRange, writeFully } from '../../src/graph/file-bytes.ts';
import { convertTensor } from '../../src/graph/weight-cache.ts';

type Read = Parameters<typeof readFully>[0]['read'];
type Write = Parameters<typeof writeFully>[0]['write'];

/** A device of which each call moves three bytes at most, and which has room for `capacity`. */
function aDevice(content: readonly number[], capacity = content.length) {
  const held = Uint8Array.from({ length: capacity }, (_, index) => content[index] ?? 0);
  const read = (async (buffer: Uint8Array, start: number, length: number, position: number) => {
    const bytes = held.subarray(position, position + Math.min(3, length));
    buffer.set(bytes, start);
    return { bytesRead: bytes.length, buffer };
  }) as Read;
  const write = (async (buffer: Uint8Array, start: number, length: number, position: number) => {
    const count = Math.min(3, length, capacity - position);
    if (count <= 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    held.set(buffer.subarray(start, start + count), position);
    return { bytesWritten: count, buffer };
  }) as Write;
  return { held, read, write };
}

describe('bytes that are read', () => {
  it('are all there when each read gives a few', async () => {
    const bytes = new Uint8Array(7);
    await readFully(aDevice([0, 1, 2, 3, 4, 5, 6, 7, 8]), { file: 'w', bytes, offset: 2 });
    expect([...bytes]).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it('are missed where the file ends before', async () => {
    const bytes = new Uint8Array(7);
    const reading = readFully(aDevice([0, 1, 2, 3, 4]), { file: 'w', bytes, offset: 2 });
    await expect(reading).rejects.toThrow(
      new StartupError('w: is cut short: it has no byte 5; fetch it again'),
    );
  });

  it('of a file that cannot be opened are an error that names the file', async () => {
    await expect(readRange('/nowhere/w', new Uint8Array(1), 0)).rejects.toThrow(
      new StartupError('/nowhere/w: cannot be read (ENOENT)'),
    );
  });
});

describe('bytes that are written', () => {
  it('are all there when each write takes a few', async () => {
    const device = aDevice([], 9);
    await writeFully(device, Uint16Array.of(0x0201, 0x0403, 0x0605, 0x0807), 1);
    expect([...device.held]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('are an error where the last ones find no room', async () => {
    await expect(writeFully(aDevice([], 6), new Uint8Array(7), 0)).rejects.toThrow('no space left');
  });
});

describe('a tensor that is converted', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'octavo-bytes-'));
    await writeFile(path.join(directory, 'w'), new Uint8Array(Float32Array.of(1, 2, 3).buffer));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const source = { file: 'w', elementType: 'F32', shape: [3], offset: 0, byteLength: 12 } as const;

  it('is an error on a device that is full before its end', async () => {
    const { write } = aDevice([], 5);
    const converting = convertTensor('float16', { name: 'w', source, directory }, { write }, 0);
    await expect(converting).rejects.toThrow('no space left');
  });

  it('is an error when its file has become shorter', async () => {
    const longer = { ...source, shape: [4], byteLength: 16 };
    const { write } = aDevice([], 8);
    const converting = convertTensor('float16', { name: 'w', source: longer, directory }, { write }, 0);
    await expect(converting).rejects.toThrow('is cut short: it has no byte 12');
  });
});
