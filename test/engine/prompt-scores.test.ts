/**
 * Scores of prompt tokens through the whole engine, against Hugging Face transformers: its logits at every position of
 * the fixtures' prompts, here normalised in float64.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import { Scheduler } from '../../src/batching/scheduler.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineClient, GenerationInput } from '../../src/engine/engine-client.ts';
import { startInlineEngine } from '../../src/engine/inline-engine.ts';
import type { ModelRunner } from '../../src/engine/model-runner.ts';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { scoredTokensPerStep } from '../../src/engine/prompt-scorer.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { buildGatheredModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import type { PromptScores } from '../../src/sampling/prompt-scores.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { tokenEvents } from '../support/feeds.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/checkpoints');
const TOLERANCE = 1e-4;
const TOP_COUNT = 5;
const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-scores-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

type Oracle = {
  readonly logitsFile: string;
  readonly vocabSize: number;
  readonly prompts: readonly { readonly tokenIds: readonly number[]; readonly firstRow: number }[];
};

type Case = { readonly oracle: Oracle; readonly logits: Float32Array; readonly client: EngineClient };

type CaseOptions = {
  readonly tokensPerStepMax: number;
  readonly scoredTokensPerStepMax: number;
  readonly blockCount?: number;
  /** Stands between engine and graph. */
  readonly wrap?: (runner: ModelRunner) => ModelRunner;
};

async function openCase(name: string, options: CaseOptions): Promise<Case> {
  const { tokensPerStepMax, scoredTokensPerStepMax, blockCount = 64, wrap = (runner) => runner } = options;
  const directory = path.join(FIXTURES, name);
  const oracle = JSON.parse(await readFile(path.join(directory, 'oracle.json'), 'utf8')) as Oracle;
  const logits = new Float32Array(
    Uint8Array.from(await readFile(path.join(directory, oracle.logitsFile))).buffer,
  );
  const shape = await readDecoderShape(directory);
  const model = { blockCount, blockSize: 4, modelLengthMax: 128, vocabularySize: shape.vocabularySize };
  const build = { cache: model, positionCount: model.modelLengthMax, cacheDirectory };
  const built = await buildGatheredModel(directory, shape, build);
  const runner = await OnnxModelRunner.create({
    ...built,
    shape,
    limits: model,
    threadCount: 1,
    placement: { device: 'cpu' },
  });
  const limits = { ...model, sequencesPerStepMax: 4, tokensPerStepMax, cacheBytes: 1 };
  const engine = new Engine({
    scheduler: new Scheduler({ ...limits, scoredTokensPerStepMax }),
    runner: wrap(runner),
    sampler: new SequenceSamplers(limits),
    clock: systemClock,
  });
  return {
    oracle,
    logits,
    client: startInlineEngine({ engine, limits, inFlightMax: 16, clock: systemClock }),
  };
}

function input(tokenIds: readonly number[], changes: Partial<GenerationInput> = {}): GenerationInput {
  return {
    promptTokenIds: Int32Array.from(tokenIds),
    ...PLAIN_GENERATION,
    sampling: { ...GREEDY, promptLogprobCount: TOP_COUNT },
    newTokensMax: 4,
    ...changes,
  };
}

type Outcome = {
  readonly scores: PromptScores[];
  readonly cachedTokenCount: number;
  readonly tokenIds: number[];
};

async function run(client: EngineClient, request: GenerationInput): Promise<Outcome> {
  const scores: PromptScores[] = [];
  const tokenIds: number[] = [];
  let cached = 0;
  for await (const event of tokenEvents((onReadable) => client.generate(request, onReadable))) {
    if (event.kind === 'finish') break;
    scores.push(...(event.promptScores ?? []));
    tokenIds.push(...event.tokens.map(({ tokenId }) => tokenId));
    cached = event.cachedTokenCount;
  }
  return { scores, cachedTokenCount: cached, tokenIds };
}

/** Log probabilities of the whole vocabulary after the tokens up to `position`, and their order. */
function expectedRow({ oracle, logits }: Case, firstRow: number, position: number) {
  const start = (firstRow + position) * oracle.vocabSize;
  const row = logits.subarray(start, start + oracle.vocabSize);
  let largest = -Infinity;
  for (const logit of row) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - largest);
  return (tokenId: number): number => row[tokenId]! - largest - Math.log(sum);
}

