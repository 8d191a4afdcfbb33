/**
 * Which fields of a request for a response have an effect here. The tables list every field of OpenAI's
 * create-response request. An item's own name and state, which clients send back as they got them, ask for nothing.
 */

import {
  CHAT_OTHERS,
  EXTENSIONS_SERVED,
  OTHERS_REFUSED,
  SERVICE_IGNORED,
  STRUCTURED_SERVED,
  served,
} from './field-tables.ts';
import { type FieldRule, type FieldTable, ignored, is, isEmpty, refused } from './fields.ts';

const SERVED = [
  'model',
  'input',
  'instructions',
  'max_output_tokens',
  'include',
  'metadata',
  'parallel_tool_calls',
  'previous_response_id',
  'reasoning',
  'store',
  'stream',
  'stream_options',
  'temperature',
  'text',
  'tool_choice',
  'tools',
  'top_logprobs',
  'top_p',
  // Of chat completions, and of vLLM's responses too.
  'frequency_penalty',
  'presence_penalty',
  'logit_bias',
  'seed',
  'stop',
  'chat_template_kwargs',
] as const;

const OPENAI_OTHERS: readonly (readonly [string, FieldRule])[] = [
  ['conversation', refused('use previous_response_id, or send the earlier items in input')],
  ['prompt', refused('prompts are not stored; send the text in input')],
  ['background', refused('a response is made while its client waits', is(false))],
  ['truncation', refused('an input is not cut', is('disabled'))],
  ['context_management', refused('an input is not made shorter', isEmpty)],
  ['moderation', refused('nothing is moderated, so nothing would be blocked')],
  ['max_tool_calls', ignored('it counts calls of tools that a server runs, and there are none')],
];

/** Fields of the two older requests for which a response has another one, or no place. */
const CHAT_REFUSED: readonly (readonly [string, FieldRule])[] = [
  ['messages', refused('this endpoint takes input; /v1/chat/completions takes messages')],
  ['max_tokens', refused('this endpoint knows max_output_tokens')],
  ['max_completion_tokens', refused('this endpoint knows max_output_tokens')],
  ['response_format', refused('this endpoint knows text.format')],
  ['reasoning_effort', refused('this endpoint knows reasoning.effort')],
  ['logprobs', refused('this endpoint knows include and top_logprobs', is(false))],
  ['n', refused('a response has one output', is(1))],
  ['return_token_ids', refused('a response has no place for token ids', is(false))],
  ['prompt_logprobs', refused('a response has no place for the log probabilities of its input')],
  ['include_reasoning', refused('thoughts are items of their own', is(true))],
  ['separate_reasoning', refused('thoughts are items of their own', is(true))],
  ['continue_final_message', refused('an answer is always an item of its own', is(false))],
  ['add_generation_prompt', refused('an answer is always an item of its own', is(true))],
  ['add_special_tokens', refused('the chat template writes those that it wants', is(false))],
  ['prediction', refused('this endpoint does not know it; /v1/chat/completions does')],
  ['functions', refused('use tools', isEmpty)],
  ['function_call', refused('use tool_choice', is('none'))],
];

const CHAT_ONLY = new Set<string>(CHAT_REFUSED.map(([name]) => name));

/** Top level of a request for a response. */
export const RESPONSES_FIELDS: FieldTable = new Map([
  ...SERVICE_IGNORED,
  ...OTHERS_REFUSED,
  ...CHAT_OTHERS,
  ...served([...EXTENSIONS_SERVED, ...STRUCTURED_SERVED].filter((name) => !CHAT_ONLY.has(name))),
  ...served(SERVED),
  ...OPENAI_OTHERS,
  ...CHAT_REFUSED,
]);

const NOT_STORED = 'responses are not stored; send the earlier items in input';

/** The same of a server that stores nothing. */
export const STORELESS_RESPONSES_FIELDS: FieldTable = new Map([
  ...RESPONSES_FIELDS,
  ['store', ignored('nothing is stored', is(false))],
  ['previous_response_id', refused(NOT_STORED)],
  ['conversation', refused(NOT_STORED)],
]);

export const RESPONSES_STREAM_OPTIONS_FIELDS: FieldTable = new Map([
  ['include_obfuscation', ignored('events are not padded', is(false))],
  ['include_usage', ignored('the last event always tells it', is(true))],
]);

export const REASONING_FIELDS: FieldTable = new Map([
  ...served(['effort']),
  ['summary', ignored('thoughts are told as they are, not summed up')],
  ['generate_summary', ignored('thoughts are told as they are, not summed up')],
]);

export const TEXT_FIELDS: FieldTable = new Map([
  ...served(['format']),
  ['verbosity', ignored('a preference; it promises nothing about the form of the output', is('medium'))],
]);

const NO_SCHEMA = ['schema', 'name', 'description', 'strict'];

