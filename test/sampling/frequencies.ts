/** Frequencies of many draws, each with a seed of its own, to hold against the probabilities of the reference. */

import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { SamplingWorkspace } from '../../src/sampling/sampling-workspace.ts';
import { SequenceSampler } from '../../src/sampling/sequence-sampler.ts';
import { LogitsQuery, type StepLogits } from '../../src/sampling/step-logits.ts';
import { Dice } from './random-rows.ts';
import { type History, NO_HISTORY, type Ranked } from './reference-sampler.ts';

export const DRAWS = 20_000;
const VOCABULARY = 120;
const HISTORY: History = { promptTokenIds: [3, 4], outputTokenIds: [5, 5, 5, 6], forbiddenTokenIds: [7] };

export const CASES: readonly (readonly [string, Partial<SamplingParams>, History])[] = [
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

/** The token that each seed from 0 leads to. `ask` answers for the one row, number 0. */
export async function drawnTokens(
  vocabularySize: number,
  given: Partial<SamplingParams>,
  history: History,
  ask: (query: LogitsQuery) => StepLogits | Promise<StepLogits>,
  seedCount = DRAWS,
): Promise<readonly number[]> {
  const workspace = new SamplingWorkspace(vocabularySize);
  const promptTokenIds = Int32Array.from(history.promptTokenIds);
  const stopTokenIds = history.forbiddenTokenIds;
  /** The answer to the first and to the second run: no query depends on the seed. */
  const answers: StepLogits[] = [];
  const tokens: number[] = [];
  for (let seed = 0; seed < seedCount; seed++) {
    const sampling = { ...GREEDY, ...given, seed };
    const options = { sampling, promptTokenIds, stopTokenIds, newTokensMin: 1000, grammar: null };
    const sampler = new SequenceSampler(options, workspace);
    for (const tokenId of history.outputTokenIds) sampler.accept(tokenId);
    let tokenId: number | undefined;
    for (let run = 0; run < 2 && tokenId === undefined; run++) {
      const query = new LogitsQuery();
      sampler.prepare(0, query, { wholeRow: run === 1 });
      answers[run] ??= await ask(query);
      tokenId = sampler.choose(0, answers[run]!)?.tokenId;
    }
    tokens.push(tokenId!);
  }
  return tokens;
}

export function countsOf(tokens: readonly number[], vocabularySize: number): number[] {
  const counts = new Array<number>(vocabularySize).fill(0);
  for (const tokenId of tokens) counts[tokenId]!++;
  return counts;
}

export function normalRow(spread: number): Float32Array {
  const dice = new Dice(31);
  return Float32Array.from({ length: VOCABULARY }, () => spread * dice.normal());
}

/** Pearson's statistic over its degrees of freedom, tokens expected fewer than 10 times taken together. */
export function chiSquarePerDegree(counts: readonly number[], kept: readonly Ranked[]): number {
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
