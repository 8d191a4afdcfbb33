/**
 * Which fields of a request have an effect here. The tables list every field of OpenAI's create-chat-completion and
 * create-completion requests, and of other servers' extensions those whose absence would change the output's form.
 */

import { type FieldRule, type FieldTable, ignored, is, isEmpty, refused, SERVED } from './fields.ts';
import { toolFields } from './tool-fields.ts';

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.length === 1 && value[0] === 'text';
}

const ONE_WHITE_SPACE = 'white space in JSON is what docs/structured-output.md says';
export const NO_TAGS = 'tagged structures are not known here; grammar can say the same';
const NO_USERS = 'no account is kept of users';
const TEMPLATE = "the prompt is rendered with the model's own chat template";

/** Of chat completions and completions. */
const OPENAI_SERVED = [
  'model',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'max_tokens',
  'n',
  'presence_penalty',
  'seed',
  'stop',
  'stream',
  'stream_options',
  'temperature',
  'top_p',
] as const;

export const EXTENSIONS_SERVED = [
  'allowed_token_ids',
  'bad_words',
  'prompt_logprobs',
  'return_token_ids',
  'top_k',
  'min_p',
  'repetition_penalty',
  'min_tokens',
  'stop_token_ids',
  'ignore_eos',
  'priority',
  'cache_salt',
] as const;

/** What the output has to look like. */
export const STRUCTURED_SERVED = [
  'response_format',
  'structured_outputs',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'json_schema',
  'grammar',
  'regex',
  'ebnf',
] as const;

/** How messages become a prompt. */
const TEMPLATE_SERVED = [
  'add_generation_prompt',
  'continue_final_message',
  'add_special_tokens',
  'chat_template_kwargs',
  'reasoning_effort',
] as const;

/** OpenAI's fields of a chat request that its clients also send with completions, and that change no output. */
export const SERVICE_IGNORED: readonly (readonly [string, FieldRule])[] = [
  ['metadata', ignored('only responses are stored', isEmpty)],
  ['store', ignored('only responses are stored', is(false))],
  ['user', ignored(NO_USERS)],
  ['safety_identifier', ignored(NO_USERS)],
  ['service_tier', ignored('there is one tier', is('auto', 'default'))],
  ['prompt_cache_key', ignored('prefixes are always cached; cache_salt separates tenants')],
  ['prompt_cache_options', ignored('prefixes are always cached, as long as there is room')],
  ['prompt_cache_retention', ignored('prefixes are always cached, as long as there is room')],
];

/** OpenAI's fields of a chat request that are refused or have no effect. */
const OPENAI_OTHERS: readonly (readonly [string, FieldRule])[] = [
  ['functions', refused('use tools', isEmpty)],
  ['function_call', refused('use tool_choice', is('none'))],
  ['audio', refused('no audio is made')],
  ['modalities', refused('only text is made', isTextOnly)],
  ['web_search_options', refused('nothing is searched')],
  ['moderation', refused('nothing is moderated, so nothing would be blocked')],
  ['verbosity', ignored('a preference; it promises nothing about the form of the output', is('medium'))],
];

/** Extensions of vLLM, SGLang and llama-server without which the output is not what the caller asked for. */
export const OTHERS_REFUSED: readonly (readonly [string, FieldRule])[] = [
  ['guided_whitespace_pattern', refused(ONE_WHITE_SPACE)],
  ['guided_decoding_backend', ignored('there is one')],
  ['structural_tag', refused(NO_TAGS)],
  ['grammar_lazy', refused('a grammar holds from the first token on', is(false))],
  ['use_beam_search', refused('beams are not searched', is(false))],
  ['truncate_prompt_tokens', refused('prompts are not cut')],
  ['include_stop_str_in_output', refused('a stop string is never part of the output', is(false))],
  ['skip_special_tokens', refused('special tokens are never part of the output', is(true))],
  ['spaces_between_special_tokens', ignored('special tokens are never part of the output', is(true))],
  ['return_tokens_as_token_ids', refused('return_token_ids tells the ids', is(false))],
];

/** Extensions that mean something for chat only. */
export const CHAT_OTHERS: readonly (readonly [string, FieldRule])[] = [
  ['echo', refused('the prompt is not repeated in the answer', is(false))],
  ['best_of', refused('choices are not ranked', is(1))],
  ['chat_template', refused(TEMPLATE)],
  ['documents', refused('documents belong into messages', isEmpty)],
];

/** OpenAI's and others' fields of a completion request that are refused or have no effect. */
const COMPLETION_OTHERS: readonly (readonly [string, FieldRule])[] = [
  ['max_completion_tokens', refused('this endpoint knows max_tokens')],
  ['top_logprobs', refused('this endpoint takes their number in logprobs')],
  ['messages', refused('this endpoint takes a prompt; /v1/chat/completions takes messages')],
  ['prompt_embeds', refused('prompts are text or tokens')],
];

export const served = (names: readonly string[]): [string, FieldRule][] =>
  names.map((name) => [name, SERVED]);

