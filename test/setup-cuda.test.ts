import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingLibraries, PROVIDER_FOLDER_VARIABLE, setupCuda } from '../src/setup-cuda.ts';

/** As ldd prints it, for the provider of 1.30.0 on a machine without CUDA. */
const LDD = `	linux-vdso.so.1 (0x00007ffd)
	libcublasLt.so.12 => not found
	libcublas.so.12 => not found
	libcudart.so.12 => /usr/lib/libcudart.so.12 (0x00007f)
	libcudnn.so.9 => not found
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)`;

describe('setup-cuda', () => {
  it('says in one line which libraries are missing and what they belong to', () => {
    const line = missingLibraries(LDD)!;
    expect(line).toContain(
      'libcublasLt.so.12, libcublas.so.12 of the CUDA 12 runtime; libcudnn.so.9 of cuDNN 9',
    );
    expect(line).not.toContain('libcudart');
    expect(line).not.toContain('\n');
    expect(missingLibraries(LDD.replaceAll('.so.12', '.so.13'))).toContain('CUDA 13 runtime');
  });

  it('finds nothing missing where all is found', () => {
    expect(missingLibraries(LDD.replaceAll('not found', '/usr/lib/x (0x0)'))).toBeNull();
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')(
    'names what a folder that was brought by hand lacks',
    async () => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'octavo-cuda-'));
      const environment = { [PROVIDER_FOLDER_VARIABLE]: folder };
      const setup = setupCuda({ checkOnly: false, environment, say: () => {} });
      await expect(setup).rejects.toThrow(`${folder} has no libonnxruntime_providers_shared.so`);
      await rm(folder, { recursive: true });
    },
  );
});
