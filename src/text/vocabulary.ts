/**
 * Token id -> bytes, for tokenizers whose decoder works token by token: byte-level BPE, and those in the manner
 * of sentencepiece (U+2581 for a space, `<0xNN>` for a byte). Built once; knows nothing of sequences.
 *
 * An added token's text is taken as it stands. (Hugging Face tokenizers pass it through the byte alphabet too,
 * which garbles letters between U+00A1 and U+0143 in it.)
 */

import { type DecoderRules, type LeadingSpaces, readDecoderRules } from './decoder-rules.ts';
import { modelVocabulary, readAddedTokens, type TokenizerFiles } from './tokenizer-files.ts';

const UNKNOWN = 0;
const WHOLE = 1;
const PART = 2;

const encoder = new TextEncoder();
const lossyDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strictDecoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

const NO_BYTES = new Uint8Array(0);
const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

export class Vocabulary {
  /** One more than the largest token id. A model's own vocabulary may be padded beyond it. */
  readonly size: number;
  readonly leadingSpaces: LeadingSpaces;
  readonly #bytes: Uint8Array;
  /** [size + 1] token id's bytes are `#bytes[start[id], start[id + 1])`. */
  readonly #start: Int32Array;
  readonly #special: Uint8Array;
  /** UNKNOWN, WHOLE or PART; decided when a token is first met. */
  readonly #wholeness: Uint8Array;
  readonly #texts: (string | undefined)[] = [];

  /** @throws StartupError when the files cannot be understood, or the decoder is of another kind. */
  constructor(files: TokenizerFiles) {
    const rules = readDecoderRules(files.tokenizerJson);
    const textById: string[] = [];
    for (const [text, id] of modelVocabulary(files.tokenizerJson)) textById[id] = text;
    const added = readAddedTokens(files);
    for (const token of added) textById[token.id] = token.content;

    this.size = textById.length;
    this.leadingSpaces = rules.leadingSpaces;
    this.#special = new Uint8Array(this.size);
    const isAdded = new Uint8Array(this.size);
    for (const token of added) {
      isAdded[token.id] = 1;
      if (token.special) this.#special[token.id] = 1;
    }
    this.#wholeness = new Uint8Array(this.size);
    this.#start = new Int32Array(this.size + 1);
    this.#bytes = packBytes(textById, isAdded, rules, this.#start);
  }

  /** Control tokens, which are not text. False for ids without a token. */
  isSpecial(tokenId: number): boolean {
    return this.#special[tokenId] === 1;
  }

  /** A view, not to be written to; empty for ids without a token. */
  bytesOf(tokenId: number): Uint8Array {
    if (!(tokenId >= 0 && tokenId < this.size)) return NO_BYTES;
    return this.#bytes.subarray(this.#start[tokenId]!, this.#start[tokenId + 1]!);
  }

  /** Whether the token's bytes are UTF-8 by themselves, so that its text does not depend on its neighbours. */
  isWhole(tokenId: number): boolean {
    const known = this.#wholeness[tokenId];
    if (known !== UNKNOWN) return known !== PART;
    const whole = isUtf8(this.bytesOf(tokenId));
    this.#wholeness[tokenId] = whole ? WHOLE : PART;
    return whole;
  }

  /** The token's bytes as text, alone; U+FFFD stands for what is no character by itself. */
  textOf(tokenId: number): string {
    const known = this.#texts[tokenId];
    if (known !== undefined) return known;
    const text = lossyDecoder.decode(this.bytesOf(tokenId));
    if (tokenId >= 0 && tokenId < this.size) this.#texts[tokenId] = text;
    return text;
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    strictDecoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** All tokens' bytes end to end; fills `start`. */
function packBytes(
  textById: readonly (string | undefined)[],
  isAdded: Uint8Array,
  rules: DecoderRules,
  start: Int32Array,
): Uint8Array {
  let unitCount = 0;
  for (const text of textById) unitCount += text?.length ?? 0;
  // No UTF-16 unit takes more than three bytes, also after the replacements, which only shorten.
  const bytes = new Uint8Array(3 * unitCount);
  let length = 0;
  for (let id = 0; id < textById.length; id++) {
    start[id] = length;
    const text = textById[id];
    if (text === undefined) continue;
    const target = bytes.subarray(length);
    if (isAdded[id] === 1) length += encoder.encodeInto(text, target).written;
    else if (rules.byteLevel) length += writeByteLevel(text, target);
    else length += writeSentencePiece(text, rules, target);
  }
  start[textById.length] = length;
  return bytes.slice(0, length);
}

/**
 * The byte alphabet of GPT-2: printable Latin-1 characters stand for their own byte; the other 68 bytes are, in
 * order, the characters from U+0100 on. [code point] -> byte, -1 where the alphabet has no such character.
 */
const BYTE_OF_CHARACTER = ((): Int16Array => {
  const table = new Int16Array(0x144).fill(-1);
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    table[printable ? byte : next++] = byte;
  }
  return table;
})();

function writeByteLevel(text: string, target: Uint8Array): number {
  for (let i = 0; i < text.length; i++) {
    const byte = BYTE_OF_CHARACTER[text.charCodeAt(i)] ?? -1;
    if (byte < 0) return encoder.encodeInto(text, target).written;
    target[i] = byte;
  }
  return text.length;
}

function writeSentencePiece(text: string, rules: DecoderRules, target: Uint8Array): number {
  const byte = rules.byteFallback ? BYTE_TOKEN.exec(text) : null;
  if (byte !== null) {
    target[0] = Number.parseInt(byte[1]!, 16);
    return 1;
  }
  let decoded = text;
  for (const { pattern, content } of rules.replacements) decoded = decoded.replaceAll(pattern, content);
  return encoder.encodeInto(decoded, target).written;
}
