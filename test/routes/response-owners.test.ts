/** Stored responses belong to the API key that they were made with: to any other key they are not there. */

import { beforeEach, describe, expect, it } from 'vitest';
import { ResponseStore } from '../../src/routes/responses/response-store.ts';
import { type ResponseObject, responseSchema } from '../../src/routes/schema/responses-object.ts';
import { inputItemListSchema } from '../../src/routes/schema/stored-responses.ts';
import { lastResponse, responseEvents } from '../support/response-events.ts';
import { type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

type Fields = Record<string, unknown>;

const OWN = 'key-own';
const OTHER = 'key-other';

let test: RouteTestApp;
let store: ResponseStore;

beforeEach(() => {
  store = new ResponseStore({ bytesMax: 2 ** 20 });
  test = routeTestApp({ apiKeys: [OTHER, OWN], responseStore: store });
});

function initOf(key: string): RequestInit {
  return { headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } };
}

function respond(key: string, fields: Fields = {}): Promise<Response> {
  return test.respond(fields, initOf(key));
}

async function responded(key: string, fields: Fields = {}): Promise<ResponseObject> {
  const response = await respond(key, fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return responseSchema.parse(await response.json());
}

async function send(key: string, method: string, path: string): Promise<Response> {
  return test.app.request(path, { method, ...initOf(key) });
}

async function isStored(key: string, id: string): Promise<boolean> {
  return (await send(key, 'GET', `/v1/responses/${id}`)).status === 200;
}

async function inputIds(key: string, id: string): Promise<string[]> {
  const listed = await send(key, 'GET', `/v1/responses/${id}/input_items?order=asc`);
  return inputItemListSchema.parse(await listed.json()).data.map((item) => item.id);
}

/** All that a client is told, but for the name of its own request. */
async function told(answer: Promise<Response>, name: string) {
  const response = await answer;
  const headers = [...response.headers].filter(([header]) => header !== 'x-request-id');
  return { status: response.status, headers, body: (await response.text()).replaceAll(name, '<name>') };
}

type Asking = (name: string) => Promise<Response>;

const ASKINGS: readonly (readonly [string, 400 | 404, Asking])[] = [
  ['GET', 404, (id) => send(OTHER, 'GET', `/v1/responses/${id}`)],
  ['HEAD', 404, (id) => send(OTHER, 'HEAD', `/v1/responses/${id}`)],
  ['DELETE', 404, (id) => send(OTHER, 'DELETE', `/v1/responses/${id}`)],
  ['GET input_items', 404, (id) => send(OTHER, 'GET', `/v1/responses/${id}/input_items`)],
  ['POST cancel', 404, (id) => send(OTHER, 'POST', `/v1/responses/${id}/cancel`)],
  ['previous_response_id', 400, (id) => respond(OTHER, { previous_response_id: id })],
  [
    'previous_response_id of input_tokens',
    400,
    (id) => test.post('/v1/responses/input_tokens', { input: 'x', previous_response_id: id }, initOf(OTHER)),
  ],
];

const reference = (id: string) => [{ type: 'item_reference', id }];

const ITEM_ASKINGS: readonly (readonly [string, 404, Asking])[] = [
  ['item_reference', 404, (id) => respond(OTHER, { input: reference(id) })],
  [
    'item_reference of input_tokens',
    404,
    (id) => test.post('/v1/responses/input_tokens', { input: reference(id) }, initOf(OTHER)),
  ],
];

describe('a response of one API key', () => {
  it.each(ASKINGS)('is to another key as unknown as one that never was: %s', async (_, status, asking) => {
    const { id } = await responded(OWN);
    const unknown = `${id}0`;
    const refusal = await told(asking(unknown), unknown);
    expect(refusal.status).toBe(status);
    expect(await told(asking(id), id)).toEqual(refusal);
    expect(await isStored(OWN, id)).toBe(true);
  });

  it.each(ITEM_ASKINGS)('has items as unknown to another key: %s', async (_, status, asking) => {
    const { id, output } = await responded(OWN);
    for (const name of [output[0]!.id, ...(await inputIds(OWN, id))]) {
      const refusal = await told(asking(`${name}0`), `${name}0`);
      expect(refusal.status).toBe(status);
      expect(await told(asking(name), name)).toEqual(refusal);
    }
  });

  it('is there for its own key, whole, by its name and by those of its items', async () => {
    const first = await responded(OWN);
    expect(await (await send(OWN, 'GET', `/v1/responses/${first.id}`)).json()).toEqual(first);
    const second = await responded(OWN, {
      previous_response_id: first.id,
      input: reference(first.output[0]!.id),
    });
    expect((await inputIds(OWN, second.id)).slice(0, 2)).toEqual([
      ...(await inputIds(OWN, first.id)),
      first.output[0]!.id,
    ]);
    expect((await send(OWN, 'DELETE', `/v1/responses/${first.id}`)).status).toBe(200);
    expect(await isStored(OWN, first.id)).toBe(false);
  });

  it('is stored for its own key alone when it was streamed', async () => {
    const { id } = lastResponse(await responseEvents(await respond(OWN, { stream: true })));
    expect([await isStored(OWN, id), await isStored(OTHER, id)]).toEqual([true, false]);
  });

  it('tells another key nothing by the names that items of a request keep', async () => {
    const { output } = await responded(OWN);
    const own = output[0]!.id;
    const input = [own, 'msg_never'].map((id) => ({ role: 'user', content: 'Mine.', id }));
    const { id } = await responded(OTHER, { input });
    expect(await inputIds(OTHER, id)).toEqual([own, 'msg_never']);
    await responded(OTHER, { input: reference(own) });
    expect((await send(OWN, 'DELETE', `/v1/responses/${id}`)).status).toBe(404);
  });

  it('keeps its items where another key deletes those of the same names', async () => {
    const input = [{ role: 'user', content: 'Same.', id: 'msg_same' }];
    const mine = await responded(OWN, { input });
    const { bytes } = store;
    const theirs = await responded(OTHER, { input });
    await send(OTHER, 'DELETE', `/v1/responses/${theirs.id}`);
    expect(store.bytes).toBe(bytes);
    expect(await inputIds(OWN, mine.id)).toEqual(['msg_same']);
    await responded(OWN, { input: reference('msg_same') });
  });

  it('is not used by another key that asks for it: it leaves as if nobody had asked', async () => {
    store = new ResponseStore({ bytesMax: 12_000 });
    test = routeTestApp({ apiKeys: [OTHER, OWN], responseStore: store });
    const first = await responded(OWN);
    for (let turn = 0; turn < 10; turn++) {
      expect(await isStored(OTHER, first.id)).toBe(false);
      await respond(OTHER, { input: reference(first.output[0]!.id) });
      await responded(OTHER);
    }
    expect(await isStored(OWN, first.id)).toBe(false);
  });

  it('belongs to its key when that is given twice', async () => {
    test = routeTestApp({ apiKeys: [OWN, OTHER, OWN] });
    const { id } = await responded(OWN);
    expect([await isStored(OWN, id), await isStored(OTHER, id)]).toEqual([true, false]);
  });
});

describe('a server without API keys', () => {
  it('gives a response to whoever knows its name, whatever key they send', async () => {
    test = routeTestApp();
    const { id } = await responded(OWN);
    const open = await test.app.request(`/v1/responses/${id}`);
    expect([open.status, await isStored(OTHER, id)]).toEqual([200, true]);
  });
});
