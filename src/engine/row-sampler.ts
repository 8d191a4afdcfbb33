/**
 * The engine's view of whatever chooses tokens: one state a sequence, kept from `open` to `close`. That state
 * changes with `accept` alone, so a step that is run again, rolled back, or a sequence that is preempted leaves it
 * untouched. The position of a draw is the number of tokens in the sequence so far.
 */

import type { GenerationRequest } from '../batching/generation-request.ts';
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
   * Adds to `query` what choosing the sequence's next token will need. Called for every run of a step, so perhaps
   * more than once before `choose`; the last call counts.
   * @param row index among the sampled rows of that run.
   */
  prepare(sequenceId: number, row: number, query: LogitsQuery, options: RowOptions): void;

  /**
   * Chooses the next token. Changes no state.
   * @returns null when the candidates do not decide the draw; the engine then runs the row again with
   *   `wholeRow`. Never null after that.
   * @throws ServerError `step_failed` when the row leads to no token, `invalid_request` when the request forbids them all:
   *   that ends its sequence, and no other.
   */
  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null;

  /** The chosen token has become part of the sequence. @throws ServerError when it cannot go on; that ends it, and no other. */
  accept(sequenceId: number, tokenId: number): void;
}
