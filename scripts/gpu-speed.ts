/**
 * Speed of decoding and prefill of a model of random weights on one device, through the real engine: scheduler, sampling
 * and all, without HTTP. What a step takes outside of the session's run is the engine's own time.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { PLAIN_GENERATION } from '../src/batching/generation-request.ts';
import { Scheduler } from '../src/batching/scheduler.ts';
import { Engine } from '../src/engine/engine.ts';
import type { EngineOptions } from '../src/engine/engine-options.ts';
import { loadModel } from '../src/engine/load-model.ts';
import type { ModelRunner } from '../src/engine/model-runner.ts';
import { OnnxSession } from '../src/engine/onnx-session.ts';
import { scoredTokensPerStep } from '../src/engine/prompt-scorer.ts';
import type { StepReport } from '../src/engine/protocol.ts';
import { SequenceSamplers } from '../src/engine/sequence-samplers.ts';
import { readDecoderShape } from '../src/graph/checkpoint.ts';
import type { DecoderShape } from '../src/graph/decoder-shape.ts';
import { GraphBuilder } from '../src/graph/graph-builder.ts';
import { cacheTokenBytes } from '../src/graph/kv-cache-type.ts';
import { zerosFile } from '../src/graph/zeros-file.ts';
import type { PagedDevice } from './gpu-correctness.ts';

/** By name: the shape that `bench/random-checkpoint.ts` makes. */
export const SIZES = {
  tiny: 'tiny',
  '0.5b': 'qwen2.5-0.5b',
  '1.5b': 'qwen2.5-1.5b',
  '3b': 'qwen2.5-3b',
  '7b': 'qwen2.5-7b',
} as const;
export type SizeName = keyof typeof SIZES;

export type DecodeSpeed = {
  readonly sequenceCount: number;
  readonly tokensPerSecond: number;
  /** Medians of steps that decode all sequences. */
  readonly stepMs: number;
  readonly outsideMs: number;
  /** Bytes of weights and cache that a step reads, over the measured bandwidth. */
  readonly floorMs: number;
  readonly shareOfFloor: number;
};

/** Told one by one: what comes later may fail. */
export type SpeedFinding =
  | {
      readonly kind: 'model';
      readonly weightBytes: number;
      readonly contextLength: number;
      readonly copyBytesPerSecond: number;
    }
  | { readonly kind: 'decode'; readonly decode: DecodeSpeed; readonly prefillTokensPerSecond: number }
  | {
      readonly kind: 'operators';
      readonly topOperators: readonly { readonly operator: string; readonly share: number }[];
    };

export type SpeedOptions = {
  readonly device: PagedDevice;
  readonly size: SizeName;
  readonly workDirectory: string;
  /** On a software driver everything is made small: only the script is tried. */
  readonly isSoftware: boolean;
};

export type Workload = {
  readonly sequenceCounts: readonly number[];
  readonly contextLength: number;
  readonly newTokens: number;
  readonly copyBytes: number;
};

/** Of 128 sequences the first must still decode when the last prompt has been taken in, so that some steps decode all. */
export const FULL: Workload = {
  sequenceCounts: [1, 8, 32, 128],
  contextLength: 512,
  newTokens: 256,
  copyBytes: 2 ** 30,
};
const SMALL: Workload = { sequenceCounts: [1, 4], contextLength: 48, newTokens: 6, copyBytes: 2 ** 24 };

type Prepared = {
  readonly workload: Workload;
  readonly shape: DecoderShape;
  readonly engineOptions: EngineOptions;
};

async function prepare(options: SpeedOptions): Promise<Prepared> {
  const workload = options.isSoftware ? SMALL : FULL;
  const model = makeModel(options);
  const shape = await readDecoderShape(model);
  return { workload, shape, engineOptions: engineOptionsFor(options, model, shape, workload) };
}

