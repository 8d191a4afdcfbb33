/**
 * Text to token ids, over `@huggingface/tokenizers`. The library's normaliser, pre-tokeniser and model do the
 * work; recognising added tokens is ours, for two reasons: the library cannot be told to read a special token's
 * text as plain text, and it numbers the sections between added tokens in a way that is lost when they are
 * encoded one by one. Where its parts differ from Hugging Face tokenizers, `tokenizer-repairs.ts` puts others in
 * their place. The library's types do not resolve under `nodenext`, hence the small interface below.
 *
 * One difference from Hugging Face tokenizers is meant: a special token is looked for in the text as it is, also
 * where it is marked `normalized`. It shows only with a normaliser that changes the token's own text.
 */

import { Tokenizer as LibraryTokenizerClass } from '@huggingface/tokenizers';
import { StartupError } from '../base/errors.ts';
import { PIECE_CHARACTERS_MAX } from '../base/limits.ts';
import { type AddedTokenMatch, AddedTokenMatcher } from './added-token-matcher.ts';
import {
  type AddedToken,
  modelVocabulary,
  type NamedSpecialTokens,
  readAddedTokens,
  readNamedSpecialTokens,
  readTextEnds,
  requireObject,
  type TokenizerFiles,
} from './tokenizer-files.ts';
import {
  type LibraryModel,
  type LibraryPreTokenizer,
  repairedPreTokenizer,
  withByteFallback,
  withFirstPiece,
} from './tokenizer-repairs.ts';

type LibraryTokenizer = {
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: LibraryPreTokenizer | null;
  readonly model: LibraryModel;
  readonly post_processor:
    | ((tokens: readonly string[], pair: null, addSpecialTokens: boolean) => { tokens: string[] })
    | null;
};

export type EncodeOptions = {
  /** Adds what the checkpoint puts around a text, usually the beginning-of-text token. */
  readonly addSpecialTokens: boolean;
  /** Whether a special token's text in the input becomes that token; if not, it is tokenised as text. */
  readonly parseSpecialTokens: boolean;
  /** Ascending indices into the text that no special token may span; see `ChatTemplate.render`. */
  readonly breaks?: readonly number[];
  /** The text goes on from another: what is put before a first word (a space, mostly) is not put before it. */
  readonly continuesText?: boolean;
  /** Once more tokens than this are found, the rest of the text is not looked at. */
  readonly tokenCountMax?: number;
};

const NO_BREAKS: readonly number[] = [];
/** Pieces that the model is given at once: between them it is checked whether there are too many tokens. */
const PIECES_PER_CALL = 1024;
/** Before a U+2581 (a space, in the manner of sentencepiece) that follows something else. */
const WORD_BORDER = /(?<=[^\u2581])(?=\u2581)/u;
/** Stands for the text when the post-processor is asked what it puts around it. */
const TEXT_PROBE = '\u0000text\u0000';
/** As errors call it. */
const POST_PROCESSOR = 'the post-processor of tokenizer.json';

type Output = { readonly ids: number[]; readonly countMax: number; readonly continuesText: boolean };

export class Tokenizer {
  readonly addedTokens: readonly AddedToken[];
  readonly namedSpecialTokens: NamedSpecialTokens;
  readonly #library: LibraryTokenizer;
  readonly #rawMatcher: AddedTokenMatcher;
  readonly #normalizedMatcher: AddedTokenMatcher;
  readonly #specialIds: ReadonlySet<number>;
  readonly #splitsWords: boolean;
  /** False for a model that merges whole texts: there, a long piece says nothing. */
  readonly #hasPieces: boolean;
  readonly #piecesPerCall: number;
  /** Characters that one token stands for at most, a normaliser aside. */
  readonly #longestToken: number;
  /** What the normaliser puts before a text. */
  readonly #prepended: string;
  readonly #prefixIds: readonly number[];
  readonly #suffixIds: readonly number[];

