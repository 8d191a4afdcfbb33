import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ALLOWED_TOKEN_IDS_MAX,
  BAD_WORDS_MAX,
  LOGPROBS_TOLD_MAX,
  MESSAGES_MAX,
  TOOL_CALLS_MAX,
} from '../../src/base/limits.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { CHAT_FIELDS } from '../../src/routes/schema/field-tables.ts';
import { PLAIN_RENDERING, type RenderOptions } from '../../src/text/chat-template.ts';
import { type RouteTestApp, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';
import { aTextRequest } from '../support/text-request.ts';

/** The text request that `fields` lead to. */
async function textRequest(fields: Record<string, unknown>): Promise<TextRequest> {
  const { chat, generator } = routeTestApp();
  const response = await chat(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return generator.requests[0]!;
}

async function refusal(fields: Record<string, unknown>, options: { strictFields?: boolean } = {}) {
  const { chat, generator, engine } = routeTestApp(options);
  const response = await chat(fields);
  expect(generator.requests).toEqual([]);
  expect(engine.admittedCount).toBe(0);
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, ...error };
}

async function ignoredFields(fields: Record<string, unknown>): Promise<string | null> {
  const response = await routeTestApp().chat(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return response.headers.get('x-octavo-ignored');
}

describe('a request without options', () => {
  it('leaves everything to the model', async () => {
    expect(await textRequest({})).toEqual(
      aTextRequest({
        prompts: [
          {
            kind: 'messages',
            messages: [{ role: 'user', content: 'Say something.' }],
            rendering: PLAIN_RENDERING,
            addSpecialTokens: false,
          },
        ],
        newTokensMax: null,
        answerForm: { tools: [], mustCall: false, callsMax: TOOL_CALLS_MAX, reasoning: 'apart' },
      }),
    );
  });

  it('is what a request full of nulls is', async () => {
    const nulls = [...CHAT_FIELDS.keys()].filter((name) => name !== 'model' && name !== 'messages');
    const fields = Object.fromEntries([...nulls, 'not_known'].map((name) => [name, null]));
    expect(await textRequest(fields)).toEqual(await textRequest({}));
    expect(await ignoredFields(fields)).toBeNull();
  });
});

const rendered = (rendering: Partial<RenderOptions>, addSpecialTokens = false): Partial<TextRequest> => ({
  prompts: [
    {
      kind: 'messages',
      messages: [USER_MESSAGE],
      rendering: { ...PLAIN_RENDERING, ...rendering },
      addSpecialTokens,
    },
  ],
});

const SERVED: readonly (readonly [Record<string, unknown>, Partial<TextRequest>])[] = [
  [{ n: 128 }, { choiceCount: 128 }],
  [{ temperature: 0 }, { temperature: 0 }],
  [{ temperature: 2 }, { temperature: 2 }],
  [{ top_p: 0.9 }, { topP: 0.9 }],
  [{ top_p: 0 }, { topP: Number.MIN_VALUE }],
  [{ top_k: 40 }, { topK: 40 }],
  [{ top_k: -1 }, { topK: 0 }],
  [{ min_p: 0.05 }, { minP: 0.05 }],
  [{ repetition_penalty: 1.1 }, { repetitionPenalty: 1.1 }],
  [{ presence_penalty: -2 }, { presencePenalty: -2 }],
  [{ frequency_penalty: 2 }, { frequencyPenalty: 2 }],
  [
    { logit_bias: { '5': -100, '999': 1.5 } },
    {
      logitBias: new Map([
        [5, -100],
        [999, 1.5],
      ]),
    },
  ],
  [{ seed: 42 }, { seed: 42 }],
  [{ seed: -(2 ** 63) }, { seed: -(2 ** 63) }],
  [{ logprobs: true }, { logprobCount: 0 }],
  [{ logprobs: true, top_logprobs: 20 }, { logprobCount: 20 }],
  [{ logprobs: false }, { logprobCount: null }],
  [{ logprobs: false, top_logprobs: 0 }, { logprobCount: null }],
  [{ top_logprobs: 0 }, { logprobCount: null }],
  [{ stop: 'END' }, { stop: ['END'] }],
  [{ stop: ['a', 'b', 'c', 'd'] }, { stop: ['a', 'b', 'c', 'd'] }],
  [{ stop: [] }, { stop: [] }],
  [{ max_tokens: 5 }, { newTokensMax: 5 }],
  [{ max_completion_tokens: 6 }, { newTokensMax: 6 }],
  [{ max_tokens: 6, max_completion_tokens: 6 }, { newTokensMax: 6 }],
  [{ max_tokens: 5, max_completion_tokens: null }, { newTokensMax: 5 }],
  [{ min_tokens: 3 }, { newTokensMin: 3 }],
  [{ stop_token_ids: [1, 2] }, { stopTokenIds: [1, 2] }],
  [{ ignore_eos: true }, { ignoreEndOfText: true }],
  [{ allowed_token_ids: [3, 999] }, { allowedTokenIds: [3, 999] }],
  [{ bad_words: ['a', ' b'] }, { badWords: ['a', ' b'] }],
  [{ bad_words: [] }, { badWords: [] }],
  [{ prompt_logprobs: 0 }, { promptLogprobCount: 0, logprobCount: null }],
  [{ return_token_ids: true }, { wantsTokenIds: true, wantsPrompts: true }],
  [{ return_token_ids: false }, { wantsTokenIds: false, wantsPrompts: false }],
  [{ add_generation_prompt: true }, rendered({})],
  [{ add_generation_prompt: false }, rendered({ addGenerationPrompt: false })],
  [{ continue_final_message: true }, rendered({ addGenerationPrompt: false, continueFinalMessage: true })],
  [{ continue_final_message: false }, rendered({})],
  [{ add_special_tokens: true }, rendered({}, true)],
  [{ chat_template_kwargs: {} }, rendered({})],
  [{ priority: -5 }, { priority: 5 }],
  [{ prediction: { type: 'content', content: 'Hello' } }, { prediction: 'Hello' }],
  [
    {
      prediction: {
        type: 'content',
        content: [
          { type: 'text', text: 'Hel' },
          { type: 'text', text: 'lo\uD800' },
        ],
      },
    },
    { prediction: 'Hello\uFFFD' },
  ],
  [{ cache_salt: 'tenant 1' }, { cacheSalt: 'tenant 1' }],
];

describe('a served field', () => {
  it.each(SERVED)('is handed on: %j', async (fields, expected) => {
    expect(await textRequest(fields)).toMatchObject(expected);
    expect(await ignoredFields(fields)).toBeNull();
  });
});

type Wrong = readonly [fields: Record<string, unknown>, param: string, code: string];

const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });

