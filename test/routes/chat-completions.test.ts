import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import {
  chatCompletionChunkSchema,
  chatCompletionSchema,
} from '../../src/routes/schema/chat-completion-response.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { saying, sayingThenFailing, sayingThenSilent } from '../support/fake-text-generator.ts';
import { eventData, MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

async function whole(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const response = await test.chat(fields);
  expect(response.status).toBe(200);
  return chatCompletionSchema.parse(await response.json());
}

async function streamed(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const response = await test.chat({ stream: true, ...fields });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const data = await eventData(response);
  expect(data.pop()).toBe('[DONE]');
  const chunks = data.map((json) => chatCompletionChunkSchema.parse(JSON.parse(json)));
  return { data, chunks };
}

async function failure(response: Response) {
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, ...error };
}

describe('a whole answer', () => {
  it('holds the text, the finish reason and the usage', async () => {
    const completion = await whole(routeTestApp());
    expect(completion).toEqual({
      id: 'chatcmpl-id-2',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: MODEL,
      system_fingerprint: 'fp_test',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello world', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 3,
        total_tokens: 13,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
  });

  it('keeps the choices of n apart', async () => {
    const test = routeTestApp();
    test.generator.script = async function* () {
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      for (const choiceIndex of [2, 0, 1, 0]) {
        yield { kind: 'text-delta', choiceIndex, text: `<${choiceIndex}>`, logprobs: null, tokenIds: null };
      }
      for (const choiceIndex of [1, 2, 0]) {
        yield { kind: 'choice-finish', choiceIndex, reason: choiceIndex === 1 ? 'length' : 'stop' };
      }
      yield {
        kind: 'usage',
        usage: {
          promptTokenCount: 1,
          cachedTokenCount: 0,
          completionTokenCount: 4,
          reasoningTokenCount: null,
        },
      };
    };
    const { choices } = await whole(test, { n: 3 });
    expect(choices.map((choice) => [choice.index, choice.message.content, choice.finish_reason])).toEqual([
      [0, '<0><0>', 'stop'],
      [1, '<1>', 'length'],
      [2, '<2>', 'stop'],
    ]);
  });

  it('tells what came of the prediction', async () => {
    const test = routeTestApp();
    const counts = {
      promptTokenCount: 1,
      cachedTokenCount: 0,
      completionTokenCount: 4,
      reasoningTokenCount: null,
    };
    test.generator.script = async function* () {
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      yield { kind: 'choice-finish', choiceIndex: 0, reason: 'stop' };
      yield { kind: 'usage', usage: { ...counts, predicted: { acceptedCount: 3, rejectedCount: 2 } } };
    };
    const { usage } = await whole(test, { prediction: { type: 'content', content: 'a' } });
    expect(usage!.completion_tokens_details).toEqual({
      accepted_prediction_tokens: 3,
      rejected_prediction_tokens: 2,
    });
  });

  it('holds log probabilities with bytes, and -9999 for the impossible', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['Hé']);
    const { choices } = await whole(test, { logprobs: true, top_logprobs: 2 });
    expect(choices[0]!.logprobs).toEqual({
      content: [
        {
          token: 'Hé',
          logprob: -0.25,
          bytes: [72, 195, 169],
          top_logprobs: [
            { token: 'Hé', logprob: -0.25, bytes: [72, 195, 169] },
            { token: 'alternative 1', logprob: -9999, bytes: [255] },
          ],
        },
      ],
      refusal: null,
    });
  });
});

describe('log probabilities of an answer without tokens', () => {
  const nothing = () => {
    const test = routeTestApp();
    test.generator.script = saying([]);
    return test;
  };
  const none = { content: [], refusal: null };

  it('are an empty list, whole and streamed', async () => {
    const { choices } = await whole(nothing(), { logprobs: true });
    expect(choices[0]!.logprobs).toEqual(none);
    const { chunks } = await streamed(nothing(), { logprobs: true });
    expect(chunks.map((chunk) => chunk.choices[0]!.logprobs)).toEqual([none, null]);
  });

  it('are null where they were not asked for', async () => {
    const { choices } = await whole(nothing());
    expect(choices[0]!.logprobs).toBeNull();
    const { chunks } = await streamed(nothing());
    expect(chunks.map((chunk) => chunk.choices[0]!.logprobs)).toEqual([null, null]);
  });
});

