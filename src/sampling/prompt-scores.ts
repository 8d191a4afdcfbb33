/**
 * How likely the tokens of a prompt were, each after those before it. A row of logits scores the token that comes
 * after the one it was computed from. Columns of numbers, because prompts are long and this crosses threads.
 */

import type { LogitsQuery, StepLogits } from './step-logits.ts';
import { logprobOf } from './token-logprobs.ts';

/** Scores of consecutive prompt tokens; probabilities of the model's own distribution, as in `TokenLogprobs`. */
export type PromptScores = {
  /** Position in the prompt of the first of them; at least 1, since nothing comes before the first token. */
  readonly firstPosition: number;
  /** [count] */
  readonly logprobs: Float32Array;
  /** [count] tokens that are at least as likely, itself included; 0 when it is not among the best candidates. */
  readonly ranks: Int32Array;
  /** Most likely tokens told for each position. */
  readonly topCount: number;
  /** [count x topCount] best first. */
  readonly topTokenIds: Int32Array;
  readonly topLogprobs: Float32Array;
};

/** Room for `count` scores. */
export function promptScores(firstPosition: number, count: number, topCount: number): PromptScores {
  return {
    firstPosition,
    logprobs: new Float32Array(count),
    ranks: new Int32Array(count),
    topCount,
    topTokenIds: new Int32Array(count * topCount),
    topLogprobs: new Float32Array(count * topCount),
  };
}

/** What was asked of one row. */
export type ScoreQuestion = {
  readonly row: number;
  /** The token to be scored. */
  readonly tokenId: number;
  /** Indices of the answers in `StepLogits.normalisers` and `StepLogits.reads`. */
  readonly normaliser: number;
  readonly read: number;
};

/** Asks for what scoring `tokenId` by the logits of `row` needs. */
export function askScore(row: number, tokenId: number, query: LogitsQuery): ScoreQuestion {
  return { row, tokenId, normaliser: query.addNormaliser(row, 1), read: query.addRead(row, tokenId) };
}

/**
 * Writes the answer to a question as entry `index` of `scores`.
 * @returns false when the row is not made of numbers.
 */
export function readScore(
  { row, tokenId, normaliser, read }: ScoreQuestion,
  logits: StepLogits,
  scores: PromptScores,
  index: number,
): boolean {
  const { candidateCount, candidateIds, candidateLogits } = logits;
  const total = logits.normalisers[normaliser]!;
  const first = row * candidateCount;
  scores.logprobs[index] = logprobOf(logits.reads[read]!, total);
  scores.ranks[index] = 1 + candidateIds.subarray(first, first + candidateCount).indexOf(tokenId);
  for (let rank = 0; rank < scores.topCount; rank++) {
    const place = index * scores.topCount + rank;
    scores.topTokenIds[place] = candidateIds[first + rank]!;
    scores.topLogprobs[place] = logprobOf(candidateLogits[first + rank]!, total);
  }
  return Number.isFinite(total);
}
