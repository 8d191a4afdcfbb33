/** Places in the queue, clients that go away, and failures: what is held is given back, and what went wrong is told. */

import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { aborted, sayingThenFailing, sayingThenSilent } from '../support/fake-text-generator.ts';
import { eventData, MODEL, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';

async function failure(response: Response) {
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, ...error };
}

describe('a client that goes away', () => {
  it('aborts the generation and leaves the queue when it cancels the stream', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenSilent(['Hel']);
    const reader = (await test.chat({ stream: true })).body!.getReader();
    await reader.read();
    expect(test.engine.admittedCount).toBe(1);
    await reader.cancel();
    expect(test.generator.signals[0]!.aborted).toBe(true);
    expect(test.engine.admittedCount).toBe(0);
  });

  it('aborts the generation of a whole answer when its connection closes', async () => {
    const test = routeTestApp();
    let started = () => {};
    const isStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    test.generator.script = async function* (_request, signal) {
      started();
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      await aborted(signal);
    };
    const client = new AbortController();
    const response = test.chat({ n: 3 }, { signal: client.signal });
    await isStarted;
    expect(test.engine.admittedCount).toBe(3);
    client.abort();
    expect(test.generator.signals[0]!.aborted).toBe(true);
    expect(test.engine.admittedCount).toBe(0);
    expect((await response).status).toBe(408);
  });

  it('before its request was started is not served', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenSilent([]);
    const client = new AbortController();
    const body = new ReadableStream({
      pull(controller) {
        client.abort();
        controller.enqueue(
          new TextEncoder().encode(JSON.stringify({ model: MODEL, messages: [USER_MESSAGE] })),
        );
        controller.close();
      },
    });
    const raw = new Request('http://localhost/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit);
    Object.defineProperty(raw, 'signal', { value: client.signal });
    expect((await test.app.fetch(raw)).status).toBe(408);
    expect(test.engine.admittedCount).toBe(0);
  });

  it('does not hold the place of a request that ended', async () => {
    const test = routeTestApp();
    await test.chat();
    await eventData(await test.chat({ stream: true, n: 4 }));
    test.generator.refusal = new ServerError('context_length_exceeded', 'Too long: 3000 of 2048 tokens.');
    await test.chat();
    test.generator.refusal = null;
    test.generator.script = sayingThenFailing(['x'], new ServerError('step_failed', 'The step failed.'));
    await test.chat();
    await eventData(await test.chat({ stream: true }));
    expect(test.engine.admittedCount).toBe(0);
  });
});

describe('admission', () => {
  it('answers 429 with the time to come back when the queue is full, before it looks at the body', async () => {
    const test = routeTestApp();
    test.engine.capacity = 0;
    const response = await test.chat({}, { body: 'not JSON' });
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('retry-after-ms')).toBe('1000');
    expect(await failure(response)).toMatchObject({
      status: 429,
      type: 'rate_limit_error',
      code: 'queue_full',
    });
  });

  it('takes a place for every choice before the generator is asked', async () => {
    const test = routeTestApp();
    test.engine.capacity = 3;
    expect((await test.chat({ n: 4 })).status).toBe(429);
    expect(test.generator.requests).toEqual([]);
    expect((await test.chat({ n: 3 })).status).toBe(200);
  });

  it.each([
    [{ n: 9 }, 'n'],
    [{ n: 2, prompt: Array(5).fill('a') }, 'prompt'],
    [{ n: 3, prompt: ['a', 'b', 'c'] }, 'n'],
    [{ n: 2, best_of: 9 }, 'best_of'],
    [{ best_of: 3, prompt: ['a', 'b', 'c'] }, 'best_of'],
    [{ best_of: 3, prompt: Array(4).fill('a') }, 'prompt'],
  ])('refuses what it could never run by the field that asks for most: %j', async (fields, param) => {
    const test = routeTestApp();
    test.engine.placesMax = 8;
    expect(await failure(await test.complete(fields))).toMatchObject({ status: 400, param });
  });

  it.each([
    ['draining', 503, 'shutting_down'],
    ['loading', 503, 'not_ready'],
    ['dead', 503, 'engine_dead'],
  ] as const)('answers a server that is %s with %i %s', async (state, status, code) => {
    const test = routeTestApp();
    test.engine.state = state;
    expect(await failure(await test.chat())).toMatchObject({ status, code, type: 'server_error' });
  });
});

describe('an error', () => {
  it('names both numbers of a context that is too long', async () => {
    const test = routeTestApp();
    const message = "This model's maximum context length is 2048 tokens, but the request needs 3000.";
    test.generator.refusal = new ServerError('context_length_exceeded', message);
    for (const stream of [false, true]) {
      expect(await failure(await test.chat({ stream }))).toEqual({
        status: 400,
        message,
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      });
    }
  });

  it('says 404 for an unknown model', async () => {
    expect(await failure(await routeTestApp().chat({ model: 'gpt-4o' }))).toEqual({
      status: 404,
      message: "The model 'gpt-4o' does not exist.",
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
  });

  it('hides what went wrong inside, and logs it', async () => {
    const test = routeTestApp();
    test.generator.refusal = new TypeError('secret detail');
    const response = await test.chat();
    expect(await failure(response)).toMatchObject({ status: 500, code: 'internal_error' });
    expect(test.logged).toEqual([{ requestId: 'id-1', err: new TypeError('secret detail') }]);
  });
});