describe('a streamed answer', () => {
  it('opens with the role, goes on with text, and closes with the finish reason', async () => {
    const { chunks } = await streamed(routeTestApp());
    expect(chunks.map((chunk) => chunk.choices[0])).toEqual([
      { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: ' ' }, logprobs: null, finish_reason: null },
      { index: 0, delta: { content: 'world' }, logprobs: null, finish_reason: null },
      { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
    ]);
  });

  it('has one id, time, model and fingerprint', async () => {
    const { chunks } = await streamed(routeTestApp(), { n: 2 });
    const identities = chunks.map(({ id, created, model, system_fingerprint }) =>
      JSON.stringify([id, created, model, system_fingerprint]),
    );
    expect(new Set(identities)).toEqual(
      new Set([JSON.stringify(['chatcmpl-id-2', 1_700_000_000, MODEL, 'fp_test'])]),
    );
  });

  it('joins to the whole answer', async () => {
    const test = routeTestApp();
    test.generator.script = saying(
      ['"quoted"', '\n\ndata: x\r', '\u2028é漢', '🂡', '\ud800', '</s>'],
      'length',
    );
    const { chunks } = await streamed(test, { n: 2 });
    const { choices } = await whole(test, { n: 2 });
    const texts = ['', ''];
    for (const chunk of chunks) {
      for (const choice of chunk.choices) texts[choice.index] += choice.delta.content ?? '';
    }
    expect(texts).toEqual(choices.map((choice) => choice.message.content));
  });

  it('holds no line end but those of events, also where clients take more characters for one', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['a\u2028b', '\u2029', '\u0085c']);
    const raw = await (await test.chat({ stream: true })).text();
    expect(raw).not.toMatch(/[\r\u0085\u2028\u2029]/);
    const { chunks } = await streamed(test);
    const texts = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? '');
    expect(texts.join('')).toBe('a\u2028b\u2029\u0085c');
  });

  it('writes chunks of text exactly as the whole object would be written', async () => {
    const { data } = await streamed(routeTestApp(), { stream_options: { include_usage: true } });
    for (const json of data) expect(json).toBe(JSON.stringify(JSON.parse(json)));
    expect(data[1]).toBe(
      JSON.stringify({
        id: 'chatcmpl-id-2',
        object: 'chat.completion.chunk',
        created: 1_700_000_000,
        model: MODEL,
        system_fingerprint: 'fp_test',
        choices: [{ index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null }],
        usage: null,
      }),
    );
  });

  it('tells in every chunk what its choice has used, where that was asked for', async () => {
    const stream_options = { continuous_usage_stats: true };
    const { chunks, data } = await streamed(routeTestApp(), { n: 2, stream_options });
    for (const json of data) expect(json).toBe(JSON.stringify(JSON.parse(json)));
    expect(chunks.map(({ usage }) => usage?.completion_tokens)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 6]);
    expect(chunks.map(({ usage }) => usage?.prompt_tokens)).toEqual(chunks.map(() => 10));
    expect(chunks[0]!.usage).toEqual({ prompt_tokens: 10, completion_tokens: 0, total_tokens: 10 });
    const plain = await streamed(routeTestApp(), { n: 2 });
    expect(chunks.slice(0, -1).map(({ choices }) => choices)).toEqual(
      plain.chunks.map(({ choices }) => choices),
    );
  });

  it('has no key `usage` unless it was asked for', async () => {
    for (const fields of [{}, { stream_options: { include_usage: false } }, { stream_options: null }]) {
      const { chunks } = await streamed(routeTestApp(), fields);
      expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([]);
    }
  });

  it('has `usage: null` until a last chunk without choices when usage was asked for', async () => {
    const { chunks } = await streamed(routeTestApp(), { n: 2, stream_options: { include_usage: true } });
    const last = chunks.pop()!;
    expect(chunks.map((chunk) => chunk.usage)).toEqual(chunks.map(() => null));
    expect(last.choices).toEqual([]);
    expect(last.usage).toEqual({
      prompt_tokens: 10,
      completion_tokens: 6,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
  });

  it('carries the log probabilities of the tokens behind each delta', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['a', '', 'b']);
    const { chunks } = await streamed(test, { logprobs: true });
    const tokens = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    expect(tokens.map((token) => [token.token, token.top_logprobs])).toEqual([
      ['a', []],
      ['', []],
      ['b', []],
    ]);
  });

  it('says nothing for tokens whose text is held back', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['', 'x', '']);
    const { chunks } = await streamed(test);
    expect(chunks).toHaveLength(3);
  });

  it('tells of an error as an event that ends the stream without [DONE]', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing(['Hel'], new ServerError('step_failed', 'The step failed.'));
    const response = await test.chat({ stream: true });
    expect(response.status).toBe(200);
    const data = await eventData(response);
    expect(data).toHaveLength(3);
    expect(errorBodySchema.parse(JSON.parse(data[2]!))).toEqual({
      error: { message: 'The step failed.', type: 'server_error', param: null, code: 'step_failed' },
    });
  });

  it('tells nothing of an unexpected error, and logs it', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing(['Hel'], new TypeError('secret detail'));
    const response = await test.chat({ stream: true }, {});
    const text = await response.text();
    expect(text).toContain('"code":"internal_error"');
    expect(text).not.toContain('secret');
    expect(test.logged).toEqual([{ requestId: 'id-1', err: new TypeError('secret detail') }]);
  });

  it('answers an error before the first output with its own status', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing([], new ServerError('engine_dead', 'The engine has ended.'));
    for (const stream_options of [null, { continuous_usage_stats: true }]) {
      expect(await failure(await test.chat({ stream: true, stream_options }))).toMatchObject({
        status: 503,
        code: 'engine_dead',
      });
    }
  });

  it('sends comments while the generator is silent, also before the first output', async () => {
    const test = routeTestApp({ heartbeatMs: 5 });
    test.generator.script = sayingThenSilent([]);
    const response = await test.chat({ stream: true });
    const reader = response.body!.getReader();
    const read = async () => new TextDecoder().decode((await reader.read()).value);
    expect(await read()).toContain('"role":"assistant"');
    for (let beat = 0; beat < 3; beat++) expect(await read()).toBe(': keep-alive\n\n');
    await reader.cancel();
    expect(test.generator.signals[0]!.aborted).toBe(true);
  });

  it('asks the generator for nothing that the reader has not asked for', async () => {
    const test = routeTestApp();
    let producedCount = 0;
    test.generator.script = async function* () {
      for (;;) {
        producedCount++;
        yield { kind: 'text-delta', choiceIndex: 0, text: 'x', logprobs: null, tokenIds: null };
      }
    };
    const reader = (await test.chat({ stream: true })).body!.getReader();
    await reader.read();
    await new Promise(setImmediate);
    // One with the opening, one that was read, and the one that the feed holds.
    expect(producedCount).toBeLessThanOrEqual(3);
    await reader.cancel();
  });
});

