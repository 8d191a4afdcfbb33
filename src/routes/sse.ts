/**
 * Server-sent events over a stream that is pulled: nothing is produced before the reader asks, so a slow reader
 * costs no memory. Comments keep a silent line open, a reader that goes away is told to the source at once, and an
 * error becomes an event of its own, because the status has been sent long ago. Knows nothing of what events mean.
 *
 * Hono's own helper is not used: it swallows failed writes, and an error inside it looks to a client like a normal end.
 */

export const SSE_DONE = 'data: [DONE]\n\n';
export const SSE_HEARTBEAT = ': keep-alive\n\n';

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // nginx holds events back to fill its buffer unless told otherwise.
  'x-accel-buffering': 'no',
} as const;

/** One event from text that is JSON already. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`;
}

export interface EventSource {
  /** Ready events, at least one; `null` at the end. After a rejection it is not called again. */
  next(): Promise<string | null>;
  /** The event that tells the client of an error; nothing follows it. */
  describeError(error: unknown): string;
  /** The reader has gone away. Called at most once, also while `next` is pending. */
  cancel(): void;
}

export type EventStreamOptions = { readonly heartbeatMs: number };

class PulledEvents {
  readonly #source: EventSource;
  readonly #heartbeatMs: number;
  readonly #encoder = new TextEncoder();
  #timer: NodeJS.Timeout | null = null;

  constructor(source: EventSource, { heartbeatMs }: EventStreamOptions) {
    this.#source = source;
    this.#heartbeatMs = heartbeatMs;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#timer = setInterval(() => this.#beat(controller), this.#heartbeatMs);
    this.#timer.unref();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    let events: string | null;
    let isLast = false;
    try {
      events = await this.#source.next();
      isLast = events === null;
    } catch (error) {
      events = this.#source.describeError(error);
      isLast = true;
    }
    if (this.#timer === null) return; // The reader went away meanwhile.
    if (events !== null) controller.enqueue(this.#encoder.encode(events));
    this.#timer.refresh();
    if (isLast) {
      this.#stopTimer();
      controller.close();
    }
  }

  cancel(): void {
    this.#stopTimer();
    this.#source.cancel();
  }

  /** At most one comment waits for a reader that has stopped reading. */
  #beat(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if ((controller.desiredSize ?? -1) >= 0) controller.enqueue(this.#encoder.encode(SSE_HEARTBEAT));
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Body of a response: the events of `source` until it ends, fails, or the reader cancels. */
export function eventStream(source: EventSource, options: EventStreamOptions): ReadableStream<Uint8Array> {
  return new ReadableStream(new PulledEvents(source, options), { highWaterMark: 0 });
}