const toolCall = (text: string) => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: text } };
  return { messages: [{ role: 'assistant', tool_calls: [call] }] };
};

/** Lists inside lists. */
function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

const WRONG: readonly Wrong[] = [
  [{ model: undefined }, 'model', 'missing_required_parameter'],
  [{ model: 5 }, 'model', 'invalid_type'],
  [{ model: '' }, 'model', 'invalid_value'],
  [{ messages: undefined }, 'messages', 'missing_required_parameter'],
  [{ messages: 'hello' }, 'messages', 'invalid_type'],
  [{ messages: [] }, 'messages', 'invalid_value'],
  [{ messages: Array(MESSAGES_MAX + 1).fill(USER_MESSAGE) }, 'messages', 'invalid_value'],
  [{ messages: [null] }, 'messages[0]', 'invalid_type'],
  [{ messages: [USER_MESSAGE, {}] }, 'messages[1].role', 'missing_required_parameter'],
  [{ messages: [{ role: 'robot', content: '' }] }, 'messages[0].role', 'invalid_value'],
  [{ messages: [{ role: 7, content: '' }] }, 'messages[0].role', 'invalid_type'],
  [{ messages: [{ role: 'user' }] }, 'messages[0].content', 'missing_required_parameter'],
  [{ messages: [USER_MESSAGE, USER_MESSAGE, ...user(5).messages] }, 'messages[2].content', 'invalid_type'],
  [user(null), 'messages[0].content', 'invalid_type'],
  [user([]), 'messages[0].content', 'invalid_value'],
  [user(['text']), 'messages[0].content[0]', 'invalid_type'],
  [user([{ type: 'text' }]), 'messages[0].content[0].text', 'missing_required_parameter'],
  [user([{ type: 'text', text: 1 }]), 'messages[0].content[0].text', 'invalid_type'],
  [{ messages: [{ role: 'user', content: '', name: 5 }] }, 'messages[0].name', 'invalid_type'],
  [{ messages: [{ role: 'tool', content: '' }] }, 'messages[0].tool_call_id', 'missing_required_parameter'],
  [
    {
      messages: [{ role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f' } }] }],
    },
    'messages[0].tool_calls[0].function.arguments',
    'missing_required_parameter',
  ],
  [toolCall(`[${'1,'.repeat(100_000)}1]`), 'messages[0].tool_calls[0].function.arguments', 'invalid_value'],
  [toolCall('['.repeat(200)), 'messages[0].tool_calls[0].function.arguments', 'invalid_value'],
  [{ n: 0 }, 'n', 'invalid_value'],
  [{ n: 129 }, 'n', 'invalid_value'],
  [{ n: 1.5 }, 'n', 'invalid_type'],
  [{ temperature: '0.5' }, 'temperature', 'invalid_type'],
  [{ temperature: -0.1 }, 'temperature', 'invalid_value'],
  [{ temperature: 2.1 }, 'temperature', 'invalid_value'],
  [{ top_p: 1.1 }, 'top_p', 'invalid_value'],
  [{ top_k: -2 }, 'top_k', 'invalid_value'],
  [{ top_k: 0.5 }, 'top_k', 'invalid_type'],
  [{ min_p: 2 }, 'min_p', 'invalid_value'],
  [{ repetition_penalty: 0 }, 'repetition_penalty', 'invalid_value'],
  [{ repetition_penalty: 1e-40 }, 'repetition_penalty', 'invalid_value'],
  [{ presence_penalty: 3 }, 'presence_penalty', 'invalid_value'],
  [{ frequency_penalty: [] }, 'frequency_penalty', 'invalid_type'],
  [{ logit_bias: [1] }, 'logit_bias', 'invalid_type'],
  [{ logit_bias: { hello: 1 } }, 'logit_bias.hello', 'invalid_value'],
  [{ logit_bias: { '5': 101 } }, 'logit_bias.5', 'invalid_value'],
  [{ logit_bias: { '5': 'x' } }, 'logit_bias.5', 'invalid_type'],
  [{ logit_bias: { '1000': 1 } }, 'logit_bias.1000', 'invalid_value'],
  [
    { logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, id) => [id, 1])) },
    'logit_bias',
    'invalid_value',
  ],
  [{ logit_bias: { 7: 100, '07': -100 } }, 'logit_bias.07', 'invalid_value'],
  [{ seed: 0.5 }, 'seed', 'invalid_type'],
  [{ seed: 1e30 }, 'seed', 'invalid_value'],
  [{ logprobs: 5 }, 'logprobs', 'invalid_type'],
  [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs', 'invalid_value'],
  [{ top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
  [{ stop: 5 }, 'stop', 'invalid_type'],
  [{ stop: '' }, 'stop', 'invalid_value'],
  [{ stop: ['a', 5] }, 'stop[1]', 'invalid_type'],
  [{ stop: Array(33).fill('a') }, 'stop', 'invalid_value'],
  [{ stop: 'x'.repeat(1025) }, 'stop', 'invalid_value'],
  [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
  [{ max_tokens: '5' }, 'max_tokens', 'invalid_type'],
  [{ max_completion_tokens: -1 }, 'max_completion_tokens', 'invalid_value'],
  [{ min_tokens: -1 }, 'min_tokens', 'invalid_value'],
  [{ min_tokens: 6, max_tokens: 5 }, 'min_tokens', 'invalid_value'],
  [{ stop_token_ids: [-1] }, 'stop_token_ids[0]', 'invalid_value'],
  [{ stop_token_ids: [5, 1000] }, 'stop_token_ids[1]', 'invalid_value'],
  [{ stop_token_ids: Array(65).fill(1) }, 'stop_token_ids', 'invalid_value'],
  [{ ignore_eos: 'yes' }, 'ignore_eos', 'invalid_type'],
  [{ allowed_token_ids: 5 }, 'allowed_token_ids', 'invalid_type'],
  [{ allowed_token_ids: [] }, 'allowed_token_ids', 'invalid_value'],
  [{ allowed_token_ids: ['5'] }, 'allowed_token_ids[0]', 'invalid_type'],
  [{ allowed_token_ids: [5, -1] }, 'allowed_token_ids[1]', 'invalid_value'],
  [{ allowed_token_ids: [5, 1000] }, 'allowed_token_ids[1]', 'invalid_value'],
  [{ allowed_token_ids: Array(ALLOWED_TOKEN_IDS_MAX + 1).fill(5) }, 'allowed_token_ids', 'invalid_value'],
  [{ bad_words: 'a' }, 'bad_words', 'invalid_type'],
  [{ bad_words: [5] }, 'bad_words[0]', 'invalid_type'],
  [{ bad_words: ['a', ''] }, 'bad_words[1]', 'invalid_value'],
  [{ bad_words: ['x'.repeat(65)] }, 'bad_words[0]', 'invalid_value'],
  [{ bad_words: Array(BAD_WORDS_MAX + 1).fill('a') }, 'bad_words', 'invalid_value'],
  [{ return_token_ids: 1 }, 'return_token_ids', 'invalid_type'],
  [{ prompt_logprobs: true }, 'prompt_logprobs', 'invalid_type'],
  [{ prompt_logprobs: -1 }, 'prompt_logprobs', 'invalid_value'],
  [{ prompt_logprobs: 21 }, 'prompt_logprobs', 'invalid_value'],
  [{ prompt_logprobs: 0, stream: true }, 'prompt_logprobs', 'invalid_value'],
  [{ add_generation_prompt: 1 }, 'add_generation_prompt', 'invalid_type'],
  [{ add_generation_prompt: true, continue_final_message: true }, 'add_generation_prompt', 'invalid_value'],
  [{ continue_final_message: 'x' }, 'continue_final_message', 'invalid_type'],
  [
    {
      continue_final_message: true,
      messages: [
        USER_MESSAGE,
        {
          role: 'assistant',
          content: 'x',
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
      ],
    },
    'messages[1].tool_calls',
    'invalid_value',
  ],
  [{ add_special_tokens: 0 }, 'add_special_tokens', 'invalid_type'],
  [{ chat_template_kwargs: [] }, 'chat_template_kwargs', 'invalid_type'],
  [{ chat_template_kwargs: { messages: [] } }, 'chat_template_kwargs.messages', 'invalid_value'],
  [{ chat_template_kwargs: { bos_token: '' } }, 'chat_template_kwargs.bos_token', 'invalid_value'],
  [{ chat_template_kwargs: { a: nested(40) } }, 'chat_template_kwargs.a', 'invalid_value'],
  [
    { chat_template_kwargs: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [index, 1])) },
    'chat_template_kwargs',
    'invalid_value',
  ],
  [{ reasoning_effort: 5 }, 'reasoning_effort', 'invalid_value'],
  [{ reasoning_effort: 'huge' }, 'reasoning_effort', 'invalid_value'],
  [{ priority: 'high' }, 'priority', 'invalid_type'],
  [{ cache_salt: '' }, 'cache_salt', 'invalid_value'],
  [{ cache_salt: 'x'.repeat(257) }, 'cache_salt', 'invalid_value'],
  [{ stream: 'true' }, 'stream', 'invalid_type'],
  [{ stream_options: { include_usage: true } }, 'stream_options', 'invalid_value'],
  [{ stream: true, stream_options: 5 }, 'stream_options', 'invalid_type'],
  [{ stream: true, stream_options: { include_usage: 1 } }, 'stream_options.include_usage', 'invalid_type'],
];

describe('log probabilities of a whole answer', () => {
  const everything = { logprobs: true, top_logprobs: 20 };

  it('are refused where they may be too many, with their number and what to do', async () => {
    const error = await refusal({ ...everything, n: 128, max_tokens: 2000 });
    expect(error).toMatchObject({ status: 400, code: 'invalid_value', param: 'logprobs' });
    expect(error.message).toContain(String(128 * 2000 * 21));
    expect(error.message).toMatch(/fewer tokens, choices or alternatives, or .*stream/);
  });

  it('are told of thousands of tokens of one choice', async () => {
    const max_tokens = Math.floor(LOGPROBS_TOLD_MAX / 21);
    expect(await textRequest({ ...everything, max_tokens })).toMatchObject({ newTokensMax: max_tokens });
    expect(await refusal({ ...everything, max_tokens: max_tokens + 1 })).toMatchObject({ param: 'logprobs' });
    expect(max_tokens).toBeGreaterThan(4096);
  });

  it('have no bound in a stream, nor where none are asked for', async () => {
    const streamed = await textRequest({ ...everything, n: 128, max_tokens: 2000, stream: true });
    expect(streamed).toMatchObject({ newTokensMax: 2000, newTokensRoomMax: null });
    expect(await textRequest({ n: 128 })).toMatchObject({ newTokensRoomMax: null });
  });

  it('end choices whose length the request leaves open, where it does not ask for more', async () => {
    const newTokensRoomMax = Math.floor(LOGPROBS_TOLD_MAX / (128 * 21));
    const open = { ...everything, n: 128 };
    expect(await textRequest(open)).toMatchObject({ newTokensMax: null, newTokensRoomMax });
    expect(await textRequest({ ...open, min_tokens: newTokensRoomMax })).toMatchObject({ newTokensRoomMax });
    expect(await refusal({ ...open, min_tokens: newTokensRoomMax + 1 })).toMatchObject({ param: 'logprobs' });
  });
});

describe('a variable for the chat template', () => {
  /** Those of the first request. */
  const variablesOf = ({ generator }: RouteTestApp): unknown => {
    const [prompt] = generator.requests[0]!.prompts;
    return prompt?.kind === 'messages' ? prompt.rendering.variables : null;
  };

  it('is handed on where the template looks at it, and named as ignored elsewhere', async () => {
    const test = routeTestApp();
    test.generator.templateVariables.add('enable_thinking').add('reasoning_effort');
    const response = await test.chat({
      chat_template_kwargs: { enable_thinking: false, not_read: 1, 'a b': 1 },
      reasoning_effort: 'low',
    });
    expect(response.headers.get('x-octavo-ignored')).toBe(
      'chat_template_kwargs.not_read, chat_template_kwargs.a?b',
    );
    expect(test.generator.requests[0]).toMatchObject(
      rendered({ variables: { enable_thinking: false, reasoning_effort: 'low' } }),
    );
  });

  it('wins over the field of the same name, and holds no halves of surrogate pairs', async () => {
    const test = routeTestApp();
    test.generator.templateVariables.add('reasoning_effort');
    const reasoning_effort = { deep: ['a\ud800'] };
    await test.chat({ chat_template_kwargs: { reasoning_effort }, reasoning_effort: 'low' });
    expect(test.generator.requests[0]).toMatchObject(
      rendered({ variables: { reasoning_effort: { deep: ['a\ufffd'] } } }),
    );
  });

  it.each([
    ['enable_thinking', { reasoning_effort: 'none' }, { enable_thinking: false }],
    ['thinking', { reasoning_effort: 'none' }, { thinking: false }],
  ] as const)('%s is off with an effort of none: %j', async (name, body, variables) => {
    const test = routeTestApp();
    test.generator.templateVariables.add(name);
    const response = await test.chat(body);
    expect(response.headers.get('x-octavo-ignored')).toBeNull();
    expect(variablesOf(test)).toEqual(variables);
  });

  it.each([
    ['enable_thinking', { enable_thinking: true }],
    ['reasoning_effort', { reasoning_effort: 'low' }],
  ] as const)(
    'that sets %s itself wins over the effort, which then is named as ignored',
    async (name, variables) => {
      const test = routeTestApp();
      test.generator.templateVariables.add(name);
      const response = await test.chat({ reasoning_effort: 'none', chat_template_kwargs: variables });
      expect(response.headers.get('x-octavo-ignored')).toBe('reasoning_effort');
      expect(variablesOf(test)).toEqual(variables);
    },
  );

  it('of a switch says nothing of any other effort, which then is named as ignored and not handed on', async () => {
    for (const reasoning_effort of ['minimal', 'low', 'high']) {
      const test = routeTestApp();
      test.generator.templateVariables.add('enable_thinking');
      const response = await test.chat({ reasoning_effort });
      expect(response.headers.get('x-octavo-ignored')).toBe('reasoning_effort');
      expect(variablesOf(test)).toEqual({});
    }
  });

  it('that the template does not look at is refused in strict mode', async () => {
    const error = await refusal({ chat_template_kwargs: { a: 1 } }, { strictFields: true });
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'chat_template_kwargs.a' });
  });
});

