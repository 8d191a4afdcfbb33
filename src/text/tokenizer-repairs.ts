/**
 * What the library that tokenises does otherwise than Hugging Face tokenizers, put right before it is used: its
 * pre-tokenizers are written anew with those that it does right, and unknown characters of Unigram become bytes.
 * Its `Split` does as it should where it keeps matches and gaps as they are (`Isolated`), or matches alone (`Removed`,
 * inverted); its regular expressions are those of Hugging Face tokenizers, `\s` too. Everything else is put into these.
 */

import { StartupError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json-object.ts';

export type LibraryModel = ((pieces: readonly string[]) => string[]) & {
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id: number | undefined;
  readonly fuse_unk: boolean;
  readonly byte_fallback?: boolean;
  /** The same without joining unknown tokens. */
  readonly encode: (pieces: readonly string[]) => string[];
};

/** Steps of a sequence are objects with the fields of their description. */
export type LibraryPreTokenizer = ((text: string, options: { section_index: number }) => string[]) & {
  readonly tokenizers?: readonly (LibraryPreTokenizer | null)[];
  readonly prepend_scheme?: string;
};

const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const PUNCTUATION = String.raw`[\p{P}\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E]`;
/** `\w` of Rust's expressions; Oniguruma's, which the library follows, has some fractions and powers too. */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200C\u200D`;

/** `\R` of Oniguruma, which gives nothing of a carriage return with its line feed back. */
const LINE_BREAK = String.raw`(?:\r\n|\r(?!\n)|[\n\x0B\x0C\u0085\u2028\u2029])`;
const WORDS = splitBy('\\S+', 'Removed', true);
/** What separates words in the manner of sentencepiece. */
const METASPACE = '\u2581';

/** @throws StartupError for a way of splitting that there is not, or that cannot be put right. */
export function repairedPreTokenizer(described: unknown): unknown {
  if (!isJsonObject(described)) return described;
  switch (described['type']) {
    case 'Sequence': {
      const parts = described['pretokenizers'];
      return { ...described, pretokenizers: Array.isArray(parts) ? parts.map(repairedPreTokenizer) : parts };
    }
    case 'Split':
      return repairedSplit(described);
    case 'Punctuation':
      return splitBy(PUNCTUATION, String(described['behavior'] ?? 'Isolated'), false);
    case 'Digits':
      return splitBy(described['individual_digits'] === true ? '\\p{N}' : '\\p{N}+', 'Isolated', false);
    case 'Whitespace':
      return splitBy(String.raw`[${WORD}]+|[^${WORD}\s]+`, 'Removed', true);
    case 'WhitespaceSplit':
      return WORDS;
    case 'BertPreTokenizer':
      return { type: 'Sequence', pretokenizers: [WORDS, splitBy(PUNCTUATION, 'Isolated', false)] };
    case 'Metaspace':
      return repairedMetaspace(described);
    case 'ByteLevel':
      return repairedByteLevel(described);
    default:
      return described;
  }
}

/** The library puts in what stands for spaces, and leaves out to cut there. */
function repairedMetaspace(described: JsonObject): unknown {
  if (described['split'] === false) return described;
  const { replacement = METASPACE } = described;
  const split = { type: 'Split', pattern: { String: replacement }, behavior: 'MergedWithNext' };
  return { type: 'Sequence', pretokenizers: [described, repairedSplit(split)] };
}

/**
 * A pre-tokenizer that puts what stands for a space before the piece where the text begins, if the step is for the `first`
 * alone; behind another step the library puts it before all pieces.
 */
export function withFirstPiece(preTokenizer: LibraryPreTokenizer): LibraryPreTokenizer {
  const steps = stepsOf(preTokenizer);
  if (!steps.slice(1).some(({ prepend_scheme }) => prepend_scheme === 'first')) return preTokenizer;
  return (text, { section_index }) => {
    let pieces = [text];
    let isFirst = section_index === 0;
    for (const step of steps) {
      const [first, ...others] = pieces.map((piece, index) =>
        step(piece, { section_index: isFirst && index === 0 ? 0 : 1 }),
      );
      isFirst &&= first !== undefined && keepsStart(pieces[0]!, first);
      pieces = [...(first ?? []), ...others.flat()];
    }
    return pieces;
  };
}

function stepsOf(preTokenizer: LibraryPreTokenizer): readonly LibraryPreTokenizer[] {
  const { tokenizers } = preTokenizer;
  if (tokenizers === undefined) return [preTokenizer];
  return tokenizers.flatMap((step) => (step === null ? [] : stepsOf(step)));
}

/**
 * Whether what a text was cut into begins where the text does: a step may leave its beginning out. What it left out is taken
 * for the beginning where it begins in the same way and is longer (`ab` of `aba`).
 */
function keepsStart(text: string, pieces: readonly string[]): boolean {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return length >= text.length || (pieces.length > 0 && text.startsWith(pieces[0]!));
}

/** The library's own cutting takes U+FEFF for white space, and U+0085 for none. */
function repairedByteLevel(described: JsonObject): unknown {
  if (described['use_regex'] === false) return described;
  // What it puts before a piece that does not begin with it, and in place of spaces, is a space.
  const space = { type: 'Metaspace', replacement: ' ', prepend_scheme: 'always' };
  return {
    type: 'Sequence',
    pretokenizers: [
      ...(described['add_prefix_space'] === true ? [space] : []),
      splitBy(GPT2_WORDS, 'Isolated', false),
      { ...described, add_prefix_space: false, use_regex: false },
    ],
  };
}

function repairedSplit(described: JsonObject): unknown {
  const pattern = isJsonObject(described['pattern']) ? described['pattern'] : {};
  const { Regex: regex, String: text } = pattern;
  const source = typeof text === 'string' ? text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : regex;
  if (typeof source !== 'string') throw new StartupError('a Split of tokenizer.json has no pattern');
  return splitBy(withLineBreaks(source), String(described['behavior']), described['invert'] === true);
}

/** The library does not know `\R`, which in a class is the letter. */
function withLineBreaks(source: string): string {
  let depth = 0;
  return source.replace(/\\[\s\S]|[[\]]/g, (found) => {
    if (found === '[') depth++;
    else if (found === ']') depth = Math.max(depth - 1, 0);
    else if (found === '\\R') return depth > 0 ? 'R' : LINE_BREAK;
    return found;
  });
}

/** @param isInverted whether what lies between the matches counts as matches; each match stays one of its own. */
function splitBy(source: string, behavior: string, isInverted: boolean): unknown {
  const split = (regex: string, name = 'Isolated', invert = false): unknown => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior: name,
    invert,
  });
  switch (behavior) {
    case 'Isolated':
      return split(source);
    case 'Contiguous':
      return split(`(?:${source})+`);
    case 'Removed':
      if (!isInverted) requireNoGroups(source);
      return split(source, 'Removed', isInverted);
    case 'MergedWithPrevious':
      return split(isInverted ? matchAndGap(source) : gapAndMatch(source));
    case 'MergedWithNext':
      return split(isInverted ? gapAndMatch(source) : matchAndGap(source));
    default:
      throw new StartupError(`tokenizer.json splits by the behavior '${behavior}', which is not supported`);
  }
}

/** The end of the text stands beside the match so that a text without one is looked through once only. */
function gapAndMatch(source: string): string {
  return `(?:.|\\n)*?(?:${source}|\\z)`;
}

function matchAndGap(source: string): string {
  requireNoGroups(source);
  return `(?:${source})(?:.|\\n)*?(?=${source}|\\z)`;
}

/** Splitting by an expression gives its groups back too, and an expression that stands twice has them twice. */
function requireNoGroups(source: string): void {
  const bare = source.replace(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]/g, '');
  if (!/\((?!\?)|\(\?<(?![=!])/.test(bare)) return;
  throw new StartupError(
    `tokenizer.json takes apart or joins by ${source}, which has capturing groups; this is not supported`,
  );
}

/**
 * A Unigram model that spells characters outside of its vocabulary by their bytes, where all of these are tokens. The
 * text of the unknown token itself is spelled as well: it is text where the model meets it.
 */
export function withByteFallback(model: LibraryModel): LibraryModel {
  const encoder = new TextEncoder();
  const isUnknown = (token: string): boolean => {
    const id = model.tokens_to_ids.get(token);
    return id === undefined || id === model.unk_token_id;
  };
  const spelled = (token: string): readonly string[] => {
    const bytes = Array.from(encoder.encode(token), byteToken);
    return bytes.every((byte) => model.tokens_to_ids.has(byte)) ? bytes : [token];
  };
  const encodePiece = (piece: string): readonly string[] =>
    joinedRuns(model.encode([piece]), isUnknown).flatMap((token) =>
      isUnknown(token) ? spelled(token) : token,
    );
  const encode = (pieces: readonly string[]): string[] => pieces.flatMap(encodePiece);
  const { tokens_to_ids, unk_token_id } = model;
  return Object.assign(encode, { tokens_to_ids, unk_token_id, fuse_unk: false, byte_fallback: true, encode });
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/** Tokens in a row that `joins` holds for become one: its bytes are all there, or it is unknown as a whole. */
function joinedRuns(tokens: readonly string[], joins: (token: string) => boolean): string[] {
  const joined: string[] = [];
  let isRun = false;
  for (const token of tokens) {
    const isPart = joins(token);
    if (isPart && isRun) joined[joined.length - 1] += token;
    else joined.push(token);
    isRun = isPart;
  }
  return joined;
}
