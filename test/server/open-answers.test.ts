import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OpenAnswers } from '../../src/open-answers.ts';

/** More than the system's buffers of a connection hold. */
const LARGE = Buffer.alloc(32 * 2 ** 20, 'a');
const UNREAD_MS = 300;

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

async function serving(listener: RequestListener) {
  server = createServer();
  const answers = new OpenAnswers(server, UNREAD_MS);
  server.on('request', listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return answers;
}

function ask(requests = 1): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(requests));
  return socket;
}

const answeringAtOnce: RequestListener = (_, response) => {
  response.end(LARGE);
};

describe('an answer that is written', () => {
  it('ends with its connection when nobody reads it', async () => {
    const answers = await serving(answeringAtOnce);
    const closed = once(server, 'request').then(([, response]) => once(response, 'close'));
    ask().pause();
    await closed;
    await answers.settled();
  });

  it('is given all the time that a slow reader takes', async () => {
    await serving(answeringAtOnce);
    const socket = ask();
    let readCount = 0;
    socket.on('data', (bytes: Buffer) => {
      readCount += bytes.length;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    while (readCount < LARGE.length) await once(socket, 'data');
    expect(readCount).toBeGreaterThanOrEqual(LARGE.length);
  });

  it('does not hurry a request that is still waiting for its answer', async () => {
    await serving((_, response) => {
      setTimeout(() => response.end('late'), 3 * UNREAD_MS);
    });
    const [bytes] = await once(ask(), 'data');
    expect(String(bytes)).toContain('late');
  });

  it('does not hurry the request behind it on the same line', async () => {
    let answered = 0;
    await serving((_, response) => {
      if (answered++ === 0) response.end('first');
      else setTimeout(() => response.end('second'), 3 * UNREAD_MS);
    });
    const socket = ask(2);
    let text = '';
    socket.on('data', (bytes: Buffer) => {
      text += bytes;
    });
    while (!text.includes('second')) await Promise.race([once(socket, 'data'), once(socket, 'end')]);
    expect(text).toContain('first');
  });

  it('is not waited for when its client leaves before its turn', async () => {
    const answers = await serving(() => {});
    const requested = once(server, 'request');
    const socket = ask(2);
    await requested;
    const settled = answers.settled();
    socket.destroy();
    await settled;
  });

  it('is awaited alone as long as it has not begun, and no other is owed', async () => {
    const responses: ServerResponse[] = [];
    const answers = await serving((_, response) => responses.push(response));
    const socket = ask();
    const told: boolean[] = [];
    while (responses.length < 1) await once(server, 'request');
    const connection = responses[0]!.socket!;
    told.push(answers.isOneAwaitedOn(connection));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    while (responses.length < 2) await once(server, 'request');
    told.push(answers.isOneAwaitedOn(connection));
    responses[0]!.end();
    await once(responses[0]!, 'close');
    told.push(answers.isOneAwaitedOn(connection));
    responses[1]!.write('a');
    told.push(answers.isOneAwaitedOn(connection));
    expect(told).toEqual([true, false, true, false]);
  });

  it('hears once that its client has left, its turn or not', async () => {
    const responses: ServerResponse[] = [];
    const closed: number[] = [];
    await serving((_, response) => {
      const turn = responses.push(response);
      response.on('close', () => closed.push(turn));
    });
    const socket = ask(3);
    while (responses.length < 3) await once(server, 'request');
    const heard = responses.map((response) => once(response, 'close'));
    socket.destroy();
    await Promise.all(heard);
    await new Promise((resolve) => server.close(resolve));
    expect(closed.toSorted()).toEqual([1, 2, 3]);
    expect(responses.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  });

  it('is not waited for while its request is still arriving', async () => {
    const answers = await serving(() => {});
    const socket = ask(0);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{');
    await once(server, 'request');
    await answers.settled();
  });

  it('is waited for until it has been read', async () => {
    const answers = await serving(answeringAtOnce);
    const requested = once(server, 'request');
    const socket = ask();
    socket.pause();
    await requested;
    let isSettled = false;
    const settled = answers.settled().then(() => {
      isSettled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSettled).toBe(false);
    socket.resume();
    await settled;
    expect(isSettled).toBe(true);
  });
});
