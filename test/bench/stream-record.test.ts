import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../bench/http-exchange.ts';
import { gapsOf, readStream } from '../../bench/stream-record.ts';

type Piece = readonly [atMs: number, text: string];

function anExchange(pieces: readonly Piece[], overrides: Partial<Exchange> = {}): Exchange {
  const arrivals = pieces.map(([atMs, text]) => ({ atMs, bytes: Buffer.from(text) }));
  return { sentAtMs: 100, status: 200, arrivals, failure: null, ...overrides };
}

const text = (content: string) => `data: {"choices":[{"delta":{"content":${JSON.stringify(content)}}}]}\n\n`;
const USAGE =
  'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}\n\n';
const DONE = 'data: [DONE]\n\n';

describe('readStream', () => {
  it('counts thoughts as text: a model that thinks has its first token there', () => {
    const thought = 'data: {"choices":[{"delta":{"reasoning_content":"Hm"}}]}\n\n';
    const outcome = readStream(
      anExchange([
        [120, thought],
        [150, USAGE + DONE],
      ]),
    );
    expect(outcome).toMatchObject({ kind: 'stream-done', record: { firstTokenAtMs: 120 } });
  });

  it('takes the first piece with text as the first token, not the one that names the role', () => {
    const role = 'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n';
    const outcome = readStream(
      anExchange([
        [110, role],
        [130, text('a')],
        [140, text('b')],
        [165, text('c')],
        [166, USAGE + DONE],
      ]),
    );
    expect(outcome).toEqual({
      kind: 'stream-done',
      record: {
        sentAtMs: 100,
        firstTokenAtMs: 130,
        lastTokenAtMs: 165,
        gapsMs: [10, 25],
        promptTokenCount: 9,
        cachedTokenCount: 4,
        outputTokenCount: 3,
      },
    });
  });

  it('dates an event by the piece that completes it', () => {
    const whole = text('a');
    const outcome = readStream(
      anExchange([
        [110, whole.slice(0, 20)],
        [190, whole.slice(20) + USAGE + DONE],
      ]),
    );
    expect(outcome).toMatchObject({ record: { firstTokenAtMs: 190 } });
  });

  it('counts cached tokens as 0 where the server does not tell', () => {
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}\n\n';
    expect(readStream(anExchange([[110, text('a') + usage + DONE]]))).toMatchObject({
      record: { cachedTokenCount: 0 },
    });
  });

  const complete = text('a') + USAGE + DONE;
  it.each([
    ['a refused connection', anExchange([], { status: 0, failure: 'no answer: refused' }), 'refused'],
    [
      'another status',
      anExchange([[110, '{"error":{"message":"full"}}']], { status: 429 }),
      'HTTP 429: {"error"',
    ],
    [
      'an error event',
      anExchange([[110, `${text('a')}data: {"error":{"message":"broke"}}\n\n${USAGE}${DONE}`]]),
      'broke',
    ],
    ['an answer that broke off', anExchange([[110, complete]], { failure: 'broke off' }), 'broke off'],
    ['a missing [DONE]', anExchange([[110, text('a') + USAGE]]), '[DONE]'],
    ['a missing usage', anExchange([[110, text('a') + DONE]]), 'no usage'],
    ['no text at all', anExchange([[110, USAGE + DONE]]), 'no text'],
    ['data that is not JSON', anExchange([[110, `data: {oops\n\n${complete}`]]), 'not a chunk: {oops'],
  ])('fails on %s', (_, exchange, reason) => {
    expect(readStream(exchange)).toEqual({ kind: 'stream-failed', reason: expect.stringContaining(reason) });
  });
});

describe('gapsOf', () => {
  it('has one gap fewer than there are times', () => {
    expect(gapsOf([1, 4, 10])).toEqual([3, 6]);
    expect(gapsOf([1])).toEqual([]);
  });
});
