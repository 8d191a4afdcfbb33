/**
 * `npx tsx bench/step-times.ts --model DIR`: what single steps of the model take, by form of the weights and kind of
 * step, without scheduler and sampling. Forms take turns within each repeat, so that their ratios hold on a noisy machine.
 */

import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { OnnxModelRunner } from '../src/engine/onnx-model-runner.ts';
import type { StepBatch } from '../src/engine/step-batch.ts';
import { buildGatheredModel, readDecoderShape } from '../src/graph/checkpoint.ts';
import { LogitsQuery } from '../src/sampling/step-logits.ts';
import type { Form } from './logit-rows.ts';
import { quantile } from './statistics.ts';

type Flags = {
  readonly model: string;
  readonly forms: string;
  readonly decode: string;
  readonly context: string;
  readonly prefill: string;
  readonly repeats: string;
  readonly profile?: string;
};

type Step = { readonly name: string; readonly batch: StepBatch };

const BLOCK_SIZE = 16;
/** Steps of a kind in a row in each repeat; the first is not counted. */
const STEPS_IN_A_ROW = 4;

/** `rows` sequences that have `past` tokens, and compute `length` more each; blocks are scattered. */
function batchOf(rows: number, past: number, length: number, blockCount: number): StepBatch {
  const width = Math.ceil((past + length) / BLOCK_SIZE);
  const tokenCount = rows * length;
  const rowOf = (token: number): number => Math.floor(token / length);
  const blockAt = (row: number, column: number): number =>
    1 + (((row * width + column) * 7919) % (blockCount - 1));
  const positions = Int32Array.from({ length: tokenCount }, (_, token) => past + (token % length));
  return {
    rowCount: rows,
    tokenCount,
    tokenIds: Int32Array.from({ length: tokenCount }, (_, token) => (token * 31 + 7) % 1000),
    positions,
    slots: positions.map(
      (position, token) =>
        blockAt(rowOf(token), Math.floor(position / BLOCK_SIZE)) * BLOCK_SIZE + (position % BLOCK_SIZE),
    ),
    rowStart: Int32Array.from({ length: rows + 1 }, (_, row) => row * length),
    pastLength: new Int32Array(rows).fill(past),
    blockTable: Int32Array.from({ length: rows * width }, (_, i) =>
      blockAt(Math.floor(i / width), i % width),
    ),
    blockTableWidth: width,
    sampledTokens: Int32Array.from({ length: rows }, (_, row) => (row + 1) * length - 1),
    sampledCount: rows,
  };
}

function numbers(list: string): readonly number[] {
  return list
    .split(',')
    .filter((text) => text !== '')
    .map(Number);
}

function stepsOf(flags: Flags): { readonly steps: readonly Step[]; readonly blockCount: number } {
  const context = Number(flags.context);
  const decodes = numbers(flags.decode);
  const prefills = numbers(flags.prefill);
  const tokenCount = Math.max(...decodes.map((rows) => rows * (context + BLOCK_SIZE)), ...prefills, 1);
  const blockCount = 2 + Math.ceil(tokenCount / BLOCK_SIZE);
  const steps = [
    ...decodes.map((rows) => ({ name: `decode ${rows}`, batch: batchOf(rows, context, 1, blockCount) })),
    ...prefills.map((length) => ({ name: `prefill ${length}`, batch: batchOf(1, 0, length, blockCount) })),
  ];
  return { steps, blockCount };
}

async function openRunner(flags: Flags, form: Form, blockCount: number): Promise<OnnxModelRunner> {
  const startMs = performance.now();
  const shape = await readDecoderShape(flags.model);
  const modelLengthMax = Math.max(...numbers(flags.prefill), Number(flags.context) + 1);
  const limits = {
    blockCount,
    blockSize: BLOCK_SIZE,
    modelLengthMax,
    vocabularySize: shape.vocabularySize,
  };
  const threadCount = os.availableParallelism();
  const model = await buildGatheredModel(flags.model, shape, {
    cache: limits,
    positionCount: modelLengthMax,
    cacheDirectory: path.join(os.tmpdir(), 'octavo-quality'),
    weights: { quantization: form, threadCount, onProgress: () => {} },
  });
  const profilePrefix = flags.profile === undefined ? null : `${flags.profile}-${form}`;
  const runner = await OnnxModelRunner.create({
    ...model,
    shape,
    limits,
    threadCount,
    profilePrefix,
    placement: { device: 'cpu' },
  });
  const seconds = (performance.now() - startMs) / 1000;
  const residentMib = process.memoryUsage.rss() / 2 ** 20;
  console.error(`${form}: in ${seconds.toFixed(1)} s; ${residentMib.toFixed(0)} MiB resident in all`);
  return runner;
}

type Runners = ReadonlyMap<Form, OnnxModelRunner>;

/** Milliseconds of each step, by form and name of the step. */
async function measure(runners: Runners, steps: readonly Step[], repeats: number) {
  const times = new Map<string, number[]>();
  const query = new LogitsQuery();
  const turn = async ({ name, batch }: Step): Promise<void> => {
    for (const [form, runner] of runners) {
      const taken = times.get(`${form} ${name}`) ?? [];
      times.set(`${form} ${name}`, taken);
      for (let step = 0; step < STEPS_IN_A_ROW; step++) {
        const startMs = performance.now();
        await runner.run(batch, query);
        if (step > 0) taken.push(performance.now() - startMs);
      }
    }
  };
  for (let repeat = 0; repeat < repeats; repeat++) for (const step of steps) await turn(step);
  return times;
}

function table(runners: Runners, steps: readonly Step[], times: ReadonlyMap<string, number[]>): string {
  const forms = [...runners.keys()];
  const lines = steps.map(({ name, batch }) => {
    const cells = forms.map((form) => {
      const sorted = times.get(`${form} ${name}`)!.toSorted((a, b) => a - b);
      const ms = quantile(sorted, 0.5);
      return `${ms.toFixed(1)} (${sorted[0]!.toFixed(1)}) | ${((1000 * batch.tokenCount) / ms).toFixed(0)}`;
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const head = `| step | ${forms.map((form) => `${form}, ms (least) | tokens/s`).join(' | ')} |`;
  return [head, `|---|${'---|---|'.repeat(forms.length)}`, ...lines].join('\n');
}

async function main(): Promise<void> {
  const flags = new Command('step-times')
    .requiredOption('--model <directory>', 'checkpoint')
    .option('--forms <list>', 'forms of the weights', 'none,w8a8,int4')
    .option('--decode <list>', 'sequences that decode together', '1,8,32')
    .option('--context <tokens>', 'that each of them has', '128')
    .option('--prefill <list>', 'tokens of a prompt', '128,512')
    .option('--repeats <n>', 'turns', '5')
    .option('--profile <prefix>', 'traces of ONNX Runtime')
    .parse()
    .opts<Flags>();
  const { steps, blockCount } = stepsOf(flags);
  const runners = new Map<Form, OnnxModelRunner>();
  for (const form of flags.forms.split(',') as Form[])
    runners.set(form, await openRunner(flags, form, blockCount));
  const times = await measure(runners, steps, Number(flags.repeats));
  console.log(table(runners, steps, times));
  for (const runner of runners.values()) await runner.close();
}

await main();
