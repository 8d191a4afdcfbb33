/** Every field of a completion request: served, refused by name, or named in `x-octavo-ignored`. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ALLOWED_TOKEN_IDS_MAX, BAD_WORDS_MAX, PROMPTS_MAX } from '../../src/base/limits.ts';
import type { Prompt, TextRequest } from '../../src/engine/text-generation.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { COMPLETION_FIELDS } from '../../src/routes/schema/field-tables.ts';
import { routeTestApp } from '../support/route-test-app.ts';
import { aTextRequest } from '../support/text-request.ts';

async function textRequest(fields: Record<string, unknown>): Promise<TextRequest> {
  const { complete, generator } = routeTestApp();
  const response = await complete(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return generator.requests[0]!;
}

async function refusal(fields: Record<string, unknown>) {
  const { complete, generator, engine } = routeTestApp();
  const response = await complete(fields);
  expect(generator.requests).toEqual([]);
  expect(engine.admittedCount).toBe(0);
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, ...error };
}

async function ignoredFields(fields: Record<string, unknown>): Promise<string | null> {
  const response = await routeTestApp().complete(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return response.headers.get('x-octavo-ignored');
}

const text = (each: string): Prompt => ({ kind: 'text', text: each, addSpecialTokens: true });
const tokens = (...tokenIds: number[]): Prompt => ({ kind: 'tokens', tokenIds });

describe('a completion request without options', () => {
  it("asks for OpenAI's 16 tokens, or what the context has room for, and leaves the rest to the model", async () => {
    const lengths = { newTokensMax: null, newTokensRoomMax: 16 };
    expect(await textRequest({})).toEqual(aTextRequest({ prompts: [text('Once')], ...lengths }));
  });

  it('is what a request full of nulls is', async () => {
    const names = [...COMPLETION_FIELDS.keys()].filter((name) => name !== 'model' && name !== 'prompt');
    const fields = Object.fromEntries([...names, 'not_known'].map((name) => [name, null]));
    expect(await textRequest(fields)).toEqual(await textRequest({}));
    expect(await ignoredFields(fields)).toBeNull();
  });

  it('knows every field of the official client', () => {
    const url = import.meta.resolve('openai/resources/completions');
    const types = readFileSync(new URL(url.replace(/\.m?js$/, '.d.ts')), 'utf8');
    const start = types.indexOf('interface CompletionCreateParamsBase');
    const body = types.slice(start, types.indexOf('\n}', start));
    const names = [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1]!);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !COMPLETION_FIELDS.has(name))).toEqual([]);
  });
});

const SERVED: readonly (readonly [Record<string, unknown>, Partial<TextRequest>])[] = [
  [{ prompt: '' }, { prompts: [text('')] }],
  [{ prompt: ['a', 'b'] }, { prompts: [text('a'), text('b')] }],
  [{ prompt: [1, 2] }, { prompts: [tokens(1, 2)] }],
  [{ prompt: 'a', suffix: '' }, { prompts: [text('a')] }],
  [{ prompt: [1, 2], suffix: '' }, { prompts: [tokens(1, 2)] }],
  [
    { prompt: ['a', ''], suffix: '\udc00z', add_special_tokens: false },
    {
      prompts: [
        { kind: 'infill', prefix: 'a', suffix: '\ufffdz', addSpecialTokens: false },
        { kind: 'infill', prefix: '', suffix: '\ufffdz', addSpecialTokens: false },
      ],
    },
  ],
  [{ prompt: [[1, 2], [3]] }, { prompts: [tokens(1, 2), tokens(3)] }],
  [
    { prompt: 'a', add_special_tokens: false },
    { prompts: [{ kind: 'text', text: 'a', addSpecialTokens: false }] },
  ],
  [{ prompt: 'a\ud800' }, { prompts: [text('a\ufffd')] }],
  [{ n: 128, best_of: 128 }, { choiceCount: 128 }],
  [{ best_of: 1 }, { choiceCount: 1 }],
  [{ max_tokens: 5 }, { newTokensMax: 5 }],
  [{ min_tokens: 16 }, { newTokensMin: 16 }],
  [{ allowed_token_ids: [3, 999] }, { allowedTokenIds: [3, 999] }],
  [{ bad_words: ['a', ' b'] }, { badWords: ['a', ' b'] }],
  [{ bad_words: [] }, { badWords: [] }],
  [{ return_token_ids: true }, { wantsTokenIds: true, wantsPrompts: true }],
  [{ return_token_ids: false }, { wantsTokenIds: false, wantsPrompts: false }],
  [{ logprobs: 0 }, { logprobCount: 0 }],
  [{ logprobs: 20 }, { logprobCount: 20 }],
  [{ echo: true }, { wantsPrompts: true, promptLogprobCount: null, wantsStopLogprobs: false }],
  [
    { echo: true, logprobs: 2, max_tokens: 0 },
    { wantsPrompts: true, logprobCount: 2, promptLogprobCount: 2, wantsStopLogprobs: true, newTokensMax: 0 },
  ],
  [
    { echo: true, logprobs: 2, prompt_logprobs: 5 },
    { logprobCount: 2, promptLogprobCount: 5 },
  ],
  [
    { prompt_logprobs: 0, max_tokens: 0 },
    { promptLogprobCount: 0, wantsPrompts: false, newTokensMax: 0 },
  ],
  [
    { n: 2, best_of: 20 },
    { choiceCount: 20, logprobCount: null, wantsMeanLogprob: true },
  ],
  [
    { n: 2, best_of: 3, logprobs: 4 },
    { choiceCount: 3, logprobCount: 4, wantsMeanLogprob: true },
  ],
  [
    { temperature: 0, top_p: 0.5, top_k: 3, min_p: 0.1 },
    { temperature: 0, topP: 0.5, topK: 3, minP: 0.1 },
  ],
  [
    { repetition_penalty: 1.1, presence_penalty: -2, frequency_penalty: 2 },
    { repetitionPenalty: 1.1, presencePenalty: -2, frequencyPenalty: 2 },
  ],
  [{ logit_bias: { '5': -100 } }, { logitBias: new Map([[5, -100]]) }],
  [{ seed: 42 }, { seed: 42 }],
  [{ stop: 'END' }, { stop: ['END'] }],
  [
    { stop_token_ids: [1], ignore_eos: true },
    { stopTokenIds: [1], ignoreEndOfText: true },
  ],
  [
    { priority: -5, cache_salt: 'x' },
    { priority: 5, cacheSalt: 'x' },
  ],
];

describe('a served field of a completion', () => {
  it.each(SERVED)('is handed on: %j', async (fields, expected) => {
    expect(await textRequest(fields)).toMatchObject(expected);
    expect(await ignoredFields(fields)).toBeNull();
  });
});

const WRONG: readonly (readonly [fields: Record<string, unknown>, param: string, code: string])[] = [
  [{ model: undefined }, 'model', 'missing_required_parameter'],
  [{ prompt: undefined }, 'prompt', 'missing_required_parameter'],
  [{ prompt: null }, 'prompt', 'invalid_type'],
  [{ prompt: 5 }, 'prompt', 'invalid_type'],
  [{ prompt: {} }, 'prompt', 'invalid_type'],
  [{ prompt: [] }, 'prompt', 'invalid_value'],
  [{ prompt: [null] }, 'prompt[0]', 'invalid_type'],
  [{ prompt: ['a', 1] }, 'prompt[1]', 'invalid_type'],
  [{ prompt: [1, 'a'] }, 'prompt[1]', 'invalid_type'],
  [{ prompt: [1, 0.5] }, 'prompt[1]', 'invalid_type'],
  [{ prompt: [1, -1] }, 'prompt[1]', 'invalid_value'],
  [{ prompt: [[1], 'a'] }, 'prompt[1]', 'invalid_type'],
  [{ prompt: [[1], []] }, 'prompt[1]', 'invalid_value'],
  [{ prompt: [[1], [1, '2']] }, 'prompt[1][1]', 'invalid_type'],
  [{ prompt: Array(PROMPTS_MAX + 1).fill('a') }, 'prompt', 'invalid_value'],
  [{ n: 0 }, 'n', 'invalid_value'],
  [{ n: 129 }, 'n', 'invalid_value'],
  [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
  [{ max_tokens: '5' }, 'max_tokens', 'invalid_type'],
  [{ min_tokens: 17 }, 'min_tokens', 'invalid_value'],
  [{ logprobs: true }, 'logprobs', 'invalid_type'],
  [{ logprobs: -1 }, 'logprobs', 'invalid_value'],
  [{ logprobs: 21 }, 'logprobs', 'invalid_value'],
  [{ add_special_tokens: 1 }, 'add_special_tokens', 'invalid_type'],
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
  [{ echo: 'yes' }, 'echo', 'invalid_type'],
  [{ best_of: '2' }, 'best_of', 'invalid_type'],
  [{ best_of: 0 }, 'best_of', 'invalid_value'],
  [{ n: 3, best_of: 2 }, 'best_of', 'invalid_value'],
  [{ n: 3, best_of: 21 }, 'best_of', 'invalid_value'],
  [{ n: 128, best_of: 129 }, 'best_of', 'invalid_value'],
  [{ best_of: 2, stream: true }, 'best_of', 'invalid_value'],
  [{ suffix: 5 }, 'suffix', 'invalid_type'],
  [{ suffix: 'end', echo: true }, 'suffix', 'invalid_value'],
  [{ suffix: 'end', prompt: [1] }, 'suffix', 'invalid_value'],
  [{ suffix: 'end', prompt: [[1]] }, 'suffix', 'invalid_value'],
  [{ max_tokens: 0 }, 'max_tokens', 'invalid_value'],
  [{ max_tokens: -1, echo: true }, 'max_tokens', 'invalid_value'],
  [{ prompt_logprobs: 3, stream: true }, 'prompt_logprobs', 'invalid_value'],
  [{ temperature: 3 }, 'temperature', 'invalid_value'],
  [{ temperature: 'x' }, 'temperature', 'invalid_type'],
  [{ top_p: 2 }, 'top_p', 'invalid_value'],
  [{ top_k: -2 }, 'top_k', 'invalid_value'],
  [{ logit_bias: { '1000': 1 } }, 'logit_bias.1000', 'invalid_value'],
  [{ stop_token_ids: [5, 1000] }, 'stop_token_ids[1]', 'invalid_value'],
  [{ stop: Array(33).fill('a') }, 'stop', 'invalid_value'],
  [{ stream: 1 }, 'stream', 'invalid_type'],
  [{ stream_options: {} }, 'stream_options', 'invalid_value'],
];

describe('a wrong value of a completion', () => {
  it.each(WRONG)('is refused by its path: %j', async (fields, param, code) => {
    const error = await refusal(fields);
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
    expect(error.message).toContain(`'${param}'`);
  });

  it('of a prompt is described by what was expected and what came', async () => {
    expect((await refusal({ prompt: [[1], ['x']] })).message).toBe(
      "Invalid type for 'prompt[1][0]': expected an integer, but got a string instead.",
    );
    expect((await refusal({ prompt: true })).message).toBe(
      "Invalid type for 'prompt': expected a string or an array, but got a boolean instead.",
    );
  });
});

describe('log probabilities of whole completions', () => {
  it('are bounded over all prompts, choices and tokens together', async () => {
    const fields = { prompt: Array(16).fill('a'), best_of: 20, logprobs: 3 };
    expect(await textRequest({ ...fields, max_tokens: 102 })).toMatchObject({ newTokensMax: 102 });
    expect(await refusal({ ...fields, max_tokens: 103 })).toMatchObject({ status: 400, param: 'logprobs' });
  });

  it('have no bound where they only rank the choices', async () => {
    expect(await textRequest({ prompt: Array(16).fill('a'), best_of: 20, max_tokens: 2000 })).toMatchObject({
      newTokensMax: 2000,
    });
  });
});

const REFUSED: readonly (readonly [fields: Record<string, unknown>, param: string])[] = [
  [{ max_completion_tokens: 5 }, 'max_completion_tokens'],
  [{ messages: [] }, 'messages'],
  [{ prompt_embeds: 'x' }, 'prompt_embeds'],
  [{ use_beam_search: true }, 'use_beam_search'],
  [{ guided_whitespace_pattern: ' ' }, 'guided_whitespace_pattern'],
];

describe('a field of a completion whose absence would change the answer', () => {
  it.each(REFUSED)('is refused by name: %j', async (fields, param) => {
    const error = await refusal(fields);
    expect(error).toMatchObject({ status: 400, param, code: 'unsupported_parameter' });
    expect(error.message).toContain('not supported');
  });

  it.each([{ suffix: '' }, { echo: false, logprobs: 1 }, { response_format: { type: 'text' } }])(
    'is fine where it asks for nothing: %j',
    async (fields) => {
      expect(await ignoredFields(fields)).toBeNull();
    },
  );
});

describe('a field of a completion without effect', () => {
  it('is named in a header', async () => {
    expect(await ignoredFields({ user: 'u', not_known: 1 })).toBe('user, not_known');
    const stored = { metadata: { a: 'b' }, store: true, service_tier: 'flex', prompt_cache_key: 'k' };
    expect(await ignoredFields(stored)).toBe('metadata, store, service_tier, prompt_cache_key');
  });

  it('is add_special_tokens, where all prompts are token ids', async () => {
    expect(await ignoredFields({ prompt: [5, 6], add_special_tokens: true })).toBe('add_special_tokens');
    expect(await ignoredFields({ prompt: [[5], [6]], add_special_tokens: true })).toBe('add_special_tokens');
    expect(await ignoredFields({ prompt: [5, 6], add_special_tokens: false })).toBeNull();
    expect(await ignoredFields({ prompt: 'x', add_special_tokens: true })).toBeNull();
  });

  it('is none that asks for nothing, as in a chat request', async () => {
    const nothing = { metadata: {}, store: false, service_tier: 'auto' };
    expect(await ignoredFields(nothing)).toBeNull();
    expect((await routeTestApp({ strictFields: true }).complete(nothing)).status).toBe(200);
  });
});
