/**
 * Random bodies for `/v1/chat/completions` and `/v1/completions`: each field now and then, so that any two of them
 * meet. Most bodies are served; some are refused. Always with a seed and an end, so that answers can be compared.
 */

import fc from 'fast-check';
import type { Json } from './joined-answer.ts';
import {
  CHOICES,
  CONVERSATIONS,
  FUNCTIONS,
  GRAMMARS,
  LONG_CONVERSATION,
  PATTERNS,
  SCHEMAS,
  TOKENS,
} from './request-parts.ts';

const MODEL = 'octavo-mini';

/** Once in `rarity` times; else nothing, which is also what it shrinks to. */
function sometimes<T>(arbitrary: fc.Arbitrary<T>, rarity: number): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: rarity - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary },
  );
}

/** Seldom nothing, which it shrinks to. */
function mostly<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ withCrossShrink: true }, fc.constant(undefined), { weight: 5, arbitrary });
}

/** One of these, whatever it is; shrinks to the first. */
function oneOf<T>(...values: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...values);
}

/** Several groups of fields as one body, without what is undefined. */
function joined(...groups: readonly fc.Arbitrary<Json>[]): fc.Arbitrary<Json> {
  return fc.tuple(...groups).map((parts) => JSON.parse(JSON.stringify(Object.assign({}, ...parts))) as Json);
}

function fieldsOf(fields: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Json> {
  return fc.record(fields);
}

const tokenId = fc.oneof(
  fc.integer({ min: 3, max: 4087 }),
  oneOf<number>(TOKENS.e, TOKENS.the, TOKENS.lineEnd, TOKENS.closing, TOKENS.quote, TOKENS.turnEnd),
);

const bias = fc.oneof(
  oneOf<Json>(
    { [TOKENS.toolCall]: 100 },
    { [TOKENS.toolCall]: 12 },
    { [TOKENS.think]: 100, [TOKENS.thinkEnd]: 10 },
    { [TOKENS.think]: 10, [TOKENS.thinkEnd]: 7, [TOKENS.turnEnd]: 3 },
    { [TOKENS.think]: 10, [TOKENS.toolCall]: 9 },
    { [TOKENS.turnEnd]: -100 },
    { [TOKENS.turnEnd]: 8 },
    { [TOKENS.lineEnd]: 9, [TOKENS.space]: 8 },
    { [TOKENS.turnBegin]: 12, [TOKENS.partsOfCharacters[0]]: 12 },
    { 175: 9, 253: 9, 236: 9, 98: 9 },
  ),
  fc.tuple(tokenId, oneOf(-100, -3, 3, 100)).map(([id, addend]) => ({ [id]: addend })),
);

const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

const allowed = oneOf<readonly number[]>(
  range(0, TOKENS.count),
  range(3, 97),
  range(0, 700),
  [...TOKENS.digits, TOKENS.turnEnd],
  [TOKENS.e, TOKENS.space],
  [...TOKENS.partsOfCharacters, TOKENS.e],
  [TOKENS.turnEnd],
  [
    TOKENS.toolCall,
    TOKENS.lineEnd,
    TOKENS.opening,
    TOKENS.quote,
    ...range(67, 93),
    476,
    276,
    263,
    407,
    95,
    2,
  ],
);

const stopString = oneOf(
  ...[
    'e',
    ' ',
    '.',
    '\n',
    'the',
    'aab',
    ' a',
    '":',
    '}',
    '{',
    'name',
    '</think>',
    '<tool_call>',
    '\u00E9',
    '\uD800',
    ',',
  ],
  ...['the fox', '\n\n', 'ee', ' t'],
);

const sampling = fieldsOf({
  seed: fc.nat(9999),
  temperature: mostly(oneOf(0, 0.7, 1.5)),
  top_p: sometimes(oneOf(0.1, 0.9, 1, 0), 8),
  top_k: sometimes(oneOf(1, 5, 50, -1), 8),
  min_p: sometimes(oneOf(0.05, 0.5), 10),
  repetition_penalty: sometimes(oneOf(1.2, 0.8), 10),
  presence_penalty: sometimes(oneOf(1, -1), 10),
  frequency_penalty: sometimes(oneOf(0.5, -0.5, 2), 10),
  logit_bias: sometimes(bias, 4),
  allowed_token_ids: sometimes(allowed, 14),
  bad_words: sometimes(oneOf(['the'], ['e', ' '], ['{', '}'], ['\n'], ['"', 'fox']), 12),
});

const ends = fieldsOf({
  stop: sometimes(fc.oneof(stopString, fc.array(stopString, { minLength: 1, maxLength: 3 })), 4),
  stop_token_ids: sometimes(
    fc.array(fc.oneof(tokenId, oneOf<number>(TOKENS.thinkEnd, TOKENS.toolCall)), {
      minLength: 1,
      maxLength: 2,
    }),
    8,
  ),
  min_tokens: sometimes(fc.integer({ min: 1, max: 12 }), 7),
  ignore_eos: sometimes(oneOf(true, false), 7),
  n: sometimes(fc.integer({ min: 1, max: 3 }), 4),
});

const told = fieldsOf({
  return_token_ids: sometimes(oneOf(true), 2),
  prompt_logprobs: sometimes(oneOf(0, 1, 5), 12),
  priority: sometimes(oneOf(-1, 0, 3), 16),
  cache_salt: sometimes(oneOf('a', 'b'), 12),
  stream_options: sometimes(
    oneOf<Json>(
      { include_usage: true },
      { include_usage: true, continuous_usage_stats: true },
      { continuous_usage_stats: true },
      { include_usage: false, continuous_usage_stats: true },
    ),
    2,
  ),
});

const schema = oneOf(...SCHEMAS);
const grammar = oneOf(...GRAMMARS.keys());
const pattern = oneOf(...PATTERNS);

const form: fc.Arbitrary<Json> = fc.oneof(
  oneOf<Json>({ response_format: { type: 'json_object' } }, { response_format: { type: 'text' } }),
  schema.map((each) => ({
    response_format: { type: 'json_schema', json_schema: { name: 'form', schema: each } },
  })),
  fc
    .tuple(schema, sometimes(oneOf(true), 2))
    .map(([json, disable_any_whitespace]) => ({ structured_outputs: { json, disable_any_whitespace } })),
  pattern.map((regex) => ({ structured_outputs: { regex } })),
  oneOf(...CHOICES).map((choice) => ({ structured_outputs: { choice } })),
  grammar.map((each) => ({ structured_outputs: { grammar: each } })),
  pattern.map((guided_regex) => ({ guided_regex })),
  schema.map((guided_json) => ({ guided_json: JSON.stringify(guided_json) })),
  grammar.map((each) => ({ grammar: each })),
);
const forms = sometimes(form, 4).map((fields) => fields ?? {});

type Tools = {
  readonly functions: readonly Json[];
  readonly choice: string | undefined;
  readonly parallel: unknown;
};

function toolFields({ functions, choice, parallel }: Tools): Json {
  const tools = functions.map((called) => ({ type: 'function', function: called }));
  const named = { type: 'function', function: { name: functions[0]!['name'] } };
  const allowedOf = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [named] } });
  const choices: Json = {
    named,
    'allowed-auto': allowedOf('auto'),
    'allowed-required': allowedOf('required'),
  };
  return { tools, tool_choice: choices[choice ?? ''] ?? choice, parallel_tool_calls: parallel };
}