describe('token ids', () => {
  it('are told of the prompt once, and of every choice', async () => {
    const completion = await whole(routeTestApp(), { n: 2, return_token_ids: true });
    expect(completion.prompt_token_ids).toEqual([1, 2]);
    expect(completion.choices.map(({ token_ids }) => token_ids)).toEqual(Array(2).fill([100, 101, 102]));
  });

  it('come in a stream with their tokens, the prompt in the very first chunk', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['', 'x']);
    const { chunks, data } = await streamed(test, {
      n: 2,
      return_token_ids: true,
      stream_options: { include_usage: true },
    });
    expect(chunks.map(({ prompt_token_ids }) => prompt_token_ids)).toEqual([
      [1, 2],
      ...Array(chunks.length - 1).fill(undefined),
    ]);
    const ids = chunks.flatMap(({ choices }) => choices.filter(({ index }) => index === 1));
    expect(ids.flatMap(({ token_ids }) => token_ids ?? [])).toEqual([100, 101]);
    for (const json of data) expect(json).toBe(JSON.stringify(JSON.parse(json)));
  });

  it('are not told unless asked for', async () => {
    expect(JSON.stringify(await whole(routeTestApp()))).not.toContain('token_ids');
    expect(JSON.stringify((await streamed(routeTestApp())).data)).not.toContain('token_ids');
  });
});

describe('names of messages', () => {
  const messages = [
    { role: 'user', content: 'Hello', name: 'ada' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', content: '1', tool_call_id: 'c' },
  ];

  it('are named as ignored where the template does not', async () => {
    const test = routeTestApp();
    test.generator.namedRoles.clear();
    const response = await test.chat({ messages });
    expect(response.headers.get('x-octavo-ignored')).toBe('messages[].name');
  });

  it('are refused then by a strict server, with their place', async () => {
    const test = routeTestApp({ strictFields: true });
    test.generator.namedRoles.clear();
    const { error } = (await (await test.chat({ messages })).json()) as { error: { param: string } };
    expect(error.param).toBe('messages[0].name');
  });

  it('are served where the template does, and not where it does so for another role', async () => {
    const test = routeTestApp();
    expect((await test.chat({ messages })).headers.has('x-octavo-ignored')).toBe(false);
    test.generator.namedRoles.delete('user');
    expect((await test.chat({ messages })).headers.get('x-octavo-ignored')).toBe('messages[].name');
  });
});
