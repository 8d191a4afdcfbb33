/** `scripts/gpu-check`: see there. Puts the checks of `gpu-correctness.ts` and `gpu-speed.ts` into one table. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { machineFacts } from '../bench/machine.ts';
import { probeDevice } from '../src/engine/device-probe.ts';
import { setupCuda } from '../src/setup-cuda.ts';
import { type Correctness, checkCorrectness } from './gpu-correctness.ts';
import { measureSpeed, SIZES, type SizeName, type Speed } from './gpu-speed.ts';

type Device = 'cuda' | 'webgpu';
type DeviceResult = {
  readonly device: Device;
  /** Why it cannot be used; null when it can. */
  readonly problem: string | null;
  readonly correctness: readonly Correctness[];
  readonly speed: Speed | null;
};

type Options = {
  readonly size?: SizeName;
  readonly device?: Device;
  readonly json: string;
  readonly skipCorrectness?: boolean;
};

const { size, device, json, skipCorrectness } = new Command('gpu-check')
  .addOption(new Option('--size <name>', 'the random model').choices(Object.keys(SIZES)))
  .addOption(new Option('--device <name>', 'this device alone').choices(['cuda', 'webgpu']))
  .option('--json <file>', 'where the figures are written', 'gpu-check.json')
  .option('--skip-correctness', 'measure only')
  .parse()
  .opts<Options>();

const gpus = nvidiaGpus();
const hasGpu =
  gpus.length > 0 ||
  process.platform !== 'linux' ||
  (existsSync('/dev/dri') && readdirSync('/dev/dri').some((node) => node.startsWith('renderD')));
const sizeName: SizeName = size ?? (hasGpu ? '3b' : 'tiny');
const workDirectory =
  process.env['OCTAVO_CHECK_DIR'] || mkdtempSync(path.join(os.tmpdir(), 'octavo-gpu-check-'));

const results: DeviceResult[] = [];
for (const name of device === undefined ? (['cuda', 'webgpu'] as const) : [device]) {
  results.push(await checkDevice(name));
}
const report = {
  machine: machineFacts(),
  gpus,
  softwareDriver: !hasGpu,
  size: sizeName,
  results,
};
writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
print();
const usable = results.filter(({ problem }) => problem === null);
const isRight = usable.every((result) => result.correctness.every(({ passed }) => passed));
process.exitCode = usable.length > 0 && isRight ? 0 : 1;

/** Whatever fails on one device is told, and does not keep the other from being checked. */
async function checkDevice(name: Device): Promise<DeviceResult> {
  const problem = await problemOf(name);
  if (problem !== null) return { device: name, problem, correctness: [], speed: null };
  const checked: Correctness[] = [];
  try {
    progress(`${name}: correctness`);
    if (!skipCorrectness) checked.push(...(await checkCorrectness(name, workDirectory)));
    progress(`${name}: speed of ${sizeName}`);
    const speed = await measureSpeed({ device: name, size: sizeName, workDirectory, isSoftware: !hasGpu });
    return { device: name, problem, correctness: checked, speed };
  } catch (error) {
    const detail = (error as Error).message.replace(/\s+/g, ' ');
    checked.push({ name: 'runs to its end', passed: false, detail });
    return { device: name, problem, correctness: checked, speed: null };
  }
}

async function problemOf(name: Device): Promise<string | null> {
  if (name === 'webgpu') return probeDevice('webgpu');
  try {
    // Copies the provider from OCTAVO_CUDA_PROVIDER_DIR where that is named; fetches nothing otherwise.
    const checkOnly = !process.env['OCTAVO_CUDA_PROVIDER_DIR'];
    await setupCuda({ checkOnly, environment: process.env, say: progress });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function nvidiaGpus(): readonly string[] {
  try {
    const query = ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', query, { encoding: 'utf8', stdio: 'pipe' }).trim().split('\n');
  } catch {
    return [];
  }
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(): void {
  const { machine } = report;
  console.log(
    `machine   ${machine.cpuModel}, ${machine.coreCount} cores, Node ${machine.nodeVersion}, ${machine.revision}`,
  );
  console.log(
    `GPU       ${gpus.join('; ') || (hasGpu ? 'not told by nvidia-smi' : 'none: SOFTWARE DRIVER, figures say nothing of a GPU')}`,
  );
  for (const { device: name, problem, correctness: checked, speed } of results) {
    console.log(`\n${name}`);
    if (problem !== null) {
      console.log(`  cannot be used: ${problem}`);
      continue;
    }
    for (const { name: check, passed, detail } of checked)
      console.log(`  ${passed ? 'ok  ' : 'FAIL'} ${check}: ${detail}`);
    if (speed !== null) printSpeed(speed);
  }
  console.log(`\nfigures in ${json}`);
}

function printSpeed(speed: Speed): void {
  console.log(
    `  model ${sizeName}: ${(speed.weightBytes / 2 ** 30).toFixed(2)} GiB of weights, ${speed.contextLength} tokens of context; copy ${(speed.copyBytesPerSecond / 1e9).toFixed(1)} GB/s; prefill ${speed.prefillTokensPerSecond.toFixed(0)} tokens/s`,
  );
  console.log('  sequences   tokens/s   ms a step   floor ms   of floor   outside the run ms');
  for (const row of speed.decode) {
    const cells = [
      String(row.sequenceCount),
      row.tokensPerSecond.toFixed(1),
      row.stepMs.toFixed(2),
      row.floorMs.toFixed(2),
      `${(100 * row.shareOfFloor).toFixed(0)} %`,
      row.outsideMs.toFixed(2),
    ];
    console.log(`  ${cells.map((cell, i) => cell.padStart([9, 11, 12, 11, 11, 21][i]!)).join('')}`);
  }
  console.log('  most time in (ONNX Runtime profile of decoding; host time where the device is not timed):');
  for (const { operator, share } of speed.topOperators)
    console.log(`    ${operator.padEnd(36)} ${(100 * share).toFixed(1)} %`);
}
