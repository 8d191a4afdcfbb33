/**
 * The whole corridor as its users see it: the compiled server with the model that ships, judged by the official
 * openai package.
 */

import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import OpenAI, {
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type ServerProcess, startServer } from '../support/server-process.ts';

const MODEL = 'octavo-mini';
const STORY = [{ role: 'user', content: 'Tell me a story about a fox.' }] as const;

let server: ServerProcess;
let openai: OpenAI;

beforeAll(async () => {
  server = await startServer();
  openai = client(server);
});
afterAll(() => server.stop());

function client({ baseUrl }: ServerProcess, apiKey = 'unused'): OpenAI {
  return new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, maxRetries: 0 });
}

type Parameters = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model' | 'messages'> & {
  readonly messages?: OpenAI.ChatCompletionMessageParam[];
  /** Extensions that the package does not type. */
  readonly ignore_eos?: boolean;
  readonly top_k?: number;
  readonly min_tokens?: number;
};

async function complete(parameters: Parameters = {}): Promise<OpenAI.ChatCompletion> {
  return openai.chat.completions.create({ model: MODEL, messages: [...STORY], ...parameters });
}

async function answer(parameters: Parameters = {}): Promise<string> {
  return (await complete(parameters)).choices[0]!.message.content!;
}

async function streamedAnswer(parameters: Parameters = {}): Promise<string> {
  const stream = await openai.chat.completions.create({
    model: MODEL,
    messages: [...STORY],
    ...parameters,
    stream: true,
  });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.baseUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name}{`) || each.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

describe('the model in the box', () => {
  it('answers the example questions of its card', async () => {
    const file = path.join(import.meta.dirname, '../../models/octavo-mini/examples.json');
    const examples = JSON.parse(await readFile(file, 'utf8')) as {
      messages: OpenAI.ChatCompletionMessageParam[];
      answer: string;
      /** Smallest gap between the best and the second-best logit: other providers may add up in another order. */
      min_margin: number;
    }[];
    expect(examples.length).toBeGreaterThanOrEqual(8);
    expect(examples.filter(({ min_margin }) => min_margin < 0.5)).toEqual([]);
    const answers = await Promise.all(
      examples.map(({ messages }) => answer({ messages, temperature: 0, max_tokens: 200 })),
    );
    expect(answers).toEqual(examples.map((example) => example.answer));
  });
});

describe('a chat completion', () => {
  it('is the same streamed and whole', async () => {
    const parameters = { temperature: 0.8, seed: 7, max_tokens: 60 };
    expect(await streamedAnswer(parameters)).toBe(await answer(parameters));
  });

  it('is the same every time with the same seed, and another with another', async () => {
    const parameters = { temperature: 1, max_tokens: 40, ignore_eos: true };
    const first = await answer({ ...parameters, seed: 11 });
    expect(await answer({ ...parameters, seed: 11 })).toBe(first);
    expect(await answer({ ...parameters, seed: 12 })).not.toBe(first);
  });

  it('is the same alone and among 31 others that sample otherwise', async () => {
    // A seed whose text meets no tie: two tokens of the same five digits may change places in another batch.
    const parameters = { temperature: 0.9, top_p: 0.9, seed: 7, max_tokens: 48, ignore_eos: true };
    const alone = await answer(parameters);
    const crowd = Array.from({ length: 31 }, (_, i) =>
      streamedAnswer({
        temperature: i % 3 === 0 ? 0 : 1,
        seed: i,
        max_tokens: 10 + 3 * i,
        frequency_penalty: i % 2,
      }),
    );
    const [among] = await Promise.all([answer(parameters), ...crowd]);
    expect(among).toBe(alone);
  });

  it('counts its tokens, and ends by length where it is told to', async () => {
    const { choices, usage } = await complete({ max_completion_tokens: 12, ignore_eos: true });
    expect(choices[0]!.finish_reason).toBe('length');
    expect(usage!.completion_tokens).toBe(12);
    expect(usage!.total_tokens).toBe(usage!.prompt_tokens + 12);
    expect(usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThanOrEqual(0);
  });

  it('ends before a stop string, which is not part of it', async () => {
    const whole = await answer({ temperature: 0, max_tokens: 60 });
    const stop = whole.slice(20, 25);
    const { choices } = await complete({ temperature: 0, max_tokens: 60, stop: [stop] });
    expect(choices[0]!.finish_reason).toBe('stop');
    expect(choices[0]!.message.content).toBe(whole.slice(0, whole.indexOf(stop)));
  });

  it('has three choices that share the prompt, the first as if it were alone', async () => {
    const parameters = { temperature: 1, seed: 3, max_tokens: 30 };
    const { choices, usage } = await complete({ ...parameters, n: 3 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(choices[0]!.message.content).toBe(await answer(parameters));
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    expect(usage!.completion_tokens).toBeGreaterThan(30);
  });

  it('gives log probabilities of which the greedy token is the largest', async () => {
    const { choices } = await complete({ temperature: 0, max_tokens: 5, logprobs: true, top_logprobs: 4 });
    const tokens = choices[0]!.logprobs!.content!;
    expect(tokens.length).toBe(5);
    for (const { token, logprob, top_logprobs } of tokens) {
      expect(top_logprobs.length).toBe(4);
      expect(top_logprobs[0]!.token).toBe(token);
      expect(top_logprobs[0]!.logprob).toBeCloseTo(logprob, 6);
      expect(top_logprobs.reduce((sum, each) => sum + Math.exp(each.logprob), 0)).toBeLessThanOrEqual(1.0001);
    }
    expect(tokens.map(({ token }) => token).join('')).toBe(choices[0]!.message.content);
  });

  it('never chooses a token that logit_bias forbids', async () => {
    const plain = await complete({ temperature: 0, max_tokens: 1, logprobs: true, top_logprobs: 2 });
    const [first, second] = plain.choices[0]!.logprobs!.content![0]!.top_logprobs;
    const { token_id } = await tokenId(first!.token);
    const biased = await complete({ temperature: 0, max_tokens: 1, logit_bias: { [token_id]: -100 } });
    expect(biased.choices[0]!.message.content).toBe(second!.token);
  });

  it('streams 32 at once, each as if it were alone', async () => {
    const alone = await answer({ temperature: 0, max_tokens: 40 });
    const texts = await Promise.all(
      Array.from({ length: 32 }, () => streamedAnswer({ temperature: 0, max_tokens: 40 })),
    );
    expect(texts).toEqual(new Array(32).fill(alone));
  });

  it('takes its prefix from the cache the second time, and says so', async () => {
    const system = { role: 'system', content: 'You are a helpful assistant. '.repeat(150) } as const;
    const messages = [system, ...STORY];
    const first = await complete({ messages, max_tokens: 1 });
    const second = await complete({ messages, max_tokens: 1 });
    expect(first.usage!.prompt_tokens_details!.cached_tokens).toBe(0);
    expect(second.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThan(
      second.usage!.prompt_tokens - 32,
    );
  });

  it('that its client leaves frees its blocks at once', async () => {
    const stream = await openai.chat.completions.create({
      model: MODEL,
      messages: [...STORY],
      stream: true,
      max_tokens: 1500,
      ignore_eos: true,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    expect(stream.controller.signal.aborted).toBe(true);
    await eventually(async () => (await metric('vllm:kv_cache_usage_perc')) === 0);
    expect(await metric('vllm:num_requests_running')).toBe(0);
  });

  it('that its client leaves before its turn on the line frees its place at once', async () => {
    const load = async () => (await fetch(`${server.baseUrl}/load`)).text();
    const json = JSON.stringify({ model: MODEL, messages: STORY, stream: true, ignore_eos: true });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${json.length}`;
    const line = connect(Number(new URL(server.baseUrl).port), '127.0.0.1');
    line.write(`${head}\r\n\r\n${json}`.repeat(3));
    await eventually(async () => (await load()) === '{"server_load":3}');
    line.destroy();
    await eventually(async () => (await load()) === '{"server_load":0}');
    await eventually(async () => (await metric('vllm:num_requests_running')) === 0);
    expect(await load()).toBe('{"server_load":0}');
  });
});

