import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  installerEnvironment,
  missingLibraries,
  PROVIDER_FOLDER_VARIABLE,
  setupCuda,
  wheelRequest,
} from '../src/setup-cuda.ts';

/** As ldd prints it, for the provider of 1.30.0 on a machine without CUDA. */
const LDD = `	linux-vdso.so.1 (0x00007ffd)
	libcublasLt.so.12 => not found
	libcublas.so.12 => not found
	libcudart.so.12 => /usr/lib/libcudart.so.12 (0x00007f)
	libcudnn.so.9 => not found
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)`;

/** The same where it was built for CUDA 13: what the wheel's provider needs. */
const LDD_13 = `	libcublasLt.so.13 => not found
	libcublas.so.13 => not found
	libcurand.so.10 => not found
	libcudart.so.13 => not found
	libcuda.so.1 => /lib/x86_64-linux-gnu/libcuda.so.1 (0x00007f)`;

afterEach(() => {
  vi.unstubAllEnvs();
});

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

  it('names the wheels of what is missing, for the CUDA that is missing, and no others', () => {
    expect(missingLibraries(LDD)).toContain('(nvidia-cublas-cu12, nvidia-cudnn-cu12)');
    expect(missingLibraries(LDD_13)).toContain('(nvidia-cublas, nvidia-curand, nvidia-cuda-runtime)');
  });

  it('knows the CUDA of a missing library by those that are there', () => {
    const line = missingLibraries(
      LDD_13.replaceAll(/(lib(?:cublas|cudart).*) => not found/g, '$1 => /cuda/x (0x0)'),
    );
    expect(line).toContain('libcurand.so.10 of the CUDA 13 runtime');
  });

  it('sends nobody to the CUDA runtime whose driver alone is missing', () => {
    const line = missingLibraries('\tlibcuda.so.1 => not found\n\tlibcudart.so.13 => /cuda/x (0x0)')!;
    expect(line).toContain('missing: libcuda.so.1 of the NVIDIA driver');
    expect(line).toContain('--gpus all');
    expect(line).not.toContain('wheels');
  });

  it("asks pip for a wheel that does not depend on this machine's Python", () => {
    const request = wheelRequest('1.30.0');
    expect(request).toContain('onnxruntime-gpu==1.30.0');
    // pip takes other Pythons than its own for binaries alone.
    expect(request).toEqual(
      expect.arrayContaining(['--only-binary=:all:', '--python-version', '--platform']),
    );
  });

  it.each(['ONNXRUNTIME_NODE_INSTALL', 'npm_config_onnxruntime_node_install'])(
    'has the installer of onnxruntime-node fetch, also where %s had npm ci skip that',
    (name) => {
      const environment = installerEnvironment({ [name]: 'skip' });
      for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value);
      const utils = 'onnxruntime-node/script/install-utils.js';
      const { parseInstallFlag } = createRequire(import.meta.url)(utils) as { parseInstallFlag(): unknown };
      expect(parseInstallFlag()).toBe(true);
    },
  );

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
