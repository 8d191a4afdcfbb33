/** Every field of OpenAI's create-response request, with values of every kind, as in `openai-fields.ts`. */

import {
  type FieldRow,
  NOT_BOOLEANS,
  NOT_NUMBERS,
  NOT_OBJECTS,
  NOT_STRINGS,
  OF_EACH,
  row,
  SERVICE,
} from './openai-fields.ts';

const tool = { type: 'function', name: 'lookup', parameters: { type: 'object', properties: {} } };
const namedTool = { type: 'function', name: 'lookup' };
const jsonSchema = {
  type: 'json_schema',
  name: 'answer',
  schema: { type: 'object', properties: {}, additionalProperties: false },
};
const said = (content: unknown, role = 'user') => ({ role, content });

export const RESPONSES_ROWS: readonly FieldRow[] = [
  ...OF_EACH,
  ...SERVICE.filter(({ field }) => field !== 'store'),
  row('store', 'served', { valid: [true, false], wrongType: NOT_BOOLEANS, outOfRange: [] }),
  row('input', 'served', {
    valid: [
      'x',
      [said('x')],
      [{ type: 'message', ...said([{ type: 'input_text', text: 'x' }], 'developer') }],
    ],
    wrongType: [5, true, {}, ['x'], [said(5)], [said([5])], [{ type: 'function_call', call_id: 5 }]],
    outOfRange: [[], [said('x', 'robot')], [{ type: 'thing' }]],
    null: 'refused',
  }),
  row('instructions', 'served', { valid: ['Be kind.', ''], wrongType: NOT_STRINGS, outOfRange: [] }),
  row('max_output_tokens', 'served', {
    valid: [1, 100],
    wrongType: [...NOT_NUMBERS, 1.5],
    outOfRange: [0, -1],
  }),
  row('top_logprobs', 'served', {
    valid: [0, 20],
    wrongType: [...NOT_NUMBERS, 1.5],
    outOfRange: [-1, 21],
  }),
  row('include', 'served', {
    valid: [[], ['message.output_text.logprobs']],
    wrongType: ['x', 5, {}, [5]],
    outOfRange: [Array.from({ length: 33 }, (_, index) => `x${index}`)],
  }),
  row('metadata', 'served', {
    valid: [{}, { a: 'b' }],
    wrongType: [...NOT_OBJECTS, { a: 5 }],
    outOfRange: [
      { ['k'.repeat(65)]: 'x' },
      { a: 'x'.repeat(513) },
      JSON.parse('{"__proto__": "x"}'),
      Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`k${index}`, 'x'])),
    ],
  }),
  row('reasoning', 'served', {
    valid: [{}, { effort: null }],
    wrongType: [...NOT_OBJECTS, { effort: 5 }],
    outOfRange: [{ effort: 'huge' }],
  }),
  row('text', 'served', {
    valid: [{}, { format: { type: 'text' } }, { format: { type: 'json_object' } }, { format: jsonSchema }],
    wrongType: [...NOT_OBJECTS, { format: 'json' }, { format: { ...jsonSchema, schema: 5 } }],
    outOfRange: [{ format: { type: 'yaml' } }, { format: { type: 'json_schema', strict: true } }],
  }),
  row('tools', 'served', {
    valid: [[tool], [{ ...tool, strict: true }], []],
    wrongType: ['x', 5, { type: 'function' }, ['x'], [{ type: 'function', name: 5 }]],
    outOfRange: [[{ type: 'function', name: 'not a name!' }], [tool, tool]],
  }),
  row('tool_choice', 'served', {
    valid: [
      'auto',
      'none',
      'required',
      namedTool,
      { type: 'allowed_tools', mode: 'auto', tools: [namedTool] },
    ],
    wrongType: [5, true, ['auto']],
    outOfRange: ['sometimes', { type: 'function', name: 'not offered' }, { type: 'thing' }],
    beside: { tools: [tool] },
  }),
  row('parallel_tool_calls', 'served', {
    valid: [true, false],
    wrongType: NOT_BOOLEANS,
    outOfRange: [],
    beside: { tools: [tool] },
  }),
  row('stream_options', 'served', {
    valid: [{}, { include_obfuscation: false }, { include_usage: true }],
    wrongType: ['x', 5],
    outOfRange: [],
    beside: { stream: true },
  }),
  row('background', 'refused', { valid: [true], wrongType: [5], outOfRange: [], neutral: [false] }),
  row('conversation', 'refused', { valid: ['conv_1', { id: 'conv_1' }], wrongType: [5], outOfRange: [''] }),
  // Values of it name what came before: `stored-responses.test.ts`.
  row('previous_response_id', 'served', { valid: [], wrongType: NOT_STRINGS, outOfRange: [] }),
  row('prompt', 'refused', { valid: [{ id: 'pmpt_1' }], wrongType: NOT_OBJECTS, outOfRange: [{}] }),
  row('context_management', 'refused', {
    valid: [[{ type: 'compaction' }]],
    wrongType: [5],
    outOfRange: [],
    neutral: [[]],
  }),
  row('moderation', 'refused', { valid: [{ model: 'm' }], wrongType: NOT_OBJECTS, outOfRange: [{}] }),
  row('truncation', 'refused', {
    valid: ['auto'],
    wrongType: [5],
    outOfRange: ['some'],
    neutral: ['disabled'],
  }),
  row('max_tool_calls', 'ignored', { valid: [1], wrongType: ['1'], outOfRange: [-1] }),
];
