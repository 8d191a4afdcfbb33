/**
 * Every field of OpenAI's create-chat-completion and create-completion requests, with values of every kind. What becomes
 * of a field is one word of its row; the values stay when that changes.
 */

/**
 * `served`: valid values are taken, wrong ones refused by name. `refused`: every value that asks for something is refused
 * by name. `ignored`: every value is taken, has no effect, and is named in the response header.
 */
export type Outcome = 'served' | 'refused' | 'ignored';

export type FieldRow = {
  readonly field: string;
  readonly outcome: Outcome;
  readonly valid: readonly unknown[];
  /** Values of another type than OpenAI's schema has. */
  readonly wrongType: readonly unknown[];
  /** Values of the right type that are not allowed. */
  readonly outOfRange: readonly unknown[];
  /** Values that ask for nothing, and are taken without a word whatever the outcome. */
  readonly neutral?: readonly unknown[];
  /** What null means: nothing, as in OpenAI's schema, or that a required field is missing. */
  readonly null: 'absent' | 'refused';
  /** Fields that valid values need beside them. */
  readonly beside?: Readonly<Record<string, unknown>>;
};

type Values = Pick<FieldRow, 'valid' | 'wrongType' | 'outOfRange'> & Partial<FieldRow>;

export function row(field: string, outcome: Outcome, values: Values): FieldRow {
  return { field, outcome, null: 'absent', ...values };
}

export const NOT_NUMBERS = ['1', true, [1], {}];
export const NOT_BOOLEANS = ['true', 1, [], {}];
export const NOT_OBJECTS = ['x', 5, true];
export const NOT_STRINGS = [5, true, ['x'], {}];

const tool = {
  type: 'function',
  function: { name: 'lookup', parameters: { type: 'object', properties: {} } },
};
const namedTool = { type: 'function', function: { name: 'lookup' } };
const jsonSchema = {
  type: 'json_schema',
  json_schema: { name: 'answer', schema: { type: 'object', properties: {}, additionalProperties: false } },
};

/** Of all requests. */
export const OF_EACH: readonly FieldRow[] = [
  row('model', 'served', {
    valid: ['octavo/tiny-1'],
    wrongType: [5, true, ['octavo/tiny-1'], {}],
    outOfRange: [''],
    null: 'refused',
  }),
  row('stream', 'served', { valid: [false, true], wrongType: NOT_BOOLEANS, outOfRange: [] }),
  row('temperature', 'served', { valid: [0, 0.7, 2], wrongType: NOT_NUMBERS, outOfRange: [-0.1, 2.1] }),
  row('top_p', 'served', { valid: [0, 0.5, 1], wrongType: NOT_NUMBERS, outOfRange: [-0.1, 1.1] }),
  row('user', 'ignored', { valid: ['u'], wrongType: [5], outOfRange: [''] }),
];

/** Of a service with accounts and stores. */
export const SERVICE: readonly FieldRow[] = [
  row('store', 'ignored', { valid: [true], wrongType: [1], outOfRange: [], neutral: [false] }),
  row('service_tier', 'ignored', {
    valid: ['flex', 'priority'],
    wrongType: [5],
    outOfRange: ['first'],
    neutral: ['auto', 'default'],
  }),
  row('safety_identifier', 'ignored', { valid: ['s'], wrongType: [5], outOfRange: [''] }),
  row('prompt_cache_key', 'ignored', { valid: ['k'], wrongType: [5], outOfRange: [''] }),
  row('prompt_cache_options', 'ignored', { valid: [{}], wrongType: [5], outOfRange: [] }),
  row('prompt_cache_retention', 'ignored', {
    valid: ['in_memory', '24h'],
    wrongType: [5],
    outOfRange: ['1y'],
  }),
];

/** Of chat completions and completions. */
const COMMON: readonly FieldRow[] = [
  ...OF_EACH,
  row('frequency_penalty', 'served', {
    valid: [-2, 0, 0.5, 2],
    wrongType: NOT_NUMBERS,
    outOfRange: [-2.1, 2.1],
  }),
  row('presence_penalty', 'served', {
    valid: [-2, 0, 0.5, 2],
    wrongType: NOT_NUMBERS,
    outOfRange: [-2.1, 2.1],
  }),
  row('logit_bias', 'served', {
    valid: [{}, { '5': -100 }, { '5': 0.5, '999': 100 }],
    wrongType: ['x', 5, [5], { '5': '1' }],
    outOfRange: [{ '5': 101 }, { '5': -101 }, { x: 1 }, { '1000': 1 }],
  }),
  row('max_tokens', 'served', { valid: [1, 100], wrongType: [...NOT_NUMBERS, 1.5], outOfRange: [-1, 0] }),
  row('n', 'served', { valid: [1, 128], wrongType: [...NOT_NUMBERS, 1.5], outOfRange: [0, -1, 129, 1e9] }),
  row('seed', 'served', {
    valid: [0, -5, 2 ** 53, -(2 ** 63)],
    wrongType: [...NOT_NUMBERS, 0.5],
    outOfRange: [1e30],
  }),
  row('stop', 'served', {
    valid: ['END', [], ['a', 'b', 'c', 'd'], Array.from({ length: 32 }, (_, index) => `stop ${index}`)],
    wrongType: [5, true, {}, ['a', 5]],
    outOfRange: ['', ['a', ''], Array.from({ length: 33 }, (_, index) => `stop ${index}`)],
  }),
  row('stream_options', 'served', {
    valid: [{}, { include_usage: true }, { include_usage: null }],
    wrongType: ['x', 5, { include_usage: 1 }],
    outOfRange: [],
    beside: { stream: true },
  }),
];

