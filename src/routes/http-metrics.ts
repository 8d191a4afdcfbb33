/**
 * Prometheus series of the HTTP side, under the names, labels and buckets that vLLM's API server has for its own. Knows paths
 * as they are served and nothing of what is asked.
 */

import { Counter, Histogram, type Registry } from 'prom-client';

/** Who watches the server asks these. vLLM leaves its own out, so that a share of answers is one of what clients asked. */
const WATCHED_PATHS: ReadonlySet<string> = new Set([
  '/health',
  '/ready',
  '/metrics',
  '/load',
  '/version',
  '/is_sleeping',
]);

const ANSWER_SECONDS = [0.1, 0.5, 1];

export type AnsweredRequest = {
  /** The path as it is served, with placeholders: one of a few. */
  readonly handler: string;
  readonly method: string;
};

export class HttpMetrics {
  readonly #answers: Counter;
  readonly #seconds: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#answers = new Counter({
      name: 'http_requests_total',
      help: 'Requests answered, by path, method, class of status and status; without those of probes.',
      labelNames: ['handler', 'method', 'status', 'code'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer, streams included; without those of probes.',
      labelNames: ['handler', 'method'],
      buckets: ANSWER_SECONDS,
      registers,
    });
  }

  /** The request's answer has begun. vLLM's `status` is a class, `5xx`; which of it is told besides. */
  begin({ handler, method }: AnsweredRequest, status: number): void {
    if (WATCHED_PATHS.has(handler)) return;
    this.#answers.inc({ handler, method, status: `${Math.floor(status / 100)}xx`, code: String(status) });
  }

  /** The request's answer has been read to its end, or its client is gone. */
  end({ handler, method }: AnsweredRequest, ms: number): void {
    if (!WATCHED_PATHS.has(handler)) this.#seconds.observe({ handler, method }, ms / 1000);
  }
}
