/** The real application over the fakes, with a clock that stands still until it is moved. */

import type { Hono } from 'hono';
import type { Clock } from '../../src/base/clock.ts';
import { createApp } from '../../src/routes/app.ts';
import type { AppDependencies, AppEnvironment } from '../../src/routes/dependencies.ts';
import { EngineMetrics } from '../../src/routes/engine-metrics.ts';
import { BodyReader } from '../../src/routes/request-body.ts';
import { ResponseStore } from '../../src/routes/responses/response-store.ts';
import { WritePacer } from '../../src/routes/write-pacer.ts';
import { FakeEngine, FakeTextGenerator } from './fake-text-generator.ts';

export type RouteTestApp = {
  readonly app: Hono<AppEnvironment>;
  readonly engine: FakeEngine;
  readonly generator: FakeTextGenerator;
  readonly clock: Clock & { nowMs: number };
  /** Everything that was logged as an error, and for who looks closely. */
  readonly logged: Readonly<Record<string, unknown>>[];
  readonly debugged: Readonly<Record<string, unknown>>[];
  /** Sends a chat request with a fitting minimum of fields. */
  chat(fields?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  /** Sends a completion request likewise. */
  complete(fields?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  /** Sends a request for a response likewise. */
  respond(fields?: Record<string, unknown>, init?: RequestInit): Promise<Response>;
  /** Sends a body of JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
};

export const MODEL = 'octavo/tiny-1';
export const USER_MESSAGE = { role: 'user', content: 'Say something.' };

export function routeTestApp(overrides: Partial<AppDependencies> = {}): RouteTestApp {
  const engine = new FakeEngine();
  const generator = new FakeTextGenerator();
  const clock = { nowMs: 1000, monotonicMs: () => clock.nowMs, unixSeconds: () => 1_700_000_000 };
  const logged: Readonly<Record<string, unknown>>[] = [];
  const debugged: Readonly<Record<string, unknown>>[] = [];
  const responseStore = overrides.responseStore ?? new ResponseStore({ bytesMax: 2 ** 20 });
  let idCount = 0;
  const app = createApp({
    engine,
    generator,
    models: [{ id: MODEL, root: 'tiny-checkpoint', created: 1_690_000_000, modelLengthMax: 2048 }],
    apiKeys: [],
    corsOrigins: [],
    strictFields: false,
    usesPriority: true,
    usesPredictions: true,
    metrics: new EngineMetrics({
      modelName: MODEL,
      engine,
      clock,
      responseStore,
      withProcessMetrics: false,
    }),
    clock,
    logger: { error: (fields) => logged.push(fields), debug: (fields) => debugged.push(fields) },
    newId: () => `id-${++idCount}`,
    version: '1.2.3',
    systemFingerprint: 'fp_test',
    bodies: bodyReader(256 * 1024),
    responseStore,
    heartbeatMs: 15_000,
    pacer: new WritePacer({ clock, writesPerSecond: 1000, delayMsMax: 0 }),
    stalledAfterMs: 30_000,
    ...overrides,
  });
  const post = async (path: string, body: unknown, init: RequestInit = {}) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    });
  return {
    app,
    engine,
    generator,
    clock,
    logged,
    debugged,
    post,
    chat: (fields = {}, init = {}) =>
      post('/v1/chat/completions', { model: MODEL, messages: [USER_MESSAGE], ...fields }, init),
    complete: (fields = {}, init = {}) =>
      post('/v1/completions', { model: MODEL, prompt: 'Once', ...fields }, init),
    respond: (fields = {}, init = {}) =>
      post('/v1/responses', { model: MODEL, input: 'Say something.', ...fields }, init),
  };
}

/** The payloads of a finished event stream, in order. */
export async function eventData(response: Response): Promise<string[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length));
}

/** Bodies of at most so many bytes, and of all together as many as ever arrive in a test. */
export function bodyReader(bytesMax: number): BodyReader {
  return new BodyReader({ bytesMax, arrivingBytesMax: 1000 * bytesMax });
}
