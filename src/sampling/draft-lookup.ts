/**
 * Guesses the next tokens of one sequence: it goes on as it did where it said the same before, or as its client
 * predicted. Prompt lookup decoding, Saxena 2023. Owns how far the guesses have been right so far, and asks for a
 * longer run of equal tokens where they were not. A guess costs a row of logits and decides nothing.
 */

import { DRAFT_TOKENS_MAX } from '../base/limits.ts';

/** Where draft tokens may come from: from nowhere, from what clients predict, or from what a sequence has said too. */
export const SPECULATIONS = ['off', 'prediction', 'ngram'] as const;
export type Speculation = (typeof SPECULATIONS)[number];

/** Guessed tokens behind a sequence's last one; the first `count` of them count. */
export type Draft = {
  readonly tokenIds: Int32Array;
  count: number;
  /** They are the client's guess, not ours. */
  isPredicted: boolean;
};

/** @returns one without tokens, and with room for `countMax`. */
export function emptyDraft(countMax = 0): Draft {
  return { tokenIds: new Int32Array(countMax), count: 0, isPredicted: false };
}

export const NO_DRAFT: Draft = emptyDraft();

/** Equal tokens that a guess stands on: at first, and between what right guesses make of it and what wrong ones do. */
const MATCH_LENGTH_FIRST = 3;
const MATCH_LENGTH_MIN = 2;
const MATCH_LENGTH_MAX = 16;
/** Places of a text that are compared for a guess, the nearest ones: common tokens stand everywhere. */
const PLACES_MAX = 256;

export type DraftLookupOptions = {
  /** Of the sequence's tokens, the first ones that are not output. */
  readonly promptLength: number;
  /** What the client expects the output to be; `null`: nothing. */
  readonly predictedTokenIds: Int32Array | null;
  /** The sequence's own tokens are looked through too. */
  readonly looksBack: boolean;
};

/** `tokenIds` from `next` to `end` follow tokens that the sequence ends with, `matchLength` of them. */
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
   * else, and keeps none of the arrays. Looks for the last token through all of them, and through the prediction; of each
   * `PLACES_MAX` places are compared.
   */
  guess(tokenIds: Int32Array, length: number, countMax: number, draft: Draft): void {
    draft.count = 0;
    const place = this.#place;
    place.matchLength = 0;
    const { predictedTokenIds, promptLength, looksBack } = this.#options;
    if (predictedTokenIds !== null) {
      this.#lookInPrediction(predictedTokenIds, tokenIds, length, length - promptLength);
    }
    if (looksBack) this.#lookBack(tokenIds, length);
    if (place.matchLength === 0) return;
    draft.isPredicted = place.tokenIds !== tokenIds;
    this.#copy(draft, Math.min(countMax, this.#countMax, draft.tokenIds.length));
    place.tokenIds = NO_DRAFT.tokenIds;
  }

  /** Behind a sequence's own end its guess goes on as it began: what repeats itself does so again. */
  #copy(draft: Draft, count: number): void {
    const { tokenIds, next, end } = this.#place;
    const known = end - next;
    for (; draft.count < count; draft.count++) {
      if (draft.count >= known && draft.isPredicted) return;
      draft.tokenIds[draft.count] =
        draft.count < known ? tokenIds[next + draft.count]! : draft.tokenIds[draft.count - known]!;
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

  /** The output begins as the prediction does; where it has left it, it comes back where tokens agree. */
  #lookInPrediction(predicted: Int32Array, tokenIds: Int32Array, length: number, outputLength: number): void {
    const keptLength = commonLength(predicted, outputLength, tokenIds, length, outputLength);
    const isKept = keptLength === Math.min(outputLength, MATCH_LENGTH_MAX);
    if (isKept && outputLength < predicted.length) {
      this.#take(predicted, predicted.length, outputLength, MATCH_LENGTH_MAX);
      return;
    }
    const last = tokenIds[length - 1]!;
    for (const at of placesAround(predicted, last, outputLength - 1)) {
      this.#compare(predicted, predicted.length, at + 1, tokenIds, length, outputLength);
      if (this.#place.matchLength === MATCH_LENGTH_MAX) return;
    }
  }

  /** The last place of the longest run that the sequence ends with. */
  #lookBack(tokenIds: Int32Array, length: number): void {
    const last = tokenIds[length - 1]!;
    let at = length - 1;
    for (let places = 0; places < PLACES_MAX && at > 0; places++) {
      at = tokenIds.lastIndexOf(last, at - 1);
      if (at < 0) return;
      this.#compare(tokenIds, length, at + 1, tokenIds, length, length);
      if (this.#place.matchLength === MATCH_LENGTH_MAX) return;
    }
  }

  /** Takes the place behind a run that is long enough, and longer than the one before, if something follows there. */
  #compare(
    text: Int32Array,
    end: number,
    next: number,
    tokenIds: Int32Array,
    length: number,
    lengthMax: number,
  ): void {
    if (next === end) return;
    const matchLength = commonLength(text, next, tokenIds, length, lengthMax);
    if (matchLength < Math.min(this.#matchLengthMin, lengthMax) || matchLength <= this.#place.matchLength)
      return;
    this.#take(text, end, next, matchLength);
  }

  #take(tokenIds: Int32Array, end: number, next: number, matchLength: number): void {
    const place = this.#place;
    place.tokenIds = tokenIds;
    place.end = end;
    place.next = next;
    place.matchLength = matchLength;
  }
}

/** Where a token stands, the places nearest to `around` first. */
function* placesAround(tokenIds: Int32Array, tokenId: number, around: number): Generator<number> {
  let before = around === 0 ? -1 : tokenIds.lastIndexOf(tokenId, around - 1);
  let behind = tokenIds.indexOf(tokenId, around);
  for (let places = 0; places < PLACES_MAX && (before >= 0 || behind >= 0); places++) {
    if (behind < 0 || (before >= 0 && around - before <= behind - around)) {
      yield before;
      before = before === 0 ? -1 : tokenIds.lastIndexOf(tokenId, before - 1);
    } else {
      yield behind;
      behind = tokenIds.indexOf(tokenId, behind + 1);
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
