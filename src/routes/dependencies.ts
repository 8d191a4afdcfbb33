/**
 * What the routes need from the rest of the server, put together by `main`. Time and randomness enter here, so
 * that tests decide them.
 */

import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { TextGenerator } from '../engine/text-generation.ts';
import type { EngineMetrics } from './engine-metrics.ts';
import type { BodyReader } from './request-body.ts';
import type { ResponseStore } from './responses/response-store.ts';
import type { WritePacer } from './write-pacer.ts';

export type ServedModel = {
  /** The name that requests use; may hold slashes. */
  readonly id: string;
  /** The checkpoint behind it: the name of its directory. */
  readonly root: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** Tokens of prompt and output together. */
  readonly modelLengthMax: number;
};

/** The part of pino that is used here. */
export interface Logger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export type AppDependencies = {
  readonly engine: Pick<EngineClient, 'admit' | 'health' | 'limits'>;
  readonly generator: TextGenerator;
  /** At least one; all are names of the one engine. */
  readonly models: readonly ServedModel[];
  /** Any of them opens `/v1/*`, `/tokenize` and `/detokenize`; none: these are open to everybody. */
  readonly apiKeys: readonly string[];
  /** Origins whose pages may use the server from a browser; `*`: all. */
  readonly corsOrigins: readonly string[];
  /** Refuse fields without effect instead of naming them in `x-octavo-ignored`. */
  readonly strictFields: boolean;
  /** Whether a request may say when it is served. */
  readonly usesPriority: boolean;
  /** Whether a request's `prediction` has an effect. */
  readonly usesPredictions: boolean;
  readonly metrics: EngineMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A new name on every call, of letters, digits and dashes; for request ids and completion ids. */
  readonly newId: () => string;
  /** Of this program. */
  readonly version: string;
  /** Names the build in every completion. */
  readonly systemFingerprint: string;
  readonly bodies: BodyReader;
  /** Who has what in it is the request's `owner`. */
  readonly responseStore: ResponseStore;
  readonly heartbeatMs: number;
  readonly pacer: WritePacer;
  readonly stalledAfterMs: number;
};

/** What Hono carries along with one request. */
export type AppEnvironment = {
  Variables: {
    requestId: string;
    /** The place of the request's API key among those of the server; 0 where it has none. Only where keys are asked for. */
    owner: number;
  };
  /** From Node's adapter; absent where the application is called without a server. */
  Bindings: { readonly outgoing?: ServerResponse };
};