  /** @throws StartupError when the files cannot be understood. */
  constructor(files: TokenizerFiles) {
    this.#library = openLibrary(files);
    this.addedTokens = readAddedTokens(files);
    this.namedSpecialTokens = readNamedSpecialTokens(files.tokenizerConfig);

    const { normalizer, model } = this.#library;
    const afterNormalizing = (token: AddedToken): boolean => token.normalized && !token.special;
    this.#rawMatcher = new AddedTokenMatcher(this.addedTokens.filter((token) => !afterNormalizing(token)));
    this.#normalizedMatcher = new AddedTokenMatcher(this.addedTokens.filter(afterNormalizing), (token) =>
      normalizer === null ? token.content : normalizer(token.content),
    );
    const specialIds = this.addedTokens.filter((token) => token.special).map((token) => token.id);
    this.#specialIds = new Set(specialIds.filter((id) => id !== model.unk_token_id));
    this.#splitsWords = keepsWordsApart(files.tokenizerJson);
    this.#hasPieces = this.#splitsWords || this.#library.pre_tokenizer !== null;
    // Unknown characters in a row become one token, also those of different pieces.
    this.#piecesPerCall = model.fuse_unk && model.byte_fallback !== true ? Infinity : PIECES_PER_CALL;
    this.#longestToken = longestOf(model.tokens_to_ids.keys(), this.addedTokens);
    this.#prepended = normalizer === null ? '' : normalizer('a').slice(0, -1);
    const processed = this.#processedEnds();
    const { before, after } = readTextEnds(files.tokenizerConfig);
    this.#prefixIds = this.#idsOf(before ?? processed.before, before ? 'add_bos_token' : POST_PROCESSOR);
    this.#suffixIds = this.#idsOf(after ?? processed.after, after ? 'add_eos_token' : POST_PROCESSOR);
  }

  /** Texts of all special tokens. */
  get specialTokenTexts(): readonly string[] {
    return this.addedTokens.filter((token) => token.special).map((token) => token.content);
  }

  /** The id of the token whose text, as the vocabulary writes it, is `text`; `null` when there is none. */
  tokenId(text: string): number | null {
    const added = this.addedTokens.find((token) => token.content === text);
    return added?.id ?? this.#library.model.tokens_to_ids.get(text) ?? null;
  }

  /** Synchronous; takes about 1 ms for a KB of text, and up to 12 ms for a KB without any word border. */
  encode(text: string, options: EncodeOptions): Int32Array {
    const lengthMax = ((options.tokenCountMax ?? Infinity) + 1) * this.#longestToken;
    if (text.length > lengthMax) {
      // So much text is too many tokens for certain, unless a normaliser shortens it: its beginning tells.
      const ids = this.#encodeAll(text.slice(0, lengthMax), options);
      if (ids.length > options.tokenCountMax!) return ids;
    }
    return this.#encodeAll(text, options);
  }

  #encodeAll(text: string, options: EncodeOptions): Int32Array {
    const ids: number[] = options.addSpecialTokens ? [...this.#prefixIds] : [];
    const matches = this.#rawMatcher.find(text, {
      parseSpecialTokens: options.parseSpecialTokens,
      breaks: options.breaks ?? NO_BREAKS,
    });
    const { tokenCountMax: countMax = Infinity, continuesText = false } = options;
    forEachSection(text, matches, (section, start, token) => {
      if (token !== null) ids.push(token.id);
      else if (ids.length <= countMax) this.#encodeSection(section, start, { ids, countMax, continuesText });
    });
    if (options.addSpecialTokens) ids.push(...this.#suffixIds);
    return Int32Array.from(ids);
  }

  /** `start`: where the section lies in the whole text; a leading space is added to the very first one only. */
  #encodeSection(section: string, start: number, output: Output): void {
    const { normalizer } = this.#library;
    let normalized = normalizer === null ? section : normalizer(section);
    const isFirst = start === 0 && !output.continuesText;
    if (start === 0 && !isFirst && normalized.startsWith(this.#prepended)) {
      normalized = normalized.slice(this.#prepended.length);
    }
    const matches = this.#normalizedMatcher.find(normalized, {
      parseSpecialTokens: false,
      breaks: NO_BREAKS,
    });
    forEachSection(normalized, matches, (text, offset, token) => {
      if (token === null) this.#encodePlain(text, isFirst && offset === 0 ? 0 : 1, output);
      else output.ids.push(token.id);
    });
  }

  #encodePlain(text: string, sectionIndex: number, { ids, countMax }: Output): void {
    const { pre_tokenizer, model } = this.#library;
    let pieces = pre_tokenizer === null ? [text] : pre_tokenizer(text, { section_index: sectionIndex });
    if (this.#splitsWords) pieces = pieces.flatMap((piece) => piece.split(WORD_BORDER));
    if (this.#hasPieces && text.length > PIECE_CHARACTERS_MAX) pieces = pieces.flatMap(cutLongPiece);
    for (let from = 0; from < pieces.length && ids.length <= countMax; from += this.#piecesPerCall) {
      const isAll = from === 0 && pieces.length <= this.#piecesPerCall;
      for (const token of model(isAll ? pieces : pieces.slice(from, from + this.#piecesPerCall))) {
        this.#pushToken(token, ids);
      }
    }
  }

  #pushToken(token: string, ids: number[]): void {
    const { model } = this.#library;
    const id = model.tokens_to_ids.get(token) ?? model.unk_token_id;
    if (id === undefined) return;
    if (this.#specialIds.has(id)) this.#spellOut(token, ids);
    else ids.push(id);
  }

  /**
   * The model itself arrived at a special token, which can be where the special token is in its own vocabulary
   * (Unigram, or BPE with `ignore_merges`). The text is then taken character by character.
   */
  #spellOut(token: string, ids: number[]): void {
    const { model } = this.#library;
    for (const part of model(Array.from(token))) {
      const id = model.tokens_to_ids.get(part) ?? model.unk_token_id;
      if (id !== undefined && !this.#specialIds.has(id)) ids.push(id);
    }
  }

  #processedEnds(): { readonly before: readonly string[]; readonly after: readonly string[] } {
    const { post_processor } = this.#library;
    if (post_processor === null) return { before: [], after: [] };
    const { tokens } = post_processor([TEXT_PROBE], null, true);
    const textIndex = tokens.indexOf(TEXT_PROBE);
    return { before: tokens.slice(0, textIndex), after: tokens.slice(textIndex + 1) };
  }

  #idsOf(texts: readonly string[], who: string): readonly number[] {
    return texts.map((text) => {
      const id = this.tokenId(text);
      if (id === null) throw new StartupError(`${who} adds '${text}', which is no token`);
      return id;
    });
  }
}

