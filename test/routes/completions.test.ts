import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import { completionChunkSchema, completionSchema } from '../../src/routes/schema/completion-response.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { saying, sayingThenFailing, sayingThenSilent } from '../support/fake-text-generator.ts';
import { eventData, MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

async function whole(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const response = await test.complete(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return completionSchema.parse(await response.json());
}

async function streamed(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const response = await test.complete({ stream: true, ...fields });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const data = await eventData(response);
  expect(data.pop()).toBe('[DONE]');
  const chunks = data.map((json) => completionChunkSchema.parse(JSON.parse(json)));
  return { data, chunks };
}

const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 3,
  total_tokens: 13,
  prompt_tokens_details: { cached_tokens: 4 },
};

describe('a whole completion', () => {
  it('holds the text, the finish reason and the usage', async () => {
    expect(await whole(routeTestApp())).toEqual({
      id: 'cmpl-id-2',
      object: 'text_completion',
      created: 1_700_000_000,
      model: MODEL,
      system_fingerprint: 'fp_test',
      choices: [{ index: 0, text: 'Hello world', logprobs: null, finish_reason: 'stop' }],
      usage: USAGE,
    });
  });

  it('numbers the choices of several prompts prompt by prompt', async () => {
    const { choices, usage } = await whole(routeTestApp(), { prompt: ['a', 'b'], n: 2, echo: true });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'aHello world'],
      [1, 'aHello world'],
      [2, 'bHello world'],
      [3, 'bHello world'],
    ]);
    expect(usage.completion_tokens).toBe(12);
  });

  it('repeats a prompt of token ids as its text', async () => {
    const { choices } = await whole(routeTestApp(), { prompt: [[1, 2], [3]], echo: true });
    expect(choices.map(({ text }) => text)).toEqual(['<1 2>Hello world', '<3>Hello world']);
  });

  it('holds log probabilities in the legacy shape, -9999 for the impossible', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['🂡é', 'b']);
    const { choices } = await whole(test, { logprobs: 2 });
    expect(choices[0]!.logprobs).toEqual({
      tokens: ['🂡é', 'b'],
      token_logprobs: [-0.25, -0.25],
      top_logprobs: [
        { '🂡é': -0.25, 'alternative 1': -9999 },
        { b: -0.25, 'alternative 1': -9999 },
      ],
      text_offset: [0, 2],
    });
  });

  it('names the chosen token where no most likely ones are asked for', async () => {
    const { choices } = await whole(routeTestApp(), { logprobs: 0 });
    expect(choices[0]!.logprobs!.top_logprobs).toEqual([{ Hello: -0.25 }, { ' ': -0.25 }, { world: -0.25 }]);
  });

  it('names tokens that are not UTF-8 by their bytes, so that no two are one key', async () => {
    const test = routeTestApp();
    test.generator.script = async function* () {
      const token = (byte: number) => ({ tokenId: byte, text: '\ufffd', bytes: [byte], logprob: -byte });
      const logprobs = [{ ...token(0xe2), top: [token(0xe2), token(0x0a)], textStart: 0, isSaid: true }];
      yield { kind: 'text-delta', choiceIndex: 0, text: '', logprobs, tokenIds: null };
      yield { kind: 'choice-finish', choiceIndex: 0, reason: 'length' };
      const usage = {
        promptTokenCount: 1,
        cachedTokenCount: 0,
        completionTokenCount: 1,
        reasoningTokenCount: null,
      };
      yield { kind: 'usage', usage };
    };
    const { choices } = await whole(test, { logprobs: 2 });
    expect(choices[0]!.logprobs!.tokens).toEqual(['bytes:\\xe2']);
    expect(choices[0]!.logprobs!.top_logprobs).toEqual([{ 'bytes:\\xe2': -0xe2, 'bytes:\\x0a': -0x0a }]);
  });
});

