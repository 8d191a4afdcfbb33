/**
 * The decoder against Hugging Face transformers: checkpoints of every family with random weights, and their logits
 * at every position (see test/fixtures/checkpoints/README.md), computed here in every way that a step can be cut.
 */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildGatheredModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { RunnerDriver } from '../support/runner-driver.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/checkpoints');
/** Largest absolute difference of a logit, in float32. */
const TOLERANCE = 1e-4;
const BLOCK_SIZE = 4;
const BLOCK_COUNT = 64;

type Oracle = {
  readonly logitsFile: string;
  readonly vocabSize: number;
  readonly prompts: readonly { readonly tokenIds: readonly number[]; readonly firstRow: number }[];
};

type Case = { readonly oracle: Oracle; readonly expected: Float32Array; readonly runner: OnnxModelRunner };

const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-oracle-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

async function openCase(name: string): Promise<Case> {
  const directory = path.join(FIXTURES, name);
  const oracle = JSON.parse(await readFile(path.join(directory, 'oracle.json'), 'utf8')) as Oracle;
  const bytes = await readFile(path.join(directory, oracle.logitsFile));
  const expected = new Float32Array(Uint8Array.from(bytes).buffer);
  const shape = await readDecoderShape(directory);
  const limits = {
    blockCount: BLOCK_COUNT,
    blockSize: BLOCK_SIZE,
    modelLengthMax: 128,
    vocabularySize: shape.vocabularySize,
  };
  const options = { cache: limits, positionCount: limits.modelLengthMax, cacheDirectory };
  const model = await buildGatheredModel(directory, shape, options);
  // Weights that cost nothing make every uneven step one of several passes.
  const weightBytes = 0;
  const runner = await OnnxModelRunner.create({ ...model, weightBytes, shape, limits, threadCount: 1 });
  return { oracle, expected, runner };
}

/** Largest difference between a prompt's rows of logits and the oracle's, from position `from` on. */
function worstDifference(
  { oracle, expected }: Case,
  prompt: Oracle['prompts'][number],
  rows: readonly Float32Array[],
  from = 0,
): number {
  let worst = 0;
  rows.forEach((row, i) => {
    const start = (prompt.firstRow + from + i) * oracle.vocabSize;
    row.forEach((logit, token) => {
      const difference = Math.abs(logit - expected[start + token]!);
      // NaN compares as false: it must count as the worst of all.
      if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    });
  });
  return worst;
}