describe('a wrong value', () => {
  it.each(WRONG)('is refused by its path: %j', async (fields, param, code) => {
    const error = await refusal(fields);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
    expect(error.message).toContain(`'${param}'`);
  });

  it('is described by what was expected and what came', async () => {
    expect((await refusal(user(5))).message).toBe(
      "Invalid type for 'messages[0].content': expected a string or an array, but got a number instead.",
    );
    expect((await refusal({ temperature: 3 })).message).toBe(
      "Invalid value for 'temperature': expected at most 2.",
    );
    expect((await refusal({ logit_bias: { hello: 1 } })).message).toBe(
      "Invalid value for 'logit_bias.hello': expected a token id as the key.",
    );
  });
});

const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,' } };

const REFUSED: readonly (readonly [fields: Record<string, unknown>, param: string])[] = [
  [{ functions: [{ name: 'f' }] }, 'functions'],
  [{ function_call: 'auto' }, 'function_call'],
  [{ audio: { voice: 'alloy', format: 'wav' } }, 'audio'],
  [{ modalities: ['text', 'audio'] }, 'modalities'],
  [{ web_search_options: {} }, 'web_search_options'],
  [{ moderation: { model: 'omni-moderation-latest' } }, 'moderation'],
  [{ structured_outputs: { structural_tag: '{}' } }, 'structured_outputs.structural_tag'],
  [{ structured_outputs: { whitespace_pattern: ' ' } }, 'structured_outputs.whitespace_pattern'],
  [{ guided_whitespace_pattern: ' ' }, 'guided_whitespace_pattern'],
  [{ chat_template: '{{ messages }}' }, 'chat_template'],
  [{ documents: [{ text: 'x' }] }, 'documents'],
  [{ truncate_prompt_tokens: 5 }, 'truncate_prompt_tokens'],
  [{ include_stop_str_in_output: true }, 'include_stop_str_in_output'],
  [{ skip_special_tokens: false }, 'skip_special_tokens'],
  [{ return_tokens_as_token_ids: true }, 'return_tokens_as_token_ids'],
  [{ echo: true }, 'echo'],
  [user([{ type: 'text', text: 'What is this?' }, image]), 'messages[0].content[1].type'],
  [user([{ type: 'input_audio', input_audio: {} }]), 'messages[0].content[0].type'],
  [{ messages: [{ role: 'function', name: 'f', content: '' }] }, 'messages[0].role'],
  [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, 'messages[0].audio'],
  [
    { messages: [USER_MESSAGE, { role: 'assistant', function_call: { name: 'f', arguments: '' } }] },
    'messages[1].function_call',
  ],
];

