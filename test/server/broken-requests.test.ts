/** What is not a request that a route could see, sent as raw bytes. */

import { once } from 'node:events';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, type ServerProcess, startServer } from '../support/server-process.ts';

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

/** A connection, and everything that the server has said on it. */
function open(): { readonly socket: net.Socket; text(): string } {
  const { hostname, port } = new URL(server.baseUrl);
  const socket = net.connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  return { socket, text: () => text };
}

function chat(fields: object): string {
  const messages = [{ role: 'user', content: 'Tell me a story about a fox.' }];
  const json = JSON.stringify({ model: 'octavo-mini', messages, ...fields });
  const head = 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json';
  return `${head}\r\nContent-Length: ${json.length}\r\n\r\n${json}`;
}

/** Everything that the server says until it closes. */
async function send(bytes: string): Promise<{ status: number; head: string; body: string }> {
  const { socket, text } = open();
  socket.write(bytes);
  await once(socket, 'close');
  const [head, body] = text().split('\r\n\r\n', 2) as [string, string];
  return { status: Number(head.split(' ')[1]), head, body };
}

const CASES = [
  { name: 'bytes that are not HTTP', bytes: 'hello there\r\n\r\n', status: 400 },
  { name: 'a method that does not exist', bytes: 'FETCH / HTTP/1.1\r\nHost: x\r\n\r\n', status: 400 },
  {
    name: 'two lengths for one body',
    bytes:
      'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
    status: 400,
  },
  {
    name: 'headers too long',
    bytes: `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`,
    status: 431,
  },
  {
    name: 'a target that is no path',
    bytes: 'GET /v1\\models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    status: 400,
  },
  {
    name: 'an expectation that is not known',
    bytes: 'GET /health HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n',
    status: 417,
  },
  { name: 'a wish for a tunnel', bytes: 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', status: 400 },
  { name: 'no host', bytes: 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', status: 400 },
  { name: 'a broken host', bytes: 'GET / HTTP/1.1\r\nHost: a b<>\r\nConnection: close\r\n\r\n', status: 400 },
];

describe('what is not a request', () => {
  it.each(CASES)('is answered like any other error: $name', async ({ bytes, status }) => {
    const answer = await send(bytes);
    expect(answer.status).toBe(status);
    expect(answer.head).toMatch(/\r\nx-request-id: \S+/i);
    expect(JSON.parse(answer.body)).toEqual({
      error: {
        message: expect.any(String),
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_http',
      },
    });
  });

  it('behind an answer that has begun is no part of it, and ends it', async () => {
    const { socket, text } = open();
    socket.write(chat({ stream: true, ignore_eos: true }));
    while (!text().includes('data: ')) await once(socket, 'data');
    socket.write('hello there\r\n\r\n');
    await once(socket, 'close');
    expect(text().match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  it('behind a request that waits for its answer is told in its place: most often its length counts characters', async () => {
    const { head, body } = await send(chat({ ignore_eos: true, user: 'Zoë' }));
    expect(head).toMatch(/^HTTP\/1\.1 400 .*\r\nconnection: close/s);
    const { error } = JSON.parse(body);
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_http' });
    expect(error.message).toContain('content-length');
    await eventually(
      async () => (await (await fetch(`${server.baseUrl}/load`)).text()) === '{"server_load":0}',
    );
  });

  it('behind a request for a stream leaves no stream to a client that keeps its side open', async () => {
    const { hostname, port } = new URL(server.baseUrl);
    const socket = net.connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    socket.resume().write(`${chat({ stream: true, ignore_eos: true })}hello there\r\n\r\n`);
    await once(socket, 'end');
    await eventually(
      async () => (await (await fetch(`${server.baseUrl}/load`)).text()) === '{"server_load":0}',
    );
    expect(socket.writable).toBe(true);
    socket.destroy();
  });

  it('behind two requests that wait for their answers is not answered in the place of the first', async () => {
    const { socket, text } = open();
    socket.write(`${chat({ ignore_eos: true }).repeat(2)}hello there\r\n\r\n`);
    await once(socket, 'close');
    expect(text()).toBe('');
  });

  it('in the body of a request is its answer', async () => {
    const { socket, text } = open();
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    );
    await once(socket, 'close');
    expect(text()).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('costs no connection where its client holds on to a tunnel that it did not get', async () => {
    const { hostname, port } = new URL(server.baseUrl);
    const socket = net.connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const failures: Error[] = [];
    socket.on('error', (error) => failures.push(error));
    socket.resume().write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n');
    await once(socket, 'end');
    await eventually(async () => {
      socket.write('hello');
      return failures.length > 0;
    });
    expect(failures[0]).toMatchObject({ syscall: 'write' });
  });

  it('does not include a request of HTTP/1.0 without a host', async () => {
    expect((await send('GET /health HTTP/1.0\r\n\r\n')).status).toBe(200);
  });
});
