/**
 * Who gets how many of a step's tokens. A pure policy: numbers in, numbers out.
 *
 * 1. Every decoding sequence gets the one token that is due: a running stream never waits for a neighbour's prompt longer
 *    than one step, and a step is bounded by `tokensPerStepMax`.
 * 2. What is left, or what `step-pace.ts` leaves of it, goes to prompts, first to the one that was admitted first. If it
 *    cannot end in this step it leaves a quarter to those behind it, or what these can use if that is less: prompts come
 *    out in order, and a short one does not wait for the last token of a long one.
 * 3. Of that quarter half is for sequences that wait, and the other half for the running prompts of which least has been
 *    computed: so a short one has its turn after as many steps as there are prompts before it, however long they are, and
 *    then goes before those that are longer. Nobody is admitted beside `PARTIAL_PROMPTS_MAX` running prompts.
 * 4. Where all that there is decodes, and is little, what `DRAFTED_STEP_TOKENS_MAX` leaves is shared by drafts, as long as they
 *    pay (`draft-pace.ts`). They take no blocks: a draft ends where its sequence's last one does.
 *
 * A token of a prompt that is to be scored costs a row of logits besides, and a step has `scoredTokensPerStepMax` of
 * these; they are given away in the same order. Running prompts leave one, so that such a prompt can be admitted, and
 * keeps nobody waiting behind it, while another is being scored.
 *
 * No prompt starves under a steady load of decoding: when one is running, at most `sequencesPerStepMax` - 1
 * others decode, and `tokensPerStepMax` is no smaller than `sequencesPerStepMax`, so the oldest running prompt
 * gets at least one token in every step, and three quarters of what prompts get; but for the one step in 33 that
 * `step-pace.ts` has for decoding alone, where it holds prompts back.
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

/** Of the tokens that the first prompt finds, the part that it leaves to those behind it: one in so many. */
const LEFT_BEHIND_DIVISOR = 4;

/**
 * Tokens of the first prompt to compute in a step that has `tokensLeft` to give; at least 1 where there are any.
 * @param pendingBehind tokens that prompts served after it could use
 */
export function chunkLength(pendingLength: number, tokensLeft: number, pendingBehind: number): number {
  if (pendingLength <= tokensLeft || tokensLeft <= 1) return Math.min(pendingLength, tokensLeft);
  const quarter = Math.max(1, Math.floor(tokensLeft / LEFT_BEHIND_DIVISOR));
  return tokensLeft - Math.min(pendingBehind, quarter);
}

/**
 * Of the tokens that the first prompt leaves, those that other running prompts leave to what waits.
 * @param admissibleLength tokens that sequences could use that may be admitted
 */
export function lengthForAdmission(tokensLeft: number, admissibleLength: number): number {
  return Math.min(admissibleLength, Math.ceil(tokensLeft / 2));
}
