import { describe, expect, it } from 'vitest';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { routeTestApp } from '../support/route-test-app.ts';

const ORIGIN = 'https://chat.example.com';
const PREFLIGHT = {
  method: 'OPTIONS',
  headers: {
    origin: ORIGIN,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-os',
  },
};

describe('a page of another origin', () => {
  it('is not let in unless the operator says so', async () => {
    const { app } = routeTestApp();
    expect((await app.request('/v1/chat/completions', PREFLIGHT)).status).toBe(405);
    const response = await app.request('/v1/models', { headers: { origin: ORIGIN } });
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
  });

  it('is told before it sends its key that it may, whatever headers it has', async () => {
    const { app } = routeTestApp({ corsOrigins: [ORIGIN], apiKeys: ['secret'] });
    const response = await app.request('/v1/chat/completions', PREFLIGHT);
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-allow-headers')).toBe(
      PREFLIGHT.headers['access-control-request-headers'],
    );
    expect(response.headers.get('access-control-allow-methods')).toBe('GET,POST,DELETE');
  });

  it.each(['/v1/models/octavo/tiny-1', '/tokenize', '/v1/responses/input_tokens', '/health'])(
    'is told that it may use %s',
    async (path) => {
      const { app } = routeTestApp({ corsOrigins: [ORIGIN], apiKeys: ['secret'] });
      expect((await app.request(path, PREFLIGHT)).status).toBe(204);
    },
  );

  it.each(['/v1/nothing', '/nothing', '/', '/v1/chat', '/v1/models/'])(
    'is told that there is no %s, with or without keys',
    async (path) => {
      for (const apiKeys of [[], ['secret']]) {
        const { app } = routeTestApp({ corsOrigins: [ORIGIN], apiKeys });
        const response = await app.request(path, PREFLIGHT);
        expect(response.status).toBe(404);
        expect(errorBodySchema.parse(await response.json()).error.code).toBe('not_found');
      }
    },
  );

  it.each([{}, { stream: true }, { n: 0 }])('reads the answer to %j, and its headers', async (fields) => {
    const { chat } = routeTestApp({ corsOrigins: [ORIGIN] });
    const response = await chat(fields, { headers: { origin: ORIGIN, 'content-type': 'application/json' } });
    expect(response.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(response.headers.get('access-control-expose-headers')).toContain('x-octavo-ignored');
    expect(response.headers.get('x-request-id')).toBe('id-1');
    await response.text();
  });

  it('reads refusals too', async () => {
    const { app } = routeTestApp({ corsOrigins: [ORIGIN], apiKeys: ['secret'] });
    const response = await app.request('/v1/models', { headers: { origin: ORIGIN } });
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([401, ORIGIN]);
  });

  it('reads nothing when another one is let in, and everything when all are', async () => {
    const headers = { origin: 'https://elsewhere.example.com' };
    const one = await routeTestApp({ corsOrigins: [ORIGIN] }).app.request('/v1/models', { headers });
    expect(one.headers.has('access-control-allow-origin')).toBe(false);
    const all = await routeTestApp({ corsOrigins: ['*'] }).app.request('/v1/models', { headers });
    expect(all.headers.get('access-control-allow-origin')).toBe('*');
  });
});
