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

  it('cannot reach the prototype of anything', async () => {
    const start = `{"model":"${MODEL}","messages":${JSON.stringify([USER_MESSAGE])}`;
    const response = await send(`${start},"__proto__":{"n":5}}`);
    expect(response.headers.get('x-octavo-ignored')).toBe('__proto__');
    expect(await outcome(`${start},"logit_bias":{"__proto__":1}}`)).toEqual({
      status: 400,
      code: 'invalid_value',
    });
    expect(({} as Record<string, unknown>)['n']).toBeUndefined();
  });
});
