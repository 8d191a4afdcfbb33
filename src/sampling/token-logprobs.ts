/**
 * Log probabilities as they are told to the client: of the model's own distribution, before any edit and at
 * temperature 1, whatever the token was drawn from.
 */

import { assert } from '../base/assert.ts';
import type { TokenLogprobs } from './sampling-params.ts';
import type { StepLogits } from './step-logits.ts';

export type TokenLogprobsOptions = {
  readonly logits: StepLogits;
  readonly row: number;
  /** log(sum(exp(logits))) of the row. */
  readonly normaliser: number;
  /** How many of the most likely tokens are told; at most as many as there are candidates are. */
  readonly topCount: number;
  /** The chosen token's logit where it is no candidate; null when it must be one. */
  readonly otherLogit: number | null;
};

export function tokenLogprobs(tokenId: number, options: TokenLogprobsOptions): TokenLogprobs {
  const { logits, row, normaliser, topCount } = options;
  const first = row * logits.candidateCount;
  const logit = candidateLogit(tokenId, logits, row) ?? options.otherLogit;
  assert(logit !== null, `token ${tokenId} was chosen but its logit is not known`);
  const top = Array.from({ length: Math.min(topCount, logits.candidateCount) }, (_, rank) => ({
    tokenId: logits.candidateIds[first + rank]!,
    logprob: logprobOf(logits.candidateLogits[first + rank]!, normaliser),
  }));
  return { logprob: logprobOf(logit, normaliser), top };
}

function candidateLogit(tokenId: number, logits: StepLogits, row: number): number | null {
  const first = row * logits.candidateCount;
  for (let i = first; i < first + logits.candidateCount; i++) {
    if (logits.candidateIds[i] === tokenId) return logits.candidateLogits[i]!;
  }
  return null;
}

/** A normaliser in float32 can come out a little below the largest logit. */
export function logprobOf(logit: number, normaliser: number): number {
  return Math.min(logit - normaliser, 0);
}
