/** The official client against the routes over a real socket, with the fake generator behind them. */

import { connect } from 'node:net';
import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import {
  chatCompletionChunkSchema,
  chatCompletionSchema,
} from '../../src/routes/schema/chat-completion-response.ts';
import { completionChunkSchema, completionSchema } from '../../src/routes/schema/completion-response.ts';
import { aborted, type Script, saying, sayingThenFailing } from '../support/fake-text-generator.ts';
import { bodyReader, MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';
import { startWireServer, type WireServer } from '../support/wire-server.ts';

const API_KEY = 'wire-key';
const MESSAGES = [{ role: 'user' as const, content: 'Say something.' }];
const REQUEST = { model: MODEL, messages: MESSAGES };

let test: RouteTestApp;
let server: WireServer;
let port: number;
let client: OpenAI;

beforeAll(async () => {
  server = await startWireServer((request) => test.app.fetch(request));
  port = server.port;
  client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: API_KEY, maxRetries: 0 });
});

beforeEach(() => {
  test = routeTestApp({ apiKeys: [API_KEY], bodies: bodyReader(64 * 1024) });
});

afterAll(() => server.close());

async function failureOf(promise: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  return error as InstanceType<typeof OpenAI.APIError>;
}

describe('a whole answer', () => {
  it('arrives with text, usage and request id', async () => {
    const completion = await client.chat.completions.create(REQUEST);
    expect(completion.choices[0]!.message.content).toBe('Hello world');
    expect(completion.usage?.prompt_tokens_details?.cached_tokens).toBe(4);
    expect(completion._request_id).toBe('id-1');
    chatCompletionSchema.parse(completion);
  });

  it('has n choices, each with log probabilities', async () => {
    const completion = await client.chat.completions.create({
      ...REQUEST,
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(completion.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    for (const choice of completion.choices) {
      const tokens = choice.logprobs!.content!;
      expect(tokens.map((token) => token.token).join('')).toBe(choice.message.content);
      expect(tokens[0]!.top_logprobs).toHaveLength(2);
    }
  });

  it('names what was ignored', async () => {
    const { response } = await client.chat.completions.create({ ...REQUEST, user: 'u' }).withResponse();
    expect(response.headers.get('x-octavo-ignored')).toBe('user');
  });

  it('is understood by the parse helper', async () => {
    const completion = await client.chat.completions.parse(REQUEST);
    expect(completion.choices[0]!.message.parsed).toBeNull();
  });
});

describe('a streamed answer', () => {
  it('arrives chunk by chunk, with the usage at the end', async () => {
    const stream = await client.chat.completions.create({
      ...REQUEST,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chatCompletionChunkSchema.parse(chunk));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Hello world');
    expect(chunks.at(-1)!.usage?.total_tokens).toBe(13);
  });

  it('is put together by the stream helper, for every choice', async () => {
    const runner = client.chat.completions.stream({
      ...REQUEST,
      n: 3,
      logprobs: true,
      stream_options: { include_usage: true },
    });
    const completion = await runner.finalChatCompletion();
    expect(completion.choices.map((choice) => choice.message.content)).toEqual(Array(3).fill('Hello world'));
    expect(completion.choices.map((choice) => choice.finish_reason)).toEqual(Array(3).fill('stop'));
    expect(completion.choices[2]!.logprobs!.content).toHaveLength(3);
    expect(completion.usage?.completion_tokens).toBe(9);
  });

  it('shows the first token while the second is not there yet', async () => {
    let release = () => {};
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    test.generator.script = async function* (request, signal) {
      for await (const event of saying(['first', ' second'])(request, signal)) {
        if (event.kind === 'text-delta' && event.text === ' second') await isReleased;
        yield event;
      }
    };
    const seen = [];
    for await (const chunk of await client.chat.completions.create({ ...REQUEST, stream: true })) {
      const text = chunk.choices[0]?.delta.content;
      if (text) seen.push(text);
      if (text === 'first') release();
    }
    expect(seen).toEqual(['first', ' second']);
  });

  it('is not interleaved with the 31 others that run at the same time', async () => {
    const tokensOf = (name: string) => Array.from({ length: 50 }, (_, index) => ` ${name}-${index}`);
    const lastText = ({ prompts: [prompt] }: Parameters<Script>[0]) =>
      prompt?.kind === 'messages' ? String(prompt.messages.at(-1)!.content) : '';
    test.generator.script = (request, signal) => saying(tokensOf(lastText(request)))(request, signal);
    const read = async (name: string) => {
      const messages = [{ role: 'user' as const, content: name }];
      const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
      let text = '';
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      expect(text).toBe(tokensOf(name).join(''));
    };
    await Promise.all(Array.from({ length: 32 }, (_, index) => read(`stream${index}`)));
    expect(test.engine.admittedCount).toBe(0);
  });

  it('that fails after it has begun arrives as an APIError with its code', async () => {
    test.generator.script = sayingThenFailing(['Hel'], new ServerError('step_failed', 'The step failed.'));
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    const seen: string[] = [];
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream) seen.push(chunk.choices[0]?.delta.content ?? '');
      })(),
    );
    expect(seen).toEqual(['', 'Hel']);
    expect(error).toMatchObject({ code: 'step_failed', type: 'server_error', message: 'The step failed.' });
  });

  it('that fails before it has begun arrives as an error with a status', async () => {
    test.generator.script = sayingThenFailing([], new ServerError('step_failed', 'The step failed.'));
    const error = await failureOf(client.chat.completions.create({ ...REQUEST, stream: true }));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 500, code: 'step_failed' });
  });
});

