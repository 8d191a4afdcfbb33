/**
 * A place in a grammar: all ways of reading the output so far. Immutable but for what it remembers: where bytes lead, which tokens fit.
 */

import type { ReadingRun } from './reading-runs.ts';
import type { Readings } from './readings.ts';

export class GrammarState {
  /** Those that go on: with bytes or tokens that may come next. */
  readonly readings: Readings;
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
  /** One of the readings, followed alone; null when it was not asked yet. */
  run: ReadingRun | null = null;
  /** Another one with the same hash, found before; null for none. */
  readonly sameHash: GrammarState | null;

  constructor(parts: {
    readonly readings: Readings;
    readonly isFinal: boolean;
    readonly tokenIds: readonly number[];
    readonly classCount: number;
    readonly sameHash: GrammarState | null;
  }) {
    this.readings = parts.readings;
    this.isFinal = parts.isFinal;
    this.tokenIds = parts.tokenIds;
    this.sameHash = parts.sameHash;
    this.next = new Array(parts.classCount).fill(undefined);
  }

  /** Nothing may follow. */
  get isComplete(): boolean {
    return this.readings.length === 0;
  }
}
