/**
 * Quantised decoders against Hugging Face transformers' logits in float32, and against themselves: a token's logits must
 * not depend on how steps are cut, on what else is in them, or on which form of the weights computes them.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactIntegerType } from '../../src/engine/integer-probe.ts';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildGatheredModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { FEW_TOKENS_MAX } from '../../src/graph/group-projections.ts';
import { divergence } from '../support/divergence.ts';
import { RunnerDriver } from '../support/runner-driver.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/checkpoints');
/**
 * Mean divergence from float32, in nats. Random weights in rows of 64 are the worst case for either form; a trained
 * model's figures are in docs/performance.md.
 */
const DIVERGENCE_MAX = { w8a8: 0.02, int4: 0.6 } as const;
/** Largest absolute difference of a logit between steps that compute the same in the same order. */
const TOLERANCE = 1e-5;
/**
 * Attention sums in another order when steps are cut otherwise, and the two forms of 4-bit weights round apart in float32.
 * Where that moves an activation across the border between two integers, distributions move by about this much.
 */
const FLIP_DIVERGENCE_MAX = 0.02;

const integerType = await exactIntegerType();
const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-quantized-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

type Recipe = keyof typeof DIVERGENCE_MAX;

async function build(name: string, quantization: Recipe) {
  const directory = path.join(FIXTURES, name);
  const shape = await readDecoderShape(directory);
  const { vocabularySize } = shape;
  const limits = { blockCount: 64, blockSize: 4, modelLengthMax: 128, vocabularySize };
  const model = await buildGatheredModel(directory, shape, {
    cache: limits,
    positionCount: limits.modelLengthMax,
    cacheDirectory,
    weights: { quantization, integerType, threadCount: 1, onProgress: () => {} },
  });
  return { ...model, shape, limits, threadCount: 1, placement: { device: 'cpu' } } as const;
}

async function open(name: string, quantization: Recipe) {
  const directory = path.join(FIXTURES, name);
  const oracle = JSON.parse(await readFile(path.join(directory, 'oracle.json'), 'utf8'));
  const bytes = await readFile(path.join(directory, oracle.logitsFile));
  const options = await build(name, quantization);
  const { vocabularySize } = options.shape;
  const runner = await OnnxModelRunner.create(options);
  const expected = new Float32Array(Uint8Array.from(bytes).buffer);
  const prompts = oracle.prompts as readonly { tokenIds: readonly number[]; firstRow: number }[];
  return {
    runner,
    prompts,
    row: (i: number) => expected.subarray(i * vocabularySize, (i + 1) * vocabularySize),
  };
}

function worstDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let worst = 0;
  a.forEach((row, i) => {
    row.forEach((value, token) => {
      const difference = Math.abs(value - b[i]![token]!);
      if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    });
  });
  return worst;
}

const cases = ['qwen2-tied-old', 'qwen3', 'llama-biases', 'llama-mha-f16', 'llama-sharded'].flatMap((name) =>
  (['w8a8', 'int4'] as const).map((recipe) => [name, recipe] as const),
);