describe('a field whose absence would change the answer', () => {
  it.each(REFUSED)('is refused by name: %j', async (fields, param) => {
    const error = await refusal(fields);
    expect(error).toMatchObject({ status: 400, param, code: 'unsupported_parameter' });
    expect(error.message).toContain('not supported');
  });

  it.each([
    { tools: [] },
    { tool_choice: 'none' },
    { functions: [], function_call: 'none' },
    { response_format: { type: 'text' } },
    { modalities: ['text'] },
    { n: 1 },
    { best_of: 1, echo: false, add_generation_prompt: true, chat_template_kwargs: {} },
    { stream: true, stream_options: { include_obfuscation: false } },
    { skip_special_tokens: true, spaces_between_special_tokens: true, include_stop_str_in_output: false },
    { return_tokens_as_token_ids: false, documents: [] },
  ])('is fine where it asks for nothing: %j', async (fields) => {
    expect(await ignoredFields(fields)).toBeNull();
  });
});

const IGNORED: readonly (readonly [fields: Record<string, unknown>, names: string])[] = [
  [{ user: 'u', metadata: { a: 'b' }, store: true }, 'user, metadata, store'],
  [{ service_tier: 'flex', safety_identifier: 's' }, 'service_tier, safety_identifier'],
  [
    { prompt_cache_key: 'k', prompt_cache_retention: '24h', prompt_cache_options: {} },
    'prompt_cache_key, prompt_cache_retention, prompt_cache_options',
  ],
  [{ verbosity: 'low', reasoning_effort: 'high', seed: 5 }, 'verbosity, reasoning_effort'],
  [{ chat_template_kwargs: { enable_thinking: false } }, 'chat_template_kwargs.enable_thinking'],
  [
    {
      tools: [{ type: 'function', function: { name: 'f' } }],
      tool_choice: 'required',
      response_format: { type: 'json_object' },
    },
    'response_format',
  ],
  [{ parallel_tool_calls: false }, 'parallel_tool_calls'],
  [
    {
      tools: [{ type: 'function', function: { name: 'f' } }],
      tool_choice: 'none',
      parallel_tool_calls: true,
    },
    'parallel_tool_calls',
  ],
  [
    {
      tools: [{ type: 'function', function: { name: 'f' } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: true,
    },
    'parallel_tool_calls',
  ],
  [{ include_reasoning: false, separate_reasoning: false }, 'separate_reasoning'],
  [{ not_known: 1, constructor: 1 }, 'not_known, constructor'],
  [{ '': 1, user: 'u' }, '"", user'],
  [
    {
      messages: [USER_MESSAGE, { role: 'assistant', content: 'x', annotations: [{ type: 'url_citation' }] }],
    },
    'messages[].annotations',
  ],
  [{ 'a b\r\nx: 1': 1, é漢: 1 }, 'a?b??x??1, ??'],
  [
    { stream: true, stream_options: { include_usage: false, continuous_usage_stats: true } },
    'stream_options.continuous_usage_stats',
  ],
  [
    { stream: true, stream_options: { include_obfuscation: true, usage_in_every_chunk: true } },
    'stream_options.include_obfuscation, stream_options.usage_in_every_chunk',
  ],
  [
    {
      messages: [
        { role: 'assistant', content: 'x', reasoning_content: 'y' },
        { role: 'user', content: [{ type: 'text', text: 'z', cache_control: {} }], reasoning_content: 'y' },
      ],
    },
    'messages[].reasoning_content, messages[].content[].cache_control',
  ],
  [
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', description: 'd', mood: 1, schema: {} },
      },
    },
    'response_format.json_schema.description, response_format.json_schema.mood',
  ],
  [
    {
      messages: [
        USER_MESSAGE,
        {
          role: 'assistant',
          tool_calls: [
            { id: 'c', index: 0, type: 'function', function: { name: 'f', arguments: '{}', mood: 1 } },
          ],
        },
      ],
    },
    'messages[].tool_calls[].function.mood',
  ],
  [
    { messages: [USER_MESSAGE, { role: 'assistant', content: 'Yes.', refusal: 'No.' }] },
    'messages[].refusal',
  ],
  [user([{ type: 'text', text: 'Yes.', refusal: 'No.' }]), 'messages[].content[].refusal'],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.', text: 'Yes.' }] }] },
    'messages[].content[].text',
  ],
];

