/**
 * A server that only pretends: streams numbered words in chunks that are cut in awkward places, counts words as
 * tokens, and keeps a prefix cache of sorts. For the tests of the load generator; owns no contract of ours.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

export type FakeBehaviour = {
  /** The request with this number, counted from 0, gets another answer. */
  readonly fault?: {
    readonly request: number;
    readonly kind: 'http-429' | 'error-event' | 'cut-off' | 'no-done' | 'no-usage';
  };
};

export type FakeChatServer = {
  readonly url: string;
  readonly requests: readonly FakeRequest[];
  /** The largest number of requests that were open at one time. */
  readonly openMax: number;
  close(): Promise<void>;
};

export type FakeRequest = {
  readonly content: string;
  readonly max_tokens: number;
  readonly stream: boolean;
  readonly ignore_eos: boolean;
  readonly temperature: number;
  readonly authorization: string | undefined;
};

const TEMPLATE_TOKENS = 5;
const BLOCK_WORDS = 16;

export async function startFakeChatServer(behaviour: FakeBehaviour = {}): Promise<FakeChatServer> {
  const fake = { requests: [] as FakeRequest[], open: 0, openMax: 0, blocks: new Set<string>() };
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.url === '/ready') return void outgoing.end('ok');
    if (incoming.url === '/v1/models') return void outgoing.end('{"data":[{"id":"fake"}]}');
    fake.open++;
    fake.openMax = Math.max(fake.openMax, fake.open);
    const request = await readRequest(incoming);
    const number = fake.requests.push(request) - 1;
    const fault = behaviour.fault?.request === number ? behaviour.fault.kind : null;
    await answer(outgoing, request, cachedWords(fake.blocks, request.content), fault);
    fake.open--;
  });
  await listen(server);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: fake.requests,
    get openMax() {
      return fake.openMax;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const body = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  return { ...body, content: body.messages[0].content, authorization: incoming.headers.authorization };
}

/** Words in whole blocks at the beginning that an earlier request had too. */
function cachedWords(blocks: Set<string>, content: string): number {
  const words = content.split(' ');
  let cached = 0;
  for (let end = BLOCK_WORDS; end <= words.length; end += BLOCK_WORDS) {
    const key = words.slice(0, end).join(' ');
    if (blocks.has(key)) cached = end;
    blocks.add(key);
  }
  return cached;
}

async function answer(
  outgoing: ServerResponse,
  request: FakeRequest,
  cachedTokenCount: number,
  fault: NonNullable<FakeBehaviour['fault']>['kind'] | null,
): Promise<void> {
  if (fault === 'http-429') {
    outgoing.writeHead(429).end('{"error":{"message":"the queue is full"}}');
    return;
  }
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  outgoing.flushHeaders();
  const events = [
    { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
    ...textEvents(request),
  ];
  for (const event of events) {
    await writeInTwo(outgoing, `data: ${JSON.stringify(event)}\n\n`);
    if (fault === 'cut-off') return void outgoing.destroy();
  }
  if (fault === 'error-event') outgoing.write('data: {"error":{"message":"the step failed"}}\n\n');
  const usage = {
    prompt_tokens: request.content.split(' ').length + TEMPLATE_TOKENS,
    completion_tokens: request.max_tokens,
    prompt_tokens_details: { cached_tokens: cachedTokenCount },
  };
  if (fault !== 'no-usage')
    outgoing.write(`: heartbeat\n\ndata: ${JSON.stringify({ choices: [], usage })}\r\n\r\n`);
  outgoing.end(fault === 'no-done' ? '' : 'data: [DONE]\n\n');
}

function textEvents(request: FakeRequest) {
  return Array.from({ length: request.max_tokens }, (_, index) => ({
    choices: [{ index: 0, delta: { content: ` ß${index}` } }],
  }));
}

/** Cut in the middle, by bytes: often inside a character or a keyword. */
async function writeInTwo(outgoing: ServerResponse, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const middle = Math.floor(bytes.length / 2);
  outgoing.write(bytes.subarray(0, middle));
  await nextTurn();
  outgoing.write(bytes.subarray(middle));
  await nextTurn();
}
