/**
 * The engine's view of whatever chooses tokens: one state a sequence, kept from `open` to `close`. That state changes with
 * `accept` and `settleDraft` alone, so a step that is run again, rolled back, or a sequence that is preempted leaves it
 * untouched. The position of a draw is the number of tokens in the sequence so far.
 */

import type { GenerationRequest } from '../batching/generation-request.ts';
import type { Draft } from '../sampling/draft-lookup.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';

export type RowOptions = {
  /** Ask for the row's logits over the whole vocabulary. */
  readonly wholeRow: boolean;
};

export interface RowSampler {
  /** @throws ServerError when the request asks for what this model cannot do; then nothing is open. */
  open(request: GenerationRequest): void;

  /** Forgets a sequence that has ended. */
  close(sequenceId: number): void;

  /**
   * Writes into `draft` what may follow the sequence's tokens, at most `countMax` tokens, and nothing that it could not
   * choose. Changes no state.
   */
  guess(sequenceId: number, tokenIds: Int32Array, countMax: number, draft: Draft): void;

  /**
   * Adds to `query` what choosing the sequence's next token will need, and the ones behind each token of the draft. Called
   * for every run of a step, so perhaps more than once before `choose`; the last call counts.
   * @param row index among the rows of logits of that run; those behind the draft's tokens follow it.
   * @param draft none by default
   */
  prepare(sequenceId: number, row: number, query: LogitsQuery, options: RowOptions, draft?: Draft): void;

  /**
   * Chooses the next token. Changes no state.
   * @returns null when the candidates do not decide the draw; the engine then runs the row again with
   *   `wholeRow`. Never null after that.
   * @throws ServerError `step_failed` when the row leads to no token, `invalid_request` when the request forbids them all:
   *   that ends its sequence, and no other.
   */
  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null;

  /**
   * Called when `choose` has returned the draft's first token: adds the tokens behind it to `tokens`, as far as the draft
   * is right and candidates decide. Changes no state.
   * @param row as `choose` had it
   */
  chooseBehind(sequenceId: number, row: number, logits: StepLogits, tokens: SampledToken[]): void;

  /** The chosen token has become part of the sequence. @throws ServerError when it cannot go on; that ends it, and no other. */
  accept(sequenceId: number, tokenId: number): void;

  /** A step with a draft of `count` tokens counts, and `rightCount` of them were right. */
  settleDraft(sequenceId: number, count: number, rightCount: number): void;
}