describe('a completion whose prompt is scored', () => {
  it('begins with the prompt in the same lists, its first token without a value', async () => {
    const test = routeTestApp();
    const { choices } = await whole(test, { prompt: ['pq rare.', 'x'], echo: true, logprobs: 1, n: 2 });
    expect(choices.map(({ text }) => text)).toEqual(
      ['pq rare.', 'pq rare.', 'x', 'x'].map((prompt) => `${prompt}Hello world`),
    );
    expect(choices[1]!.logprobs).toEqual({
      tokens: ['p0', ' rare', 'bytes:\\xe2', 'Hello', ' ', 'world'],
      token_logprobs: [null, -9, -9999, -0.25, -0.25, -0.25],
      top_logprobs: [
        null,
        { 'top 0': 0, ' rare': -9 },
        { 'top 0': 0, 'bytes:\\xe2': -9999 },
        { Hello: -0.25 },
        { ' ': -0.25 },
        { world: -0.25 },
      ],
      text_offset: [0, 2, 7, 8, 13, 14],
    });
    expect(choices[2]!.logprobs!.tokens[0]).toBe('p1');
    expect(choices[2]!.logprobs!.text_offset).toEqual([0, 2, 7, 1, 6, 7]);
  });

  it("tells of it in vLLM's shape, in each choice", async () => {
    const { choices } = await whole(routeTestApp(), { prompt_logprobs: 1, n: 2 });
    const top = { '50': { logprob: 0, rank: 1, decoded_token: 'top 0' } };
    const expected = [
      null,
      { ...top, '2': { logprob: -9, rank: null, decoded_token: ' rare' } },
      { ...top, '3': { logprob: -9999, rank: 64, decoded_token: '\ufffd' } },
    ];
    expect(choices.map((choice) => choice.prompt_logprobs)).toEqual([expected, expected]);
    expect(choices[0]!.logprobs).toBeNull();
  });

  it('tells as many alternatives as each of the two fields asks for', async () => {
    const fields = { echo: true, logprobs: 1, prompt_logprobs: 3 };
    const [choice] = (await whole(routeTestApp(), fields)).choices;
    expect(Object.keys(choice!.logprobs!.top_logprobs[1]!)).toHaveLength(2);
    expect(Object.keys(choice!.prompt_logprobs![1]!)).toHaveLength(4);
  });
});

describe('the best of several completions', () => {
  it('are told best first, in the order of the prompts', async () => {
    const test = routeTestApp();
    test.generator.script = async function* (request, signal) {
      for await (const event of saying(['x'])(request, signal)) {
        yield event.kind === 'text-delta' ? { ...event, text: `choice ${event.choiceIndex}` } : event;
      }
    };
    const { choices, usage } = await whole(test, { prompt: ['a', 'b'], n: 2, best_of: 4 });
    expect(choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'choice 2'],
      [1, 'choice 1'],
      [2, 'choice 6'],
      [3, 'choice 5'],
    ]);
    expect(choices.map(({ logprobs }) => logprobs)).toEqual([null, null, null, null]);
    expect(usage.completion_tokens).toBe(8);
  });

  it('take a place in the queue for each that is generated', async () => {
    const test = routeTestApp();
    test.engine.capacity = 5;
    expect((await test.complete({ best_of: 6 })).status).toBe(429);
  });
});