/** Top level of a chat request. */
export const CHAT_FIELDS: FieldTable = new Map([
  ...served(TEMPLATE_SERVED),
  ...served(['messages', ...OPENAI_SERVED, 'max_completion_tokens', 'top_logprobs', 'prediction']),
  ...served(Object.keys(toolFields)),
  ...served(EXTENSIONS_SERVED),
  ...served(STRUCTURED_SERVED),
  ...OPENAI_OTHERS,
  ...SERVICE_IGNORED,
  ...OTHERS_REFUSED,
  ...CHAT_OTHERS,
]);

/** Top level of a completion request. */
export const COMPLETION_FIELDS: FieldTable = new Map([
  ...served(['prompt', ...OPENAI_SERVED, 'best_of', 'suffix', 'echo', 'add_special_tokens']),
  ...served(EXTENSIONS_SERVED),
  ...served(STRUCTURED_SERVED),
  ...SERVICE_IGNORED,
  ...OTHERS_REFUSED,
  ...COMPLETION_OTHERS,
]);

/** Of `response_format`, by its type. */
export const RESPONSE_FORMAT_FIELDS: Readonly<Record<'text' | 'json_object' | 'json_schema', FieldTable>> = {
  text: new Map([
    ...served(['type']),
    ['schema', ignored("the type is 'text', which is free")],
    ['json_schema', ignored("the type is 'text', which is free")],
  ]),
  json_object: new Map([
    ...served(['type', 'schema']),
    ['json_schema', ignored("the type is 'json_object', not 'json_schema'")],
  ]),
  json_schema: new Map([
    ...served(['type', 'json_schema']),
    ['schema', ignored("with the type 'json_schema' the schema is inside of json_schema")],
  ]),
};

/** Of `response_format.json_schema`. OpenAI demands a name, which is a label and promises nothing. */
export const JSON_SCHEMA_FIELDS: FieldTable = new Map([
  ...served(['name', 'schema', 'strict']),
  ['description', ignored('the model is not told of the format, only held to it')],
]);

export const STRUCTURED_OUTPUTS_FIELDS: FieldTable = new Map([
  ...served(['json', 'json_object', 'regex', 'choice', 'grammar', 'disable_any_whitespace']),
  ['whitespace_pattern', refused(ONE_WHITE_SPACE)],
  ['structural_tag', refused(NO_TAGS)],
  ['disable_fallback', ignored('there is nothing to fall back to')],
  ['disable_additional_properties', ignored('objects that list properties allow no others by default')],
]);

export const STREAM_OPTIONS_FIELDS: FieldTable = new Map([
  ...served(['include_usage', 'continuous_usage_stats']),
  ['include_obfuscation', ignored('chunks are not padded', is(false))],
]);

const MESSAGE_SERVED = ['role', 'content', 'name'] as const;
const MESSAGE_FIELDS: FieldTable = new Map(served(MESSAGE_SERVED));
const ASSISTANT_FIELDS: FieldTable = new Map([
  ...served([...MESSAGE_SERVED, 'tool_calls', 'refusal', 'reasoning_content', 'reasoning']),
  ['audio', refused('earlier audio answers are not known here')],
  ['annotations', ignored('the model is not told what it cited', isEmpty)],
  ['function_call', refused('use tool_calls')],
]);
const TOOL_FIELDS: FieldTable = new Map(served([...MESSAGE_SERVED, 'tool_call_id']));

/** The table for a message of `role`. */
export function messageFields(role: unknown): FieldTable {
  if (role === 'assistant') return ASSISTANT_FIELDS;
  return role === 'tool' ? TOOL_FIELDS : MESSAGE_FIELDS;
}

/** Of the object `prediction`. */
export const PREDICTION_FIELDS: FieldTable = new Map(served(['type', 'content']));

export const TEXT_PART_FIELDS: FieldTable = new Map(served(['type', 'text']));
const REFUSAL_PART_FIELDS: FieldTable = new Map(served(['type', 'refusal']));

/** The table for a part of a content of `type`: nothing is looked at in the field of the other one. */
export function contentPartFields(type: 'text' | 'refusal'): FieldTable {
  return type === 'text' ? TEXT_PART_FIELDS : REFUSAL_PART_FIELDS;
}

const TOKENIZE_SERVED = ['model', 'return_token_strs', 'add_special_tokens'] as const;

/** `/tokenize` of a text. */
export const TOKENIZE_TEXT_FIELDS: FieldTable = new Map(served([...TOKENIZE_SERVED, 'prompt']));

/** `/tokenize` of messages. */
export const TOKENIZE_CHAT_FIELDS: FieldTable = new Map([
  ...served([...TOKENIZE_SERVED, ...TEMPLATE_SERVED, 'messages', 'tools']),
  ['prompt', refused('messages are given too')],
  ['chat_template', refused(TEMPLATE)],
]);

export const DETOKENIZE_FIELDS: FieldTable = new Map(served(['model', 'tokens']));
