/**
 * Which fields of a chat request have an effect here. Nothing is ignored in silence: a field is served, or
 * refused by name because the caller would get something else than he relies on, or it has no effect and is
 * named in a response header. The tables list every field of OpenAI's create-chat-completion request, and of
 * other servers' extensions those whose absence would change the output's form.
 */

import { ServerError } from '../../base/errors.ts';
import { FIELD_NAME_CHARACTERS_MAX, IGNORED_FIELDS_LISTED_MAX } from '../../base/limits.ts';

export type FieldRule =
  | { readonly kind: 'served' }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      /** Values that ask for nothing: they are what happens without the field. */
      readonly isNeutral: (value: unknown) => boolean;
    }
  | {
      readonly kind: 'ignored';
      readonly reason: string;
      /** Values that are served as they stand, because they ask for nothing. */
      readonly isNeutral: (value: unknown) => boolean;
    };

export type FieldTable = ReadonlyMap<string, FieldRule>;

const SERVED: FieldRule = { kind: 'served' };

const never = (): boolean => false;
const isEmpty = (value: unknown): boolean =>
  value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
const is =
  (neutral: unknown) =>
  (value: unknown): boolean =>
    value === neutral;

function refused(reason: string, isNeutral: (value: unknown) => boolean = never): FieldRule {
  return { kind: 'refused', reason, isNeutral };
}

function ignored(reason: string, isNeutral: (value: unknown) => boolean = never): FieldRule {
  return { kind: 'ignored', reason, isNeutral };
}

function isTextFormat(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'text';
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === 'text';
}

const NO_TOOLS = 'no tool calls are made or parsed';
const NO_GRAMMAR = 'the output is not constrained to a format';
const TEMPLATE = "the prompt is rendered with the model's own chat template";

const OPENAI_SERVED = [
  'messages',
  'model',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'max_completion_tokens',
  'max_tokens',
  'n',
  'presence_penalty',
  'seed',
  'stop',
  'stream',
  'stream_options',
  'temperature',
  'top_logprobs',
  'top_p',
] as const;

const EXTENSIONS_SERVED = [
  'top_k',
  'min_p',
  'repetition_penalty',
  'min_tokens',
  'stop_token_ids',
  'ignore_eos',
  'priority',
  'cache_salt',
] as const;

/** OpenAI's fields that are refused or have no effect. */
const OPENAI_OTHERS: readonly (readonly [string, FieldRule])[] = [
  ['tools', refused(NO_TOOLS, isEmpty)],
  ['tool_choice', refused(NO_TOOLS, is('none'))],
  ['functions', refused(NO_TOOLS, isEmpty)],
  ['function_call', refused(NO_TOOLS, is('none'))],
  ['parallel_tool_calls', ignored('without tools it decides nothing')],
  ['response_format', refused(NO_GRAMMAR, isTextFormat)],
  ['audio', refused('no audio is made')],
  ['modalities', refused('only text is made', isTextOnly)],
  ['web_search_options', refused('nothing is searched')],
  ['moderation', refused('nothing is moderated, so nothing would be blocked')],
  ['prediction', ignored('a hint for speed; the output is the same without it')],
  ['reasoning_effort', ignored('a preference; it promises nothing about the form of the output')],
  ['verbosity', ignored('a preference; it promises nothing about the form of the output')],
  ['metadata', ignored('nothing is stored')],
  ['store', ignored('nothing is stored')],
  ['user', ignored('no account is kept of users')],
  ['safety_identifier', ignored('no account is kept of users')],
  ['service_tier', ignored('there is one tier')],
  ['prompt_cache_key', ignored('prefixes are always cached; cache_salt separates tenants')],
  ['prompt_cache_options', ignored('prefixes are always cached, as long as there is room')],
  ['prompt_cache_retention', ignored('prefixes are always cached, as long as there is room')],
];

