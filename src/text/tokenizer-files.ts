/**
 * Reads what the rest of this room needs out of a parsed `tokenizer.json` and `tokenizer_config.json`: added
 * tokens, named special tokens, the chat template's source. Pure functions over parsed JSON; whoever calls reads
 * the files. The shapes are those that Hugging Face tokenizers 0.23 and transformers 5 write, and older ones.
 */

import { StartupError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json-object.ts';

/** The two files as parsed JSON, the latter by `withSpecialTokens`. A checkpoint without it gives `{}`. */
export type TokenizerFiles = {
  readonly tokenizerJson: unknown;
  readonly tokenizerConfig: unknown;
};

/** A token that is recognised in text before anything else is done with it. */
export type AddedToken = {
  readonly id: number;
  readonly content: string;
  /** A control token: it has a meaning to the model, is not text, and is left out of the output. */
  readonly special: boolean;
  /** Recognised only where no letter, digit or underscore touches it. */
  readonly singleWord: boolean;
  /** Takes the white space before it, or after it, with it. */
  readonly leftStrip: boolean;
  readonly rightStrip: boolean;
  /** Recognised in normalised text instead of the text as it is. */
  readonly normalized: boolean;
};

/** By the name that templates know them under: `bos_token`, `eos_token`, … */
export type NamedSpecialTokens = { readonly [name: string]: string };

export const NAMED_TOKENS = [
  'bos_token',
  'eos_token',
  'unk_token',
  'sep_token',
  'pad_token',
  'cls_token',
  'mask_token',
] as const;

/** @throws StartupError when `value` is not a JSON object; `what` names it in the message. */
export function requireObject(value: unknown, what: string): JsonObject {
  if (!isJsonObject(value)) throw new StartupError(`${what} is not a JSON object`);
  return value;
}

/**
 * `tokenizer_config.json` with what `special_tokens_map.json` says beside it: that is where transformers kept special
 * tokens until 2023, and it goes before the other file unless that lists its added tokens, as all have done since.
 */
export function withSpecialTokens(tokenizerConfig: JsonObject, specialTokensMap: JsonObject): JsonObject {
  return 'added_tokens_decoder' in tokenizerConfig
    ? tokenizerConfig
    : { ...tokenizerConfig, ...specialTokensMap };
}

/** A token is written as its text, or as an object that holds it under `content`. */
function tokenText(value: unknown): string | null {
  const text = isJsonObject(value) ? value['content'] : value;
  return typeof text === 'string' && text !== '' ? text : null;
}

/** Special tokens that `tokenizer_config.json` gives a name; those that it sets to null are left out. */
export function readNamedSpecialTokens(tokenizerConfig: unknown): NamedSpecialTokens {
  const named: Record<string, string> = {};
  if (!isJsonObject(tokenizerConfig)) return named;
  for (const name of NAMED_TOKENS) {
    const text = tokenText(tokenizerConfig[name]);
    if (text !== null) named[name] = text;
  }
  return named;
}

/** What `tokenizer_config.json` puts around a text; `null`: it leaves that to the post-processor of `tokenizer.json`. */
export type TextEnds = {
  readonly before: readonly string[] | null;
  readonly after: readonly string[] | null;
};

/** Those of transformers 4 that write their post-processor anew when they read a checkpoint; version 5 writes no such switch. */
const SWITCHED_CLASSES: readonly unknown[] = [
  'LlamaTokenizer',
  'LlamaTokenizerFast',
  'CodeLlamaTokenizer',
  'CodeLlamaTokenizerFast',
];

/**
 * `add_bos_token` and `add_eos_token` of the class of tokenizers that obeys them. DeepSeek's distilled models have the
 * former, and a post-processor that adds nothing.
 */
export function readTextEnds(tokenizerConfig: unknown): TextEnds {
  const config = isJsonObject(tokenizerConfig) ? tokenizerConfig : {};
  const isSwitched = SWITCHED_CLASSES.includes(config['tokenizer_class']);
  const named = readNamedSpecialTokens(config);
  const end = (flag: unknown, token: string | undefined): readonly string[] | null => {
    if (!isSwitched || typeof flag !== 'boolean') return null;
    if (!flag) return [];
    return token === undefined ? null : [token];
  };
  return {
    before: end(config['add_bos_token'], named['bos_token']),
    after: end(config['add_eos_token'], named['eos_token']),
  };
}

/** Every text that `tokenizer_config.json` declares special, named or not. */
function declaredSpecialTexts(tokenizerConfig: unknown): Set<string> {
  const texts = new Set(Object.values(readNamedSpecialTokens(tokenizerConfig)));
  if (!isJsonObject(tokenizerConfig)) return texts;
  for (const key of ['additional_special_tokens', 'extra_special_tokens']) {
    const list = tokenizerConfig[key];
    const entries = isJsonObject(list) ? Object.values(list) : Array.isArray(list) ? list : [];
    for (const entry of entries) {
      const text = tokenText(entry);
      if (text !== null) texts.add(text);
    }
  }
  return texts;
}

function addedToken(id: unknown, entry: JsonObject, declared: ReadonlySet<string>): AddedToken | null {
  const content = tokenText(entry);
  if (content === null || typeof id !== 'number' || !Number.isInteger(id) || id < 0) return null;
  return {
    id,
    content,
    special: entry['special'] === true || declared.has(content),
    singleWord: entry['single_word'] === true,
    leftStrip: entry['lstrip'] === true,
    rightStrip: entry['rstrip'] === true,
    normalized: entry['normalized'] === true,
  };
}

/**
 * Added tokens of both files, in order of id. `tokenizer.json` wins where both describe a token; a token is
 * special when either file says so. One that is declared special, and that the model alone has, is added too.
 */
export function readAddedTokens(files: TokenizerFiles): readonly AddedToken[] {
  const tokenizer = requireObject(files.tokenizerJson, 'tokenizer.json');
  const decoderEntries = addedTokensDecoder(files.tokenizerConfig);
  const declared = declaredSpecialTexts(files.tokenizerConfig);
  for (const [, entry] of decoderEntries) {
    const text = tokenText(entry);
    if (text !== null && isJsonObject(entry) && entry['special'] === true) declared.add(text);
  }

  const byContent = new Map<string, AddedToken>();
  const add = (id: unknown, entry: unknown): void => {
    const token = isJsonObject(entry) ? addedToken(id, entry, declared) : null;
    if (token !== null && !byContent.has(token.content)) byContent.set(token.content, token);
  };
  const listed = tokenizer['added_tokens'];
  for (const entry of Array.isArray(listed) ? listed : [])
    add(isJsonObject(entry) ? entry['id'] : null, entry);
  for (const [id, entry] of decoderEntries) add(Number(id), entry);
  const unlisted = new Set([...declared].filter((text) => !byContent.has(text)));
  for (const [text, id] of tokensOfModel(tokenizer, unlisted)) add(id, { content: text });
  return [...byContent.values()].sort((a, b) => a.id - b.id);
}

function addedTokensDecoder(tokenizerConfig: unknown): readonly [string, unknown][] {
  const decoder = isJsonObject(tokenizerConfig) ? tokenizerConfig['added_tokens_decoder'] : null;
  return isJsonObject(decoder) ? Object.entries(decoder) : [];
}

/** Those of these texts that are tokens of the model proper. */
function tokensOfModel(
  tokenizer: JsonObject,
  texts: ReadonlySet<string>,
): readonly (readonly [string, number])[] {
  if (texts.size === 0) return [];
  return [...modelVocabulary(tokenizer)].filter(([text]) => texts.has(text));
}

/** Text of each token of the model proper, with its id: `vocab` is a map, or for Unigram a list of pairs. */
export function* modelVocabulary(tokenizerJson: unknown): Iterable<readonly [string, number]> {
  const model = requireObject(
    requireObject(tokenizerJson, 'tokenizer.json')['model'],
    'model of tokenizer.json',
  );
  const vocabulary = model['vocab'];
  if (Array.isArray(vocabulary)) {
    for (let id = 0; id < vocabulary.length; id++) yield [String(vocabulary[id][0]), id];
    return;
  }
  const entries = requireObject(vocabulary, 'model.vocab of tokenizer.json') as Record<string, number>;
  for (const text in entries) yield [text, entries[text]!];
}

export type TemplateSources = {
  readonly plain: string;
  /** For conversations in which tools are offered; `null`: the same. */
  readonly withTools: string | null;
};

/**
 * The chat templates that a checkpoint ships: the files `chat_template.jinja` and
 * `additional_chat_templates/tool_use.jinja`, else `chat_template` of `tokenizer_config.json`, which is a string or a
 * list of named ones, of which `default` and `tool_use` are meant. `null` when there is none.
 */
export function chooseTemplateSources(input: {
  readonly templateFile: string | null;
  readonly toolTemplateFile: string | null;
  readonly tokenizerConfig: unknown;
}): TemplateSources | null {
  const { templateFile, toolTemplateFile, tokenizerConfig } = input;
  if (templateFile !== null) return { plain: templateFile, withTools: toolTemplateFile };
  const template = isJsonObject(tokenizerConfig) ? tokenizerConfig['chat_template'] : null;
  if (typeof template === 'string') return { plain: template, withTools: toolTemplateFile };
  if (!Array.isArray(template)) return null;
  const plain = namedTemplate(template, 'default');
  return plain === null ? null : { plain, withTools: namedTemplate(template, 'tool_use') };
}

function namedTemplate(list: readonly unknown[], name: string): string | null {
  const entry = list.find((each) => isJsonObject(each) && each['name'] === name);
  const source = isJsonObject(entry) ? entry['template'] : null;
  return typeof source === 'string' ? source : null;
}
