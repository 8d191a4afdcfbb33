/**
 * The real samplers, watched: the engine must keep the order of calls. Now and then they are made to say that the
 * candidates do not decide.
 */

import { assert } from '../../src/base/assert.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { RowOptions, RowSampler } from '../../src/engine/row-sampler.ts';
import type { Draft } from '../../src/sampling/draft-lookup.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../../src/sampling/step-logits.ts';

/** `chosen`: what was chosen and not accepted yet, in order. */
type RowState = { row: number; isWhole: boolean; chosen: number[] };

export class CheckedRowSampler implements RowSampler {
  readonly #samplers: RowSampler;
  readonly #rows = new Map<number, RowState>();
  readonly #isUndecided: () => boolean;
  readonly #onUndecided: (sequenceId: number) => void;

  /**
   * @param options.isUndecided asked for every choice from candidates.
   * @param options.onUndecided whether they were made to say so or not.
   */
  constructor(
    samplers: RowSampler,
    options: { readonly isUndecided: () => boolean; readonly onUndecided: (sequenceId: number) => void },
  ) {
    this.#samplers = samplers;
    this.#isUndecided = options.isUndecided;
    this.#onUndecided = options.onUndecided;
  }

  get openCount(): number {
    return this.#rows.size;
  }

  open(request: GenerationRequest): void {
    assert(!this.#rows.has(request.sequenceId), 'a sequence is opened once');
    this.#samplers.open(request);
    this.#rows.set(request.sequenceId, { row: -1, isWhole: false, chosen: [] });
  }

  close(sequenceId: number): void {
    assert(this.#rows.delete(sequenceId), 'an open sequence is closed');
    this.#samplers.close(sequenceId);
  }

  guess(sequenceId: number, tokenIds: Int32Array, countMax: number, draft: Draft): void {
    this.#samplers.guess(sequenceId, tokenIds, countMax, draft);
    assert(draft.count <= countMax, 'a draft is no longer than there is room for');
  }

  prepare(sequenceId: number, row: number, query: LogitsQuery, options: RowOptions, draft?: Draft): void {
    const state = this.#stateOf(sequenceId);
    state.row = row;
    state.chosen = [];
    state.isWhole = options.wholeRow;
    this.#samplers.prepare(sequenceId, row, query, options, draft);
  }

  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    const state = this.#stateOf(sequenceId);
    assert(state.row === row, 'a row is prepared before it is chosen from');
    const isForced = !state.isWhole && this.#isUndecided();
    const token = isForced ? null : this.#samplers.choose(sequenceId, row, logits);
    if (token === null) this.#onUndecided(sequenceId);
    state.chosen = token === null ? [] : [token.tokenId];
    return token;
  }

  chooseBehind(sequenceId: number, row: number, logits: StepLogits, tokens: SampledToken[]): void {
    const state = this.#stateOf(sequenceId);
    assert(
      state.row === row && state.chosen.length === 1,
      'the first token is chosen before those behind it',
    );
    const before = tokens.length;
    this.#samplers.chooseBehind(sequenceId, row, logits, tokens);
    for (const { tokenId } of tokens.slice(before)) state.chosen.push(tokenId);
  }

  settleDraft(sequenceId: number, count: number, rightCount: number): void {
    this.#stateOf(sequenceId);
    this.#samplers.settleDraft(sequenceId, count, rightCount);
  }

  accept(sequenceId: number, tokenId: number): void {
    const state = this.#stateOf(sequenceId);
    assert(state.chosen.shift() === tokenId, 'the chosen tokens are accepted, in order, each once');
    this.#samplers.accept(sequenceId, tokenId);
  }

  #stateOf(sequenceId: number): RowState {
    const state = this.#rows.get(sequenceId);
    assert(state !== undefined, 'a sequence is open while it runs');
    return state;
  }
}