const called = fc
  .tuple(oneOf(...FUNCTIONS), sometimes(oneOf(true, false), 3))
  .map(([each, strict]): Json => ({ ...each, strict }));
const tools = fc
  .record({
    functions: fc.uniqueArray(called, { minLength: 1, maxLength: 3, selector: (each) => each['name'] }),
    choice: mostly(
      oneOf('auto', 'none', 'required', 'named', 'allowed-auto', 'allowed-required', 'required', 'auto'),
    ),
    parallel: sometimes(oneOf(false, true), 3),
    bias: sometimes(oneOf<Json>({ [TOKENS.toolCall]: 6 }, { [TOKENS.toolCall]: 14, [TOKENS.think]: 14 }), 3),
  })
  .map(({ bias: logit_bias, ...rest }) => ({ ...toolFields(rest), ...(logit_bias && { logit_bias }) }));

const chatFields = fieldsOf({
  chat_template_kwargs: sometimes(oneOf<Json>({ enable_thinking: true }, { enable_thinking: false }), 3),
  reasoning_effort: sometimes(oneOf('none', 'low', 'high'), 10),
  include_reasoning: sometimes(oneOf(false, true), 6),
  separate_reasoning: sometimes(oneOf(false, true), 6),
});

const count = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 13, max: 60 }));
const chatCount = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 30, max: 60 }));
const chatLength = fc.oneof(
  chatCount.map((max_tokens) => ({ max_tokens })),
  chatCount.map((max_completion_tokens) => ({ max_completion_tokens })),
);
const chatLogprobs = sometimes(
  fc.record({ logprobs: oneOf(true), top_logprobs: sometimes(oneOf(0, 1, 5, 20), 2) }),
  3,
).map((fields) => fields ?? {});

export const chatBody: fc.Arbitrary<Json> = joined(
  fc
    .oneof({ weight: 60, arbitrary: oneOf(...CONVERSATIONS) }, oneOf(LONG_CONVERSATION))
    .map((conversation) => ({ model: MODEL, ...conversation })),
  sampling,
  chatLength,
  ends,
  told,
  chatLogprobs,
  sometimes(tools, 2).map((fields) => fields ?? {}),
  forms,
  chatFields,
);

const promptText = oneOf(
  'Once upon a time',
  'The fox',
  ' a\n',
  'Hello \u{1F98A}\u00E9',
  '<|im_start|>user\nHi<|im_end|>\n',
  '{"a": ',
);
const promptIds = oneOf<readonly number[]>(
  [314, 293],
  [1, 86, 201],
  [130],
  [175, 253, 236],
  [2, 2, 71],
  [4088],
);
const prompt = fc.oneof(
  promptText,
  promptIds,
  fc.array(promptText, { minLength: 1, maxLength: 3 }),
  fc.array(promptIds, { minLength: 1, maxLength: 3 }),
);

const completionFields = fieldsOf({
  prompt,
  max_tokens: mostly(fc.oneof({ weight: 8, arbitrary: count }, oneOf(0))),
  echo: sometimes(oneOf(true, false), 3),
  logprobs: sometimes(fc.integer({ min: 0, max: 5 }), 2),
  best_of: sometimes(fc.integer({ min: 1, max: 4 }), 6),
  add_special_tokens: sometimes(oneOf(true, false), 10),
});

export const completionBody: fc.Arbitrary<Json> = joined(
  oneOf<Json>({ model: MODEL }),
  completionFields,
  sampling,
  ends,
  told,
  forms,
);
