/**
 * A place in a grammar: all ways of reading the output so far, each a state of the program and the rules that it will
 * return to. Immutable but for what it remembers: where bytes lead, which tokens fit.
 */

import type { ReturnStack } from './return-stacks.ts';

export type Reading = { readonly state: number; readonly stack: ReturnStack };

export class GrammarState {
  /** Those that go on: with bytes or tokens that may come next. */
  readonly readings: readonly Reading[];
  /** The output may end here. */
  readonly isFinal: boolean;
  /** Tokens that are taken whole, and not for their text, sorted; few. */
  readonly tokenIds: readonly number[];
  /** By class of byte: the next state; null where no such byte fits; undefined where it was not asked yet. */
  readonly next: (GrammarState | null | undefined)[];
  /** All tokens that fit, when they are few; null when they are not; undefined when it was not asked yet. */
  fewTokenIds: Int32Array | null | undefined = undefined;
  /** One bit a token; null when it was not asked yet. */
  mask: Uint32Array | null = null;

  constructor(parts: {
    readonly readings: readonly Reading[];
    readonly isFinal: boolean;
    readonly tokenIds: readonly number[];
    readonly classCount: number;
  }) {
    this.readings = parts.readings;
    this.isFinal = parts.isFinal;
    this.tokenIds = parts.tokenIds;
    this.next = new Array(parts.classCount).fill(undefined);
  }

  /** Nothing may follow. */
  get isComplete(): boolean {
    return this.readings.length === 0;
  }
}
