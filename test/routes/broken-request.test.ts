import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { brokenRequests } from '../../src/routes/broken-request.ts';

/** A connection whose client never closes its half. */
function halfOpenSocket() {
  const written: Buffer[] = [];
  const socket = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  return { socket, text: () => Buffer.concat(written).toString() };
}

describe('a connection on which bytes were refused', () => {
  it('is closed where its client does not close its half, and the answer is written before', async () => {
    const { socket, text } = halfOpenSocket();
    const error = Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID_METHOD' });
    brokenRequests(() => 'an-id', { lingerMs: 1 }).onClientError(error, socket);
    await once(socket, 'close');
    expect(text()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(text()).toContain('"code":"invalid_http"');
  });

  it('stays open for the client to read its answer', async () => {
    const { socket } = halfOpenSocket();
    const error = Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID_METHOD' });
    brokenRequests(() => 'an-id', { lingerMs: 60_000 }).onClientError(error, socket);
    await once(socket, 'finish');
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});
