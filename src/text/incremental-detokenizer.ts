/**
 * One sequence's tokens -> text that can be shown at once. Holds back only the bytes of a character that has
 * begun and may still be completed; never half a character. All deltas end to end are the text of all bytes.
 */

import type { Vocabulary } from './vocabulary.ts';

/** A UTF-8 character has at most this many bytes, so at most one less are held back. */
const CHARACTER_BYTES_MAX = 4;

const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

export type DetokenizerOptions = {
  /**
   * Takes off the space that models in the manner of sentencepiece put before the first word. Right for an
   * answer; wrong for the continuation of a text, where that space separates.
   */
  readonly stripLeadingSpaces: boolean;
  /** Special tokens that are text all the same; none by default. */
  readonly shownTokenIds?: ReadonlySet<number>;
  /**
   * Once a character is broken, so many bytes are decoded at once, for whoever wants the whole text: it takes about as long
   * to decode them as one.
   */
  readonly bytesAtOnce?: number;
};

export class IncrementalDetokenizer {
  readonly #vocabulary: Vocabulary;
  /** Bytes held back, in the first `#pendingLength` places. */
  #pending = new Uint8Array(64);
  #pendingLength = 0;
  #spacesToStrip: number;
  readonly #shownTokenIds: ReadonlySet<number> | undefined;
  readonly #bytesAtOnce: number;

  constructor(vocabulary: Vocabulary, options: DetokenizerOptions) {
    this.#vocabulary = vocabulary;
    this.#spacesToStrip = options.stripLeadingSpaces ? vocabulary.leadingSpaces.count : 0;
    this.#shownTokenIds = options.shownTokenIds;
    this.#bytesAtOnce = options.bytesAtOnce ?? 0;
  }

  /** @returns the text that `tokenId` completes; empty for special tokens that are not shown. */
  push(tokenId: number): string {
    const vocabulary = this.#vocabulary;
    if (vocabulary.isSpecial(tokenId) && this.#shownTokenIds?.has(tokenId) !== true) return '';
    if (this.#pendingLength === 0 && vocabulary.isWhole(tokenId)) {
      const text = vocabulary.textOf(tokenId);
      return this.#spacesToStrip === 0 ? text : this.#strip(text);
    }
    this.#append(vocabulary.bytesOf(tokenId));
    // Spaces may be those of one token alone.
    if (this.#pendingLength < this.#bytesAtOnce && this.#spacesToStrip === 0) return '';
    const held = incompleteTail(this.#pending, this.#pendingLength);
    return this.#take(this.#pendingLength - held);
  }

  /** The sequence has ended: what is still held back can only be a broken character, U+FFFD. */
  flush(): string {
    return this.#take(this.#pendingLength);
  }

  #append(bytes: Uint8Array): void {
    const length = this.#pendingLength + bytes.length;
    if (length > this.#pending.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#pending.subarray(0, this.#pendingLength));
      this.#pending = larger;
    }
    this.#pending.set(bytes, this.#pendingLength);
    this.#pendingLength = length;
  }

  #take(length: number): string {
    if (length === 0) return '';
    const text = lossyDecoder.decode(this.#pending.subarray(0, length));
    this.#pending.copyWithin(0, length, this.#pendingLength);
    this.#pendingLength -= length;
    return this.#spacesToStrip === 0 ? text : this.#strip(text);
  }

  #strip(text: string): string {
    let count = 0;
    while (count < this.#spacesToStrip && text.charCodeAt(count) === 0x20) count++;
    const ended = count < text.length || this.#vocabulary.leadingSpaces.firstTokenOnly;
    this.#spacesToStrip = ended ? 0 : this.#spacesToStrip - count;
    return text.slice(count);
  }
}

/** Bytes at the end of `bytes[0, length)` that begin a character and do not yet complete it; 0 to 3. */
function incompleteTail(bytes: Uint8Array, length: number): number {
  for (let back = 1; back < CHARACTER_BYTES_MAX && back <= length; back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    return characterLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Of the character that `lead` begins; 1 for what begins none. RFC 3629, section 4. */
function characterLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 1;
}