/** Extensions of vLLM, SGLang and llama-server without which the output is not what the caller asked for. */
const OTHERS_REFUSED: readonly (readonly [string, FieldRule])[] = [
  ['structured_outputs', refused(NO_GRAMMAR, isEmpty)],
  ['guided_json', refused(NO_GRAMMAR)],
  ['guided_regex', refused(NO_GRAMMAR)],
  ['guided_choice', refused(NO_GRAMMAR)],
  ['guided_grammar', refused(NO_GRAMMAR)],
  ['json_schema', refused(NO_GRAMMAR)],
  ['grammar', refused(NO_GRAMMAR)],
  ['regex', refused(NO_GRAMMAR)],
  ['ebnf', refused(NO_GRAMMAR)],
  ['bad_words', refused('words are not banned; logit_bias bans tokens', isEmpty)],
  ['allowed_token_ids', refused('tokens are not restricted; logit_bias bans tokens')],
  ['prompt_logprobs', refused('the prompt is not scored')],
  ['echo', refused('the prompt is not repeated in the answer', is(false))],
  ['best_of', refused('choices are not ranked', is(1))],
  ['use_beam_search', refused('beams are not searched', is(false))],
  ['chat_template', refused(TEMPLATE)],
  ['chat_template_kwargs', refused(TEMPLATE, isEmpty)],
  ['add_generation_prompt', refused(TEMPLATE, is(true))],
  ['continue_final_message', refused(TEMPLATE, is(false))],
];

const served = (names: readonly string[]): [string, FieldRule][] => names.map((name) => [name, SERVED]);

/** Top level of the request. */
export const REQUEST_FIELDS: FieldTable = new Map([
  ...served(OPENAI_SERVED),
  ...served(EXTENSIONS_SERVED),
  ...OPENAI_OTHERS,
  ...OTHERS_REFUSED,
]);

export const STREAM_OPTIONS_FIELDS: FieldTable = new Map([
  ...served(['include_usage']),
  ['include_obfuscation', ignored('chunks are not padded', is(false))],
]);

const MESSAGE_SERVED = ['role', 'content', 'name'] as const;
const MESSAGE_FIELDS: FieldTable = new Map(served(MESSAGE_SERVED));
const ASSISTANT_FIELDS: FieldTable = new Map([
  ...served([...MESSAGE_SERVED, 'tool_calls', 'refusal']),
  ['audio', refused('earlier audio answers are not known here')],
  ['function_call', refused('use tool_calls')],
]);
const TOOL_FIELDS: FieldTable = new Map(served([...MESSAGE_SERVED, 'tool_call_id']));

/** The table for a message of `role`. */
export function messageFields(role: unknown): FieldTable {
  if (role === 'assistant') return ASSISTANT_FIELDS;
  return role === 'tool' ? TOOL_FIELDS : MESSAGE_FIELDS;
}

export const CONTENT_PART_FIELDS: FieldTable = new Map(served(['type', 'text', 'refusal']));

/** A client's own key, safe to be repeated in a message or a header: printable ASCII, bounded. */
export function printableName(name: string): string {
  const cut =
    name.length > FIELD_NAME_CHARACTERS_MAX ? `${name.slice(0, FIELD_NAME_CHARACTERS_MAX)}...` : name;
  return cut.replace(/[^\w.\-[\]]/g, '?');
}

/** Where an object of the request lies: `exact` for error messages, `general` (without indices) for the header. */
export type FieldPlace = { readonly exact: string; readonly general: string };

export const TOP_LEVEL: FieldPlace = { exact: '', general: '' };

/** Collects the names of fields without effect; `strict` refuses them instead. */
export class FieldCheck {
  readonly #strict: boolean;
  readonly #ignored = new Set<string>();

  constructor(options: { readonly strict: boolean }) {
    this.#strict = options.strict;
  }

  /** Names of fields that were given and have no effect, each once; the first so many of them. */
  get ignored(): ReadonlySet<string> {
    return this.#ignored;
  }

  /**
   * Checks the keys of one object of the request. A null value counts as absent, as in OpenAI's schema.
   * @throws ServerError `unsupported_parameter` naming the first refused field.
   */
  check(object: Readonly<Record<string, unknown>>, table: FieldTable, place: FieldPlace): void {
    for (const name of Object.keys(object)) {
      const value = object[name];
      const rule = table.get(name);
      if (value === null || value === undefined || rule?.kind === 'served' || rule?.isNeutral(value))
        continue;
      if (rule?.kind === 'refused') throw unsupported(place.exact + name, rule.reason);
      this.#ignore(name, place, rule?.reason ?? 'the field is not known');
    }
  }

  #ignore(name: string, place: FieldPlace, reason: string): void {
    if (this.#strict) throw unsupported(place.exact + printableName(name), reason);
    if (this.#ignored.size < IGNORED_FIELDS_LISTED_MAX)
      this.#ignored.add(place.general + printableName(name));
  }
}

function unsupported(param: string, reason: string): ServerError {
  const message = `'${param}' is not supported by this server: ${reason}.`;
  return new ServerError('unsupported_parameter', message, { param });
}
