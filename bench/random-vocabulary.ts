/**
 * A byte-level BPE tokenizer of any size, made up: words of likely letters, with and without a leading space, digits,
 * runs of punctuation and blanks, letters of several bytes. Nobody's text compresses well with it, but
 * tokenising, detokenising and token masks meet the sizes and the kinds of token that a trained one has. Pure.
 */

import { randomAt } from '../src/base/random.ts';

const BYTE_COUNT = 256;
const TOKEN_CHARACTERS_MAX = 16;

/** How often a token of a kind is made, what it begins with and what it grows by. */
type Kind = { readonly share: number; readonly starts: string; readonly grows: string };

const LETTERS = 'eeeeeeetttttaaaaoooooiiiinnnnsssshhhrrrrddllluuccmmwffggyyppbbvkjxqz';
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** The space's character in GPT-2's byte alphabet; the line feed's is U+010A. */
const SPACE = 'Ġ';
const KINDS: readonly Kind[] = [
  { share: 0.5, starts: SPACE, grows: LETTERS },
  { share: 0.28, starts: LETTERS, grows: LETTERS },
  { share: 0.07, starts: CAPITALS, grows: LETTERS },
  { share: 0.03, starts: CAPITALS, grows: CAPITALS },
  { share: 0.04, starts: '"{}[]()<>=:;,./*-_#', grows: '"{}[]()<>=:;,./*-_#' },
  { share: 0.01, starts: `${SPACE}Ċ`, grows: SPACE },
  // Cyrillic and Chinese letters, byte by byte: U+00D0, U+00D1 lead two bytes, U+00E4 to U+00E9 three.
  { share: 0.07, starts: 'ÐÑäåæçèé', grows: '°±²³´µ¶·¸¹º»¼½¾¿' },
];

/** GPT-2's byte alphabet: printable bytes stand for themselves, the others for characters from U+0100 on. */
function byteAlphabet(): readonly string[] {
  let next = 0x100;
  return Array.from({ length: BYTE_COUNT }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    return String.fromCharCode(printable ? byte : next++);
  });
}

export type RandomVocabulary = {
  /** [size] token texts in the byte alphabet, by id. */
  readonly tokens: readonly string[];
  /** Of each token beyond the bytes, the two that it is merged from, in order of rank. */
  readonly merges: readonly (readonly [string, string])[];
};

/** Tokens grow from shorter ones by one character, so every one of them can be reached by merges. */
export function randomVocabulary(size: number, seed: number): RandomVocabulary {
  const tokens = [...byteAlphabet()];
  const merges: (readonly [string, string])[] = [];
  const known = new Set(tokens);
  const byKind = KINDS.map(({ starts }) => [...starts]);
  for (let draw = 0; tokens.length < size; draw += 3) {
    const kind = kindAt(randomAt(seed, draw));
    const candidates = byKind[kind]!;
    const { grows } = KINDS[kind]!;
    const left = candidates[Math.floor(randomAt(seed, draw + 1) * candidates.length)]!;
    const right = grows[Math.floor(randomAt(seed, draw + 2) * grows.length)]!;
    const merged = left + right;
    if (merged.length > TOKEN_CHARACTERS_MAX || known.has(merged)) continue;
    known.add(merged);
    tokens.push(merged);
    merges.push([left, right]);
    candidates.push(merged);
  }
  return { tokens: tokens.slice(0, size), merges };
}

function kindAt(uniform: number): number {
  let rest = uniform;
  for (const [index, { share }] of KINDS.entries()) {
    if (rest < share) return index;
    rest -= share;
  }
  return 0;
}

/** `tokenizer.json` and `tokenizer_config.json` in Qwen 2's manner; the special tokens follow the others. */
export function tokenizerFiles({ tokens, merges }: RandomVocabulary, specialTokens: readonly string[]) {
  const added = specialTokens.map((content, index) => ({
    id: tokens.length + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((text, id) => [text, id])),
      merges,
    },
  };
  const tokenizerConfig = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: specialTokens.at(-1),
    pad_token: specialTokens[0],
    bos_token: null,
    unk_token: null,
    clean_up_tokenization_spaces: false,
    chat_template: CHAT_TEMPLATE,
  };
  return { tokenizer, tokenizerConfig };
}

const WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const CHAT_TEMPLATE =
  "{%- for message in messages -%}{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}";