describe('a field without effect', () => {
  it.each(IGNORED)('is named in a header: %j', async (fields, names) => {
    expect(await ignoredFields(fields)).toBe(names);
  });

  it('is a priority other than 0, unless the server goes by priorities', async () => {
    for (const [usesPriority, ignored, priority] of [
      [false, 'priority', 0],
      [true, null, 3],
    ] as const) {
      const test = routeTestApp({ usesPriority });
      const response = await test.chat({ priority: -3 });
      expect(response.headers.get('x-octavo-ignored')).toBe(ignored);
      expect(test.generator.requests[0]).toMatchObject({ priority });
    }
    const plain = await routeTestApp({ usesPriority: false }).chat({ priority: 0 });
    expect(plain.headers.get('x-octavo-ignored')).toBeNull();
  });

  it('is a prediction, where the server makes no drafts', async () => {
    const prediction = { type: 'content', content: 'x' };
    const test = routeTestApp({ usesPredictions: false });
    const response = await test.chat({ prediction });
    expect(response.headers.get('x-octavo-ignored')).toBe('prediction');
    expect(test.generator.requests[0]).toMatchObject({ prediction: null });
    expect((await routeTestApp().chat({ prediction })).headers.get('x-octavo-ignored')).toBeNull();
  });

  it('is a prediction beside banned words, which drafts cannot keep to', async () => {
    const prediction = { type: 'content', content: 'x' };
    expect(await ignoredFields({ prediction, bad_words: ['y'] })).toBe('prediction');
    expect(await ignoredFields({ prediction, bad_words: [] })).toBeNull();
  });

  it('is the old name of a length beside the new one, where it says another', async () => {
    expect(await ignoredFields({ max_tokens: 5, max_completion_tokens: 6 })).toBe('max_tokens');
    expect(await ignoredFields({ max_tokens: 6, max_completion_tokens: 6 })).toBeNull();
  });

  it.each(['stop', 'bad_words'])('is what no text holds, in %s: half of a surrogate pair', async (name) => {
    const test = routeTestApp();
    const response = await test.chat({ [name]: ['\ud83d', '\ufffd'] });
    expect(response.headers.get('x-octavo-ignored')).toBe(name);
    expect(test.generator.requests[0]).toMatchObject({ [name === 'stop' ? name : 'badWords']: ['\ufffd'] });
  });

  it('is named in the header of a stream too', async () => {
    expect(await ignoredFields({ stream: true, user: 'u' })).toBe('user');
  });

  it('cannot make the header grow without bound', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`${index}${'x'.repeat(99)}`, 1]),
    );
    expect((await ignoredFields(many))!.length).toBeLessThan(4096);
  });

  it('is refused by name in strict mode', async () => {
    const strict = { strictFields: true };
    expect(await refusal({ user: 'u' }, strict)).toMatchObject({
      status: 400,
      param: 'user',
      code: 'unsupported_parameter',
    });
    expect(await refusal({ not_known: 1 }, strict)).toMatchObject({ param: 'not_known' });
    expect(await refusal({ '': 1 }, strict)).toMatchObject({ param: '""' });
    const nested = { messages: [USER_MESSAGE, { role: 'user', content: 'x', mood: 'y' }] };
    expect(await refusal(nested, strict)).toMatchObject({ param: 'messages[1].mood' });
  });

  it('does not stand in the way of a strict request that has none', async () => {
    const { chat } = routeTestApp({ strictFields: true });
    const response = await chat({ temperature: 0, tools: [], user: null });
    expect(response.status).toBe(200);
  });

  it('is none of what clients send back of an answer: where its calls stood, and that nothing was cited', async () => {
    const call = { id: 'c', index: 0, type: 'function', function: { name: 'f', arguments: '{}' } };
    const answer = { role: 'assistant', content: 'x', annotations: [], tool_calls: [call] };
    const response = await routeTestApp({ strictFields: true }).chat({ messages: [USER_MESSAGE, answer] });
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get('x-octavo-ignored')).toBeNull();
  });
});

