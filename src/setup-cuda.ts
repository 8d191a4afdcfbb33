/**
 * `octavo setup-cuda`: puts ONNX Runtime's CUDA provider, which npm's package is too small to hold, beside the library that
 * is installed, and looks whether it loads. Everything that can be missing is told in one line with where to get it.
 * Downloads only what it is run for, through the installer of onnxruntime-node or, where that fails, through pip.
 */

import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from './base/errors.ts';
import { probeDevice } from './engine/device-probe.ts';

const run = promisify(execFile);

const PROVIDER = 'libonnxruntime_providers_cuda.so';
const LIBRARIES = ['libonnxruntime_providers_shared.so', PROVIDER] as const;

/** The variable that names a folder with the two libraries, for machines that reach no network. */
export const PROVIDER_FOLDER_VARIABLE = 'OCTAVO_CUDA_PROVIDER_DIR';

export type SetupCudaOptions = {
  /** Only look, fetch nothing. */
  readonly checkOnly: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: (line: string) => void;
};

/** @throws StartupError with what is missing and where to get it. */
export async function setupCuda(options: SetupCudaOptions): Promise<void> {
  const { say } = options;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new StartupError(
      `ONNX Runtime's CUDA provider for Node is made for Linux x64, this is ${process.platform} ${process.arch}; use --device webgpu`,
    );
  }
  const installed = onnxRuntime();
  if (!LIBRARIES.every((library) => existsSync(path.join(installed.folder, library)))) {
    if (options.checkOnly) {
      throw new StartupError(`${PROVIDER} is not in ${installed.folder}; run npm run setup:cuda`);
    }
    await bringProvider(installed, options);
  }
  say(`provider  ${path.join(installed.folder, PROVIDER)}, ONNX Runtime ${installed.version}`);
  await checkProvider(installed.folder);
  say('CUDA      the provider loads and computes; start with --device cuda');
}

type OnnxRuntime = { readonly package: string; readonly folder: string; readonly version: string };

function onnxRuntime(): OnnxRuntime {
  const require = createRequire(import.meta.url);
  const manifest = require.resolve('onnxruntime-node/package.json');
  const { version } = require(manifest) as { version: string };
  const directory = path.dirname(manifest);
  return { package: directory, folder: path.join(directory, 'bin/napi-v6/linux/x64'), version };
}

async function bringProvider(installed: OnnxRuntime, { environment, say }: SetupCudaOptions): Promise<void> {
  const given = environment[PROVIDER_FOLDER_VARIABLE];
  if (given !== undefined && given !== '') {
    copyLibraries(given, installed.folder);
    return;
  }
  const failures: string[] = [];
  for (const [name, bring] of [
    ["onnxruntime-node's installer", bringByInstaller],
    ['pip', bringByPip],
  ] as const) {
    say(`fetching  the CUDA provider ${installed.version} by ${name} (some 200 MB)`);
    try {
      await bring(installed);
      return;
    } catch (error) {
      failures.push(`${name}: ${lastLine(error)}`);
    }
  }
  throw new StartupError(
    `the CUDA provider could not be fetched (${failures.join('; ')}); put ${LIBRARIES.join(' and ')} of ONNX Runtime ${installed.version} into a folder and name it in ${PROVIDER_FOLDER_VARIABLE}`,
  );
}

async function bringByInstaller(installed: OnnxRuntime): Promise<void> {
  const script = path.join(installed.package, 'script/install.js');
  const env = installerEnvironment(process.env);
  await run(process.execPath, [script], { cwd: installed.package, env });
  if (!existsSync(path.join(installed.folder, PROVIDER))) throw new Error('it brought no provider');
}

/**
 * Said by the variable, which goes before everything else the installer looks at: `npm ci` may have been told to skip it
 * (docs/gpu.md), and inside npm scripts it takes itself for a local build that needs nothing.
 */
export function installerEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return { ...environment, ONNXRUNTIME_NODE_INSTALL: 'true' };
}