describe('a client that goes away', () => {
  /** Says one token, then waits for the abort; `abortSeen` resolves when it came. */
  function waiting() {
    let seen = () => {};
    let started = () => {};
    const abortSeen = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const isStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    const script: Script = async function* (_request, signal) {
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      yield { kind: 'text-delta', choiceIndex: 0, text: 'x', logprobs: null, tokenIds: null };
      started();
      await aborted(signal);
      seen();
    };
    return { script, isStarted, abortSeen };
  }

  it('by abort of its stream stops the generator', async () => {
    const { script, abortSeen } = waiting();
    test.generator.script = script;
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === 'x') stream.controller.abort();
    }
    await abortSeen;
    expect(test.engine.admittedCount).toBe(0);
  });

  it('by leaving the loop stops the generator', async () => {
    const { script, abortSeen } = waiting();
    test.generator.script = script;
    for await (const _chunk of await client.chat.completions.create({ ...REQUEST, stream: true })) break;
    await abortSeen;
    expect(test.engine.admittedCount).toBe(0);
  });

  it('while it waits for a whole answer stops the generator', async () => {
    const { script, isStarted, abortSeen } = waiting();
    test.generator.script = script;
    const controller = new AbortController();
    const answer = client.chat.completions.create(REQUEST, { signal: controller.signal });
    const failure = failureOf(answer);
    await isStarted;
    controller.abort();
    expect(await failure).toBeInstanceOf(OpenAI.APIUserAbortError);
    await abortSeen;
    expect(test.engine.admittedCount).toBe(0);
  });

  it('without a word, its socket torn down, stops the generator', async () => {
    const { script, isStarted, abortSeen } = waiting();
    test.generator.script = script;
    const body = JSON.stringify({ ...REQUEST, stream: true });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${API_KEY}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await isStarted;
    socket.resetAndDestroy();
    await abortSeen;
    expect(test.engine.admittedCount).toBe(0);
  });

  it('does not stop its neighbours', async () => {
    const { script, abortSeen } = waiting();
    test.generator.script = (request, signal) =>
      request.choiceCount === 2 ? script(request, signal) : saying(['stays'])(request, signal);
    for await (const _chunk of await client.chat.completions.create({ ...REQUEST, n: 2, stream: true }))
      break;
    const completion = await client.chat.completions.create(REQUEST);
    expect(completion.choices[0]!.message.content).toBe('stays');
    await abortSeen;
  });
});