const names = (await readdir(FIXTURES, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
  .map((entry) => entry.name);

describe.each(names)('logits of %s agree with transformers', (name) => {
  let checkpoint: Case;
  beforeAll(async () => {
    checkpoint = await openCase(name);
  });
  afterAll(() => checkpoint.runner.close());

  it('for whole prompts, each alone', async () => {
    const driver = new RunnerDriver(checkpoint.runner);
    for (const prompt of checkpoint.oracle.prompts) {
      const [rows] = await driver.step([{ sequence: driver.sequence(), tokenIds: prompt.tokenIds }]);
      expect(worstDifference(checkpoint, prompt, rows!)).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  it('in chunks that end inside blocks, with blocks scattered', async () => {
    const driver = new RunnerDriver(checkpoint.runner, (count) => (count * 7 + 3) % count);
    for (const prompt of checkpoint.oracle.prompts) {
      const sequence = driver.sequence();
      for (let from = 0; from < prompt.tokenIds.length; from += 7) {
        const [rows] = await driver.step([{ sequence, tokenIds: prompt.tokenIds.slice(from, from + 7) }]);
        expect(worstDifference(checkpoint, prompt, rows!, from)).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  });

  it('token by token', async () => {
    const driver = new RunnerDriver(checkpoint.runner, () => 0);
    for (const prompt of checkpoint.oracle.prompts) {
      const sequence = driver.sequence();
      for (const [from, tokenId] of prompt.tokenIds.entries()) {
        const [rows] = await driver.step([{ sequence, tokenIds: [tokenId] }]);
        expect(worstDifference(checkpoint, prompt, rows!, from)).toBeLessThanOrEqual(TOLERANCE);
      }
    }
  });

  it('in one batch of prompts of other lengths, chunks and single tokens mixed', async () => {
    const driver = new RunnerDriver(checkpoint.runner, (count) => (count * 5 + 1) % count);
    const { prompts } = checkpoint.oracle;
    const sequences = prompts.map(() => driver.sequence());
    const done = prompts.map(() => 0);
    for (let round = 0; done.some((count, i) => count < prompts[i]!.tokenIds.length); round++) {
      const active = prompts.flatMap((prompt, i) => {
        const left = prompt.tokenIds.length - done[i]!;
        const take = Math.min(left, (i + round) % 3 === 0 ? 1 : 4 * i + 2);
        return left > 0 ? [{ i, prompt, from: done[i]!, take }] : [];
      });
      const results = await driver.step(
        active.map(({ i, prompt, from, take }) => ({
          sequence: sequences[i]!,
          tokenIds: prompt.tokenIds.slice(from, from + take),
        })),
      );
      active.forEach(({ i, prompt, from, take }, row) => {
        done[i]! += take;
        expect(worstDifference(checkpoint, prompt, results[row]!, from)).toBeLessThanOrEqual(TOLERANCE);
      });
    }
  });

  it('in passes, where one long sequence runs among short ones', async () => {
    const driver = new RunnerDriver(checkpoint.runner);
    const { prompts } = checkpoint.oracle;
    const [short, long] = [prompts[0]!, prompts.at(-1)!];
    const rows = [long, short, short, short].map((prompt) => ({ prompt, sequence: driver.sequence() }));
    // All but the last token, then the last ones: first prefill, then decode is mostly padding in one pass.
    for (const take of [(length: number) => [0, length - 1], (length: number) => [length - 1, length]]) {
      const results = await driver.step(
        rows.map(({ prompt, sequence }) => ({
          sequence,
          tokenIds: prompt.tokenIds.slice(...take(prompt.tokenIds.length)),
        })),
      );
      rows.forEach(({ prompt }, row) => {
        const [from] = take(prompt.tokenIds.length);
        expect(worstDifference(checkpoint, prompt, results[row]!, from)).toBeLessThanOrEqual(TOLERANCE);
      });
    }
  });

  it('after a prefix that another sequence computed', async () => {
    const driver = new RunnerDriver(checkpoint.runner);
    const prompt = checkpoint.oracle.prompts.at(-1)!;
    const first = driver.sequence();
    await driver.step([{ sequence: first, tokenIds: prompt.tokenIds }]);
    const shared = 3 * BLOCK_SIZE;
    const second = driver.sharing(first, shared);
    const [rows] = await driver.step([{ sequence: second, tokenIds: prompt.tokenIds.slice(shared) }]);
    expect(worstDifference(checkpoint, prompt, rows!, shared)).toBeLessThanOrEqual(TOLERANCE);
  });

  it('after preemption: recomputed into other blocks that held something else', async () => {
    const driver = new RunnerDriver(checkpoint.runner);
    const [other, prompt] = [checkpoint.oracle.prompts[0]!, checkpoint.oracle.prompts.at(-1)!];
    const victim = driver.sequence();
    await driver.step([{ sequence: victim, tokenIds: prompt.tokenIds.slice(0, 9) }]);
    const taker = { blockIds: victim.blockIds, pastLength: 0 };
    await driver.step([{ sequence: taker, tokenIds: other.tokenIds }]);
    const resumed = { blockIds: victim.blockIds.toReversed(), pastLength: 0 };
    const [rows] = await driver.step([{ sequence: resumed, tokenIds: prompt.tokenIds }]);
    expect(worstDifference(checkpoint, prompt, rows!)).toBeLessThanOrEqual(TOLERANCE);
  });
});
