/** `scripts/gpu-check`: see there. Runs the parts of `gpu-parts.ts` one by one, and puts what they find into one table. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import { machineFacts } from '../bench/machine.ts';
import { assertNever } from '../src/base/assert.ts';
import { seesGpu, thisMachine } from '../src/engine/device-choice.ts';
import { probeDevice } from '../src/engine/device-probe.ts';
import { setupCuda } from '../src/setup-cuda.ts';
import type { PagedDevice } from './gpu-correctness.ts';
import { type Finding, PART_KINDS, type PartKind, partsOf, runPart } from './gpu-parts.ts';
import { SIZES, type SizeName } from './gpu-speed.ts';

type DeviceResult = {
  readonly device: PagedDevice;
  /** Why it cannot be used; null when it can. */
  readonly problem: string | null;
  readonly findings: Finding[];
};

type Options = {
  readonly size?: SizeName;
  readonly device?: PagedDevice;
  readonly json: string;
  readonly only?: readonly PartKind[];
};

const { size, device, json, only } = new Command('gpu-check')
  .addOption(new Option('--size <name>', 'the random model').choices(Object.keys(SIZES)))
  .addOption(new Option('--device <name>', 'this device alone').choices(['cuda', 'webgpu']))
  .option('--json <file>', 'where the figures are written, after each of them', 'gpu-check.json')
  .addOption(new Option('--only <parts...>', 'these parts alone').choices(PART_KINDS))
  .parse()
  .opts<Options>();

/** Of decoding. */
const COLUMNS = [
  'sequences',
  'tokens/s',
  'ms a step',
  'floor ms',
  'of floor',
  'outside the run ms',
  'prefill/s',
];

const gpus = nvidiaGpus();
// nvidia-smi is not in every container that has a GPU.
const hasGpu = gpus.length > 0 || seesGpu(thisMachine);
const sizeName: SizeName = size ?? (hasGpu ? '3b' : 'tiny');
const workDirectory =
  process.env['OCTAVO_CHECK_DIR'] || mkdtempSync(path.join(os.tmpdir(), 'octavo-gpu-check-'));

const results: DeviceResult[] = [];
for (const name of device === undefined ? (['cuda', 'webgpu'] as const) : [device]) {
  await checkDevice(name);
}
print();
const usable = results.filter(({ problem }) => problem === null);
const isRight = usable.every(({ findings }) => rowsOf(findings).every(({ passed }) => passed));
process.exitCode = usable.length > 0 && isRight ? 0 : 1;

/** Whatever fails on one device is told, and does not keep the other from being checked. */
async function checkDevice(name: PagedDevice): Promise<void> {
  const result: DeviceResult = { device: name, problem: await problemOf(name), findings: [] };
  results.push(result);
  save();
  if (result.problem !== null) return;
  for (const part of partsOf(name, sizeName, !hasGpu)) {
    if (only !== undefined && !only.includes(part.kind)) continue;
    await runPart({ part, device: name, workDirectory }, (finding) => {
      result.findings.push(finding);
      save();
    });
  }
}

/** Whatever ends this process, what it has found is there. */
function save(): void {
  const report = { machine: machineFacts(), gpus, softwareDriver: !hasGpu, size: sizeName, results };
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
}

function rowsOf(findings: readonly Finding[]) {
  return findings.filter((finding) => finding.kind === 'row');
}

async function problemOf(name: PagedDevice): Promise<string | null> {
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
  const machine = machineFacts();
  console.log(
    `machine   ${machine.cpuModel}, ${machine.coreCount} cores, Node ${machine.nodeVersion}, ${machine.revision}`,
  );
  console.log(
    `GPU       ${gpus.join('; ') || (hasGpu ? 'not told by nvidia-smi' : 'none: SOFTWARE DRIVER, figures say nothing of a GPU')}`,
  );
  for (const { device: name, problem, findings } of results) {
    console.log(`\n${name}`);
    if (problem !== null) {
      console.log(`  cannot be used: ${problem}`);
      continue;
    }
    for (const { name: check, passed, detail } of rowsOf(findings))
      console.log(`  ${passed ? 'ok  ' : 'FAIL'} ${check}: ${detail}`);
    for (const finding of findings) printSpeed(finding);
  }
  console.log(`\nfigures in ${json}`);
}

function printSpeed(finding: Finding): void {
  switch (finding.kind) {
    case 'row':
      return;
    case 'model': {
      const { weightBytes, contextLength, copyBytesPerSecond } = finding;
      console.log(
        `  model ${sizeName}: ${(weightBytes / 2 ** 30).toFixed(2)} GiB of weights, ${contextLength} tokens of context; copy ${(copyBytesPerSecond / 1e9).toFixed(1)} GB/s`,
      );
      printCells(COLUMNS);
      return;
    }
    case 'decode': {
      const { decode: row, prefillTokensPerSecond } = finding;
      const times = [row.tokensPerSecond.toFixed(1), row.stepMs.toFixed(2), row.floorMs.toFixed(2)];
      const share = `${(100 * row.shareOfFloor).toFixed(0)} %`;
      const rest = [share, row.outsideMs.toFixed(2), prefillTokensPerSecond.toFixed(0)];
      printCells([String(row.sequenceCount), ...times, ...rest]);
      return;
    }
    case 'operators':
      console.log(
        '  most time in (ONNX Runtime profile of decoding; host time where the device is not timed):',
      );
      for (const { operator, share } of finding.topOperators)
        console.log(`    ${operator.padEnd(36)} ${(100 * share).toFixed(1)} %`);
      return;
    default:
      assertNever(finding);
  }
}

function printCells(cells: readonly string[]): void {
  console.log(`  ${cells.map((cell, i) => cell.padStart(COLUMNS[i]!.length + 2)).join('')}`);
}