describe('a streamed completion', () => {
  it('goes on with text and closes with the finish reason', async () => {
    const { chunks } = await streamed(routeTestApp());
    expect(chunks.map((chunk) => chunk.choices[0])).toEqual([
      { index: 0, text: 'Hello', logprobs: null, finish_reason: null },
      { index: 0, text: ' ', logprobs: null, finish_reason: null },
      { index: 0, text: 'world', logprobs: null, finish_reason: null },
      { index: 0, text: '', logprobs: null, finish_reason: 'stop' },
    ]);
    for (const { id, object } of chunks) {
      expect([id, object]).toEqual(['cmpl-id-2', 'text_completion']);
    }
  });

  it('joins to the whole answer, prompts and log probabilities too', async () => {
    for (const fields of [
      { prompt: ['a', 'b'], n: 2, echo: true },
      { n: 2, logprobs: 1 },
      { prompt: ['a', 'b'], n: 2, echo: true, logprobs: 1, return_token_ids: true },
    ]) {
      const { chunks } = await streamed(routeTestApp(), fields);
      const { choices } = await whole(routeTestApp(), fields);
      const texts = choices.map(() => '');
      const tokens: string[][] = choices.map(() => []);
      const offsets: number[][] = choices.map(() => []);
      for (const { choices: parts } of chunks) {
        for (const part of parts) {
          texts[part.index] += part.text;
          tokens[part.index]!.push(...(part.logprobs?.tokens ?? []));
          offsets[part.index]!.push(...(part.logprobs?.text_offset ?? []));
        }
      }
      expect(texts).toEqual(choices.map(({ text }) => text));
      expect(tokens).toEqual(choices.map(({ logprobs }) => logprobs?.tokens ?? []));
      expect(offsets).toEqual(choices.map(({ logprobs }) => logprobs?.text_offset ?? []));
    }
  });

  it('has `usage: null` until a last chunk without choices when usage was asked for, and no key else', async () => {
    const plain = await streamed(routeTestApp());
    expect(plain.chunks.filter((chunk) => 'usage' in chunk)).toEqual([]);
    const { chunks } = await streamed(routeTestApp(), { stream_options: { include_usage: true } });
    const last = chunks.pop()!;
    expect(chunks.map((chunk) => chunk.usage)).toEqual(chunks.map(() => null));
    expect(last).toMatchObject({ choices: [], usage: USAGE });
  });

  it('tells in every chunk what its choice has used, where that was asked for', async () => {
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const { chunks } = await streamed(routeTestApp(), { stream_options });
    expect(chunks.map(({ usage }) => usage?.completion_tokens)).toEqual([1, 2, 3, 3, 3]);
    const echoed = await streamed(routeTestApp(), { stream_options, prompt: ['a', 'b'], echo: true });
    for (const { usage, choices } of echoed.chunks.slice(0, -1)) {
      expect(usage?.prompt_tokens).toBe(10 + choices[0]!.index);
    }
  });

  it('tells of an error as an event that ends the stream without [DONE]', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing(['Hel'], new ServerError('step_failed', 'The step failed.'));
    const data = await eventData(await test.complete({ stream: true }));
    expect(data).toHaveLength(2);
    expect(errorBodySchema.parse(JSON.parse(data[1]!)).error.code).toBe('step_failed');
  });

  it('answers an error before the first output with its own status', async () => {
    const test = routeTestApp();
    const refusal = new ServerError('context_length_exceeded', 'Too long.', { param: 'prompt[1]' });
    test.generator.script = sayingThenFailing([], refusal);
    const response = await test.complete({ prompt: ['a', 'b'], stream: true });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'context_length_exceeded', param: 'prompt[1]' },
    });
  });

  it('aborts the generation when its reader goes away', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenSilent(['Hel']);
    const reader = (await test.complete({ stream: true, prompt: ['a', 'b', 'c'] })).body!.getReader();
    await reader.read();
    expect(test.engine.admittedCount).toBe(3);
    await reader.cancel();
    expect(test.generator.signals[0]!.aborted).toBe(true);
    expect(test.engine.admittedCount).toBe(0);
  });
});

describe('token ids of a completion', () => {
  const fields = { prompt: [[1, 2], [3]], return_token_ids: true };

  it('are told for every choice, prompt and output', async () => {
    const { choices } = await whole(routeTestApp(), fields);
    expect(
      choices.map(({ text, prompt_token_ids, token_ids }) => [text, prompt_token_ids, token_ids]),
    ).toEqual([
      ['Hello world', [1, 2], [100, 101, 102]],
      ['Hello world', [3], [100, 101, 102]],
    ]);
  });

  it('come in a stream with their tokens, also with those that have no text yet', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['', 'x']);
    const { chunks } = await streamed(test, { prompt: [1, 2], return_token_ids: true });
    expect(
      chunks.map(({ choices: [choice] }) => [choice!.text, choice!.prompt_token_ids, choice!.token_ids]),
    ).toEqual([
      ['', [1, 2], []],
      ['', undefined, [100]],
      ['x', undefined, [101]],
      ['', undefined, undefined],
    ]);
  });

  it('are not told unless asked for', async () => {
    expect(JSON.stringify(await whole(routeTestApp(), { echo: true }))).not.toContain('token_ids');
    expect(JSON.stringify((await streamed(routeTestApp(), { echo: true })).data)).not.toContain('token_ids');
  });
});

describe('admission of a completion', () => {
  it('takes a place for every choice of every prompt', async () => {
    const test = routeTestApp();
    test.engine.capacity = 5;
    expect((await test.complete({ prompt: ['a', 'b', 'c'], n: 2 })).status).toBe(429);
    expect(test.generator.requests).toEqual([]);
    expect((await test.complete({ prompt: ['a', 'b'], n: 2 })).status).toBe(200);
    expect(test.engine.admittedCount).toBe(0);
  });

  it('says 404 for an unknown model', async () => {
    expect((await routeTestApp().complete({ model: 'davinci' })).status).toBe(404);
  });
});