/**
 * The library is given no added tokens at all: it would put them into the model's own vocabulary, where plain text
 * could meet them.
 */
function openLibrary(files: TokenizerFiles): LibraryTokenizer {
  const tokenizerJson = requireObject(files.tokenizerJson, 'tokenizer.json');
  const {
    type: modelType,
    vocab,
    byte_fallback,
  } = requireObject(tokenizerJson['model'], 'model of tokenizer.json');
  if (modelType !== undefined && modelType !== 'BPE' && modelType !== 'Unigram') {
    throw new StartupError(`tokenizer model '${String(modelType)}' is not supported; BPE and Unigram are`);
  }
  const complete = {
    normalizer: null,
    post_processor: null,
    decoder: null,
    ...tokenizerJson,
    pre_tokenizer: repairedPreTokenizer(tokenizerJson['pre_tokenizer'] ?? null),
    added_tokens: [],
  };
  try {
    const config = files.tokenizerConfig ?? {};
    const library = new LibraryTokenizerClass(complete, config) as unknown as LibraryTokenizer;
    const { normalizer, model, post_processor } = library;
    const pre_tokenizer = library.pre_tokenizer === null ? null : withFirstPiece(library.pre_tokenizer);
    const isUnigram = Array.isArray(vocab);
    const repaired = isUnigram && byte_fallback === true ? withByteFallback(model) : model;
    return { normalizer, pre_tokenizer, model: repaired, post_processor };
  } catch (error) {
    throw new StartupError(`tokenizer.json cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Whether no token of a BPE model reaches from the inside of one word into the next. Then words can be tokenised
 * one by one with the same result, which is many times faster than a whole text as one piece: merging is not
 * linear, and the library remembers words that it has seen.
 */
function keepsWordsApart(tokenizerJson: unknown): boolean {
  const model = requireObject(
    requireObject(tokenizerJson, 'tokenizer.json')['model'],
    'model of tokenizer.json',
  );
  const affixes = [
    model['end_of_word_suffix'],
    model['continuing_subword_prefix'],
    model['continuing_subword_suffix'],
  ];
  if (
    model['type'] !== 'BPE' ||
    affixes.some((affix) => affix !== undefined && affix !== null && affix !== '')
  ) {
    return false;
  }
  let spaceSeen = false;
  for (const [text] of modelVocabulary(tokenizerJson)) {
    if (!text.includes('\u2581')) continue;
    spaceSeen = true;
    if (WORD_BORDER.test(text)) return false;
  }
  return spaceSeen;
}

/** Calls `visit` for each stretch of text and each matched token, in order; empty stretches are left out. */
function forEachSection(
  text: string,
  matches: readonly AddedTokenMatch[],
  visit: (section: string, start: number, token: AddedToken | null) => void,
): void {
  let position = 0;
  for (const match of matches) {
    if (match.start > position) visit(text.slice(position, match.start), position, null);
    visit(text.slice(match.start, match.end), match.start, match.token);
    position = match.end;
  }
  if (position < text.length) visit(text.slice(position), position, null);
}

/**
 * A piece is merged as a whole, between two looks at the count. One beyond the bound is no word of any language, and is
 * cut: the text stays the same, its tokens at the cuts may be others than the uncut piece would have.
 */
function cutLongPiece(piece: string): string | string[] {
  if (piece.length <= PIECE_CHARACTERS_MAX) return piece;
  const parts: string[] = [];
  for (let from = 0; from < piece.length; ) {
    const end = from + PIECE_CHARACTERS_MAX;
    const splitsPair = /[\uD800-\uDBFF]/.test(piece[end - 1]!);
    parts.push(piece.slice(from, splitsPair ? end - 1 : end));
    from += parts.at(-1)!.length;
  }
  return parts;
}

function longestOf(tokens: Iterable<string>, added: readonly AddedToken[]): number {
  let longest = 1;
  for (const token of tokens) longest = Math.max(longest, token.length);
  for (const { content } of added) longest = Math.max(longest, content.length);
  return longest;
}
