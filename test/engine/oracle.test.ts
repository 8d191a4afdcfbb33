/**
 * The decoder on the CPU against Hugging Face transformers: checkpoints of every family with random weights, and their
 * logits at every position, computed here in every way that a step can be cut.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildGatheredModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { ORACLE_NAMES, type Oracle, readOracle, WAYS } from '../support/oracle.ts';

/** Largest absolute difference of a logit, in float32. */
const TOLERANCE = 1e-4;
const BLOCK_SIZE = 4;
const BLOCK_COUNT = 64;

const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-oracle-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

async function openRunner({ directory }: Oracle, groupBytesMax?: number): Promise<OnnxModelRunner> {
  const shape = await readDecoderShape(directory);
  const limits = {
    blockCount: BLOCK_COUNT,
    blockSize: BLOCK_SIZE,
    modelLengthMax: 128,
    vocabularySize: shape.vocabularySize,
  };
  const options = { cache: limits, positionCount: limits.modelLengthMax, cacheDirectory };
  const model = await buildGatheredModel(directory, shape, options);
  const placement = { device: 'cpu' } as const;
  const groups = groupBytesMax === undefined ? {} : { groupBytesMax };
  return OnnxModelRunner.create({ ...model, ...groups, shape, limits, threadCount: 1, placement });
}

/** All tiles of these small models are one group by default; with these, each is one, or few are. */
const GROUPS = [
  { name: 'in one group of tiles' },
  { name: 'in groups of one tile', groupBytesMax: 1 },
  { name: 'in groups of some tiles', groupBytesMax: 2 ** 13 },
];
const CASES = ORACLE_NAMES.flatMap((name) => GROUPS.map((groups) => ({ name, groups })));

describe.each(CASES)('logits of $name agree with transformers, $groups.name', ({ name, groups }) => {
  const oracle = readOracle(name);
  let runner: OnnxModelRunner;
  beforeAll(async () => {
    runner = await openRunner(oracle, groups.groupBytesMax);
  });
  afterAll(() => runner.close());

  it.each(WAYS)('$name', async ({ run }) => {
    expect(await run(oracle, runner)).toBeLessThanOrEqual(TOLERANCE);
  });
});
