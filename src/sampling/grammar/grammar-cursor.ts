/**
 * One sequence's place in its grammar. Moves with `accept`, and back with `moveTo`, alone. Tokens that end the sequence fit
 * exactly where the grammar may end or asks for that very token; whatever text they have does not count. A grammar with a
 * trigger sleeps until that is accepted, and again from its end on; meanwhile it has no place, and everything fits.
 */

import { assert } from '../../base/assert.ts';
import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_WALK_READINGS_MAX } from '../../base/grammar-limits.ts';
import type { GrammarAutomaton } from './grammar-automaton.ts';
import type { GrammarState } from './grammar-state.ts';
import { type GrammarTrigger, TriggerWatch } from './grammar-trigger.ts';
import { NEXT_TOKENS, tooAmbiguous } from './too-ambiguous.ts';

/** Where a cursor stood, to come back to. */
export type GrammarPlace = {
  readonly state: GrammarState | null;
  readonly watchState: number;
};

export type GrammarStart = {
  readonly trigger: GrammarTrigger | null;
  readonly begun: string;
};

export class GrammarCursor {
  readonly #automaton: GrammarAutomaton;
  readonly #stopTokenIds: readonly number[];
  readonly #watch: TriggerWatch | null;
  /** `null`: asleep. */
  #state: GrammarState | null;
  /** Of the state: all tokens that fit when they are few, else null; undefined when not asked yet. */
  #few: Int32Array | null | undefined = undefined;
  /** Of the state: readings that were looked at to try single tokens. */
  #triedReadings = 0;

  /**
   * @param begun what stands before the output and may be a beginning of it: then the cursor stands behind it.
   * @throws ServerError `invalid_request` when the grammar is too ambiguous, or what was begun leaves it.
   */
  constructor(
    automaton: GrammarAutomaton,
    stopTokenIds: readonly number[],
    { trigger = null, begun = '' }: Partial<GrammarStart> = {},
  ) {
    this.#automaton = automaton;
    // A checkpoint may name ids that its model does not have: they cannot be chosen, nor read from a row.
    const ownIds = stopTokenIds.filter((tokenId) => tokenId < automaton.vocabularySize);
    this.#stopTokenIds = [...new Set(ownIds)];
    this.#watch = trigger && new TriggerWatch(trigger);
    this.#state = trigger === null ? stateBehind(automaton, begun) : null;
  }

  /** False while anything may come. */
  get isHolding(): boolean {
    return this.#state !== null;
  }

  /**
   * All tokens that fit, when they are few: then it is worth reading their logits. Null when they are many.
   * @throws ServerError `invalid_request` when the grammar is too ambiguous.
   */
  get fewTokenIds(): Int32Array | null {
    if (this.#state === null) return null;
    if (this.#few === undefined) this.#few = this.#findFew(this.#state);
    return this.#few;
  }

  /** Whether the token fits. @throws ServerError as `fewTokenIds`. */
  allows(tokenId: number): boolean {
    if (this.#state === null) return true;
    if (this.#stopTokenIds.includes(tokenId)) return mayStop(this.#state, tokenId);
    if (this.#triedReadings > GRAMMAR_WALK_READINGS_MAX) throw tooAmbiguous(NEXT_TOKENS);
    const before = this.#automaton.workCount;
    const fits = this.#automaton.fits(this.#state, tokenId);
    this.#triedReadings += this.#automaton.workCount - before;
    return fits;
  }

  /** Sets the logits of all tokens that do not fit to -Infinity. @param logits [vocabulary of the model] */
  forbidOthers(logits: Float32Array): void {
    if (this.#state === null) return;
    const state = this.#state;
    const mask = this.#automaton.mask(state);
    const stops = this.#stopTokenIds.map((tokenId) => logits[tokenId]!);
    for (let word = 0; word < Math.ceil(logits.length / 32); word++) {
      const bits = mask[word] ?? 0;
      if (bits === 0xffffffff) continue;
      const end = Math.min(32 * word + 32, logits.length);
      for (let tokenId = 32 * word; tokenId < end; tokenId++) {
        if (((bits >>> (tokenId & 31)) & 1) === 0) logits[tokenId] = -Infinity;
      }
    }
    this.#stopTokenIds.forEach((tokenId, index) => {
      logits[tokenId] = mayStop(state, tokenId) ? stops[index]! : -Infinity;
    });
  }

  get place(): GrammarPlace {
    return { state: this.#state, watchState: this.#watch?.state ?? 0 };
  }

  /** Forgets what was accepted since it stood there. */
  moveTo({ state, watchState }: GrammarPlace): void {
    this.#state = state;
    this.#few = undefined;
    this.#triedReadings = 0;
    if (this.#watch !== null) this.#watch.state = watchState;
  }

  /**
   * Whether the grammar is at its end with the token, so that nothing may follow; never where it then sleeps. To be asked of a
   * token before it is accepted, which then does not fail.
   * @throws ServerError as `fewTokenIds`.
   */
  isCompleteAfter(tokenId: number): boolean {
    if (this.#state === null) return false;
    if (this.#stopTokenIds.includes(tokenId)) return this.#watch === null;
    const next = this.#automaton.afterToken(this.#state, tokenId, GRAMMAR_WALK_READINGS_MAX);
    return this.#watch === null && next?.isComplete === true;
  }

  /** The token has become part of the output. */
  accept(tokenId: number): void {
    const begins = this.#watch?.accept(tokenId) ?? false;
    this.#few = undefined;
    this.#triedReadings = 0;
    if (this.#state === null) {
      if (begins) this.#state = this.#automaton.start;
      return;
    }
    const next = this.#automaton.afterToken(this.#state, tokenId);
    assert(next !== null, `token ${tokenId} fits the grammar`);
    this.#state = next.isComplete && this.#watch !== null ? null : next;
  }

  #findFew(state: GrammarState): Int32Array | null {
    const few = this.#automaton.fewTokenIds(state);
    if (few === null) return null;
    const stops = this.#stopTokenIds.filter((tokenId) => mayStop(state, tokenId));
    const text = few.some((tokenId) => this.#stopTokenIds.includes(tokenId))
      ? few.filter((id) => !this.#stopTokenIds.includes(id))
      : few;
    return stops.length > 0 ? Int32Array.of(...text, ...stops) : text;
  }
}

/** What does not even begin as the grammar does is no part of it. */
function stateBehind(automaton: GrammarAutomaton, begun: string): GrammarState {
  const { state, byteCount, fits } = automaton.afterBegun(begun);
  if (!fits && byteCount > 0) throw leavesForm(byteCount);
  return state;
}

function leavesForm(place: number): ServerError {
  return new ServerError(
    'invalid_request',
    `The message that is continued has begun with JSON that the form of the answer does not allow: it does not fit behind ${place} ` +
      'bytes. Let it fit, or leave the form away.',
  );
}

/** A mark that the form demands, say of the end of a call, may be what a request ends at. */
function mayStop(state: GrammarState, tokenId: number): boolean {
  return state.isFinal || state.tokenIds.includes(tokenId);
}

/** No token of the vocabulary can go on from here. */
export function deadEnd(): ServerError {
  return new ServerError(
    'invalid_request',
    'The output cannot go on: no token that fits the grammar may be chosen, and the grammar is not at its end.',
  );
}
