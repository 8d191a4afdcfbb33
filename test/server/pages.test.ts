/** Streams to pages of other sites, which go through more of the HTTP library than those to programs do. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const ORIGIN = 'https://chat.example';

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ flags: ['--cors-origin', ORIGIN] });
});
afterAll(() => server.stop());

async function streamed(headers: Record<string, string>) {
  const response = await fetch(`${server.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: 'octavo-mini',
      messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
      stream: true,
      return_token_ids: true,
      max_tokens: 150,
      ignore_eos: true,
    }),
  });
  const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('data: '));
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice('data: '.length)));
  const tokenCount = chunks.reduce((sum, { choices }) => sum + (choices[0]?.token_ids?.length ?? 0), 0);
  return { allowed: response.headers.get('access-control-allow-origin'), last: events.at(-1), tokenCount };
}

describe('a server that pages may use', () => {
  it('streams to a page to the end', async () => {
    expect(await streamed({ origin: ORIGIN })).toEqual({
      allowed: ORIGIN,
      last: 'data: [DONE]',
      tokenCount: 150,
    });
  });

  it('streams to a program to the end', async () => {
    expect(await streamed({})).toMatchObject({ last: 'data: [DONE]', tokenCount: 150 });
  });
});
