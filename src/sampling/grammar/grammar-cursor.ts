/**
 * One sequence's place in its grammar. Moves with `accept` alone. Tokens that end the sequence fit exactly where the
 * grammar may end; whatever text they have does not count.
 */

import { assert } from '../../base/assert.ts';
import { ServerError } from '../../base/errors.ts';
import type { GrammarAutomaton } from './grammar-automaton.ts';
import type { GrammarState } from './grammar-state.ts';

export class GrammarCursor {
  readonly #automaton: GrammarAutomaton;
  readonly #stopTokenIds: readonly number[];
  #state: GrammarState;
  /** Of the state: all tokens that fit when they are few, else null; undefined when not asked yet. */
  #few: Int32Array | null | undefined = undefined;

  /** @throws ServerError `invalid_request` when the grammar is too ambiguous. */
  constructor(automaton: GrammarAutomaton, stopTokenIds: readonly number[]) {
    this.#automaton = automaton;
    this.#stopTokenIds = [...new Set(stopTokenIds)];
    this.#state = automaton.start;
  }

  /**
   * All tokens that fit, when they are few: then it is worth reading their logits. Null when they are many.
   * @throws ServerError `invalid_request` when the grammar is too ambiguous.
   */
  get fewTokenIds(): Int32Array | null {
    if (this.#few === undefined) this.#few = this.#findFew();
    return this.#few;
  }

  /** Whether the token fits. @throws ServerError as `fewTokenIds`. */
  allows(tokenId: number): boolean {
    if (this.#stopTokenIds.includes(tokenId)) return this.#state.isFinal;
    return this.#automaton.afterToken(this.#state, tokenId) !== null;
  }

  /** Sets the logits of all tokens that do not fit to -Infinity. @param logits [vocabulary of the model] */
  forbidOthers(logits: Float32Array): void {
    const mask = this.#automaton.mask(this.#state);
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
      logits[tokenId] = this.#state.isFinal ? stops[index]! : -Infinity;
    });
  }

  /** Whether the grammar is at its end with the token, so that nothing may follow. */
  isCompleteAfter(tokenId: number): boolean {
    if (this.#stopTokenIds.includes(tokenId)) return true;
    return this.#automaton.afterToken(this.#state, tokenId)?.isComplete === true;
  }

  /** The token has become part of the output. */
  accept(tokenId: number): void {
    const next = this.#automaton.afterToken(this.#state, tokenId);
    assert(next !== null, `token ${tokenId} fits the grammar`);
    this.#state = next;
    this.#few = undefined;
  }

  #findFew(): Int32Array | null {
    const few = this.#automaton.fewTokenIds(this.#state);
    if (few === null) return null;
    const stops = this.#stopTokenIds;
    const text = few.some((tokenId) => stops.includes(tokenId))
      ? few.filter((id) => !stops.includes(id))
      : few;
    return this.#state.isFinal && stops.length > 0 ? Int32Array.of(...text, ...stops) : text;
  }
}

/** No token of the vocabulary can go on from here. */
export function deadEnd(): ServerError {
  return new ServerError(
    'invalid_request',
    'The output cannot go on: no token that fits the grammar may be chosen, and the grammar is not at its end.',
  );
}
