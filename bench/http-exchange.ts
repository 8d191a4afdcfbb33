/**
 * One HTTP exchange with the arrival time of every piece of the answer. Plain `node:http`, and nothing is parsed while a run is on: generator and server often share the same few cores, and
 * what the one burns the other lacks. Knows nothing of events or of tokens.
 */

import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';

/** A server that sends nothing for so long is taken to be stuck: the run must end. */
const SILENCE_MS_MAX = 120_000;

export type Target = {
  /** `http://host:port`, without a path. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly agent: Agent;
};

export type Arrival = {
  /** On the clock of `performance.now()`. */
  readonly atMs: number;
  readonly bytes: Buffer;
};

export type Exchange = {
  readonly sentAtMs: number;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  readonly arrivals: readonly Arrival[];
  /** What went wrong on the way, or `null`. */
  readonly failure: string | null;
};

/** @param keepsAlive whether connections are used for one request after the other; off where a server closes them */
export function createTarget(url: string, apiKey: string | null, keepsAlive = true): Target {
  return {
    url: url.replace(/\/+$/, ''),
    apiKey,
    agent: new Agent({ keepAlive: keepsAlive, maxSockets: Infinity }),
  };
}

export function closeTarget(target: Target): void {
  target.agent.destroy();
}

/** Never rejects: a failure is a result. `body` is sent as JSON with POST; without it the method is GET. */
export function exchange(target: Target, path: string, body?: unknown): Promise<Exchange> {
  const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
  return new Promise((resolve) => {
    const arrivals: Arrival[] = [];
    const sentAtMs = performance.now();
    let status = 0;
    const finish = (failure: string | null) => resolve({ sentAtMs, status, arrivals, failure });
    const outgoing = open(target, path, payload);
    outgoing.on('response', (incoming: IncomingMessage) => {
      status = incoming.statusCode ?? 0;
      incoming.on('data', (bytes: Buffer) => arrivals.push({ atMs: performance.now(), bytes }));
      incoming.on('end', () => finish(null));
      incoming.on('error', (error) => finish(`the answer broke off: ${error.message}`));
    });
    outgoing.on('error', (error) => finish(`no answer: ${error.message}`));
    outgoing.end(payload ?? undefined);
  });
}

function open(target: Target, path: string, payload: Buffer | null): ClientRequest {
  const headers: Record<string, string | number> = {};
  if (payload !== null) {
    headers['content-type'] = 'application/json';
    headers['content-length'] = payload.length;
  }
  if (target.apiKey !== null) headers['authorization'] = `Bearer ${target.apiKey}`;
  const outgoing = request(`${target.url}${path}`, {
    method: payload === null ? 'GET' : 'POST',
    agent: target.agent,
    headers,
    timeout: SILENCE_MS_MAX,
  });
  outgoing.on('timeout', () => outgoing.destroy(new Error(`silent for ${SILENCE_MS_MAX / 1000} s`)));
  return outgoing;
}

export function bodyText(result: Exchange): string {
  return Buffer.concat(result.arrivals.map((arrival) => arrival.bytes)).toString('utf8');
}
