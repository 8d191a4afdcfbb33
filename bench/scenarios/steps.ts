/**
 * What single steps of the model take, by form of the weights and kind of step, without scheduler and sampling. Forms
 * take turns within each repeat, and so does what another work tree makes of them, so that ratios hold on a noisy machine.
 */

import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option } from 'commander';
import { exactIntegerType } from '../../src/engine/integer-probe.ts';
import type { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import type { KvCacheType } from '../../src/graph/kv-cache-type.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import type { Form } from '../logit-rows.ts';
import {
  countOption,
  type FormsFlags,
  formsOption,
  modelOption,
  positiveIntegers,
  repeatsOption,
} from '../options.ts';
import { type Bench, scenario } from '../scenario.ts';
import { distribution, overRepeats, ratioOverRepeats } from '../statistics.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = FormsFlags & {
  readonly model: string;
  readonly decode: readonly number[];
  readonly context: number;
  readonly prefill: readonly number[];
  readonly repeats: number;
  readonly cacheDir: string;
  readonly profile?: string;
  readonly beside?: string;
};

/** What a work tree makes models and runs steps with. */
type Tree = Pick<typeof import('../../src/engine/onnx-model-runner.ts'), 'OnnxModelRunner'> &
  Pick<typeof import('../../src/graph/checkpoint.ts'), 'buildGatheredModel' | 'readDecoderShape'>;

type Step = { readonly name: string; readonly batch: StepBatch };

const ROOT = path.join(import.meta.dirname, '../..');
const BLOCK_SIZE = 16;
/** Steps of a kind in a row in each repeat; the first is not counted. */
const STEPS_IN_A_ROW = 4;

async function openTree(directory: string): Promise<Tree> {
  const module = (file: string) => import(pathToFileURL(path.resolve(directory, 'src', file)).href);
  return { ...(await module('engine/onnx-model-runner.ts')), ...(await module('graph/checkpoint.ts')) };
}

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
    logitsTokens: Int32Array.from({ length: rows }, (_, row) => (row + 1) * length - 1),
    logitsRowCount: rows,
  };
}

function stepsOf(flags: Flags): { readonly steps: readonly Step[]; readonly blockCount: number } {
  const { context, decode: decodes, prefill: prefills } = flags;
  const tokenCount = Math.max(...decodes.map((rows) => rows * (context + BLOCK_SIZE)), ...prefills, 1);
  const blockCount = 2 + Math.ceil(tokenCount / BLOCK_SIZE);
  const steps = [
    ...decodes.map((rows) => ({ name: `decode ${rows}`, batch: batchOf(rows, context, 1, blockCount) })),
    ...prefills.map((length) => ({ name: `prefill ${length}`, batch: batchOf(1, 0, length, blockCount) })),
  ];
  return { steps, blockCount };
}

/** @param name a form; form+type for a KV cache of that type, form@directory for that of another checkpoint */
async function openRunner(
  bench: Bench,
  { OnnxModelRunner, buildGatheredModel, readDecoderShape }: Tree,
  flags: Flags,
  name: string,
  blockCount: number,
): Promise<OnnxModelRunner> {
  const startMs = performance.now();
  const [what, directory = flags.model] = name.split('@') as [string, string?];
  const [form, cacheType = 'f32'] = what.split('+') as [Form, KvCacheType?];
  const shape = await readDecoderShape(directory);
  const modelLengthMax = Math.max(...flags.prefill, flags.context + 1);
  const limits = {
    blockCount,
    blockSize: BLOCK_SIZE,
    modelLengthMax,
    vocabularySize: shape.vocabularySize,
  };
  const threadCount = os.availableParallelism();
  const model = await buildGatheredModel(directory, shape, {
    cache: limits,
    cacheType,
    positionCount: modelLengthMax,
    cacheDirectory: flags.cacheDir,
    weights: { quantization: form, integerType: await exactIntegerType(), threadCount, onProgress: () => {} },
  });
  const profilePrefix =
    flags.profile === undefined ? null : `${flags.profile}-${path.basename(directory)}-${what}`;
  const runner = await OnnxModelRunner.create({
    ...model,
    shape,
    cacheType,
    limits,
    threadCount,
    profilePrefix,
    placement: { device: 'cpu' },
  });
  const seconds = (performance.now() - startMs) / 1000;
  const residentMib = process.memoryUsage.rss() / 2 ** 20;
  bench.progress(`${name}: in ${seconds.toFixed(1)} s; ${residentMib.toFixed(0)} MiB resident in all`);
  return runner;
}

