/**
 * Guesses the next tokens of one sequence: it goes on as it did where it said the same before, or as its client
 * predicted. Prompt lookup decoding, Saxena 2023. Owns how far the guesses have been right so far, and asks for a
 * longer run of equal tokens where they were not. A guess costs a row of logits and never changes what is chosen.
 */

import { DRAFT_TOKENS_MAX } from '../base/limits.ts';

/** Where draft tokens may come from: from nowhere, from what clients predict, or from what a sequence has said too. */
export const SPECULATIONS = ['off', 'prediction', 'ngram'] as const;
export type Speculation = (typeof SPECULATIONS)[number];

/** Guessed tokens behind a sequence's last one; the first `count` of them count. */
export type Draft = { readonly tokenIds: Int32Array; count: number };

export const NO_DRAFT: Draft = { tokenIds: new Int32Array(0), count: 0 };

/** Equal tokens that a guess stands on: at first, at least after guesses that were right, and after as many wrong ones. */
const MATCH_LENGTH_FIRST = 3;
const MATCH_LENGTH_MIN = 2;
const MATCH_LENGTH_MAX = 16;

export type DraftLookupOptions = {
  /** Of the sequence's tokens, the first ones that are not output. */
  readonly promptLength: number;
  /** What the client expects the output to be; `null`: nothing. */
  readonly predictedTokenIds: Int32Array | null;
  /** The sequence's own tokens are looked through too. */
  readonly looksBack: boolean;
};

/** A place where tokens stand that the sequence ends with. */
type Place = { tokenIds: Int32Array; end: number; next: number; matchLength: number };

export class DraftLookup {
  readonly #options: DraftLookupOptions;
  readonly #place: Place = { tokenIds: NO_DRAFT.tokenIds, end: 0, next: 0, matchLength: 0 };
  #matchLengthMin = MATCH_LENGTH_FIRST;
  #countMax = DRAFT_TOKENS_MAX;

  constructor(options: DraftLookupOptions) {
    this.#options = options;
  }

  /**
   * Writes what probably follows the sequence's `length` tokens into `draft`, at most `countMax` tokens. Changes nothing
   * else. Looks through all tokens once, and compares up to `MATCH_LENGTH_MAX` of them where the last one stands.
   */
  guess(tokenIds: Int32Array, length: number, countMax: number, draft: Draft): void {
    draft.count = 0;
    const place = this.#place;
    place.matchLength = 0;
    const outputLength = length - this.#options.promptLength;
    const predicted = this.#options.predictedTokenIds;
    if (predicted !== null) this.#lookInPrediction(predicted, tokenIds, length, outputLength);
    if (this.#options.looksBack) this.#lookBack(tokenIds, length);
    if (place.matchLength === 0) return;
    const count = Math.min(countMax, this.#countMax, draft.tokenIds.length, place.end - place.next);
    for (; draft.count < count; draft.count++) {
      draft.tokenIds[draft.count] = place.tokenIds[place.next + draft.count]!;
    }
  }

  /** Of the last guess `rightCount` tokens were chosen, of `count`. */
  settle(count: number, rightCount: number): void {
    const isRight = rightCount === count;
    const step = rightCount === 0 ? 1 : -1;
    this.#matchLengthMin = Math.min(
      MATCH_LENGTH_MAX,
      Math.max(MATCH_LENGTH_MIN, this.#matchLengthMin + step),
    );
    this.#countMax = isRight ? Math.min(DRAFT_TOKENS_MAX, 2 * this.#countMax) : Math.max(1, rightCount + 1);
  }

  /** The output begins as the prediction does; later it is found again where as many tokens agree, near its own length. */
  #lookInPrediction(predicted: Int32Array, tokenIds: Int32Array, length: number, outputLength: number): void {
    const place = this.#place;
    if (outputLength === 0) {
      place.tokenIds = predicted;
      place.end = predicted.length;
      place.next = 0;
      place.matchLength = 1;
      return;
    }
    const matchLengthMin = Math.min(this.#matchLengthMin, outputLength);
    let distance = Number.POSITIVE_INFINITY;
    for (let next = 1; next < predicted.length; next++) {
      const matchLength = commonLength(predicted, next, tokenIds, length, outputLength);
      if (matchLength < Math.max(matchLengthMin, place.matchLength)) continue;
      const isNearer = Math.abs(next - outputLength) < distance;
      if (matchLength === place.matchLength && !isNearer) continue;
      distance = Math.abs(next - outputLength);
      place.tokenIds = predicted;
      place.end = predicted.length;
      place.next = next;
      place.matchLength = matchLength;
    }
  }

  /** The last place of the longest run that the sequence ends with. */
  #lookBack(tokenIds: Int32Array, length: number): void {
    const place = this.#place;
    for (let next = length - 1; next >= this.#matchLengthMin; next--) {
      const matchLength = commonLength(tokenIds, next, tokenIds, length, length);
      if (matchLength < this.#matchLengthMin || matchLength <= place.matchLength) continue;
      place.tokenIds = tokenIds;
      place.end = length;
      place.next = next;
      place.matchLength = matchLength;
      if (matchLength === MATCH_LENGTH_MAX) return;
    }
  }
}

/** Tokens before `end` that equal those before `otherEnd`, of the last `lengthMax` there at most. */
function commonLength(
  tokenIds: Int32Array,
  end: number,
  others: Int32Array,
  otherEnd: number,
  lengthMax: number,
): number {
  const max = Math.min(end, lengthMax, MATCH_LENGTH_MAX);
  let length = 0;
  while (length < max && tokenIds[end - 1 - length] === others[otherEnd - 1 - length]) length++;
  return length;
}
