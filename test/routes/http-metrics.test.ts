import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

/** Series of this name: the values of these labels, and its value. */
async function counted({ app }: RouteTestApp, name: string, labels: readonly string[]): Promise<string[]> {
  const text = await (await app.request('/metrics')).text();
  const series = [...text.matchAll(new RegExp(`^${name}\\{(\\S+)\\} (\\S+)$`, 'gm'))];
  return series
    .map(([, given, value]) => {
      const values = labels.map((label) => new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(given!)?.[1]);
      return [...values, value].join(' ');
    })
    .sort();
}

describe('the metrics of the HTTP side', () => {
  it('count every answer by path, method and class of status, and names of anything as few labels', async () => {
    const test = routeTestApp();
    await test.chat();
    await test.chat({ temperature: 9 });
    await test.app.request('/v1/models/no/such');
    await test.app.request('/nothing', { method: 'BREW' });
    const labels = ['handler', 'method', 'status', 'code'];
    expect(await counted(test, 'http_requests_total', labels)).toEqual([
      '/v1/chat/completions POST 2xx 200 1',
      '/v1/chat/completions POST 4xx 400 1',
      '/v1/models/{id} GET 4xx 404 1',
      'none other 4xx 404 1',
    ]);
  });

  it.each(['/health', '/ready', '/metrics', '/load', '/version', '/is_sleeping'])(
    'leave out who watches the server by %s',
    async (path) => {
      const test = routeTestApp();
      await test.app.request(path);
      await test.app.request('/v1/models');
      expect(await counted(test, 'http_requests_total', ['handler'])).toEqual(['/v1/models 1']);
      expect(await counted(test, 'http_request_duration_seconds_count', ['handler'])).toEqual([
        '/v1/models 1',
      ]);
    },
  );

  it('time an answer to its end, not to its beginning', async () => {
    const test = routeTestApp();
    const outgoing = new ServerResponse(new IncomingMessage(new Socket()));
    await test.app.request('/v1/models', {}, { outgoing });
    expect(await counted(test, 'http_request_duration_seconds_sum', ['handler'])).toEqual([]);
    test.clock.nowMs += 250;
    outgoing.emit('close');
    expect(await counted(test, 'http_request_duration_seconds_sum', ['handler', 'method'])).toEqual([
      '/v1/models GET 0.25',
    ]);
  });

  it('time an answer whose client has left before it began', async () => {
    const test = routeTestApp();
    const outgoing = new ServerResponse(new IncomingMessage(new Socket()));
    outgoing.destroy();
    await test.app.request('/v1/models', {}, { outgoing });
    expect(await counted(test, 'http_request_duration_seconds_count', ['handler'])).toEqual(['/v1/models 1']);
  });
});
