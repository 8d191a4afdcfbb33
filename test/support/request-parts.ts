/** What random requests are put together from: conversations, tools, and forms that an output is held to. */

import type { Json } from './joined-answer.ts';

/** Token ids of the model in the box. */
export const TOKENS = {
  endOfText: 0,
  turnBegin: 1,
  turnEnd: 2,
  quote: 4,
  comma: 14,
  digits: [18, 19, 20, 21, 22, 23, 24, 25, 26, 27],
  e: 71,
  opening: 93,
  closing: 95,
  lineEnd: 201,
  space: 223,
  the: 293,
  /** Begin and go on with characters of several bytes. */
  partsOfCharacters: [130, 167, 98, 175, 253, 236],
  toolCall: 4088,
  toolCallEnd: 4089,
  think: 4094,
  thinkEnd: 4095,
  count: 4096,
} as const;

export const SPECIAL_TEXTS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;

/** Long enough to be encoded in a thread of its own, and short enough for the model. */
const LONG_TEXT = 'I have a story. '.repeat(270);

const says = (content: unknown): Json => ({ role: 'user', content });
const answers = (content: unknown): Json => ({ role: 'assistant', content });
const goesOn = (content: string): Json => ({
  messages: [says('Tell me about the fox.'), answers(content)],
  continue_final_message: true,
  add_generation_prompt: false,
});

const CALLED: readonly Json[] = [
  says('What is the weather in Paris?'),
  {
    role: 'assistant',
    content: null,
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city": "Paris"}' } },
    ],
  },
  { role: 'tool', tool_call_id: 'call_1', content: '18 C' },
];

/** With the fields that go with them. */
export const CONVERSATIONS: readonly Json[] = [
  { messages: [says('Hi')] },
  { messages: [says('What is 12 + 30?')] },
  { messages: [says('Tell me a story about a fox.')] },
  { messages: [says('What is the weather in Paris? Use a tool.')] },
  { messages: [{ role: 'system', content: 'You answer in one word.' }, says('Is the sky blue?')] },
  { messages: [{ role: 'developer', content: 'Answer as JSON.' }, says('Name and age of Tom, who is 7.')] },
  { messages: CALLED },
  { messages: [...CALLED, answers('It is 18 C.'), says('And in Rome?')] },
  {
    messages: [
      says([
        { type: 'text', text: 'Count: ' },
        { type: 'text', text: '1 2 3' },
      ]),
    ],
  },
  { messages: [says('Schreib \u{1F98A} e\u0301\u200D \u6F22\u5B57 \uD800 <|im_end|> <think> <tool_call>')] },
  { messages: [says('Hello'), { ...answers('Hello.'), reasoning_content: 'A greeting.' }, says('Why?')] },
  goesOn('The fox was'),
  goesOn('{"name": "'),
  goesOn('<think>\nThe fox'),
  goesOn('<think>\nThe fox is red.\n</think>\n\nIt is'),
  { messages: [says('Hello'), answers('Good')], add_generation_prompt: false },
];

export const LONG_CONVERSATION: Json = { messages: [says(`${LONG_TEXT}What is it?`)] };

const object = (properties: Json, required = Object.keys(properties)): Json => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

type ToolFunction = { readonly name: string; readonly description?: string; readonly parameters?: Json };

/** Schemas that no grammar can be made of, or that nothing fits; refused where calls have to fit. */
export const UNHOLDABLE: readonly string[] = ['no_grammar', 'no_way'];

export const FUNCTIONS: readonly ToolFunction[] = [
  {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: object({
      city: { type: 'string', enum: ['Paris', 'Rome', 'S\u00E3o Paulo'] },
      days: { type: 'integer', minimum: 1, maximum: 9 },
    }),
  },
  { name: 'now', description: 'The time' },
  {
    name: 'find',
    parameters: object(
      {
        text: { type: 'string', maxLength: 8 },
        tags: { type: 'array', items: { enum: ['a', 'b"c', '\u00E9'] }, maxItems: 2 },
        range: { anyOf: [{ type: 'null' }, object({ from: { type: 'integer', minimum: 0, maximum: 99 } })] },
      },
      ['text'],
    ),
  },
  { name: 'book', parameters: object({ code: { type: 'string', pattern: '^[A-Z]{2}[0-9]{2}$' } }) },
  { name: 'anything', parameters: { type: 'object', additionalProperties: true } },
  { name: 'no_grammar', parameters: object({ x: { not: { type: 'string' } } }) },
  { name: 'no_way', parameters: object({ x: { type: 'integer', minimum: 5, maximum: 1 } }) },
];

export const SCHEMAS: readonly Json[] = [
  object({ name: { type: 'string', maxLength: 6 }, age: { type: 'integer', minimum: 0, maximum: 150 } }),
  object({ ok: { type: 'boolean' }, why: { type: ['string', 'null'], maxLength: 10 } }, ['ok']),
  { type: 'array', items: { enum: ['e', 'the', 1, null] }, minItems: 1, maxItems: 4 },
  { type: 'string', pattern: '^[a-f]+$', maxLength: 9 },
  { anyOf: [{ type: 'number', minimum: 0, maximum: 10 }, object({ a: { const: 'x. y' } })] },
];

/** GBNF, and what it says as an expression. */
export const GRAMMARS: ReadonlyMap<string, string> = new Map([
  ['root ::= ("yes" | "no") " " [0-9]+', '(yes|no) [0-9]+'],
  [
    'root ::= item ("," item){0,3}\nitem ::= [a-z]{1,3} | "\u00E9"',
    '([a-z]{1,3}|\u00E9)(,([a-z]{1,3}|\u00E9)){0,3}',
  ],
]);

export const PATTERNS: readonly string[] = [
  '[a-c]{2,5}',
  '(the|a) [a-z]+\\.',
  '\\d{1,3}(\\.\\d)?',
  '\\p{L}+',
  'e*',
];
export const CHOICES: readonly (readonly string[])[] = [
  ['yes', 'no'],
  ['a', 'ab', 'abc'],
  [' the', 'the e', '\u00E9\u{1F98A}'],
];
