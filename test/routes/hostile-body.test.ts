/** Bodies made to hurt: every one is answered, soon, and with the shape of every error. */

import { describe, expect, it } from 'vitest';
import { chatCompletionRequestSchema } from '../../src/routes/schema/chat-completion-request.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { bodyReader, MODEL, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';

describe('a hostile body', () => {
  const send = (body: string | Uint8Array<ArrayBuffer>) =>
    routeTestApp({ bodies: bodyReader(4 * 1024 * 1024) }).chat({}, { body });
  const outcome = async (body: string | Uint8Array<ArrayBuffer>) => {
    const response = await send(body);
    const { error } = errorBodySchema.parse(await response.json());
    return { status: response.status, code: error.code };
  };

  it.each([
    ['nothing', ''],
    ['half a document', '{"model":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a string', '"x"'],
    ['bytes that are not UTF-8', Buffer.from('{"model":"\xff"}', 'latin1')],
    ['ten thousand open brackets', '['.repeat(10_000)],
  ])('of %s is refused as JSON', async (_name, body) => {
    expect(await outcome(body)).toEqual({ status: 400, code: 'invalid_json' });
  });

  it('that nests lists ten thousand deep in a field is answered', async () => {
    const nested = '['.repeat(10_000) + ']'.repeat(10_000);
    const messages = JSON.stringify([USER_MESSAGE]);
    const unknown = await send(`{"model":"${MODEL}","messages":${messages},"x":${nested}}`);
    expect(unknown.headers.get('x-octavo-ignored')).toBe('x');
    expect(await outcome(`{"model":"${MODEL}","messages":${nested}}`)).toMatchObject({ status: 400 });
    expect(await outcome(`{"model":"${MODEL}","messages":${messages},"stop":${nested}}`)).toMatchObject({
      status: 400,
    });
  });

  it.each([
    ['brackets', '['.repeat(200_000)],
    ['numbers', `[${'1,'.repeat(200_000)}1]`],
    ['objects', `[${'{},'.repeat(200_000)}{}]`],
    ['keys behind escaped quotes', `{"a\\":"\\\\",${'"k":"\\"",'.repeat(100_001)}"k":1}`],
  ])('of nothing but %s is refused before it is parsed', async (_name, body) => {
    expect(await outcome(body)).toEqual({ status: 400, code: 'request_too_complex' });
  });

  it('of a million commas and brackets in its text is served', async () => {
    const messages = [{ role: 'user', content: '\\"[{,'.repeat(200_000) }];
    const response = await send(JSON.stringify({ model: MODEL, messages }));
    expect(response.status).toBe(200);
  });

  it('that holds a million items is refused by their number alone', async () => {
    const items = Array(1_000_000).fill([]);
    const parsed = chatCompletionRequestSchema.safeParse({ model: MODEL, messages: items, stop: items });
    expect(parsed.error!.issues.map(({ code, path }) => [code, path])).toEqual([
      ['too_big', ['messages']],
      ['invalid_union', ['stop']],
    ]);
    const response = await routeTestApp().chat({
      messages: [{ role: 'user', content: items.slice(0, 2000) }],
    });
    const { error } = errorBodySchema.parse(await response.json());
    expect(error).toMatchObject({
      param: 'messages[0].content',
      message: "Invalid value for 'messages[0].content': expected at most 1024 item(s).",
    });
  });

  const LONG = 'x'.repeat(1_000_000);
  const toolCall = (changes: object) => [
    USER_MESSAGE,
    {
      role: 'assistant',
      tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' }, ...changes }],
    },
  ];
  const message = (changes: object) => ({ messages: [{ ...USER_MESSAGE, ...changes }] });

  it.each([
    ['model', { model: LONG }, 404],
    ['role', message({ role: LONG }), 400],
    ['content', message({ content: LONG }), 200],
    ['content part', message({ content: [{ type: 'text', text: LONG }] }), 200],
    ['content type', message({ content: [{ type: LONG, text: 'x' }] }), 400],
    ['name', message({ name: LONG }), 200],
    ['an unknown key', { [LONG]: 1 }, 200],
    ['an unknown key of a message', message({ [LONG]: 1 }), 200],
    ['tool_call_id', { messages: [USER_MESSAGE, { role: 'tool', content: '', tool_call_id: LONG }] }, 200],
    ['id of a call', { messages: toolCall({ id: LONG }) }, 200],
    ['type of a call', { messages: toolCall({ type: LONG }) }, 400],
    ['function of a call', { messages: toolCall({ function: { name: LONG, arguments: LONG } }) }, 200],
    ['stop', { stop: LONG }, 400],
    ['stop strings', { stop: [LONG] }, 400],
    ['bad_words', { bad_words: [LONG] }, 400],
    ['cache_salt', { cache_salt: LONG }, 400],
    ['reasoning_effort', { reasoning_effort: LONG }, 400],
    ['a number', { temperature: LONG }, 400],
    ['a key of logit_bias', { logit_bias: { [LONG]: 1 } }, 400],
    ['chat_template_kwargs', { chat_template_kwargs: { [LONG]: LONG } }, 200],
    ['user', { user: LONG }, 200],
    ['metadata', { metadata: { [LONG]: LONG } }, 200],
    ['tool_choice', { tool_choice: LONG }, 400],
    ['response_format', { response_format: { type: LONG } }, 400],
  ] as const)(
    'with a megabyte in %s is answered, and the megabyte does not come back',
    async (_name, fields, status) => {
      const response = await send(JSON.stringify({ model: MODEL, messages: [USER_MESSAGE], ...fields }));
      const text = await response.text();
      expect([response.status, text.length < 1000], text.slice(0, 300)).toEqual([status, true]);
      expect((response.headers.get('x-octavo-ignored') ?? '').length).toBeLessThan(300);
    },
  );

  it.each([
    ['prompt', { prompt: LONG }, 200],
    ['prompts', { prompt: ['x', LONG] }, 200],
    ['suffix', { suffix: LONG }, 200],
    ['user', { user: LONG }, 200],
  ] as const)('of a completion with a megabyte in %s is answered', async (_name, fields, status) => {
    const test = routeTestApp({ bodies: bodyReader(4 * 1024 * 1024) });
    const response = await test.complete(fields);
    expect([response.status, (await response.text()).length < 2000]).toEqual([status, true]);
  });

  it.each([
    ['temperature', '1e400'],
    ['seed', '1e400'],
    ['n', '1e400'],
    ['max_tokens', '-1e400'],
    ['top_logprobs', '1e400'],
    ['priority', '1e400'],
    ['stop_token_ids', '[1e400]'],
    ['logit_bias', '{"5":-1e400}'],
  ])('with a number beyond all numbers in %s is refused by that name', async (field, json) => {
    const body = `{"model":"${MODEL}","messages":${JSON.stringify([USER_MESSAGE])},"${field}":${json}}`;
    const response = await send(body);
    const { error } = errorBodySchema.parse(await response.json());
    expect(response.status).toBe(400);
    expect(error.param).toMatch(new RegExp(`^${field}`));
    expect(error.message).not.toContain('a fraction');
  });

  const FORMAT = 'response_format.json_schema.schema.properties.a';
  const formatOf = (schema: string) =>
    `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{"properties":{"a":${schema}}}}}`;
  it.each([
    [`${FORMAT}.const`, formatOf('{"const":1e400}')],
    [`${FORMAT}.enum[1]`, formatOf('{"enum":["x",-1e400]}')],
    [`${FORMAT}.minimum`, formatOf('{"minimum":1e400}')],
    [
      'guided_json.properties.a.const',
      `"guided_json":${JSON.stringify('{"properties":{"a":{"const":1e400}}}')}`,
    ],
    ['chat_template_kwargs.x[0].y', '"chat_template_kwargs":{"x":[{"y":1e400}]}'],
    ['unknown.??', '"unknown":{"\u00e4\u00f6":-1e400}'],
  ])('with a number beyond all numbers at %s is refused by that place', async (place, json) => {
    const response = await send(`{"model":"${MODEL}","messages":${JSON.stringify([USER_MESSAGE])},${json}}`);
    const { error } = errorBodySchema.parse(await response.json());
    expect(response.status).toBe(400);
    expect(error).toMatchObject({
      param: place,
      message: `Invalid value for '${place}': expected a number that a double can hold, at most about 1.8e308.`,
    });
  });

  it('with a number beyond all numbers very deep in it does not come back as a place', async () => {
    const nested = `${'{"deep":'.repeat(10_000)}1e400${'}'.repeat(10_000)}`;
    const response = await send(`{"model":"${MODEL}","messages":[],"x":${nested}}`);
    expect([response.status, (await response.text()).length < 1000]).toEqual([400, true]);
  });

  it('that says a field twice says what it says last', async () => {
    const test = routeTestApp();
    const body = `{"n":100000,"model":"x","model":"${MODEL}","messages":${JSON.stringify([USER_MESSAGE])},"n":2}`;
    expect((await test.chat({}, { body })).status).toBe(200);
    expect(test.generator.requests[0]!.choiceCount).toBe(2);
  });

  it('cannot reach the prototype of anything', async () => {
    const start = `{"model":"${MODEL}","messages":${JSON.stringify([USER_MESSAGE])}`;
    expect(await outcome(`${start},"__proto__":{"n":5},"constructor":{"prototype":{"n":5}}}`)).toEqual({
      status: 400,
      code: 'invalid_value',
    });
    expect(({} as Record<string, unknown>)['n']).toBeUndefined();
  });

  const SPOILT = '"__proto__":{"n":5}';
  const MESSAGE = JSON.stringify(USER_MESSAGE);
  const says = `"messages":[${MESSAGE}]`;
  it.each([
    ['/v1/chat/completions', '__proto__', `${says},${SPOILT}`],
    ['/v1/chat/completions', 'messages[0].__proto__', `"messages":[${MESSAGE.slice(0, -1)},${SPOILT}}]`],
    ['/v1/chat/completions', 'logit_bias.__proto__', `${says},"logit_bias":{"__proto__":1}`],
    [
      '/v1/chat/completions',
      'stream_options.__proto__',
      `${says},"stream":true,"stream_options":{${SPOILT}}`,
    ],
    [
      '/v1/chat/completions',
      'response_format.__proto__',
      `${says},"response_format":{"type":"text",${SPOILT}}`,
    ],
    [
      '/v1/chat/completions',
      'guided_json.properties.__proto__',
      `${says},"guided_json":${JSON.stringify(`{"properties":{${SPOILT}}}`)}`,
    ],
    ['/v1/responses', 'text.format.__proto__', `"input":"x","text":{"format":{"type":"text",${SPOILT}}}`],
    ['/v1/responses', 'metadata.__proto__', '"input":"x","metadata":{"__proto__":"x"}'],
    ['/tokenize', 'chat_template_kwargs.__proto__', `${says},"chat_template_kwargs":{${SPOILT}}`],
  ])('to %s with a field %s is refused by that place', async (path, param, fields) => {
    const body = `{"model":"${MODEL}",${fields}}`;
    const response = await routeTestApp().post(path, null, { body });
    const { error } = errorBodySchema.parse(await response.json());
    expect(response.status).toBe(400);
    expect(error).toMatchObject({ code: 'invalid_value', param });
    expect(error.message).toBe(`'${param}': no field of a request can have the name '__proto__'.`);
  });

  const many = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`x${index}`, value]));

  it.each([
    ['', many(1025, 1)],
    ['messages[0]', { messages: [{ ...USER_MESSAGE, ...many(1025, 1) }] }],
    ['unknown[0]', { unknown: [many(1025, 1)] }],
    ['response_format.json_schema', { response_format: { type: 'json_schema', json_schema: many(1025, 1) } }],
    ['tools[0].function', { tools: [{ type: 'function', function: many(1025, 1) }] }],
  ])('with more fields than are known in one object is refused at once: %j', async (place, fields) => {
    const response = await routeTestApp().chat(fields);
    const { error } = errorBodySchema.parse(await response.json());
    expect(response.status).toBe(400);
    expect(error).toMatchObject({ code: 'request_too_complex', param: place === '' ? null : place });
    expect(error.message).toBe(
      `${place === '' ? 'The request body' : `'${place}'`} has more than 1024 fields; only schemas may have more.`,
    );
  });

  it.each([
    {
      response_format: { type: 'json_schema', json_schema: { name: 's', schema: { $defs: many(1025, {}) } } },
    },
    { guided_json: { $defs: many(1025, {}) } },
    { json_schema: JSON.stringify({ $defs: many(1025, {}) }) },
    { structured_outputs: { json: { $defs: many(1025, {}) } } },
    { tools: [{ type: 'function', function: { name: 'f', parameters: { $defs: many(1025, {}) } } }] },
    { x: 5, ...many(1000, 1) },
  ])('with more fields in a schema than elsewhere is served: %#', async (fields) => {
    expect((await routeTestApp().chat(fields)).status).toBe(200);
  });
});