export const CHAT_ROWS: readonly FieldRow[] = [
  ...COMMON,
  row('messages', 'served', {
    valid: [
      [
        { role: 'developer', content: 'x' },
        { role: 'user', content: [{ type: 'text', text: 'y' }] },
      ],
    ],
    wrongType: ['x', 5, {}, ['x'], [{ role: 'user', content: 5 }]],
    outOfRange: [[], [{ role: 'robot', content: '' }]],
    null: 'refused',
  }),
  row('max_completion_tokens', 'served', {
    valid: [1, 100],
    wrongType: [...NOT_NUMBERS, 1.5],
    outOfRange: [0, -1],
  }),
  row('logprobs', 'served', { valid: [true, false], wrongType: NOT_BOOLEANS, outOfRange: [] }),
  row('top_logprobs', 'served', {
    valid: [0, 20],
    wrongType: [...NOT_NUMBERS, 1.5],
    outOfRange: [-1, 21],
    beside: { logprobs: true },
  }),
  row('reasoning_effort', 'ignored', { valid: ['none', 'low', 'high'], wrongType: [], outOfRange: [] }),
  row('tools', 'served', {
    valid: [[tool], [{ ...tool, function: { ...tool.function, strict: true } }]],
    wrongType: ['x', 5, { type: 'function' }, ['x'], [{ type: 'function', function: { name: 5 } }]],
    outOfRange: [[{ type: 'hammer' }], [{ type: 'function', function: { name: 'not a name!' } }]],
    neutral: [[]],
  }),
  row('tool_choice', 'served', {
    valid: ['auto', 'required', namedTool],
    wrongType: [5, true, ['auto']],
    outOfRange: ['sometimes', { type: 'function', function: { name: 'not offered' } }],
    neutral: ['none', 'auto'],
    beside: { tools: [tool] },
  }),
  row('parallel_tool_calls', 'served', {
    valid: [true, false],
    wrongType: NOT_BOOLEANS,
    outOfRange: [],
    beside: { tools: [tool] },
  }),
  row('functions', 'refused', {
    valid: [[{ name: 'f', parameters: {} }]],
    wrongType: ['x', 5],
    outOfRange: [],
    neutral: [[]],
  }),
  row('function_call', 'refused', {
    valid: ['auto', { name: 'f' }],
    wrongType: [5],
    outOfRange: ['sometimes'],
    neutral: ['none'],
  }),
  row('response_format', 'served', {
    valid: [{ type: 'text' }, { type: 'json_object' }, jsonSchema],
    wrongType: ['json_object', 5, [], { type: 5 }],
    outOfRange: [{ type: 'yaml' }, {}],
  }),
  row('audio', 'refused', {
    valid: [{ voice: 'alloy', format: 'wav' }],
    wrongType: NOT_OBJECTS,
    outOfRange: [{}],
  }),
  row('modalities', 'refused', {
    valid: [['audio'], ['text', 'audio']],
    wrongType: ['text', 5],
    outOfRange: [[], ['smell']],
    neutral: [['text']],
  }),
  row('web_search_options', 'refused', { valid: [{}], wrongType: NOT_OBJECTS, outOfRange: [] }),
  row('moderation', 'refused', { valid: [{ model: 'm' }], wrongType: NOT_OBJECTS, outOfRange: [{}] }),
  row('prediction', 'served', {
    valid: [
      { type: 'content', content: 'x' },
      { type: 'content', content: [{ type: 'text', text: 'x' }] },
    ],
    wrongType: [...NOT_OBJECTS, { type: 'content', content: 5 }],
    outOfRange: [{}, { type: 'sketch', content: 'x' }],
  }),
  row('verbosity', 'ignored', {
    valid: ['low', 'high'],
    wrongType: [5],
    outOfRange: ['huge'],
    neutral: ['medium'],
  }),
  row('metadata', 'ignored', { valid: [{ a: 'b' }], wrongType: NOT_OBJECTS, outOfRange: [], neutral: [{}] }),
  ...SERVICE,
];

export const COMPLETION_ROWS: readonly FieldRow[] = [
  ...COMMON,
  row('prompt', 'served', {
    valid: ['x', ['x', 'y'], [1, 2], [[1], [2, 3]]],
    wrongType: [5, true, {}, ['x', 5], [1, 'x'], [[1], 2], [[1.5]]],
    outOfRange: [[], [[]], [-1]],
    // OpenAI begins a new document then; which token that is only some models say.
    null: 'refused',
  }),
  row('best_of', 'served', {
    valid: [1, 20],
    wrongType: [...NOT_NUMBERS, 1.5],
    outOfRange: [0, -1, 21, 1e9],
  }),
  row('echo', 'served', { valid: [true, false], wrongType: NOT_BOOLEANS, outOfRange: [] }),
  row('logprobs', 'served', { valid: [0, 5], wrongType: [...NOT_NUMBERS, 1.5], outOfRange: [-1, 21] }),
  row('suffix', 'served', { valid: ['the end'], wrongType: NOT_STRINGS, outOfRange: [], neutral: [''] }),
];
