/**
 * Checkpoints that GPTQ's and AWQ's packers stored in 4 bits, against the logits that transformers gives in float32 for
 * the weights that they mean: to rounding where activations stay in float32, near where they are 8-bit integers.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactIntegerType } from '../../src/engine/integer-probe.ts';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildGatheredModel, type DecoderModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { gatheredDecoder } from '../../src/graph/decoder-graph.ts';
import type { DecoderShape } from '../../src/graph/decoder-shape.ts';
import { DecoderWeights } from '../../src/graph/decoder-weights.ts';
import { openPackedSafetensors } from '../../src/graph/safetensors.ts';
import { packedSource } from '../../src/graph/weight-source.ts';
import { divergence } from '../support/divergence.ts';
import { type Oracle, PACKED_ORACLE_NAMES, readOracle, WAYS } from '../support/oracle.ts';
import { RunnerDriver } from '../support/runner-driver.ts';

/** Largest absolute difference of a logit with activations in float32. */
const TOLERANCE = 1e-4;
/**
 * Mean divergence with activations as integers, in nats: of these random weights, whose groups have outliers, between
 * 3e-4 and 2.9e-3.
 */
const DIVERGENCE_MAX = 0.006;
/** The same with embedding and output projection as integers too: between 7e-4 and 4.6e-3. */
const INTEGER_VOCABULARY_DIVERGENCE_MAX = 0.01;
/** Between steps that are cut otherwise: attention sums in another order, which may move an activation to the next integer. */
const FLIP_DIVERGENCE_MAX = 0.002;

const CACHE = { blockCount: 64, blockSize: 4 };
const MODEL_LENGTH_MAX = 128;
const integerType = await exactIntegerType();
const NOBODY_WAITS = { integerType, threadCount: 1, onProgress: () => {} } as const;

const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-packed-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

const graphOptions = { cache: CACHE, positionCount: MODEL_LENGTH_MAX };

async function asOptioned({ directory }: Oracle, shape: DecoderShape, quantization: 'none' | 'auto') {
  const weights = { quantization, ...NOBODY_WAITS };
  return buildGatheredModel(directory, shape, { ...graphOptions, cacheDirectory, weights });
}

/** As `auto` has it from 100 million weights up. */
async function withIntegerVocabulary({ directory }: Oracle, shape: DecoderShape): Promise<DecoderModel> {
  const source = await packedSource(directory, shape, {
    ...NOBODY_WAITS,
    packing: shape.weightPacking!,
    stored: await openPackedSafetensors(directory),
    type: 'float32',
    activations: 'int8',
    integerVocabulary: integerType,
    cacheDirectory,
  });
  const projections = source.projections(source.weights);
  const weights = new DecoderWeights(source.weights, shape);
  const graph = gatheredDecoder({ shape, weights, projections, ...graphOptions });
  return { graph, weightsFolder: source.weights.folder, weightBytes: source.weightBytes };
}

async function openRunner(
  oracle: Oracle,
  build: (oracle: Oracle, shape: DecoderShape) => Promise<DecoderModel>,
) {
  const shape = await readDecoderShape(oracle.directory);
  return OnnxModelRunner.create({
    ...(await build(oracle, shape)),
    // Groups of few tiles, so that there are several.
    groupBytesMax: 2 ** 13,
    shape,
    limits: { ...CACHE, modelLengthMax: MODEL_LENGTH_MAX, vocabularySize: oracle.vocabSize },
    threadCount: 1,
    placement: { device: 'cpu' },
  });
}

/** Rows of each prompt, computed whole. */
async function wholePrompts({ prompts }: Oracle, runner: OnnxModelRunner) {
  const driver = new RunnerDriver(runner);
  const all: Float32Array[][] = [];
  for (const { tokenIds } of prompts)
    all.push([...(await driver.step([{ sequence: driver.sequence(), tokenIds }]))[0]!]);
  return all;
}

function meanDivergence({ prompts, expected, vocabSize }: Oracle, rows: readonly Float32Array[][]): number {
  const divergences = prompts.flatMap(({ firstRow }, prompt) =>
    rows[prompt]!.map((row, i) =>
      divergence(expected.subarray((firstRow + i) * vocabSize, (firstRow + i + 1) * vocabSize), row),
    ),
  );
  return divergences.reduce((sum, value) => sum + value, 0) / divergences.length;
}

describe.each(PACKED_ORACLE_NAMES)('logits of %s agree with transformers', (name) => {
  const oracle = readOracle(name);
  let runner: OnnxModelRunner;
  beforeAll(async () => {
    runner = await openRunner(oracle, (...of) => asOptioned(...of, 'none'));
  });
  afterAll(() => runner.close());

  it.each(WAYS)('$name', async ({ run }) => {
    expect(await run(oracle, runner)).toBeLessThanOrEqual(TOLERANCE);
  });
});

describe.each(PACKED_ORACLE_NAMES)('%s with activations as integers', (name) => {
  const oracle = readOracle(name);
  let runner: OnnxModelRunner;
  beforeAll(async () => {
    runner = await openRunner(oracle, (...of) => asOptioned(...of, 'auto'));
  });
  afterAll(() => runner.close());

  it('stays near the distributions of transformers', async () => {
    const mean = meanDivergence(oracle, await wholePrompts(oracle, runner));
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(DIVERGENCE_MAX);
  });

  it('gives the same logits token by token as in one chunk', async () => {
    const whole = await wholePrompts(oracle, runner);
    const driver = new RunnerDriver(runner);
    for (const [prompt, { tokenIds }] of oracle.prompts.entries()) {
      const sequence = driver.sequence();
      for (const [i, tokenId] of tokenIds.entries()) {
        const [row] = (await driver.step([{ sequence, tokenIds: [tokenId] }]))[0]!;
        expect(divergence(whole[prompt]![i]!, row!)).toBeLessThan(FLIP_DIVERGENCE_MAX);
      }
    }
  });
});

it.each(PACKED_ORACLE_NAMES)('%s stays near with a vocabulary of 8-bit integers', async (name) => {
  const oracle = readOracle(name);
  const runner = await openRunner(oracle, withIntegerVocabulary);
  const mean = meanDivergence(oracle, await wholePrompts(oracle, runner));
  await runner.close();
  expect(mean).toBeLessThan(INTEGER_VOCABULARY_DIVERGENCE_MAX);
});
