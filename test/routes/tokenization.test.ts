import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import { BodyReader } from '../../src/routes/request-body.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import {
  detokenizeResponseSchema,
  renderedChatSchema,
  tokenizeResponseSchema,
} from '../../src/routes/schema/tokenization.ts';
import { PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { MODEL, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';

const ids = (text: string) => [...text].map((each) => each.codePointAt(0)!);

async function tokenized(body: Record<string, unknown>) {
  const test = routeTestApp();
  const response = await test.post('/tokenize', body);
  expect(response.status, await response.clone().text()).toBe(200);
  const answer = tokenizeResponseSchema.parse(await response.json());
  return { answer, prompt: test.generator.tokenized[0]!, ignored: response.headers.get('x-octavo-ignored') };
}

describe('/tokenize', () => {
  it("answers with vLLM's count, length, ids, and no texts", async () => {
    const { answer, prompt } = await tokenized({ model: MODEL, prompt: 'ab🂡' });
    expect(answer).toEqual({ count: 3, max_model_len: 2048, tokens: ids('ab🂡'), token_strs: null });
    expect(prompt).toEqual({ kind: 'text', text: 'ab🂡', addSpecialTokens: true });
  });

  it('answers with texts when asked to, needs no model, and adds no special tokens when told so', async () => {
    const fields = { prompt: 'ab\ud800', return_token_strs: true, add_special_tokens: false };
    const { answer, prompt } = await tokenized(fields);
    expect(answer.token_strs).toEqual(['a', 'b', '\ufffd']);
    expect(prompt).toMatchObject({ addSpecialTokens: false });
  });

  it('takes messages as a chat request does, and names what has no effect', async () => {
    const { answer, prompt, ignored } = await tokenized({
      messages: [USER_MESSAGE, { role: 'assistant', content: 'Y', mood: 'z' }],
      continue_final_message: true,
      chat_template_kwargs: { a: 1 },
    });
    expect(answer.count).toBe('Say something.Y'.length);
    expect(prompt).toMatchObject({
      kind: 'messages',
      rendering: { addGenerationPrompt: false, continueFinalMessage: true, tools: [], variables: {} },
      addSpecialTokens: false,
    });
    expect(ignored).toBe('messages[].mood, chat_template_kwargs.a');
  });

  it.each([
    [{}, 400, 'prompt', 'missing_required_parameter'],
    [{ prompt: 5 }, 400, 'prompt', 'invalid_type'],
    [{ prompt: ['a'] }, 400, 'prompt', 'invalid_type'],
    [{ prompt: 'a', add_special_tokens: 'x' }, 400, 'add_special_tokens', 'invalid_type'],
    [{ prompt: 'a', return_token_strs: 1 }, 400, 'return_token_strs', 'invalid_type'],
    [{ prompt: 'a', messages: [USER_MESSAGE] }, 400, 'prompt', 'unsupported_parameter'],
    [{ messages: [] }, 400, 'messages', 'invalid_value'],
    [{ messages: [{ role: 'robot' }] }, 400, 'messages[0].role', 'invalid_value'],
    [{ messages: [USER_MESSAGE], tools: [{}] }, 400, 'tools[0].type', 'missing_required_parameter'],
    [
      { messages: [USER_MESSAGE], tools: [{ type: 'custom' }] },
      400,
      'tools[0].type',
      'unsupported_parameter',
    ],
    [{ model: 'gpt-4o', prompt: 'a' }, 404, 'model', 'model_not_found'],
  ])('refuses %j with %i by %s', async (body, status, param, code) => {
    const response = await routeTestApp().post('/tokenize', body);
    const { error } = errorBodySchema.parse(await response.json());
    expect({ status: response.status, ...error }).toMatchObject({ status, param, code });
  });

  it('takes null as absent', async () => {
    const nulls = {
      model: null,
      messages: null,
      add_special_tokens: null,
      return_token_strs: null,
      other: null,
    };
    const { answer, prompt, ignored } = await tokenized({ prompt: 'a', ...nulls });
    expect([answer.token_strs, ignored]).toEqual([null, null]);
    expect(prompt).toEqual({ kind: 'text', text: 'a', addSpecialTokens: true });
  });

  it('is the same under /v1, as SGLang has it', async () => {
    const response = await routeTestApp().post('/v1/tokenize', { prompt: 'a' });
    expect(await response.json()).toMatchObject({ tokens: [97] });
  });

  it('says 503 until the engine knows its limits', async () => {
    const test = routeTestApp();
    Object.defineProperty(test.engine, 'limits', {
      get() {
        throw new ServerError('not_ready', 'The model is being loaded.');
      },
    });
    expect((await test.post('/tokenize', { prompt: 'a' })).status).toBe(503);
  });
});

describe('/detokenize', () => {
  it('answers with the text', async () => {
    const response = await routeTestApp().post('/detokenize', { model: MODEL, tokens: ids('ab') });
    expect(detokenizeResponseSchema.parse(await response.json())).toEqual({ prompt: 'ab' });
  });

  it('takes no tokens for an empty text', async () => {
    const response = await routeTestApp().post('/v1/detokenize', { tokens: [] });
    expect(await response.json()).toEqual({ prompt: '' });
  });

  it.each([
    [{}, 'tokens', 'missing_required_parameter'],
    [{ tokens: null }, 'tokens', 'invalid_type'],
    [{ tokens: '1' }, 'tokens', 'invalid_type'],
    [{ tokens: [1, 'a'] }, 'tokens[1]', 'invalid_type'],
    [{ tokens: [0.5] }, 'tokens[0]', 'invalid_type'],
    [{ tokens: [-1] }, 'tokens[0]', 'invalid_value'],
  ])('refuses %j by %s', async (body, param, code) => {
    const response = await routeTestApp().post('/detokenize', body);
    const { error } = errorBodySchema.parse(await response.json());
    expect({ status: response.status, ...error }).toMatchObject({ status: 400, param, code });
  });
});

describe('/v1/chat/completions/render', () => {
  const render = (fields: Record<string, unknown> = {}) =>
    routeTestApp().post('/v1/chat/completions/render', {
      model: MODEL,
      messages: [USER_MESSAGE],
      ...fields,
    });

  it('answers with the prompt, its ids and their number, and generates nothing', async () => {
    const test = routeTestApp();
    const body = { model: MODEL, messages: [USER_MESSAGE], max_tokens: 5, temperature: 0, user: 'u' };
    const response = await test.post('/v1/chat/completions/render', body);
    const text = USER_MESSAGE.content;
    expect(renderedChatSchema.parse(await response.json())).toEqual({
      model: MODEL,
      prompt: text,
      token_ids: ids(text),
      count: text.length,
      max_model_len: 2048,
    });
    expect(response.headers.get('x-octavo-ignored')).toBe('user');
    expect(test.generator.requests).toEqual([]);
    expect(test.generator.tokenized).toEqual([
      { kind: 'messages', messages: [USER_MESSAGE], rendering: PLAIN_RENDERING, addSpecialTokens: false },
    ]);
  });

  it('refuses what a chat request is refused for', async () => {
    expect((await render({ temperature: 3 })).status).toBe(400);
    expect((await render({ model: 'gpt-4o' })).status).toBe(404);
  });
});

describe('what reveals text', () => {
  it.each(['/tokenize', '/v1/tokenize', '/detokenize', '/v1/detokenize', '/v1/chat/completions/render'])(
    'is behind the API key: %s',
    async (path) => {
      const test = routeTestApp({ apiKeys: ['secret'] });
      expect((await test.post(path, {})).status).toBe(401);
      const headers = { 'content-type': 'application/json', authorization: 'Bearer secret' };
      expect((await test.post(path, {}, { headers })).status).toBe(400);
    },
  );
});

describe('what routers ask of a replica', () => {
  it('is answered without a key', async () => {
    const test = routeTestApp({ apiKeys: ['secret'] });
    const get = async (path: string) => (await test.app.request(path)).json();
    expect(await get('/version')).toEqual({ version: '1.2.3' });
    expect(await get('/is_sleeping')).toEqual({ is_sleeping: false });
    expect(await get('/load')).toEqual({ server_load: 0 });
    test.engine.admit(3);
    expect(await get('/load')).toEqual({ server_load: 3 });
  });
});

describe('bodies whose tokens are being counted', () => {
  it('still take room: no more of them wait than may arrive at once', async () => {
    const body = JSON.stringify({ prompt: 'x'.repeat(100) });
    const bodies = new BodyReader({ bytesMax: 200, arrivingBytesMax: 2 * body.length });
    const { app, generator } = routeTestApp({ bodies });
    const started: (() => void)[] = [];
    generator.tokenize = () =>
      new Promise((resolve) => started.push(() => resolve({ text: 'x', tokenIds: [1] })));
    const send = () =>
      app.request('/tokenize', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': String(body.length) },
        body,
      });
    const waiting = [send(), send()];
    await expect.poll(() => started.length).toBe(2);
    expect((await send()).status).toBe(429);
    for (const end of started) end();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
    const last = send();
    await expect.poll(() => started.length).toBe(3);
    started[2]!();
    expect((await last).status).toBe(200);
  });
});

describe('a client that goes away', () => {
  it.each([
    ['/tokenize', { messages: [USER_MESSAGE] }],
    ['/v1/chat/completions/render', { model: MODEL, messages: [USER_MESSAGE] }],
  ])('is no longer worked for, and nothing is logged: %s', async (path, body) => {
    const test = routeTestApp();
    const client = new AbortController();
    const asked = new Promise<() => boolean>((resolve) => {
      test.generator.tokenize = (_prompt, isWanted) => {
        resolve(isWanted);
        return new Promise((_, reject) => {
          client.signal.addEventListener('abort', () => reject(new Error('It is no longer wanted.')));
        });
      };
    });
    const response = test.post(path, body, { signal: client.signal });
    const isWanted = await asked;
    expect(isWanted()).toBe(true);
    client.abort();
    expect(isWanted()).toBe(false);
    expect((await response).status).toBe(408);
    expect(test.logged).toEqual([]);
  });
});
