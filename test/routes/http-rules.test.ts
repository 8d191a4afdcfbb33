import { describe, expect, it } from 'vitest';
import { BodyReader } from '../../src/routes/request-body.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { healthSchema, readySchema } from '../../src/routes/schema/health.ts';
import { modelListSchema, modelSchema } from '../../src/routes/schema/model.ts';
import { bodyReader, MODEL, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';

async function failure(response: Response) {
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, ...error };
}

describe('an unknown route', () => {
  it('is that of OpenAI where a conversation is compacted, not a response of that name', async () => {
    const { post } = routeTestApp();
    expect(await failure(await post('/v1/responses/compact', {}))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
  });

  it.each(['/', '/v1', '/v1/embeddings', '/v1/chat/completions/', '/metrics/x'])(
    'is answered 404 in the shape of every error: %s',
    async (path) => {
      const { app } = routeTestApp();
      expect(await failure(await app.request(path))).toMatchObject({
        status: 404,
        type: 'invalid_request_error',
        param: null,
        code: 'not_found',
      });
    },
  );
});

describe('a wrong method', () => {
  it.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['DELETE', `/v1/models/${MODEL}`, 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['PUT', '/ready', 'GET, HEAD'],
    ['POST', '/metrics', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
  ])('is answered 405 and told what is allowed: %s %s', async (method, path, allow) => {
    const { app } = routeTestApp();
    const response = await app.request(path, { method });
    expect(response.headers.get('allow')).toBe(allow);
    expect(await failure(response)).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  it('is not HEAD where there is GET', async () => {
    const { app } = routeTestApp();
    const response = await app.request('/health', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});

describe('a query', () => {
  const BODIES: readonly (readonly [string, object])[] = [
    ['/v1/chat/completions', { model: MODEL, messages: [USER_MESSAGE] }],
    ['/v1/completions', { model: MODEL, prompt: 'Once' }],
    ['/v1/responses', { model: MODEL, input: 'Hi' }],
    ['/v1/responses/input_tokens', { input: 'Hi' }],
    ['/v1/chat/completions/render', { model: MODEL, messages: [USER_MESSAGE] }],
    ['/tokenize', { prompt: 'Once' }],
    ['/v1/detokenize', { tokens: [1] }],
  ];

  it.each(BODIES)(
    'behind a path that reads none is named beside the fields without effect: %s',
    async (path, body) => {
      const { post } = routeTestApp();
      const response = await post(`${path}?api-version=1&stream=true`, { ...body, unheard: 1 });
      expect(response.status).toBe(200);
      expect(response.headers.get('x-octavo-ignored')).toBe('?api-version, ?stream, unheard');
    },
  );

  it.each(BODIES)(
    'behind a path that reads none is refused by name when the server is strict: %s',
    async (path, body) => {
      const { post } = routeTestApp({ strictFields: true });
      expect(await failure(await post(`${path}?stream=true`, body))).toMatchObject({
        status: 400,
        param: '?stream',
        code: 'unsupported_parameter',
      });
    },
  );
});

describe('a query for models', () => {
  it.each(['/v1/models', `/v1/models/${MODEL}`])(
    'is named, or refused when the server is strict: %s',
    async (path) => {
      const response = await routeTestApp().app.request(`${path}?limit=1`);
      expect(response.status).toBe(200);
      expect(response.headers.get('x-octavo-ignored')).toBe('limit');
      const strict = routeTestApp({ strictFields: true });
      expect(await failure(await strict.app.request(`${path}?limit=1`))).toMatchObject({
        status: 400,
        param: 'limit',
      });
    },
  );
});

describe('a body', () => {
  it.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonp'])(
    'that is announced as %s is answered 415',
    async (contentType) => {
      const headers: Record<string, string> =
        contentType === undefined ? {} : { 'content-type': contentType };
      const { chat } = routeTestApp();
      const response = await chat({}, { headers, body: new TextEncoder().encode('{}') });
      expect(await failure(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );

  it.each(['application/json; charset=utf-8', 'Application/JSON'])('may be announced as %s', async (type) => {
    const { chat } = routeTestApp();
    expect((await chat({}, { headers: { 'content-type': type } })).status).toBe(200);
  });

  it.each([
    ['content-encoding', 'gzip'],
    ['transfer-encoding', 'gzip, chunked'],
  ])('that is compressed is answered 415: %s', async (name, encoding) => {
    const headers = { 'content-type': 'application/json', [name]: encoding };
    expect((await failure(await routeTestApp().chat({}, { headers }))).status).toBe(415);
  });

  it('may come in chunks', async () => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'Chunked' };
    expect((await routeTestApp().chat({}, { headers })).status).toBe(200);
  });

  it.each(['Identity', 'identity', ''])('may say that it is not compressed: %j', async (encoding) => {
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
    expect((await routeTestApp().chat({}, { headers })).status).toBe(200);
  });

  it('is read up to the limit and not a byte further, whether its length is announced or not', async () => {
    const body = JSON.stringify({ model: MODEL, messages: [USER_MESSAGE] });
    for (const announced of [true, false]) {
      const headers = {
        'content-type': 'application/json',
        ...(announced ? { 'content-length': String(body.length) } : {}),
      };
      const fits = routeTestApp({ bodies: bodyReader(body.length) });
      expect((await fits.chat({}, { headers, body })).status).toBe(200);
      const small = routeTestApp({ bodies: bodyReader(body.length - 1) });
      const response = await small.chat({}, { headers, body });
      expect(await failure(response)).toMatchObject({ status: 413, code: 'request_too_large' });
    }
  });

  /** A body of which `first` is sent at once and the rest when it is told to; `isRead` when that is waited for. */
  function slowBody(first: string, rest: string) {
    const encode = (text: string) => new TextEncoder().encode(text);
    let sendRest = () => {};
    const restIsDue = new Promise<void>((resolve) => {
      sendRest = resolve;
    });
    let tellRead = () => {};
    const isRead = new Promise<void>((resolve) => {
      tellRead = resolve;
    });
    const parts = first === '' ? [] : [first];
    const stream = new ReadableStream(
      {
        async pull(controller) {
          const part = parts.shift();
          if (part !== undefined) return controller.enqueue(encode(part));
          tellRead();
          await restIsDue;
          controller.enqueue(encode(rest));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    return { init: { body: stream, duplex: 'half' } as RequestInit, isRead, sendRest };
  }

  const LARGE = JSON.stringify({ model: MODEL, messages: [USER_MESSAGE] }).padStart(20_000);
  const JSON_TYPE = { 'content-type': 'application/json' };
  const ANNOUNCED = { ...JSON_TYPE, 'content-length': String(LARGE.length) };

  it.each([
    ['announced', ANNOUNCED],
    ['in chunks', JSON_TYPE],
  ])('of which nothing has arrived keeps nobody out: %s', async (_name, headers) => {
    const bodies = new BodyReader({ bytesMax: LARGE.length, arrivingBytesMax: LARGE.length });
    const { chat } = routeTestApp({ bodies });
    const silent = Array.from({ length: 16 }, () => slowBody('', LARGE));
    const answers = silent.map(({ init }) => chat({}, { headers, ...init }));
    await Promise.all(silent.map(({ isRead }) => isRead));
    expect((await chat({}, { headers, body: LARGE })).status).toBe(200);
    for (const [index, { sendRest }] of silent.entries()) {
      sendRest();
      expect((await answers[index]!).status).toBe(200);
    }
  });

  it.each([
    ['announced', ANNOUNCED],
    ['in chunks', JSON_TYPE],
  ])(
    'is refused with 429 while too much of others has arrived, and taken when they are through: %s',
    async (_name, headers) => {
      const bodies = new BodyReader({ bytesMax: LARGE.length, arrivingBytesMax: 2 * LARGE.length - 2 });
      const { chat } = routeTestApp({ bodies });
      const slow = slowBody(LARGE.slice(0, -1), LARGE.slice(-1));
      const first = chat({}, { headers, ...slow.init });
      await slow.isRead;
      const refused = await chat({}, { headers, body: LARGE });
      expect(await failure(refused)).toMatchObject({ status: 429, code: 'queue_full' });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      slow.sendRest();
      expect((await first).status).toBe(200);
      expect((await chat({}, { headers, body: LARGE })).status).toBe(200);
    },
  );

  it('without an end is not read beyond the limit', async () => {
    let sentBytes = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sentBytes += 1024;
        controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
    });
    const init = { body: endless, duplex: 'half' };
    const response = await routeTestApp({ bodies: bodyReader(10_000) }).chat({}, init as RequestInit);
    expect(response.status).toBe(413);
    expect(sentBytes).toBeLessThan(20_000);
  });

  it('that breaks off is answered 400', async () => {
    const broken = new ReadableStream({
      pull(controller) {
        controller.error(new Error('connection lost'));
      },
    });
    const init = { body: broken, duplex: 'half' };
    const { chat, logged } = routeTestApp();
    expect(await failure(await chat({}, init as RequestInit))).toMatchObject({ status: 400 });
    expect(logged).toEqual([]);
  });
});

describe('API keys', () => {
  const apiKeys = ['first-key', 'second-key-is-longer'];
  const request = (path: string, authorization?: string) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    return routeTestApp({ apiKeys }).app.request(path, { headers });
  };

  it.each(apiKeys)('open the API: %s', async (key) => {
    expect((await request('/v1/models', `Bearer ${key}`)).status).toBe(200);
    expect((await request('/v1/models', `bearer ${key}`)).status).toBe(200);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer first-ke',
    'Bearer first-keyy',
    'Bearer first-key second-key-is-longer',
    'Basic first-key',
    'first-key',
  ])('keep it shut for %j', async (authorization) => {
    const response = await request('/v1/models', authorization);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await failure(response)).toMatchObject({
      status: 401,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
    });
  });

  it('are asked for before the body is looked at, and on every path under /v1', async () => {
    const { app, chat } = routeTestApp({ apiKeys });
    expect((await chat({}, { body: '{', headers: {} })).status).toBe(401);
    expect((await app.request('/v1/nothing')).status).toBe(401);
    expect((await app.request('/v1/models', { method: 'POST' })).status).toBe(401);
  });

  it.each(['/health', '/ready', '/metrics', '/openapi.json'])('are not asked for on %s', async (path) => {
    expect((await request(path)).status).toBe(200);
  });
});

describe('x-request-id', () => {
  it.each([
    ['/v1/models', 200],
    ['/nothing', 404],
    ['/v1/chat/completions', 405],
    ['/metrics', 200],
  ])('is on the answer to %s (%i)', async (path, status) => {
    const response = await routeTestApp().app.request(path);
    expect(response.status).toBe(status);
    expect(response.headers.get('x-request-id')).toBe('id-1');
  });

  it('is on completions, streams and errors', async () => {
    const { chat } = routeTestApp();
    const headers = { 'content-type': 'application/json', 'x-request-id': 'trace/42:a=b' };
    for (const fields of [{}, { stream: true }, { n: 0 }, { model: 'x' }]) {
      const response = await chat(fields, { headers });
      expect(response.headers.get('x-request-id')).toBe('trace/42:a=b');
    }
  });

  it.each(['', 'has a space', 'é', 'x'.repeat(129)])('is not taken over from %j', async (id) => {
    const headers = { 'x-request-id': id };
    const response = await routeTestApp().app.request('/health', { headers });
    expect(response.headers.get('x-request-id')).toBe('id-1');
  });
});

describe('GET /v1/models', () => {
  it('lists the served names', async () => {
    const models = ['a', 'org/b'].map((id) => ({ id, root: 'a-model', created: 5, modelLengthMax: 99 }));
    const response = await routeTestApp({ models }).app.request('/v1/models');
    const { data } = modelListSchema.parse(await response.json());
    expect(data.map((model) => model.id)).toEqual(['a', 'org/b']);
  });

  it.each([MODEL, encodeURIComponent(MODEL)])('finds one by its id: %s', async (id) => {
    const response = await routeTestApp().app.request(`/v1/models/${id}`);
    expect(modelSchema.parse(await response.json())).toEqual({
      id: MODEL,
      object: 'model',
      created: 1_690_000_000,
      owned_by: 'octavo',
      root: 'tiny-checkpoint',
      max_model_len: 2048,
    });
  });

  it.each(['nothing', 'octavo', '%E0%A4%A', `${MODEL}/x`])('says 404 for the unknown id %s', async (id) => {
    const response = await routeTestApp().app.request(`/v1/models/${id}`);
    expect(await failure(response)).toMatchObject({ status: 404, param: 'model', code: 'model_not_found' });
  });
});

describe('GET /health', () => {
  it.each(['loading', 'ready', 'draining'] as const)(
    'says that a server lives which is %s',
    async (state) => {
      const { app, engine } = routeTestApp();
      engine.state = state;
      engine.withoutProgressMs = 1e9;
      const response = await app.request('/health');
      expect(response.status).toBe(200);
      healthSchema.parse(await response.json());
    },
  );

  it('says 503 when the engine is dead', async () => {
    const { app, engine } = routeTestApp();
    engine.state = 'dead';
    expect(await failure(await app.request('/health'))).toMatchObject({ status: 503, code: 'engine_dead' });
  });
});

describe('GET /ready', () => {
  it('says 200 while steps are made', async () => {
    const { app, engine } = routeTestApp();
    engine.withoutProgressMs = 30_000;
    const response = await app.request('/ready');
    expect(response.status).toBe(200);
    readySchema.parse(await response.json());
  });

  it.each([
    ['loading', 'not_ready'],
    ['draining', 'shutting_down'],
    ['dead', 'engine_dead'],
  ] as const)('says 503 while the engine is %s', async (state, code) => {
    const { app, engine } = routeTestApp();
    engine.state = state;
    expect(await failure(await app.request('/ready'))).toMatchObject({ status: 503, code });
  });

  it('says 503 when there is work and no step for too long', async () => {
    const { app, engine } = routeTestApp();
    engine.withoutProgressMs = 30_001;
    expect(await failure(await app.request('/ready'))).toMatchObject({ status: 503, code: 'engine_stalled' });
  });
});