export async function measureSpeed(
  options: SpeedOptions,
  tell: (finding: SpeedFinding) => void,
): Promise<void> {
  const { workload, shape, engineOptions } = await prepare(options);
  const copyBytesPerSecond = await copyBandwidth(options, workload.copyBytes);
  const { runner, limits, weightBytes } = await loadModel(engineOptions, shape);
  tell({ kind: 'model', weightBytes, contextLength: workload.contextLength, copyBytesPerSecond });
  const bench = new Bench(runner, limits, shape.vocabularySize);
  await bench.run(1, 40, 2); // Kernels of these shapes are compiled before anything is timed.
  for (const sequenceCount of workload.sequenceCounts) {
    const reports = await bench.run(sequenceCount, workload.contextLength, workload.newTokens);
    const prefill = reports.filter(({ tokenCount, rowCount }) => tokenCount > 2 * rowCount);
    const prefillTokensPerSecond = perSecond(prefill);
    const length = workload.contextLength + workload.newTokens / 2;
    const bytes = weightBytes + sequenceCount * length * cacheTokenBytes(shape, 'float16');
    const decode = decodeSpeed(sequenceCount, reports, (1000 * bytes) / copyBytesPerSecond);
    tell({ kind: 'decode', decode, prefillTokensPerSecond });
  }
  await runner.close();
}

/** @returns the folder of the random model, which is made where it is not there yet. */
export function makeModel({ size, workDirectory }: Pick<SpeedOptions, 'size' | 'workDirectory'>): string {
  const directory = path.join(workDirectory, `random-${size}`);
  const whole = path.join(directory, 'made');
  if (existsSync(whole)) return directory;
  const script = path.join(import.meta.dirname, '../bench/random-checkpoint.ts');
  execFileSync(process.execPath, ['--import', 'tsx', script, directory, '--shape', SIZES[size]], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  writeFileSync(whole, '');
  return directory;
}

function engineOptionsFor(
  { device, workDirectory }: SpeedOptions,
  modelDirectory: string,
  shape: DecoderShape,
  { sequenceCounts, contextLength, newTokens }: Workload,
): EngineOptions {
  const sequenceTokens = contextLength + newTokens + 256;
  const bytes = Math.max(...sequenceCounts) * sequenceTokens * cacheTokenBytes(shape, 'float16') * 1.2;
  return {
    modelDirectory,
    cacheDirectory: workDirectory,
    cacheMemory: { kind: 'bytes', bytes: Math.ceil(bytes) },
    cacheType: 'auto',
    blockSize: null,
    modelLengthMax: sequenceTokens,
    sequencesPerStepMax: 128,
    tokensPerStepMax: 512,
    decodeSlowdownMax: null,
    speculation: 'off',
    threadCount: 1,
    device,
    strictDevice: false,
    dtype: 'auto',
    gpuMemoryUtilization: 0.9,
    quantization: 'auto',
    profilePrefix: null,
  };
}

type Loaded = Awaited<ReturnType<typeof loadModel>>;

export class Bench {
  readonly #engine: Engine;
  readonly #vocabularySize: number;
  #nextId = 1;

  constructor(runner: ModelRunner, limits: Loaded['limits'], vocabularySize: number) {
    const scheduler = new Scheduler({ ...limits, scoredTokensPerStepMax: scoredTokensPerStep(limits) });
    const sampler = new SequenceSamplers(limits);
    this.#engine = new Engine({ scheduler, runner, sampler, clock: systemClock });
    this.#vocabularySize = vocabularySize;
  }

  /** Prompts and answers of given lengths, greedily. @returns the report of every step. */
  async run(
    sequenceCount: number,
    promptLength: number,
    newTokensMax: number,
  ): Promise<readonly StepReport[]> {
    for (let count = 0; count < sequenceCount; count++) {
      const sequenceId = this.#nextId++;
      const promptTokenIds = Int32Array.from(
        { length: promptLength },
        (_, i) => (sequenceId * 7919 + i * 104_729) % this.#vocabularySize,
      );
      this.#engine.receive({
        kind: 'request-submit',
        request: {
          sequenceId,
          promptTokenIds,
          ...PLAIN_GENERATION,
          newTokensMax,
        },
      });
    }
    const reports: StepReport[] = [];
    while (this.#engine.hasWork) {
      const result = await this.#engine.step();
      if (result === null) continue;
      if (result.failures.length > 0) throw new Error(`a step failed: ${result.failures[0]!.message}`);
      reports.push(result.report);
    }
    return reports;
  }
}

