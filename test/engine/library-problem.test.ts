import { describe, expect, it } from 'vitest';
import { libraryProblem, thisSystem } from '../../src/engine/library-problem.ts';

const error = (code: string, message: string) => Object.assign(new Error(message), { code });
const LINUX = { platform: 'linux', arch: 'x64', glibc: '2.36' };

describe('a library of ONNX Runtime that does not load', () => {
  it('is none for a Mac with an Intel processor, and said to be', () => {
    const missing = error(
      'MODULE_NOT_FOUND',
      "Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'\nRequire stack:\n- /a/binding.js",
    );
    const told = libraryProblem(missing, { platform: 'darwin', arch: 'x64', glibc: null });
    expect(told).toMatch(/no library for darwin x64 here; it is made for .*Apple silicon/);
  });

  it('is told of as one that needs glibc where there is another C library', () => {
    const refused = error(
      'ERR_DLOPEN_FAILED',
      'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /a/b.node)',
    );
    expect(libraryProblem(refused, { ...LINUX, glibc: null })).toMatch(
      /cannot be loaded: Error loading shared library ld-linux-x86-64\.so\.2: .*; it needs glibc, which Alpine/,
    );
  });

  it('is told of with the version of a glibc that is too old', () => {
    const refused = error('ERR_DLOPEN_FAILED', "/lib64/libm.so.6: version `GLIBC_2.27' not found");
    expect(libraryProblem(refused, { ...LINUX, glibc: '2.17' })).toMatch(/2\.28 or newer, this is 2\.17$/);
  });

  it.each(['2.28', '2.36', '2.100'])(
    'is told of without a word of glibc where %s is new enough, so that it is something else',
    (glibc) => {
      const refused = error('ERR_DLOPEN_FAILED', 'x.so: failed to map segment from shared object');
      expect(libraryProblem(refused, { ...LINUX, glibc })).toMatch(
        /failed to map segment from shared object$/,
      );
    },
  );

  it('is told of with where its C++ library comes from on Windows, whatever language Windows speaks', () => {
    const refused = error('ERR_DLOPEN_FAILED', 'Das angegebene Modul wurde nicht gefunden.\r\nC:\\a\\b.node');
    const told = libraryProblem(refused, { platform: 'win32', arch: 'x64', glibc: null });
    expect(told).toMatch(/: Das angegebene Modul wurde nicht gefunden; .*Visual C\+\+ Redistributable/);
    expect(told).not.toMatch(/[\r\n]/);
  });

  it('is made for the C library that Linux is found to have here', () => {
    const { platform, glibc } = thisSystem();
    expect(glibc === null).toBe(platform !== 'linux');
  });
});