type Runners = ReadonlyMap<string, OnnxModelRunner>;

/** Milliseconds: the median of some steps in a row, the first left out. */
async function timeOf(runner: OnnxModelRunner, batch: StepBatch, query: LogitsQuery): Promise<number> {
  const taken: number[] = [];
  for (let step = 0; step < STEPS_IN_A_ROW; step++) {
    const startMs = performance.now();
    await runner.run(batch, query);
    if (step > 0) taken.push(performance.now() - startMs);
  }
  return distribution(taken)!.median;
}

/** Milliseconds of a step, one value a repeat; by form and name of the step. */
async function measure(bench: Bench, runners: Runners, steps: readonly Step[], repeats: number) {
  const times = new Map<string, number[]>();
  const query = new LogitsQuery();
  for (let repeat = 0; repeat < repeats; repeat++) {
    bench.progress(`repeat ${repeat + 1}`);
    const inTurn = repeat % 2 === 0 ? [...runners] : [...runners].reverse();
    for (const { name, batch } of steps) {
      for (const [form, runner] of inTurn) {
        const key = `${form} ${name}`;
        times.set(key, [...(times.get(key) ?? []), await timeOf(runner, batch, query)]);
      }
    }
  }
  return times;
}

function figuresOf(runners: Runners, steps: readonly Step[], times: ReadonlyMap<string, number[]>) {
  const forms = [...runners.keys()];
  return steps.flatMap(({ name, batch }) =>
    forms.map((form) => {
      const ms = times.get(`${form} ${name}`)!;
      const first = times.get(`${forms[0]} ${name}`)!;
      return {
        step: name,
        form,
        ms: overRepeats(ms),
        tokensPerSecond: overRepeats(ms.map((each) => (1000 * batch.tokenCount) / each)),
        toFirstForm: ratioOverRepeats(ms, first),
      };
    }),
  );
}

export const steps = scenario<Flags>({
  name: 'steps',
  summary: 'single steps of the model by form of the weights, without scheduler and sampling',
  options: [
    modelOption().makeOptionMandatory(),
    formsOption('none,w8a8,int4'),
    new Option('--decode <list>', 'sequences that decode together')
      .argParser(positiveIntegers)
      .default([1, 8, 32], '1,8,32'),
    countOption('context', 'tokens that each of them has', 128),
    new Option('--prefill <list>', 'tokens of a prompt')
      .argParser(positiveIntegers)
      .default([128, 512], '128,512'),
    new Option('--cache-dir <directory>', 'for converted weights').default(
      path.join(os.tmpdir(), 'octavo-quality'),
    ),
    new Option(
      '--profile <prefix>',
      'traces of ONNX Runtime, <prefix>-<model>-<form>_<time>.json; slows steps',
    ),
    new Option('--beside <directory>', 'another work tree, whose steps take turns with those of this one'),
    repeatsOption(5),
  ],
  run: async (flags, bench) => {
    const { steps, blockCount } = stepsOf(flags);
    const runners = new Map<string, OnnxModelRunner>();
    const trees = [['', ROOT], ...(flags.beside === undefined ? [] : [[' beside', flags.beside]])];
    for (const form of flags.quantization)
      for (const [suffix, directory] of trees as [string, string][]) {
        const runner = await openRunner(bench, await openTree(directory), flags, form, blockCount);
        bench.atEnd(() => runner.close());
        runners.set(form + suffix, runner);
      }
    const figures = figuresOf(runners, steps, await measure(bench, runners, steps, flags.repeats));
    const text = renderTable(
      ['step', 'weights', 'ms (min..max)', 'tokens/s', 'to the first form'],
      figures.map(({ step, form, ms, tokensPerSecond, toFirstForm }) => [
        step,
        form,
        rangeCell(ms),
        rangeCell(tokensPerSecond),
        ratioCell(toFirstForm),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
