import { mkdtemp, open, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { cachedFile } from '../../src/graph/cached-file.ts';

/** A file system with room for 8 bytes, whatever the machine's has. */
const SMALL = { type: 0xef53, bsize: 4, blocks: 9, bfree: 2, bavail: 2, files: 9, ffree: 9 };
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>();
  return { ...real, statfs: async () => SMALL };
});

let cacheDirectory: string;
beforeEach(async () => {
  cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-cached-'));
});
afterEach(() => rm(cacheDirectory, { recursive: true }));

const content = () => readFile(path.join(cacheDirectory, 'weights'), 'utf8');

/** Writes `text`, half before `between` and half after, each through a handle of its own as the workers do. */
function making(text: string, between: Promise<void> = Promise.resolve()) {
  const half = text.length / 2;
  return cachedFile(
    { cacheDirectory, file: 'weights', byteLength: text.length, content: 'weights' },
    async (output, temporary) => {
      await output.write(text.slice(0, half), 0);
      await between;
      const handle = await open(temporary, 'r+');
      await handle.write(text.slice(half), half);
      await handle.close();
    },
  );
}

/** Of a file in that directory. */
const madeIn = (directory: string) =>
  cachedFile(
    { cacheDirectory: directory, file: 'weights', byteLength: 4, content: 'weights' },
    async (output) => {
      await output.write('abcd', 0);
    },
  );

describe('a cache directory', () => {
  it('is made with the folders above it', async () => {
    const directory = path.join(cacheDirectory, 'a/b/c');
    await Promise.all([madeIn(directory), madeIn(directory)]);
    expect(await readdir(directory)).toEqual(['weights']);
  });

  it('may be a link to one', async () => {
    const link = path.join(cacheDirectory, 'link');
    await symlink(cacheDirectory, link);
    await madeIn(link);
    expect(await content()).toBe('abcd');
  });

  it('is refused below a file', async () => {
    await writeFile(path.join(cacheDirectory, 'file'), '');
    const making = madeIn(path.join(cacheDirectory, 'file/a/b'));
    await expect(making).rejects.toThrow(/ENOTDIR.*choose another place with --cache-dir$/);
  });

  it('is refused where the system takes no folders, and says only that something is missing', async ({
    skip,
  }) => {
    skip(process.platform !== 'linux', 'Linux alone has such a file system everywhere');
    const making = madeIn('/proc/octavo/a');
    await expect(making).rejects.toThrow(/mkdir '\/proc\/octavo'; choose another place with --cache-dir$/);
  });
});

describe('a file of the cache directory', () => {
  it('is made once', async () => {
    await making('abcd');
    await making('wxyz');
    expect(await content()).toBe('abcd');
    expect(await readdir(cacheDirectory)).toEqual(['weights']);
  });

  it('is whole when two make it at once, as two containers do whose processes have the same id', async () => {
    let goOn = (): void => {};
    const between = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const first = making('abcd', between);
    const second = making('wxyz');
    await second;
    expect(await content()).toBe('wxyz');
    goOn();
    await first;
    expect(await content()).toBe('abcd');
    expect(await readdir(cacheDirectory)).toEqual(['weights']);
  });

  it('is refused before the work when there is no room for it', async () => {
    let isBegun = false;
    const tooLarge = cachedFile(
      { cacheDirectory, file: 'weights', byteLength: 9, content: 'weights' },
      async () => {
        isBegun = true;
        throw new StartupError('it was begun');
      },
    );
    await expect(tooLarge).rejects.toThrow(/weights \(9 bytes\) .*ENOSPC: there is room for 8 bytes; choose/);
    expect(isBegun).toBe(false);
  });

  it('leaves nothing behind when making it fails', async () => {
    const failing = cachedFile(
      { cacheDirectory, file: 'weights', byteLength: 4, content: 'weights' },
      async () => {
        throw new StartupError('no');
      },
    );
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  describe('that a run which was killed left half written', () => {
    const old = `${'0a'.repeat(16)}.w8a8.12345678-1234-4123-8123-1234567890ab.partial`;
    const young = `${'1b'.repeat(16)}.f32.12345678-1234-4123-8123-1234567890ab.partial`;

    beforeEach(async () => {
      for (const name of [old, young, 'others.partial'])
        await writeFile(path.join(cacheDirectory, name), 'ab');
      const yesterday = Date.now() / 1000 - 86_400;
      for (const name of [old, 'others.partial'])
        await utimes(path.join(cacheDirectory, name), yesterday, yesterday);
    });

    it('is taken away when another one is made, unless it may still be written, or is not ours', async () => {
      await making('abcd');
      expect((await readdir(cacheDirectory)).sort()).toEqual([young, 'others.partial', 'weights']);
    });

    it('is taken away, too, when the one that is wanted is there', async () => {
      await writeFile(path.join(cacheDirectory, 'weights'), 'abcd');
      await making('abcd');
      expect((await readdir(cacheDirectory)).sort()).toEqual([young, 'others.partial', 'weights']);
    });
  });
});
