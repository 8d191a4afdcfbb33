import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { zerosFile } from '../../src/graph/zeros-file.ts';

/** Windows gives whoever opens a file to append to it no right to set its length. */
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  const open: typeof real.open = async (file, flags, mode) => {
    const handle = await real.open(file, flags, mode);
    if (typeof flags === 'string' && flags.startsWith('a')) {
      handle.truncate = async () => {
        throw Object.assign(new Error('EPERM: operation not permitted, ftruncate'), { code: 'EPERM' });
      };
    }
    return handle;
  };
  return { ...real, open };
});

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'octavo-zeros-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the file of zeros', () => {
  it('is made where a file that is open to be appended to cannot be made longer, as on Windows', async () => {
    const file = await zerosFile(directory, 10);
    expect(await readFile(file)).toEqual(Buffer.alloc(10));
  });

  it('only ever grows: another server may be reading it', async () => {
    await zerosFile(directory, 10);
    const file = await zerosFile(directory, 4);
    expect((await stat(file)).size).toBe(10);
    await zerosFile(directory, 20);
    expect(await readFile(file)).toEqual(Buffer.alloc(20));
  });
});