async function bringByPip(installed: OnnxRuntime): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'octavo-cuda-'));
  try {
    await run('python3', ['-m', 'pip', 'download', '--dest', folder, ...wheelRequest(installed.version)]);
    const file = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (file === undefined) throw new Error('it brought no wheel');
    await run('python3', ['-m', 'zipfile', '-e', path.join(folder, file), folder]);
    copyLibraries(path.join(folder, 'onnxruntime/capi'), installed.folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What pip is asked for: the wheel of a Python for which there is one, whatever Python runs pip. The provider in it knows
 * nothing of Python, and there is no wheel for that of many machines (Ubuntu 22.04: 3.10, ONNX Runtime 1.30: from 3.11).
 */
export function wheelRequest(version: string): readonly string[] {
  const wanted = [
    '--implementation',
    'cp',
    '--python-version',
    '3.12',
    '--platform',
    'manylinux_2_28_x86_64',
  ];
  return ['--no-deps', '--quiet', '--only-binary=:all:', ...wanted, `onnxruntime-gpu==${version}`];
}

function copyLibraries(from: string, to: string): void {
  const missing = LIBRARIES.filter((library) => !existsSync(path.join(from, library)));
  if (missing.length > 0) throw new StartupError(`${from} has no ${missing.join(' and no ')}`);
  for (const library of LIBRARIES) copyFileSync(path.join(from, library), path.join(to, library));
}

function lastLine(error: unknown): string {
  const { stderr = '', message } = error as { stderr?: string; message: string };
  return (stderr.trim() || message).split('\n').at(-1)!.trim();
}

async function checkProvider(folder: string): Promise<void> {
  // ldd alone names every library that is missing; loading stops at the first.
  const { stdout } = await run('ldd', [path.join(folder, PROVIDER)]).catch(() => ({ stdout: '' }));
  const missing = missingLibraries(stdout);
  if (missing !== null) throw new StartupError(missing);
  const problem = await probeDevice('cuda');
  if (problem !== null) {
    throw new StartupError(
      `the CUDA provider and its libraries are there, but it does not compute: ${problem}; look whether nvidia-smi shows a GPU, and a driver for this CUDA version`,
    );
  }
}

/** Where pip has each library of CUDA's, by how its name begins. */
const WHEELS: readonly (readonly [library: string, wheel: string])[] = [
  ['libcublas', 'nvidia-cublas'],
  ['libcudart', 'nvidia-cuda-runtime'],
  ['libcudnn', 'nvidia-cudnn'],
  ['libcufft', 'nvidia-cufft'],
  ['libcurand', 'nvidia-curand'],
];

/**
 * @param ldd what ldd prints of the provider
 * @returns one line on libraries that are not found, and where they come from; null when none is missing
 */
export function missingLibraries(ldd: string): string | null {
  const missing = [...ldd.matchAll(/^\s*(\S+) => not found/gm)].map((match) => match[1]!);
  if (missing.length === 0) return null;
  const cudnn = missing.filter((library) => library.startsWith('libcudnn'));
  const driver = missing.filter((library) => library.startsWith('libcuda.so'));
  const toolkit = missing.filter((library) => !cudnn.includes(library) && !driver.includes(library));
  const major = /\blibcu(?:dart|blas|blasLt)\.so\.(\d+)/.exec(ldd)?.[1];
  const cuda = `CUDA ${major ?? '12 or 13'}`;
  const parts = [
    ...(toolkit.length > 0 ? [`${toolkit.join(', ')} of the ${cuda} runtime`] : []),
    ...(cudnn.length > 0 ? [`${cudnn.join(', ')} of cuDNN 9`] : []),
    ...(driver.length > 0 ? [`${driver.join()} of the NVIDIA driver`] : []),
  ];
  const ways = [
    ...(driver.length > 0
      ? ['Install the driver; a container is given it by the NVIDIA container toolkit (--gpus all)']
      : []),
    ...(toolkit.length + cudnn.length > 0 ? [runtimeWays([...toolkit, ...cudnn], major)] : []),
  ];
  return `missing: ${parts.join('; ')}. ${ways.join('. ')}`;
}

function runtimeWays(missing: readonly string[], major: string | undefined): string {
  const wheels = new Set(missing.flatMap((library) => wheelOf(library, major)));
  const pip =
    wheels.size > 0
      ? ` or their pip wheels (${[...wheels].join(', ')}) with LD_LIBRARY_PATH on the folders that hold these files,`
      : '';
  return `Install NVIDIA's packages of them,${pip} or use an image of nvidia/cuda with cudnn and runtime in its tag`;
}

/** Names of wheels end in the version of CUDA, but for those of CUDA 13 and later. cuDNN's always do. */
function wheelOf(library: string, major = '13'): readonly string[] {
  const wheel = WHEELS.find(([start]) => library.startsWith(start))?.[1];
  if (wheel === undefined) return [];
  return [wheel === 'nvidia-cudnn' || Number(major) < 13 ? `${wheel}-cu${major}` : wheel];
}
