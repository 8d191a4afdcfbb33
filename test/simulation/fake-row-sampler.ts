/**
 * For tests of the engine: takes the best candidate; now and then says that the candidates do not decide, and takes it from the whole row.
 * Checks that the engine keeps the order of calls.
 */

import { assert } from '../../src/base/assert.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { RowOptions, RowSampler } from '../../src/engine/row-sampler.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../../src/sampling/step-logits.ts';

type RowState = {
  row: number;
  /** Index of the whole row in the answer; null when the candidates are to decide. */
  fullRow: number | null;
  chosen: number | null;
};

export class FakeRowSampler implements RowSampler {
  readonly #rows = new Map<number, RowState>();
  readonly #isUndecided: () => boolean;

  /** @param isUndecided asked for every choice from candidates. */
  constructor(isUndecided: () => boolean) {
    this.#isUndecided = isUndecided;
  }

  get openCount(): number {
    return this.#rows.size;
  }

  open(request: GenerationRequest): void {
    assert(!this.#rows.has(request.sequenceId), 'a sequence is opened once');
    this.#rows.set(request.sequenceId, { row: -1, fullRow: null, chosen: null });
  }

  close(sequenceId: number): void {
    assert(this.#rows.delete(sequenceId), 'an open sequence is closed');
  }

  prepare(sequenceId: number, row: number, query: LogitsQuery, { wholeRow }: RowOptions): void {
    const state = this.#stateOf(sequenceId);
    state.row = row;
    state.chosen = null;
    state.fullRow = wholeRow ? query.addFullRow(row) : null;
  }

  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    const state = this.#stateOf(sequenceId);
    assert(state.row === row, 'a row is prepared before it is chosen from');
    if (state.fullRow === null) {
      if (this.#isUndecided()) return null;
      state.chosen = logits.candidateIds[row * logits.candidateCount]!;
    } else {
      const start = state.fullRow * logits.vocabularySize;
      state.chosen = logits.fullRows.subarray(start, start + logits.vocabularySize).indexOf(0);
    }
    return { tokenId: state.chosen, logprobs: null };
  }

  accept(sequenceId: number, tokenId: number): void {
    const state = this.#stateOf(sequenceId);
    assert(state.chosen === tokenId, 'the chosen token is accepted, once');
    state.chosen = null;
  }

  #stateOf(sequenceId: number): RowState {
    const state = this.#rows.get(sequenceId);
    assert(state !== undefined, 'a sequence is open while it runs');
    return state;
  }
}