describe('what cannot be served', () => {
  it('is a BadRequestError that names the field', async () => {
    const error = await complete({ temperature: 3 }).catch((reason) => reason);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, param: 'temperature', type: 'invalid_request_error' });
  });

  it('is context_length_exceeded with both numbers', async () => {
    const messages = [{ role: 'user', content: 'many words '.repeat(3000) } as const];
    const error = await complete({ messages }).catch((reason) => reason);
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' });
    expect(error.message).toMatch(/2048 tokens.*\d{4,} tokens/);
  });

  it('is a NotFoundError for a model that is not served', async () => {
    const create = openai.chat.completions.create({ model: 'gpt-4o', messages: [...STORY] });
    const error = await create.catch((reason) => reason);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.code).toBe('model_not_found');
  });

  it('is refused by name where ignoring it would mislead', async () => {
    const error = await complete({
      functions: [{ name: 'f' }],
    } as Parameters).catch((reason) => reason);
    expect(error).toMatchObject({ status: 400, param: 'functions', code: 'unsupported_parameter' });
  });
});

describe('a server with an API key and a short queue', () => {
  let guarded: ServerProcess;
  beforeAll(async () => {
    guarded = await startServer({
      flags: ['--api-key', 'secret', '--max-in-flight', '1', '--strict-fields'],
    });
  });
  afterAll(() => guarded.stop());

  it('refuses a wrong key', async () => {
    const error = await client(guarded, 'wrong')
      .models.list()
      .catch((reason) => reason);
    expect(error).toBeInstanceOf(AuthenticationError);
  });

  it('takes the right one', async () => {
    const models = await client(guarded, 'secret').models.list();
    expect(models.data.map(({ id }) => id)).toEqual([MODEL]);
  });

  it('answers 429 with Retry-After while its queue is full', async () => {
    const guardedClient = client(guarded, 'secret');
    const request = { model: MODEL, messages: [...STORY], max_tokens: 1500, ignore_eos: true };
    const stream = await guardedClient.chat.completions.create({
      ...request,
      stream: true,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    const error = await guardedClient.chat.completions.create(request).catch((reason) => reason);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.code).toBe('queue_full');
    expect(Number(error.headers.get('retry-after'))).toBeGreaterThan(0);
    stream.controller.abort();
  });

  it('refuses fields without effect by name when it is strict', async () => {
    const error = await client(guarded, 'secret')
      .chat.completions.create({ model: MODEL, messages: [...STORY], user: 'me' })
      .catch((reason) => reason);
    expect(error).not.toBeInstanceOf(UnprocessableEntityError);
    expect(error).toMatchObject({ status: 400, param: 'user' });
  });
});

/** Id of a token by its text, from the tokenizer file that ships. */
async function tokenId(text: string): Promise<{ token_id: number }> {
  const file = path.join(import.meta.dirname, '../../models/octavo-mini/tokenizer.json');
  const { model } = JSON.parse(await readFile(file, 'utf8')) as { model: { vocab: Record<string, number> } };
  const token_id = model.vocab[text.replaceAll(' ', 'Ġ')];
  if (token_id === undefined) throw new Error(`no token "${text}"`);
  return { token_id };
}
