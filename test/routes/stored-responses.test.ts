/** Responses that are asked for again, by their names and by those of their items. */

import { beforeEach, describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import {
  LISTED_ITEMS_MAX,
  MESSAGES_MAX,
  NAMED_ITEMS_BYTES_MAX,
  STORED_INPUT_BYTES_MAX,
} from '../../src/base/limits.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import { ResponseStore } from '../../src/routes/responses/response-store.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import {
  inputTokensSchema,
  type ResponseObject,
  responseSchema,
} from '../../src/routes/schema/responses-object.ts';
import {
  deletedResponseSchema,
  type InputItemList,
  inputItemListSchema,
} from '../../src/routes/schema/stored-responses.ts';
import {
  aborted,
  type Script,
  saying,
  sayingThenFailing,
  sayingThenSilent,
} from '../support/fake-text-generator.ts';
import { lastResponse, responseEvents } from '../support/response-events.ts';
import { bodyReader, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

type Fields = Record<string, unknown>;

const NOW = { type: 'function', name: 'now', parameters: { type: 'object', properties: {} } };

const THINKING_CALL: Script = async function* () {
  yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
  const parts = [
    { kind: 'reasoning' as const, text: 'Hm.' },
    { kind: 'content' as const, text: 'Let me see.' },
    { kind: 'tool-call' as const, index: 0, name: 'now' },
    { kind: 'tool-arguments' as const, index: 0, text: '{}' },
  ];
  yield { kind: 'message-delta', choiceIndex: 0, parts, logprobs: null, tokenIds: null };
  yield { kind: 'choice-finish', choiceIndex: 0, reason: 'tool-calls' };
  const usage = { promptTokenCount: 10, cachedTokenCount: 0, completionTokenCount: 5 };
  yield { kind: 'usage', usage: { ...usage, reasoningTokenCount: 1 } };
};

let test: RouteTestApp;

beforeEach(() => {
  test = routeTestApp();
  test.generator.readsThoughts = true;
});

async function respond(fields: Fields = {}): Promise<ResponseObject> {
  const response = await test.respond(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return responseSchema.parse(await response.json());
}

async function retrieve(id: string): Promise<ResponseObject> {
  const response = await test.app.request(`/v1/responses/${id}`);
  expect(response.status).toBe(200);
  return responseSchema.parse(await response.json());
}

async function failureOf(response: Response | Promise<Response>) {
  const answered = await response;
  const { error } = errorBodySchema.parse(await answered.json());
  return { status: answered.status, code: error.code, param: error.param };
}

async function isStored(id: string): Promise<boolean> {
  return (await test.app.request(`/v1/responses/${id}`)).status === 200;
}

async function inputItems(id: string, query = ''): Promise<InputItemList> {
  const response = await test.app.request(`/v1/responses/${id}/input_items${query}`);
  expect(response.status, await response.clone().text()).toBe(200);
  return inputItemListSchema.parse(await response.json());
}

/** The prompt of the last request. */
function lastPrompt(): TextRequest['prompts'][number] {
  return test.generator.requests.at(-1)!.prompts[0]!;
}

function lastMessages() {
  const prompt = lastPrompt();
  return prompt.kind === 'messages' ? prompt.messages : [];
}

const NOT_FOUND = { status: 404, code: 'response_not_found', param: null };

describe('a response', () => {
  it.each<[string, Fields]>([
    ['nothing is said of it', {}],
    ['it is to be', { store: true }],
  ])('is stored where %s', async (_, fields) => {
    const response = await respond({ metadata: { team: 'a' }, instructions: 'Be kind.', ...fields });
    expect(response.store).toBe(true);
    expect(await retrieve(response.id)).toEqual(response);
  });

  it('is stored as it was streamed', async () => {
    const response = lastResponse(await responseEvents(await test.respond({ stream: true })));
    expect(response.store).toBe(true);
    expect(await retrieve(response.id)).toEqual(response);
  });

  it('is stored where the model was cut off', async () => {
    test.generator.script = saying(['Hel'], 'length');
    const { id } = await respond();
    expect((await retrieve(id)).status).toBe('incomplete');
  });

  it('is stored with thoughts and calls, and without log probabilities', async () => {
    test.generator.script = THINKING_CALL;
    const called = await respond({ tools: [NOW] });
    expect(await retrieve(called.id)).toEqual(called);
    test.generator.script = saying(['Hello']);
    const { id, output } = await respond({ top_logprobs: 2 });
    const [message] = (await retrieve(id)).output;
    expect(output[0]).toMatchObject({ content: [{ logprobs: [{ token: 'Hello' }] }] });
    expect(message).toMatchObject({ id: output[0]!.id, content: [{ text: 'Hello', logprobs: [] }] });
  });

  it('is not stored where it is not to be', async () => {
    const response = await respond({ store: false });
    expect(response.store).toBe(false);
    expect(await isStored(response.id)).toBe(false);
  });

  it('is not stored when it failed', async () => {
    test.generator.script = sayingThenFailing(['Hel'], new ServerError('step_failed', 'The step failed.'));
    const { id, store } = lastResponse(await responseEvents(await test.respond({ stream: true })));
    expect(store).toBe(false);
    expect(await isStored(id)).toBe(false);
  });

  it('is not stored when its client went away', async () => {
    const store = new ResponseStore({ bytesMax: 2 ** 20 });
    test = routeTestApp({ responseStore: store });
    test.generator.script = sayingThenSilent(['Hel']);
    const { body } = await test.respond({ stream: true });
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();
    const client = new AbortController();
    test.generator.script = async function* (request, signal) {
      client.abort();
      await aborted(signal);
      yield* saying(['Hello'])(request, signal);
    };
    expect((await test.respond({}, { ...JSON_INIT, signal: client.signal })).status).toBe(408);
    expect(store.size).toBe(0);
  });

  it('that is larger than the whole store says that it is not stored', async () => {
    test = routeTestApp({ responseStore: new ResponseStore({ bytesMax: 4096 }) });
    const input = 'x'.repeat(4096);
    expect((await respond({ input })).store).toBe(false);
    const events = await responseEvents(await test.respond({ input, stream: true }));
    expect(lastResponse(events).store).toBe(false);
    expect((await respond()).store).toBe(true);
  });

  it('says from its beginning that it is not stored where it is made of more than may be held meanwhile', async () => {
    test = routeTestApp({ bodies: bodyReader(NAMED_ITEMS_BYTES_MAX) });
    const input = 'x'.repeat(STORED_INPUT_BYTES_MAX);
    const events = await responseEvents(await test.respond({ input, stream: true }));
    expect(events.find(({ type }) => type === 'response.created')).toMatchObject({
      response: { store: false },
    });
    expect(await isStored(lastResponse(events).id)).toBe(false);
  });

  it('is stored without the fields of its input that were ignored', async () => {
    test = routeTestApp({ bodies: bodyReader(NAMED_ITEMS_BYTES_MAX) });
    const asked = { role: 'user', content: 'a', x: 'x'.repeat(STORED_INPUT_BYTES_MAX) };
    const { id } = await respond({ input: [asked] });
    const [listed] = (await inputItems(id)).data;
    expect(listed).toMatchObject({ role: 'user', content: [{ text: 'a' }] });
    expect(listed).not.toHaveProperty('x');
  });

  it('is deleted', async () => {
    const { id, output } = await respond();
    const response = await test.app.request(`/v1/responses/${id}`, { method: 'DELETE' });
    expect(deletedResponseSchema.parse(await response.json())).toEqual({
      id,
      object: 'response',
      deleted: true,
    });
    expect(await isStored(id)).toBe(false);
    const input = [{ type: 'item_reference', id: output[0]!.id }];
    expect(await failureOf(test.respond({ input }))).toMatchObject({ status: 404 });
  });

  it('cannot be cancelled, for it is not made in the background', async () => {
    const { id } = await respond();
    const cancelled = test.app.request(`/v1/responses/${id}/cancel`, { method: 'POST' });
    expect(await failureOf(cancelled)).toEqual({ status: 400, code: 'invalid_value', param: null });
  });

  it.each([
    ['GET', ''],
    ['DELETE', ''],
    ['GET', '/input_items'],
    ['POST', '/cancel'],
  ])('that is not there is answered 404: %s %s', async (method, tail) => {
    const path = `/v1/responses/resp_1${tail}`;
    expect(await failureOf(test.app.request(path, { method }))).toEqual(NOT_FOUND);
  });

  it.each([
    ['stream', 'stream=true'],
    ['starting_after', 'starting_after=3'],
    ['include', 'include[]=message.output_text.logprobs'],
    ['include', 'include=message.output_text.logprobs'],
  ])('is refused by the name of what is not served: %s by %s', async (param, query) => {
    const { id } = await respond();
    const refused = test.app.request(`/v1/responses/${id}?${query}`);
    expect(await failureOf(refused)).toEqual({ status: 400, code: 'unsupported_parameter', param });
  });

  it('is told whole where that is what the query asks for, and names what it does not know', async () => {
    const { id } = await respond();
    const response = await test.app.request(`/v1/responses/${id}?stream=false&page=2`);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-octavo-ignored')).toBe('page');
  });

  it('is only for who has a key', async () => {
    test = routeTestApp({ apiKeys: ['secret'] });
    for (const [method, tail] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/input_items'],
      ['POST', '/cancel'],
    ] as const) {
      expect((await test.app.request(`/v1/responses/resp_1${tail}`, { method })).status).toBe(401);
    }
  });
});

const JSON_INIT = { headers: { 'content-type': 'application/json' } };

describe('the paths of stored responses', () => {
  it.each([
    ['POST', '', 'GET, HEAD, DELETE'],
    ['POST', '/input_items', 'GET, HEAD'],
    ['GET', '/cancel', 'POST'],
  ])('say which methods they know: not %s on %s', async (method, tail, allow) => {
    const response = await test.app.request(`/v1/responses/resp_1${tail}`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
  });

  it('are counted without the names that are in them', async () => {
    const { id } = await respond();
    for (const tail of ['', '/input_items', '/other', '/a/b']) {
      await test.app.request(`/v1/responses/${id}${tail}`);
    }
    await test.app.request(`/v1/responses/${id}/cancel`, { method: 'POST' });
    const text = await (await test.app.request('/metrics')).text();
    const handlers = [...text.matchAll(/^http_requests_total\{.*?handler="([^"]+)"/gm)].map(
      ([, handler]) => handler,
    );
    expect(new Set(handlers)).toEqual(
      new Set([
        '/v1/responses',
        '/v1/responses/{id}',
        '/v1/responses/{id}/input_items',
        '/v1/responses/{id}/cancel',
        'none',
      ]),
    );
  });
});

describe('a response that goes on from another', () => {
  it('is made of what that was made of, of its output, and of its own input', async () => {
    const first = await respond({ input: 'One', instructions: 'Be kind.' });
    const second = await respond({ input: 'Two', previous_response_id: first.id });
    expect(second.previous_response_id).toBe(first.id);
    await respond({ input: 'Three', previous_response_id: second.id, instructions: 'Be brief.' });
    expect(lastMessages().map(({ role, content }) => [role, textOf(content)])).toEqual([
      ['system', 'Be brief.'],
      ['user', 'One'],
      ['assistant', 'Hello world'],
      ['user', 'Two'],
      ['assistant', 'Hello world'],
      ['user', 'Three'],
    ]);
  });

  it('has the prompt that it would have if all had been sent', async () => {
    test.generator.script = THINKING_CALL;
    const asked = [{ role: 'user', content: [{ type: 'input_text', text: 'What time?' }] }];
    const first = await respond({ input: asked, tools: [NOW] });
    const call = first.output.find(({ type }) => type === 'function_call');
    const given = [{ type: 'function_call_output', call_id: (call as { call_id: string }).call_id }].map(
      (item) => ({ ...item, output: 'noon' }),
    );
    await respond({ input: given, tools: [NOW], previous_response_id: first.id });
    const named = lastPrompt();
    await respond({ input: [...asked, ...first.output, ...given], tools: [NOW] });
    expect(named).toEqual(lastPrompt());
  });

  it('may branch off from any of them', async () => {
    const first = await respond({ input: 'One' });
    await respond({ input: 'Two', previous_response_id: first.id });
    await respond({ input: 'Other', previous_response_id: first.id });
    expect(lastMessages().map(({ content }) => textOf(content))).toEqual(['One', 'Hello world', 'Other']);
  });

  it('goes on from one whose own beginnings have left', async () => {
    const first = await respond({ input: 'One' });
    const second = await respond({ input: 'Two', previous_response_id: first.id });
    await test.app.request(`/v1/responses/${first.id}`, { method: 'DELETE' });
    await respond({ input: 'Three', previous_response_id: second.id });
    expect(lastMessages()).toHaveLength(5);
  });

  it.each<[string, (id: string) => Promise<unknown> | unknown]>([
    ['is unknown', () => {}],
    ['was not stored', () => {}],
    ['was deleted', (id) => test.app.request(`/v1/responses/${id}`, { method: 'DELETE' })],
  ])('is refused where that %s', async (how, forget) => {
    const { id } = await respond({ store: how === 'was deleted' });
    await forget(id);
    const name = how === 'is unknown' ? 'resp_unknown' : id;
    expect(await failureOf(test.respond({ previous_response_id: name }))).toEqual({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  });

  it('is refused where that has left to make room', async () => {
    test = routeTestApp({ responseStore: new ResponseStore({ bytesMax: 6000 }) });
    const { id } = await respond();
    for (let index = 0; index < 5; index++) await respond();
    expect((await failureOf(test.respond({ previous_response_id: id }))).code).toBe(
      'previous_response_not_found',
    );
  });

  it('is not refused for thoughts that the chat template does not show, though fields are strict', async () => {
    test = routeTestApp({ strictFields: true });
    test.generator.script = THINKING_CALL;
    const { id } = await respond({ tools: [NOW] });
    await respond({ previous_response_id: id });
  });

  it('is refused where the conversation has too many items', async () => {
    const input = Array.from({ length: MESSAGES_MAX - 1 }, () => ({ role: 'user', content: 'x' }));
    const { id } = await respond({ input });
    const refused = test.respond({ previous_response_id: id });
    expect(await failureOf(refused)).toMatchObject({ status: 400, param: 'previous_response_id' });
  });

  it('is refused where the conversation is longer than what may be sent', async () => {
    const bodies = bodyReader(NAMED_ITEMS_BYTES_MAX);
    test = routeTestApp({ bodies, responseStore: new ResponseStore({ bytesMax: 2 ** 24 }) });
    const { id } = await respond({ input: 'x'.repeat(STORED_INPUT_BYTES_MAX * 0.9) });
    const [asked] = (await inputItems(id)).data;
    const input = Array.from({ length: 4 }, () => ({ id: asked!.id }));
    const refused = test.respond({ previous_response_id: id, input });
    expect(await failureOf(refused)).toMatchObject({ status: 400, param: 'input[3].id' });
  });

  it('has all of its input tokens counted', async () => {
    const count = (fields: Fields) => test.post('/v1/responses/input_tokens', { input: 'abc', ...fields });
    const { id } = await respond();
    const named = await count({ previous_response_id: id });
    expect(inputTokensSchema.parse(await named.json()).input_tokens).toBeGreaterThan('abc'.length);
    const counted = test.generator.tokenized.at(-1);
    await respond({ input: 'abc', previous_response_id: id });
    expect(counted).toEqual(lastPrompt());
    const unknown = count({ previous_response_id: 'resp_unknown' });
    expect((await failureOf(unknown)).code).toBe('previous_response_not_found');
  });
});

describe('an item that is named', () => {
  it('is the item itself, thoughts and calls too, whether it says that it is a reference or not', async () => {
    test.generator.script = THINKING_CALL;
    const { output } = await respond({ input: 'What time?', tools: [NOW] });
    const asked = { role: 'user', content: 'What time?' };
    const references = output.map(({ id }, index) => ({ id, ...(index > 0 && { type: 'item_reference' }) }));
    await respond({ input: [asked, ...references] });
    const named = lastPrompt();
    await respond({ input: [asked, ...output] });
    expect(named).toEqual(lastPrompt());
    expect(lastMessages()[1]).toMatchObject({ reasoning: 'Hm.', content: expect.anything() });
  });

  it('may be one of an earlier input', async () => {
    const { id } = await respond({ input: 'One' });
    const [asked] = (await inputItems(id)).data;
    await respond({ input: [{ type: 'item_reference', id: asked!.id }] });
    expect(textOf(lastMessages()[0]!.content)).toBe('One');
  });

  it('may be named twice, and is then listed under two names', async () => {
    const first = await respond();
    const reference = { type: 'item_reference', id: first.output[0]!.id };
    const { id } = await respond({ input: [reference, reference] });
    const ids = (await inputItems(id, '?order=asc')).data.map((item) => item.id);
    expect(ids).toEqual([reference.id, expect.stringMatching(/^msg_/)]);
    expect(ids[1]).not.toBe(reference.id);
  });

  it.each([
    ['older', 0],
    ['newer', 1],
  ])('can be named as long as any response has it: the %s one is deleted', async (_, deleted) => {
    const first = await respond();
    const reference = { type: 'item_reference', id: first.output[0]!.id };
    const second = await respond({ input: [reference, { role: 'user', content: 'And?' }] });
    const id = [first.id, second.id][deleted];
    expect((await test.app.request(`/v1/responses/${id}`, { method: 'DELETE' })).status).toBe(200);
    await respond({ input: [reference] });
    expect(textOf(lastMessages()[0]!.content)).toBe('Hello world');
  });

  it('stays while it is named, though the newest response that had it was deleted', async () => {
    const store = new ResponseStore({ bytesMax: 12_000 });
    test = routeTestApp({ responseStore: store });
    const first = await respond();
    const reference = { type: 'item_reference', id: first.output[0]!.id };
    const second = await respond({ input: [reference] });
    await test.app.request(`/v1/responses/${second.id}`, { method: 'DELETE' });
    const other = await respond();
    for (let turn = 0; turn < 10; turn++) {
      await respond({ input: [reference], store: false });
      await respond();
    }
    expect([await isStored(first.id), await isStored(other.id)]).toEqual([true, false]);
  });

  it('is refused by its place where it is not in the store', async () => {
    const { output } = await respond({ store: false });
    const input = [{ role: 'user', content: 'Hi' }, { id: output[0]!.id }];
    const refusal = { status: 404, code: 'item_not_found', param: 'input[1].id' };
    expect(await failureOf(test.respond({ input }))).toEqual(refusal);
    expect(await failureOf(test.post('/v1/responses/input_tokens', { input }))).toEqual(refusal);
    expect(test.generator.requests).toHaveLength(1);
  });

  it('is refused where what is named is longer than what may be sent', async () => {
    const bodies = bodyReader(NAMED_ITEMS_BYTES_MAX);
    test = routeTestApp({ bodies, responseStore: new ResponseStore({ bytesMax: 2 ** 24 }) });
    const { id } = await respond({ input: 'x'.repeat(STORED_INPUT_BYTES_MAX * 0.9) });
    const [asked] = (await inputItems(id)).data;
    const input = Array.from({ length: 5 }, () => ({ id: asked!.id }));
    expect(await failureOf(test.respond({ input }))).toMatchObject({ status: 400, param: 'input[4].id' });
  });

  it('has its further fields named', async () => {
    const { output } = await respond();
    const response = await test.respond({ input: [{ type: 'item_reference', id: output[0]!.id, x: 1 }] });
    expect(response.headers.get('x-octavo-ignored')).toBe('input[].x');
  });
});

describe('the input items of a response', () => {
  it('are all that it was made of, the last first, each with a name that stays', async () => {
    const first = await respond({ input: 'One' });
    const said = { type: 'message', role: 'assistant', content: 'Aha.', id: 'msg_own', status: 'completed' };
    const { id } = await respond({
      input: [said, { role: 'user', content: 'Two' }],
      previous_response_id: first.id,
    });
    const page = await inputItems(id);
    expect(page.data.map((item) => (item.type === 'message' ? item.content : []))).toEqual([
      [{ type: 'input_text', text: 'Two' }],
      [{ type: 'output_text', text: 'Aha.', annotations: [], logprobs: [] }],
      [{ type: 'output_text', text: 'Hello world', annotations: [], logprobs: [] }],
      [{ type: 'input_text', text: 'One' }],
    ]);
    expect(page.data.map((item) => item.id)).toEqual([
      expect.stringMatching(/^msg_/),
      'msg_own',
      first.output[0]!.id,
      (await inputItems(first.id)).data[0]!.id,
    ]);
    expect(page).toMatchObject({ first_id: page.data[0]!.id, last_id: page.data[3]!.id, has_more: false });
    expect(await inputItems(id)).toEqual(page);
  });

  it('have all kinds', async () => {
    const input = [
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'function_call', call_id: 'call_1', name: 'now', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'noon' }] },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ];
    const { id } = await respond({ input });
    const { data } = await inputItems(id, '?order=asc');
    expect(data).toMatchObject(input);
    expect(data.map((item) => item.id.split('_')[0])).toEqual(['rs', 'fc', 'fco', 'msg']);
  });

  it('come a page at a time', async () => {
    const input = Array.from({ length: 25 }, (_, index) => ({ role: 'user', content: `${index}` }));
    const { id } = await respond({ input });
    const whole = (await inputItems(id, `?order=asc&limit=${LISTED_ITEMS_MAX}`)).data;
    expect(whole).toHaveLength(25);
    const first = await inputItems(id);
    expect(first).toMatchObject({ has_more: true, data: whole.toReversed().slice(0, 20) });
    const second = await inputItems(id, `?after=${first.last_id}`);
    expect(second).toMatchObject({ has_more: false, data: whole.toReversed().slice(20) });
    expect(await inputItems(id, `?after=${second.last_id}`)).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  it('have names of their own where a client gives one twice, or that of something else', async () => {
    const first = await respond();
    const taken = first.output[0]!.id;
    const said = (id: string) => ({ role: 'user', content: 'x', id });
    const { id } = await respond({ input: [said('a'), said('a'), said(taken), said('y'.repeat(200))] });
    const ids = (await inputItems(id, '?order=asc')).data.map((item) => item.id);
    expect(ids[0]).toBe('a');
    expect(new Set([...ids, taken]).size).toBe(5);
    expect((await retrieve(first.id)).output[0]!.id).toBe(taken);
  });

  it.each([
    ['limit', 'limit=0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=x'],
    ['limit', 'limit='],
    ['order', 'order=up'],
    ['after', 'after=msg_unknown'],
    ['before', 'before=msg_unknown'],
    ['include', 'include[0]=x'],
  ])('are refused by the name of what is wrong: %s by %s', async (param, query) => {
    const { id } = await respond();
    const refused = test.app.request(`/v1/responses/${id}/input_items?${query}`);
    expect(await failureOf(refused)).toMatchObject({ status: 400, param });
  });
});

describe('a server that stores nothing', () => {
  beforeEach(() => {
    test = routeTestApp({ responseStore: new ResponseStore({ bytesMax: 0 }) });
  });

  it('says so in every response, and names the field that had no effect', async () => {
    const response = await test.respond({ store: true });
    expect(response.headers.get('x-octavo-ignored')).toBe('store');
    expect(responseSchema.parse(await response.json()).store).toBe(false);
  });

  it.each<[string, Fields]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['input[0].type', { input: [{ type: 'item_reference', id: 'x' }] }],
    ['input[0].id', { input: [{ id: 'msg_1' }] }],
  ])('refuses %s by its place', async (param, fields) => {
    const refusal = { status: 400, code: 'unsupported_parameter', param };
    expect(await failureOf(test.respond(fields))).toEqual(refusal);
  });

  it('has no response to give', async () => {
    const { id } = await respond();
    expect(await failureOf(test.app.request(`/v1/responses/${id}`))).toEqual(NOT_FOUND);
  });
});

function textOf(content: string | readonly { readonly text: string }[] | null): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('');
}
