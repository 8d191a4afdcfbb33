/**
 * For tests of the engine: takes the best candidate; now and then says that the candidates do not decide, and takes it from the whole row.
 * Checks that the engine keeps the order of calls.
 */

import { assert } from '../../src/base/assert.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { RowOptions, RowSampler } from '../../src/engine/row-sampler.ts';
import { type Draft, NO_DRAFT } from '../../src/sampling/draft-lookup.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../../src/sampling/step-logits.ts';

type RowState = {
  row: number;
  /** Index of the whole row in the answer; null when the candidates are to decide. */
  fullRow: number | null;
  /** Chosen and not accepted yet, in order. */
  chosen: number[];
  draft: Draft;
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
    this.#rows.set(request.sequenceId, { row: -1, fullRow: null, chosen: [], draft: NO_DRAFT });
  }

  close(sequenceId: number): void {
    assert(this.#rows.delete(sequenceId), 'an open sequence is closed');
  }

  /** What is drafted, in order of asking; then nothing is. */
  readonly drafts: (readonly number[])[] = [];
  /** They are the client's. */
  arePredicted = false;

  guess(_sequenceId: number, _tokenIds: Int32Array, countMax: number, draft: Draft): void {
    const guessed = this.drafts.shift()?.slice(0, countMax) ?? [];
    draft.tokenIds.set(guessed);
    draft.count = guessed.length;
    draft.isPredicted = this.arePredicted;
  }

  prepare(
    sequenceId: number,
    row: number,
    query: LogitsQuery,
    { wholeRow }: RowOptions,
    draft: Draft = NO_DRAFT,
  ): void {
    const state = this.#stateOf(sequenceId);
    state.row = row;
    state.chosen = [];
    state.draft = draft;
    state.fullRow = wholeRow ? query.addFullRow(row) : null;
  }

  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    const state = this.#stateOf(sequenceId);
    assert(state.row === row, 'a row is prepared before it is chosen from');
    if (state.fullRow === null) {
      if (this.#isUndecided()) return null;
      state.chosen = [logits.candidateIds[row * logits.candidateCount]!];
    } else {
      const start = state.fullRow * logits.vocabularySize;
      state.chosen = [logits.fullRows.subarray(start, start + logits.vocabularySize).indexOf(0)];
    }
    return { tokenId: state.chosen[0]!, logprobs: null };
  }

  chooseBehind(sequenceId: number, row: number, logits: StepLogits, tokens: SampledToken[]): void {
    const { chosen, draft } = this.#stateOf(sequenceId);
    while (chosen.length <= draft.count && chosen.at(-1) === draft.tokenIds[chosen.length - 1]) {
      const tokenId = logits.candidateIds[(row + chosen.length) * logits.candidateCount]!;
      chosen.push(tokenId);
      tokens.push({ tokenId, logprobs: null });
    }
  }

  settleDraft(_sequenceId: number, _count: number, _rightCount: number): void {}

  accept(sequenceId: number, tokenId: number): void {
    const state = this.#stateOf(sequenceId);
    assert(state.chosen.shift() === tokenId, 'the chosen tokens are accepted, in order, each once');
  }

  #stateOf(sequenceId: number): RowState {
    const state = this.#rows.get(sequenceId);
    assert(state !== undefined, 'a sequence is open while it runs');
    return state;
  }
}
