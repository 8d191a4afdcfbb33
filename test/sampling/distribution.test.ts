/** Frequencies of many draws, each at a position of its own, against the probabilities of the reference. */

import { describe, expect, it } from 'vitest';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { SamplingWorkspace, SequenceSampler } from '../../src/sampling/sequence-sampler.ts';
import { LogitsQuery, type StepLogits } from '../../src/sampling/step-logits.ts';
import { Dice } from './random-rows.ts';
import { type History, keptTokens, NO_HISTORY, type Ranked } from './reference-sampler.ts';
import { answer } from './row-driver.ts';

const DRAWS = 20_000;
const VOCABULARY = 120;
const HISTORY: History = { promptTokenIds: [3, 4], outputTokenIds: [5, 5, 5, 6], forbiddenTokenIds: [7] };

const CASES: readonly (readonly [string, Partial<SamplingParams>, History])[] = [
  ['temperature 1', { temperature: 1 }, NO_HISTORY],
  ['temperature 0.6', { temperature: 0.6 }, NO_HISTORY],
  ['temperature 2', { temperature: 2 }, NO_HISTORY],
  ['top_p', { temperature: 1, topP: 0.85 }, NO_HISTORY],
  ['top_k', { temperature: 1.3, topK: 9 }, NO_HISTORY],
  ['top_k beyond the candidates', { temperature: 2, topK: 80 }, NO_HISTORY],
  ['min_p', { temperature: 1, minP: 0.03 }, NO_HISTORY],
  ['all three', { temperature: 1.5, minP: 0.01, topK: 20, topP: 0.9 }, NO_HISTORY],
  ['repetition penalty', { temperature: 1, repetitionPenalty: 1.8 }, HISTORY],
  ['presence and frequency penalty', { temperature: 1, presencePenalty: 1, frequencyPenalty: 0.5 }, HISTORY],
  ['negative penalties', { temperature: 1, presencePenalty: -1, frequencyPenalty: -1, topP: 0.95 }, HISTORY],
  [
    'bias',
    { temperature: 1, logitBias: new Map([...Array(20).keys()].map((id) => [id, id / 5 - 1])) },
    NO_HISTORY,
  ],
];

/** How often each token was drawn, one draw a seed. */
function draw(row: Float32Array, sampling: SamplingParams, history: History): number[] {
  const counts = new Array<number>(row.length).fill(0);
  const workspace = new SamplingWorkspace(row.length);
  const promptTokenIds = Int32Array.from(history.promptTokenIds);
  const stopTokenIds = history.forbiddenTokenIds;
  /** The answer to the first and to the second run: no query depends on the seed. */
  const answers: StepLogits[] = [];
  for (let seed = 0; seed < DRAWS; seed++) {
    const options = { sampling: { ...sampling, seed }, promptTokenIds, stopTokenIds, newTokensMin: 1000 };
    const sampler = new SequenceSampler(options, workspace);
    for (const tokenId of history.outputTokenIds) sampler.accept(tokenId);
    let tokenId: number | undefined;
    for (let run = 0; run < 2 && tokenId === undefined; run++) {
      const query = new LogitsQuery();
      sampler.prepare(0, query, { wholeRow: run === 1 });
      answers[run] ??= answer([row], query);
      tokenId = sampler.choose(0, answers[run]!)?.tokenId;
    }
    counts[tokenId!]!++;
  }
  return counts;
}

function normalRow(spread: number): Float32Array {
  const dice = new Dice(31);
  return Float32Array.from({ length: VOCABULARY }, () => spread * dice.normal());
}

/** Pearson's statistic over its degrees of freedom, tokens expected fewer than 10 times taken together. */
function chiSquarePerDegree(counts: readonly number[], kept: readonly Ranked[]): number {
  const rare = { expected: 0, seen: 0 };
  const bins: { expected: number; seen: number }[] = [];
  for (const { tokenId, probability } of kept) {
    const bin = { expected: DRAWS * probability, seen: counts[tokenId]! };
    if (bin.expected >= 10) bins.push(bin);
    else {
      rare.expected += bin.expected;
      rare.seen += bin.seen;
    }
  }
  if (rare.expected >= 10) bins.push(rare);
  const statistic = bins.reduce((sum, { expected, seen }) => sum + (seen - expected) ** 2 / expected, 0);
  return statistic / Math.max(bins.length - 1, 1);
}

describe('20,000 draws', () => {
  it.each(CASES)('have the frequencies of the reference with %s', (_, given, history) => {
    const sampling = { ...GREEDY, ...given };
    const row = normalRow(1.5);
    const kept = keptTokens(row, sampling, history);
    const counts = draw(row, sampling, history);
    const keptIds = new Set(kept.filter(({ probability }) => probability > 0).map(({ tokenId }) => tokenId));
    expect(counts.flatMap((count, tokenId) => (count > 0 && !keptIds.has(tokenId) ? [tokenId] : []))).toEqual(
      [],
    );
    expect(chiSquarePerDegree(counts, kept)).toBeLessThan(2);
  });

  it('are told from those of a slightly other temperature', () => {
    const row = normalRow(1.5);
    const counts = draw(row, { ...GREEDY, temperature: 1 }, NO_HISTORY);
    const other = keptTokens(row, { ...GREEDY, temperature: 1.1 });
    expect(chiSquarePerDegree(counts, other)).toBeGreaterThan(2);
  });
});
