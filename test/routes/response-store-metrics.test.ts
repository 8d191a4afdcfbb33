/** What GET /metrics tells of the store of responses. */

import { describe, expect, it } from 'vitest';
import { ResponseStore } from '../../src/routes/responses/response-store.ts';
import { responseSchema } from '../../src/routes/schema/responses-object.ts';
import { MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

const BYTES_MAX = 12_000;

const NAMES = ['bytes', 'limit_bytes', 'responses', 'evictions_total'] as const;
type Values = Readonly<Record<(typeof NAMES)[number], number>>;

async function exposition({ app }: RouteTestApp): Promise<string> {
  return (await app.request('/metrics')).text();
}

async function valuesOf(test: RouteTestApp): Promise<Values> {
  const text = await exposition(test);
  const told = (name: string): number => {
    const labels = `{model_name="${MODEL}",engine="0"} `;
    const line = text.split('\n').find((one) => one.startsWith(`octavo:response_store_${name}${labels}`));
    return Number(line?.slice(line.lastIndexOf(' ')));
  };
  return Object.fromEntries(NAMES.map((name) => [name, told(name)])) as Values;
}

function testOf(bytesMax = BYTES_MAX, apiKeys: readonly string[] = []) {
  const store = new ResponseStore({ bytesMax });
  return { store, test: routeTestApp({ responseStore: store, apiKeys }) };
}

async function idOf(answer: Promise<Response>): Promise<string> {
  return responseSchema.parse(await (await answer).json()).id;
}

describe('the metrics of the store of responses', () => {
  it('are there from the beginning, in bytes and counts of nothing', async () => {
    const { test } = testOf();
    expect(await valuesOf(test)).toEqual({
      bytes: 0,
      limit_bytes: BYTES_MAX,
      responses: 0,
      evictions_total: 0,
    });
  });

  it('have the types of what they measure', async () => {
    const text = await exposition(testOf().test);
    const types = [...text.matchAll(/^# TYPE octavo:response_store_(\S+) (\S+)$/gm)];
    expect(Object.fromEntries(types.map(([, name, type]) => [name, type]))).toEqual({
      bytes: 'gauge',
      limit_bytes: 'gauge',
      responses: 'gauge',
      evictions_total: 'counter',
    });
  });

  it('tell what is held', async () => {
    const { test, store } = testOf();
    for (let turn = 0; turn < 2; turn++) await test.respond();
    expect(store.bytes).toBeGreaterThan(0);
    expect(await valuesOf(test)).toMatchObject({ bytes: store.bytes, responses: 2, evictions_total: 0 });
  });

  it('take a deleted response out, and do not count it as evicted', async () => {
    const { test } = testOf();
    const id = await idOf(test.respond());
    await test.app.request(`/v1/responses/${id}`, { method: 'DELETE' });
    expect(await valuesOf(test)).toMatchObject({ bytes: 0, responses: 0, evictions_total: 0 });
  });

  it('count those that left to make room, however often they are read', async () => {
    const { test, store } = testOf();
    for (let turn = 0; turn < 20; turn++) await test.respond();
    expect(store.size).toBeLessThan(20);
    const values = await valuesOf(test);
    expect(values).toMatchObject({ responses: store.size, evictions_total: 20 - store.size });
    expect(await valuesOf(test)).toEqual(values);
  });

  it('are of all API keys together, and name none', async () => {
    const keys = ['key-one', 'key-two'];
    const { test, store } = testOf(BYTES_MAX, keys);
    for (const key of keys) {
      await test.respond(
        {},
        { headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } },
      );
    }
    expect(await valuesOf(test)).toMatchObject({ bytes: store.bytes, responses: 2 });
    expect(await exposition(test)).not.toMatch(/key-one|key-two|owner/);
  });

  it('tell a store that is off by its limit', async () => {
    const { test } = testOf(0);
    await test.respond();
    expect(await valuesOf(test)).toMatchObject({ bytes: 0, limit_bytes: 0, responses: 0 });
  });
});