/** Largest difference of any told log probability; places and order are asserted. */
function worstDifference(
  opened: Case,
  prompt: Oracle['prompts'][number],
  scores: readonly PromptScores[],
): number {
  let worst = 0;
  let position = 1;
  for (const piece of scores) {
    expect(piece.firstPosition).toBe(position);
    for (const [index, logprob] of piece.logprobs.entries()) {
      const logprobOf = expectedRow(opened, prompt.firstRow, position - 1);
      const tokenId = prompt.tokenIds[position]!;
      worst = Math.max(worst, Math.abs(logprob - logprobOf(tokenId)));
      let previous = Number.POSITIVE_INFINITY;
      for (let rank = 0; rank < TOP_COUNT; rank++) {
        const told = piece.topLogprobs[index * TOP_COUNT + rank]!;
        const topId = piece.topTokenIds[index * TOP_COUNT + rank]!;
        worst = Math.max(worst, Math.abs(told - logprobOf(topId)));
        expect(told).toBeLessThanOrEqual(previous);
        if (topId === tokenId) expect(piece.ranks[index]).toBe(rank + 1);
        previous = told;
      }
      const betterCount = Array.from({ length: opened.oracle.vocabSize }, (_, id) => logprobOf(id)).filter(
        (each) => each > logprobOf(tokenId) + TOLERANCE,
      ).length;
      if (piece.ranks[index] === 0) expect(betterCount).toBeGreaterThanOrEqual(63);
      else expect(piece.ranks[index]).toBeGreaterThan(betterCount);
      position++;
    }
  }
  expect(position).toBe(prompt.tokenIds.length);
  return worst;
}

describe('scores of a prompt', () => {
  it.each([
    ['qwen3', { tokensPerStepMax: 128, scoredTokensPerStepMax: 128 }],
    ['qwen3', { tokensPerStepMax: 32, scoredTokensPerStepMax: 3 }],
    ['llama-untied-bf16', { tokensPerStepMax: 7, scoredTokensPerStepMax: 16 }],
    ['mistral-sliding', { tokensPerStepMax: 16, scoredTokensPerStepMax: 5 }],
  ])('are those of transformers: %s, %j', async (name, options) => {
    const opened = await openCase(name, options);
    const { client, oracle } = opened;
    const outcomes = await Promise.all(oracle.prompts.map(({ tokenIds }) => run(client, input(tokenIds))));
    for (const [index, { scores }] of outcomes.entries()) {
      expect(worstDifference(opened, oracle.prompts[index]!, scores)).toBeLessThan(TOLERANCE);
    }
    await client.close();
  });

  it('are all told although the prompt is in the cache, and change neither output nor what others find there', async () => {
    const opened = await openCase('qwen3', { tokensPerStepMax: 16, scoredTokensPerStepMax: 6 });
    const { client } = opened;
    const prompt = opened.oracle.prompts.toSorted((a, b) => b.tokenIds.length - a.tokenIds.length)[0]!;
    const plain = { sampling: GREEDY };
    const first = await run(client, input(prompt.tokenIds, plain));
    const scored = await run(client, input(prompt.tokenIds));
    const again = await run(client, input(prompt.tokenIds, plain));
    expect(scored.cachedTokenCount).toBe(0);
    expect(worstDifference(opened, prompt, scored.scores)).toBeLessThan(TOLERANCE);
    expect(again.cachedTokenCount).toBe(Math.floor((prompt.tokenIds.length - 1) / 4) * 4);
    expect([scored.tokenIds, again.tokenIds]).toEqual([first.tokenIds, first.tokenIds]);
    expect([first.scores, again.scores]).toEqual([[], []]);
    await client.close();
  });

  it('are told to nobody when the logits are no numbers: that request fails, and no other', async () => {
    const opened = await openCase('qwen3', {
      tokensPerStepMax: 64,
      scoredTokensPerStepMax: 8,
      wrap: (runner) => ({
        limits: runner.limits,
        close: () => runner.close(),
        async run(batch, query) {
          const logits = await runner.run(batch, query);
          // Only rows that are scored ask for a normaliser here.
          return { ...logits, normalisers: logits.normalisers.map(() => Number.NaN) };
        },
      }),
    });
    const { client, oracle } = opened;
    const { tokenIds } = oracle.prompts[0]!;
    const broken = run(client, input(tokenIds));
    const good = run(client, input(tokenIds, { sampling: GREEDY, cacheSalt: 'other' }));
    await expect(broken).rejects.toMatchObject({ code: 'step_failed', message: /prompt token \d+/ });
    expect((await good).tokenIds).toHaveLength(4);
    await client.close();
  });
});

describe('scoredTokensPerStep', () => {
  it.each([
    [151_936, 512, 110],
    [2048, 512, 512],
    [100_000_000, 512, 2],
  ])(
    'with %i tokens in the vocabulary and %i in a step is %i',
    (vocabularySize, tokensPerStepMax, expected) => {
      expect(scoredTokensPerStep({ vocabularySize, tokensPerStepMax })).toBe(expected);
    },
  );
});