describe('an error', () => {
  const create = (fields: object = {}) =>
    failureOf(client.chat.completions.create({ ...REQUEST, ...fields } as typeof REQUEST));

  it('of the request is a BadRequestError that names the field', async () => {
    const error = await create({ temperature: 9 });
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param: 'temperature',
      type: 'invalid_request_error',
      requestID: 'id-1',
    });
  });

  it('of a feature that is not served is a BadRequestError', async () => {
    const error = await create({ functions: [{ name: 'f' }] });
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: 'unsupported_parameter', param: 'functions' });
  });

  it('of a long context carries the code that clients look for', async () => {
    test.generator.refusal = new ServerError('context_length_exceeded', '2048 tokens at most, not 3000.');
    expect(await create()).toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'messages' });
  });

  it('of the key is an AuthenticationError', async () => {
    const stranger = client.withOptions({ apiKey: 'wrong' });
    const error = await failureOf(stranger.chat.completions.create(REQUEST));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });

  it('of the model is a NotFoundError', async () => {
    expect(await create({ model: 'gpt-4o' })).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await failureOf(client.models.retrieve('gpt-4o'))).toMatchObject({ code: 'model_not_found' });
  });

  it('of the path is a NotFoundError with a message', async () => {
    const error = await failureOf(client.embeddings.create({ model: MODEL, input: 'x' }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error.code).toBe('not_found');
  });

  it('of a full queue is a RateLimitError', async () => {
    test.engine.capacity = 0;
    expect(await create()).toBeInstanceOf(OpenAI.RateLimitError);
  });

  it('of a server that goes is an InternalServerError with status 503', async () => {
    test.engine.state = 'draining';
    const error = await create();
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 503, code: 'shutting_down' });
  });

  it('of a body over the limit is answered 413 with a message', async () => {
    const content = 'x'.repeat(70_000);
    const error = await create({ messages: [{ role: 'user', content }] });
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' });
  });

  it('of ours is an InternalServerError', async () => {
    test.generator.refusal = new TypeError('secret');
    expect(await create()).toBeInstanceOf(OpenAI.InternalServerError);
  });
});

describe('a completion', () => {
  it('arrives whole, for every prompt', async () => {
    const completion = await client.completions.create({ model: MODEL, prompt: ['a', 'b'], logprobs: 1 });
    expect(completion.choices.map(({ text }) => text)).toEqual(['Hello world', 'Hello world']);
    expect(completion.choices[1]!.logprobs!.text_offset).toEqual([0, 5, 6]);
    expect(completion._request_id).toBe('id-1');
    completionSchema.parse(completion);
  });

  it('arrives chunk by chunk, with the usage at the end', async () => {
    const stream = await client.completions.create({
      model: MODEL,
      prompt: [[1, 2], [3]],
      echo: true,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ['', ''];
    const chunks = [];
    for await (const chunk of stream) {
      chunks.push(completionChunkSchema.parse(chunk));
      for (const { index, text } of chunk.choices) texts[index] += text;
    }
    expect(texts).toEqual(['<1 2>Hello world', '<3>Hello world']);
    expect(chunks.at(-1)!.usage?.total_tokens).toBe(16);
  });

  it('that asks for what is not served is a BadRequestError that names the field', async () => {
    const fields = { model: MODEL, prompt: 'a', truncate_prompt_tokens: 5 };
    const error = await failureOf(client.completions.create(fields));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param: 'truncate_prompt_tokens', code: 'unsupported_parameter' });
  });
});

describe('the models', () => {
  it('are listed and found, slashes and all', async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toEqual([MODEL]);
    expect((await client.models.retrieve(MODEL)).id).toBe(MODEL);
  });
});

describe('a body without an announced length', () => {
  it('is read', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(REQUEST));
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.subarray(0, 20));
        controller.enqueue(bytes.subarray(20));
        controller.close();
      },
    });
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
    const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, init);
    expect(response.status).toBe(200);
  });
});