describe.each(cases)('%s in %s', (name, recipe) => {
  let checkpoint: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    checkpoint = await open(name, recipe);
  });
  afterAll(() => checkpoint.runner.close());

  const whole = async (driver: RunnerDriver, tokenIds: readonly number[]) =>
    (await driver.step([{ sequence: driver.sequence(), tokenIds }]))[0]!;

  it('stays near the distributions of transformers', async () => {
    const { runner, prompts, row } = checkpoint;
    const driver = new RunnerDriver(runner);
    const divergences: number[] = [];
    for (const { tokenIds, firstRow } of prompts) {
      const rows = await whole(driver, tokenIds);
      divergences.push(...rows.map((logits, i) => divergence(row(firstRow + i), logits)));
    }
    const mean = divergences.reduce((sum, value) => sum + value, 0) / divergences.length;
    expect(mean).toBeLessThan(DIVERGENCE_MAX[recipe]);
  });

  it.each([1, 2, 3, 4, 5])('gives the same logits in chunks of %d as in one', async (length) => {
    const { runner, prompts } = checkpoint;
    const driver = new RunnerDriver(runner);
    for (const { tokenIds } of prompts) {
      const rows = await whole(driver, tokenIds);
      const sequence = driver.sequence();
      const chunked: Float32Array[] = [];
      for (let from = 0; from < tokenIds.length; from += length)
        chunked.push(
          ...(await driver.step([{ sequence, tokenIds: tokenIds.slice(from, from + length) }]))[0]!,
        );
      const divergences = rows.map((logits, i) => divergence(logits, chunked[i]!));
      expect(Math.max(...divergences)).toBeLessThan(FLIP_DIVERGENCE_MAX);
    }
  });

  it.each([2, 3, 4, 5])(
    'gives %d sequences that decode together the same logits as each alone',
    async (count) => {
      const { runner, prompts } = checkpoint;
      const driver = new RunnerDriver(runner);
      // Pasts of other lengths, so that tiles are padded and put in another order than the rows.
      const [longest] = prompts.map(({ tokenIds }) => tokenIds).sort((a, b) => b.length - a.length);
      const cuts = Array.from({ length: count }, (_, i) => 2 + ((i * 3) % (longest!.length - 2)));
      const begun = async () => {
        const sequences = cuts.map(() => driver.sequence());
        for (const [i, sequence] of sequences.entries())
          await driver.step([{ sequence, tokenIds: longest!.slice(0, cuts[i]!) }]);
        return sequences;
      };
      const rowsOf = (sequences: Awaited<ReturnType<typeof begun>>) =>
        sequences.map((sequence, i) => ({ sequence, tokenIds: [longest![cuts[i]!]!] }));
      const together = await driver.step(rowsOf(await begun()));
      for (const [i, row] of rowsOf(await begun()).entries())
        expect(divergence((await driver.step([row]))[0]![0]!, together[i]![0]!)).toBeLessThan(
          FLIP_DIVERGENCE_MAX,
        );
    },
  );

  it('gives the same logits alone as beside others', async () => {
    const { runner, prompts } = checkpoint;
    const driver = new RunnerDriver(runner);
    const together = await driver.step(
      prompts.map(({ tokenIds }) => ({ sequence: driver.sequence(), tokenIds })),
    );
    for (const [i, { tokenIds }] of prompts.entries())
      expect(worstDifference(await whole(driver, tokenIds), together[i]!)).toBeLessThan(TOLERANCE);
  });
});

describe('a model with a graph for steps of few tokens', () => {
  it('is one in int4, for as many as its products are faster', async () => {
    const [int4, w8a8] = [await build('llama-biases', 'int4'), await build('llama-biases', 'w8a8')];
    expect(int4.fewTokens?.tokensMax).toBe(FEW_TOKENS_MAX[integerType]);
    expect(w8a8.fewTokens).toBeUndefined();
  });

  it('is computed with that graph in steps of up to so many tokens, and in no others', async () => {
    const [int4, w8a8] = [await build('llama-biases', 'int4'), await build('llama-biases', 'w8a8')];
    const fewTokens = { graph: w8a8.graph, tokensMax: 2 };
    const runners = [
      await OnnxModelRunner.create(w8a8),
      await OnnxModelRunner.create({ ...int4, fewTokens }),
    ];
    const difference = async (tokenIds: readonly number[]) => {
      const [one, other] = await Promise.all(
        runners.map(async (runner) => {
          const driver = new RunnerDriver(runner);
          return (await driver.step([{ sequence: driver.sequence(), tokenIds }]))[0]!;
        }),
      );
      return worstDifference(one!, other!);
    };
    expect(await difference([5, 6])).toBe(0);
    expect(await difference([5, 6, 7])).toBeGreaterThan(TOLERANCE);
    for (const runner of runners) await runner.close();
  });
});
