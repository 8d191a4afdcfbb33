import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { StartupError } from '../src/base/errors.ts';
import { serveConfig } from '../src/config.ts';

function refusal(flags: Record<string, unknown>, environment: Record<string, string> = {}): string {
  try {
    serveConfig(flags, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(StartupError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('serveConfig', () => {
  it('listens on this machine alone by default', () => {
    expect(serveConfig({}, {})).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      apiKey: [],
      strictFields: false,
    });
  });

  it('takes a flag before a variable, and a variable before the default', () => {
    expect(serveConfig({ port: '1' }, { PORT: '2' }).port).toBe(1);
    expect(serveConfig({}, { PORT: '2' }).port).toBe(2);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(serveConfig({}, { PORT: '', HOST: '', MODEL: '' })).toEqual(serveConfig({}, {}));
  });

  it.each([
    ['/var/caches', '/var/caches/octavo'],
    ['', path.join(os.homedir(), '.cache/octavo')],
    ['caches', path.join(os.homedir(), '.cache/octavo')],
  ])('caches where the XDG specification says with XDG_CACHE_HOME %j', (cacheHome, expected) => {
    expect(serveConfig({}, { XDG_CACHE_HOME: cacheHome }).cacheDir).toBe(expected);
  });

  it('asks for a cache directory where the user has no home, and for no home where one is given', () => {
    const homedir = vi.spyOn(os, 'homedir').mockImplementation(() => {
      throw new Error('no such user');
    });
    try {
      expect(refusal({})).toMatch(/no home directory .*no such user; choose a place with --cache-dir$/);
      expect(serveConfig({ cacheDir: '/var/caches' }, {}).cacheDir).toBe('/var/caches');
    } finally {
      homedir.mockRestore();
    }
  });

  it('splits what may be given several times at commas, with or without blanks', () => {
    expect(serveConfig({}, { OCTAVO_API_KEY: 'a,b' }).apiKey).toEqual(['a', 'b']);
    expect(serveConfig({}, { OCTAVO_API_KEY: 'a, b\n' }).apiKey).toEqual(['a', 'b']);
    expect(refusal({}, { OCTAVO_API_KEY: ' , ' })).toContain('OCTAVO_API_KEY names nothing');
  });

  it.each(['my key', 'key\n', 'schlüssel', ''])('refuses %j for a key, which no client could send', (key) => {
    expect(refusal({ apiKey: [key] })).toBe(
      '--api-key (or OCTAVO_API_KEY): a key has no white space, and nothing but ASCII',
    );
  });

  it('says what a name has to be', () => {
    expect(refusal({ servedModelName: [''] })).toMatch(/\): a name has at least one character$/);
  });

  it.each([
    ['port', '', 'must be a whole number'],
    ['port', '0x1F', 'must be a whole number'],
    ['port', '8000.5', 'must be a whole number'],
    ['port', '65536', 'must be at most 65535'],
    ['port', '-1', 'must be at least 0'],
    ['model', '', 'must be a directory'],
    ['blockSize', '0', 'must be above 0'],
    ['blockSize', '1025', 'must be at most 1024'],
    ['threads', '0', 'must be above 0'],
    ['threads', '100000', 'must be at most 1024'],
    ['streamDelay', ' ', 'must be a number'],
    ['shutdownTimeout', '', 'must be a number'],
    ['maxDecodeSlowdown', '', 'must be a number'],
    ['device', 'tpu', 'must be one of auto, cpu, cuda, webgpu'],
  ])('says what %s has to be where it is %j', (name, value, expected) => {
    expect(refusal({ [name]: value })).toMatch(new RegExp(`\\): ${expected}$`));
  });

  it('refuses to listen beyond this machine without a key, unless told to', () => {
    expect(refusal({ host: '0.0.0.0' })).toContain('--api-key');
    expect(serveConfig({ host: '0.0.0.0', insecure: true }, {}).host).toBe('0.0.0.0');
    expect(serveConfig({ host: '0.0.0.0', apiKey: ['k'] }, {}).host).toBe('0.0.0.0');
  });

  it.each([
    ['0.5', { kind: 'fraction', fraction: 0.5 }],
    ['1.0', { kind: 'fraction', fraction: 1 }],
    ['512MiB', { kind: 'bytes', bytes: 536_870_912 }],
    ['4GB', { kind: 'bytes', bytes: 4e9 }],
    ['1073741824', { kind: 'bytes', bytes: 1_073_741_824 }],
  ])('reads %s as cache memory', (text, expected) => {
    expect(serveConfig({ kvCacheMemory: text }, {}).kvCacheMemory).toEqual(expected);
  });

  it('takes what the cache keeps by name, and nothing else', () => {
    expect(serveConfig({}, {}).kvCacheDtype).toBe('auto');
    expect(serveConfig({}, { OCTAVO_KV_CACHE_DTYPE: 'int8' }).kvCacheDtype).toBe('int8');
    expect(refusal({ kvCacheDtype: 'fp8' })).toContain('--kv-cache-dtype (or OCTAVO_KV_CACHE_DTYPE)');
  });

  it.each(['lots', '0', '-1', '5constructor', '4 parsecs'])(
    'refuses %s as cache memory, by its flag',
    (text) => {
      expect(refusal({ kvCacheMemory: text })).toContain('--kv-cache-memory (or OCTAVO_KV_CACHE_MEMORY)');
    },
  );

  it.each(['2.0', '1.5', '10.25'])('refuses %s as cache memory, which is no share of any', (text) => {
    expect(refusal({ kvCacheMemory: text })).toContain(
      `"${text}" is more than all of the memory; write a fraction up to 1.0, or a size with its unit (2GiB)`,
    );
  });

  it.each([
    [undefined, 64 * 2 ** 20],
    ['0', 0],
    ['16MiB', 2 ** 24],
    ['1000000', 1e6],
  ])('reads %s as memory for responses', (text, bytes) => {
    expect(serveConfig({}, { OCTAVO_RESPONSE_STORE_MEMORY: text }).responseStoreMemory).toBe(bytes);
  });

  it.each(['lots', '0.5', '-1', '1GB', '4 parsecs'])('refuses %s as memory for responses', (text) => {
    expect(refusal({ responseStoreMemory: text })).toContain(
      '--response-store-memory (or OCTAVO_RESPONSE_STORE_MEMORY)',
    );
  });

  it.each(['https://chat.example.com', 'http://localhost:3000', '*'])('takes %s for an origin', (origin) => {
    expect(serveConfig({ corsOrigin: [origin] }, {}).corsOrigin).toEqual([origin]);
  });

  it.each(['chat.example.com', 'https://chat.example.com/', 'null', 'HTTPS://X.example'])(
    'refuses %s for an origin',
    (origin) => {
      expect(refusal({ corsOrigin: [origin] })).toContain('--cors-origin');
    },
  );

  it('refuses a time that timers cannot wait for', () => {
    expect(refusal({ shutdownTimeout: '3000000' })).toContain('--shutdown-timeout');
  });

  it('refuses a step that cannot give every sequence its token', () => {
    expect(refusal({ maxNumSeqs: '64', maxNumBatchedTokens: '32' })).toContain(
      'each sequence needs one token',
    );
  });

  it('chooses the device by itself unless it is told, and knows no others', () => {
    expect(serveConfig({}, {})).toMatchObject({ device: 'auto', dtype: 'auto', gpuMemoryUtilization: 0.9 });
    expect(serveConfig({}, { OCTAVO_DEVICE: 'cuda' }).device).toBe('cuda');
    expect(refusal({ device: 'tpu' })).toContain('--device (or OCTAVO_DEVICE)');
    expect(refusal({ gpuMemoryUtilization: '1.1' })).toContain('--gpu-memory-utilization');
  });
});