describe('the table of fields', () => {
  it("decides on every field of the official client's request type", () => {
    const url = import.meta.resolve('openai/resources/chat/completions/completions.js');
    const types = readFileSync(new URL(url.replace(/\.m?js$/, '.d.ts')), 'utf8');
    const start = types.indexOf('interface ChatCompletionCreateParamsBase');
    const body = types.slice(start, types.indexOf('\n}', start));
    const names = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(35);
    expect(names.filter((name) => !CHAT_FIELDS.has(name))).toEqual([]);
  });
});

describe('messages', () => {
  const messagesOf = async (messages: unknown[]) => {
    const [prompt] = (await textRequest({ messages })).prompts;
    return prompt?.kind === 'messages' ? prompt.messages : [];
  };

  it('keep their roles, contents and names', async () => {
    const messages = [
      { role: 'system', content: 's' },
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'user', content: 'u', name: 'Ann' },
      { role: 'assistant', content: 'v' },
    ];
    expect(await messagesOf(messages)).toEqual(messages);
  });

  it('hand on the tool calls of the history', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const messages = [
      { role: 'user', content: 'u' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: '2', tool_call_id: 'call_1' },
    ];
    expect(await messagesOf(messages)).toEqual(messages);
  });

  it('hold so much structure in the arguments of all calls together as a body may', async () => {
    const call = (count: number) => ({
      id: 'c',
      type: 'function',
      function: { name: 'f', arguments: `[${'1,'.repeat(count)}1]` },
    });
    const calls = (...counts: number[]) => [{ role: 'assistant', tool_calls: counts.map(call) }];
    expect(await messagesOf(calls(30_000, 30_000, 30_000))).toHaveLength(1);
    const { status, param } = await refusal({ messages: calls(30_000, 40_000, 40_000) });
    expect([status, param]).toEqual([400, 'messages[0].tool_calls[2].function.arguments']);
  });

  it('take an empty list of calls for none, as other servers write it', async () => {
    const messages = [USER_MESSAGE, { role: 'assistant', content: 'v', tool_calls: [] }];
    expect(await messagesOf(messages)).toEqual([USER_MESSAGE, { role: 'assistant', content: 'v' }]);
  });

  it.each([
    [{ content: null }],
    [{}],
    [{ content: null, tool_calls: null }],
    [{ content: null, tool_calls: [] }],
    [{ content: null, refusal: null }],
  ])('have an assistant who said nothing and called nothing say an empty text: %j', async (said) => {
    const messages = [USER_MESSAGE, { role: 'assistant', ...said }];
    expect(await messagesOf(messages)).toEqual([USER_MESSAGE, { role: 'assistant', content: '' }]);
  });

  it('hand on what an assistant refused with as what it said', async () => {
    const part = { type: 'refusal', refusal: 'I cannot.' };
    expect(
      await messagesOf([
        { role: 'assistant', content: null, refusal: 'No.' },
        { role: 'assistant', content: [part] },
      ]),
    ).toEqual([
      { role: 'assistant', content: 'No.' },
      { role: 'assistant', content: [{ type: 'text', text: 'I cannot.' }] },
    ]);
  });

  it('never hold halves of surrogate pairs', async () => {
    expect(await messagesOf([{ role: 'user', content: 'a\ud800b\udc00c🂡' }])).toEqual([
      { role: 'user', content: 'a\ufffdb\ufffdc🂡' },
    ]);
  });
});
