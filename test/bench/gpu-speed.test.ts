/** `scripts/gpu-check` is run once in a while, on a machine that is lent: its workload is tried here, on a model of nothing. */

import { describe, expect, it } from 'vitest';
import { Bench, decodeSpeed, FULL } from '../../scripts/gpu-speed.ts';
import type { ModelRunner, StepOutcome } from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';

const VOCABULARY_SIZE = 997;
const BLOCK_SIZE = 256;
const SEQUENCE_TOKENS = FULL.contextLength + FULL.newTokens + BLOCK_SIZE;

const limits = {
  vocabularySize: VOCABULARY_SIZE,
  blockSize: BLOCK_SIZE,
  blockCount: 1 + Math.max(...FULL.sequenceCounts) * Math.ceil(SEQUENCE_TOKENS / BLOCK_SIZE),
  modelLengthMax: SEQUENCE_TOKENS,
  sequencesPerStepMax: 128,
  tokensPerStepMax: 512,
  cacheBytes: 0,
};

/** Each row's best token is the same one. */
const runner: ModelRunner = {
  limits,
  run: async ({ logitsRowCount }: StepBatch): Promise<StepOutcome> => ({
    vocabularySize: VOCABULARY_SIZE,
    candidateCount: 1,
    candidateLogits: new Float32Array(logitsRowCount),
    candidateIds: new Int32Array(logitsRowCount).fill(7),
    normalisers: new Float32Array(0),
    reads: new Float32Array(0),
    fullRows: new Float32Array(0),
    brokenTokens: [],
  }),
  close: async () => {},
};

describe('the workload that a GPU is measured with', () => {
  it('has many steps that decode all sequences, for each number of them', { timeout: 120_000 }, async () => {
    const bench = new Bench(runner, limits, VOCABULARY_SIZE);
    for (const sequenceCount of FULL.sequenceCounts) {
      const reports = await bench.run(sequenceCount, FULL.contextLength, FULL.newTokens);
      const steps = reports.filter(
        ({ tokenCount, rowCount }) => tokenCount === sequenceCount && rowCount === sequenceCount,
      );
      expect(steps.length).toBeGreaterThan(50);
      expect(decodeSpeed(sequenceCount, reports, 1).sequenceCount).toBe(sequenceCount);
    }
  });
});
