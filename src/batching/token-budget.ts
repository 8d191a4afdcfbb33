/**
 * Who gets how many of a step's tokens. A pure policy: numbers in, numbers out.
 *
 * 1. Every decoding sequence gets the one token that is due: a running stream never waits for a neighbour's prompt longer
 *    than one step, and a step is bounded by `tokensPerStepMax`.
 * 2. Running prompts share what is left, or what `step-pace.ts` leaves them, in order of admission; then waiting
 *    sequences are admitted with the rest.
 * 3. One that cannot end in this step leaves a quarter of what it finds to those behind it, or what these can use if that
 *    is less: prompts come out in order, and a short one does not wait for the last token of a long one.
 *
 * A token of a prompt that is to be scored costs a row of logits besides, and a step has `scoredTokensPerStepMax` of
 * these; they are given away in the same order. Running prompts leave one, so that such a prompt can be admitted, and
 * keeps nobody waiting behind it, while another is being scored.
 *
 * 4. Where all that there is decodes, and is little, what `DRAFTED_STEP_TOKENS_MAX` leaves is shared by drafts, as long as they
 *    pay (`draft-pace.ts`). They take no blocks: a draft ends where its sequence's last one does.
 *
 * No prompt starves under a steady load of decoding: when one is running, at most `sequencesPerStepMax` - 1
 * others decode, and `tokensPerStepMax` is no smaller than `sequencesPerStepMax`, so the oldest running prompt
 * gets at least one token in every step, and three quarters of what prompts get.
 */

import { assert } from '../base/assert.ts';

export type StepLimits = {
  /** Sequences that run at a time, and rows of a step. */
  readonly sequencesPerStepMax: number;
  /** Tokens computed in a step; at least `sequencesPerStepMax`. */
  readonly tokensPerStepMax: number;
  /** Prompt tokens scored in a step; at least 2. */
  readonly scoredTokensPerStepMax: number;
};

/** Scores that running prompts leave to one that is admitted in the same step. */
export const SCORES_FOR_ADMISSION = 1;

export function assertStepLimits(limits: StepLimits): void {
  const { sequencesPerStepMax, tokensPerStepMax, scoredTokensPerStepMax } = limits;
  assert(sequencesPerStepMax >= 1, 'a step has room for a sequence');
  assert(tokensPerStepMax >= sequencesPerStepMax, 'a step has a token for every running sequence');
  assert(scoredTokensPerStepMax > SCORES_FOR_ADMISSION, 'a running prompt that is scored moves on');
}

/** A sequence with one token to compute will choose its next one in this step. */
export function isDecoding(pendingLength: number): boolean {
  return pendingLength === 1;
}

/** Of the tokens that a long prompt finds, the part that it leaves to those behind it: one in so many. */
const LEFT_BEHIND_DIVISOR = 4;

/**
 * Tokens of a prompt to compute in a step that has `tokensLeft` to give; at least 1 where there are any.
 * @param pendingBehind tokens that prompts served after it could use
 */
export function chunkLength(pendingLength: number, tokensLeft: number, pendingBehind: number): number {
  if (pendingLength <= tokensLeft) return pendingLength;
  return tokensLeft - Math.min(pendingBehind, Math.floor(tokensLeft / LEFT_BEHIND_DIVISOR));
}

/**
 * Blocks that must stay free when a sequence is admitted: one for each that runs already, because each will need
 * its next one within a block's worth of steps, and the newcomer would be the first to be preempted for it.
 * Nothing has to stay free for the first, so whatever passed `enqueue` can run.
 */
export function admissionHeadroom(runningCount: number): number {
  return runningCount;
}