export function decodeSpeed(
  sequenceCount: number,
  reports: readonly StepReport[],
  floorMs: number,
): DecodeSpeed {
  const steps = reports.filter(
    ({ tokenCount, rowCount }) => tokenCount === sequenceCount && rowCount === sequenceCount,
  );
  if (steps.length === 0) throw new Error(`no step decoded all ${sequenceCount} sequences`);
  const stepMs = median(steps.map((step) => step.stepMs));
  return {
    sequenceCount,
    tokensPerSecond: (1000 * sequenceCount) / stepMs,
    stepMs,
    outsideMs: median(steps.map((step) => step.stepMs - step.runMs)),
    floorMs,
    shareOfFloor: floorMs / stepMs,
  };
}

function perSecond(steps: readonly StepReport[]): number {
  const tokens = steps.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  const ms = steps.reduce((sum, { stepMs }) => sum + stepMs, 0);
  return ms === 0 ? 0 : (1000 * tokens) / ms;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Runs of the copying graph that are timed; more of them in one run than in another cancel what a run costs itself. */
const COPY_RUNS = 5;

/** Bytes read and written a second by an elementwise operator over a tensor on the device. */
async function copyBandwidth({ device, workDirectory }: SpeedOptions, byteLength: number): Promise<number> {
  const file = await zerosFile(workDirectory, byteLength);
  const timeOf = async (copyCount: number): Promise<number> => {
    const g = new GraphBuilder();
    const x = g.external('x', 'float32', [byteLength / 4], {
      file: path.basename(file),
      offset: 0,
      byteLength,
    });
    let value = g.op('Add', [x, g.input('one', 'float32', [1])]);
    for (let copy = 1; copy < copyCount; copy++) value = g.op('Neg', [value]);
    g.output('first', g.op('Gather', [value, g.int64s([0])], { axis: 0 }), 'float32');
    const graph = g.encode();
    const session = await OnnxSession.create({
      graph,
      weightsFolder: path.dirname(file),
      device,
      threadCount: 1,
    });
    const feeds = { one: { type: 'float32', data: Float32Array.of(1), dims: [1] } } as const;
    const times: number[] = [];
    for (let run = 0; run <= COPY_RUNS; run++) {
      const startMs = systemClock.monotonicMs();
      await session.run(feeds, ['first']);
      if (run > 0) times.push(systemClock.monotonicMs() - startMs);
    }
    await session.close();
    return Math.min(...times);
  };
  const [few, many] = [await timeOf(1), await timeOf(9)];
  return (1000 * 8 * 2 * byteLength) / Math.max(many - few, 0.01);
}

/** One entry of ONNX Runtime's profile; times in microseconds. */
type ProfileEvent = {
  readonly cat: string;
  readonly name: string;
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
};

/** Shares of the time of operators while all sequences of the second workload decode. */
export async function measureOperators(
  options: SpeedOptions,
  tell: (finding: SpeedFinding) => void,
): Promise<void> {
  const { workload, shape, engineOptions } = await prepare(options);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'octavo-profile-'));
  const profilePrefix = path.join(folder, 'profile');
  const { runner, limits } = await loadModel({ ...engineOptions, profilePrefix }, shape);
  const bench = new Bench(runner, limits, shape.vocabularySize);
  await bench.run(workload.sequenceCounts[1]!, 32, workload.newTokens);
  await runner.close();
  const files = await readdir(folder);
  // The largest is of the decoder.
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
  await rm(folder, { recursive: true });
  const [longest] = texts.toSorted((a, b) => b.length - a.length);
  if (longest === undefined) throw new Error('ONNX Runtime wrote no profile');
  tell({ kind: 'operators', topOperators: sharesOf(JSON.parse(longest) as readonly ProfileEvent[]) });
}

function sharesOf(events: readonly ProfileEvent[]) {
  const times = new Map<string, number>();
  let total = 0;
  // Where the provider times the device itself, its events are of the category Kernel.
  const isOnDevice = events.some(({ cat }) => cat === 'Kernel');
  for (const { cat, name, dur = 0, args } of events) {
    if (cat !== (isOnDevice ? 'Kernel' : 'Node') || (!isOnDevice && !name.endsWith('_kernel_time'))) continue;
    const operator = args?.op_name ?? name;
    times.set(operator, (times.get(operator) ?? 0) + dur);
    total += dur;
  }
  return [...times]
    .map(([operator, time]) => ({ operator, share: time / total }))
    .toSorted((a, b) => b.share - a.share)
    .slice(0, 8);
}