const withoutSchema = (type: string): FieldTable =>
  new Map<string, FieldRule>([
    ...served(['type']),
    ...NO_SCHEMA.map((name) => [name, ignored(`the type is '${type}'`)] as const),
  ]);

/** Of `text.format`, by its type. */
export const TEXT_FORMAT_FIELDS: Readonly<Record<'text' | 'json_object' | 'json_schema', FieldTable>> = {
  text: withoutSchema('text'),
  json_object: withoutSchema('json_object'),
  json_schema: new Map([
    ...served(['type', 'name', 'schema', 'strict']),
    ['description', ignored('the model is not told of the format, only held to it')],
  ]),
};

const isDirectAlone = (value: unknown): boolean =>
  Array.isArray(value) && value.every((caller) => caller === 'direct');

/** Of a tool. */
export const FUNCTION_FIELDS: FieldTable = new Map([
  ...served(['type', 'name', 'description', 'parameters', 'strict']),
  ['defer_loading', refused('every tool is told at once', is(false))],
  ['allowed_callers', ignored('only the model calls', isDirectAlone)],
  ['output_schema', ignored('what a function returns is taken as it is')],
]);

/** Of a namespace of tools. */
export const NAMESPACE_FIELDS: FieldTable = new Map(served(['type', 'name', 'description', 'tools']));

/** Of a function that a choice names. */
export const NAMED_FUNCTION_FIELDS: FieldTable = new Map(served(['type', 'name', 'namespace']));

export const ALLOWED_TOOLS_FIELDS: FieldTable = new Map(served(['type', 'mode', 'tools']));

const isText = (value: unknown): boolean => typeof value === 'string';
const isDirect = (value: unknown): boolean => (value as { type?: unknown } | null)?.type === 'direct';

/** Sent back as they were got. */
const ITEM_LABELS: readonly (readonly [string, FieldRule])[] = [
  ['id', ignored('items are known by their order', isText)],
  ['status', ignored('an item of the input is over', isText)],
  ['created_by', ignored('the model is not told', isText)],
];

/** Of calls and of what they gave. */
const CALL_LABELS: readonly (readonly [string, FieldRule])[] = [
  ...ITEM_LABELS,
  ['caller', ignored('the model is not told', isDirect)],
];

type ItemType = 'message' | 'function_call' | 'function_call_output' | 'reasoning' | 'item_reference';

/** Of an item of the input, by its type. */
export const ITEM_FIELDS: Readonly<Record<ItemType, FieldTable>> = {
  message: new Map([
    ...served(['type', 'role', 'content']),
    ...ITEM_LABELS,
    ['phase', ignored('chat templates know no phases')],
  ]),
  function_call: new Map([...served(['type', 'call_id', 'name', 'namespace', 'arguments']), ...CALL_LABELS]),
  function_call_output: new Map([
    ...served(['type', 'call_id', 'output']),
    ...CALL_LABELS,
    ['namespace', ignored('a result is known by its call')],
  ]),
  reasoning: new Map([
    ...served(['type', 'content', 'summary']),
    ...ITEM_LABELS,
    ['encrypted_content', ignored('it cannot be read here')],
  ]),
  item_reference: new Map(served(['type', 'id'])),
};

const INCLUDE: readonly [string, FieldRule] = [
  'include',
  refused('log probabilities are not stored, and whatever else there is is told anyway'),
];

/** Of the query that a stored response is asked for with. */
export const RETRIEVE_QUERY: FieldTable = new Map([
  ['stream', refused('a stored response is told whole', is('false'))],
  ['starting_after', refused('a stored response is told whole, not from an event on')],
  INCLUDE,
  ['include_obfuscation', ignored('no events are sent', is('false'))],
]);

/** Of the query that its input items are asked for with. */
export const INPUT_ITEMS_QUERY: FieldTable = new Map([
  ...served(['limit', 'order', 'after']),
  ['before', refused("use after, with the other 'order'")],
  INCLUDE,
]);

export const NO_QUERY: FieldTable = new Map();

/** Of a part of a text, of an item's content or of what a function gave. */
const TEXT_PART_FIELDS: FieldTable = new Map([
  ...served(['type', 'text']),
  ['annotations', ignored('the model is not told what it cited', isEmpty)],
  ['logprobs', ignored('the model is not told how likely it was', (value) => Array.isArray(value))],
]);
const REFUSAL_FIELDS: FieldTable = new Map(served(['type', 'refusal']));

/** The table for a part of `type`: nothing is looked at in the field of the other kind. */
export function partFields(type: 'input_text' | 'output_text' | 'refusal'): FieldTable {
  return type === 'refusal' ? REFUSAL_FIELDS : TEXT_PART_FIELDS;
}

/** Of a part of what an assistant thought. */
export const THOUGHT_PART_FIELDS: FieldTable = new Map(served(['type', 'text']));
