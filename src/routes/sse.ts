/**
 * Server-sent events: taken from their source when they are ready and the reader keeps up, so a slow reader costs no
 * memory. Comments keep a silent line open, and a reader that goes away is told to the source at once. Knows nothing
 * of what events mean.
 *
 * Hono's own helper is not used: it swallows failed writes, and an error inside it looks to a client like a normal end.
 */

import type { ServerResponse } from 'node:http';
import type { OnReadable } from '../base/feed.ts';
import { HEARTBEATS_UNREAD_MAX } from '../base/limits.ts';
import type { PacedStream, WritePacer } from './write-pacer.ts';

export const SSE_DONE = 'data: [DONE]\n\n';
const SSE_HEARTBEAT = ': keep-alive\n\n';

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

/**
 * Events of JSON with what Unicode calls the end of a line, and the standard of events does not, as escapes that say the
 * same: clients that split text where Python's `splitlines` does would cut an event in two.
 */
export function withPlainLines(events: string): string {
  return events
    .replaceAll('\u0085', '\\u0085')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

export interface EventSource {
  /** Called when `take` may give something again. The stream sets it. */
  onReadable: OnReadable;
  /** Nothing more comes. */
  readonly isOver: boolean;
  /** All events that are ready, as one text; empty when there are none. */
  take(): string;
  /** The reader has gone away. Called at most once. */
  cancel(): void;
}

/** The part of Node's response that events are written to. */
export type EventResponse = Pick<
  ServerResponse,
  'headersSent' | 'writable' | 'writableLength' | 'writableNeedDrain' | 'write' | 'on'
>;

export type EventStreamOptions = {
  readonly heartbeatMs: number;
  readonly pacer: WritePacer;
  /**
   * Node's response, where there is one. Once its head has been sent, events go to it without the detour through the
   * body's stream, which costs several promises and copies an event; the body then only tells begin and end.
   */
  readonly response: EventResponse | undefined;
};

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Where events go: `isReady` while the reader keeps up. */
interface EventWriter {
  readonly isReady: boolean;
  /** Bytes that wait for the reader; tells whether one that is not ready is slow or gone. */
  readonly waitingLength: number;
  write(events: string): void;
}

/** Writes to the body; one piece for every time that its reader asks. */
class BodyWriter implements EventWriter {
  readonly #controller: Controller;
  readonly #encoder = new TextEncoder();
  readonly waitingLength = 0;
  isReady = true;

  constructor(controller: Controller) {
    this.#controller = controller;
  }

  write(events: string): void {
    this.isReady = false;
    this.#controller.enqueue(this.#encoder.encode(events));
  }
}

/** Writes to Node's response, whose buffer tells when the reader lags. */
class ResponseWriter implements EventWriter {
  readonly #response: EventResponse;

  constructor(response: EventResponse) {
    this.#response = response;
  }

  get isReady(): boolean {
    return this.#response.writable && !this.#response.writableNeedDrain;
  }

  get waitingLength(): number {
    return this.#response.writableLength;
  }

  write(events: string): void {
    this.#response.write(events);
  }
}

class EventStream implements PacedStream {
  readonly #source: EventSource;
  readonly #options: EventStreamOptions;
  #timer: NodeJS.Timeout | null = null;
  #controller!: Controller;
  #unreadBeats = 0;
  #waitingLength = 0;
  /** Null until the body is asked for the first time. */
  #writer: EventWriter | null = null;

  constructor(source: EventSource, options: EventStreamOptions) {
    this.#source = source;
    this.#options = options;
  }

  start(controller: Controller): void {
    const { heartbeatMs, pacer } = this.#options;
    this.#controller = controller;
    this.#timer = setInterval(() => this.#beat(), heartbeatMs);
    this.#timer.unref();
    pacer.enter();
    this.#source.onReadable = (isUrgent) => {
      if (isUrgent) pacer.urge(this);
      else pacer.request(this);
    };
  }

  /** The reader wants more. Without an answer to one call there is no further one. */
  pull(): void {
    const { response } = this.#options;
    if (response?.headersSent !== true) this.#writer = new BodyWriter(this.#controller);
    else if (!(this.#writer instanceof ResponseWriter)) {
      // Pieces that were read before the head was sent, as Node's adapter may, are on the response by now.
      this.#writer = new ResponseWriter(response);
      response.on('drain', () => this.flush());
    }
    this.flush();
  }

  cancel(): void {
    this.#stop();
    this.#source.cancel();
  }

  flush(): void {
    if (this.#timer === null || this.#writer?.isReady !== true) return;
    this.#unreadBeats = 0;
    const events = this.#source.take();
    if (events !== '') {
      this.#writer.write(events);
      this.#timer.refresh();
    }
    if (!this.#source.isOver) return;
    this.#stop();
    this.#controller.close();
  }

  /** A reader that has stopped reading gets none, and after a while is taken for gone. */
  #beat(): void {
    if (this.#writer?.isReady === true) {
      this.#writer.write(SSE_HEARTBEAT);
      return;
    }
    const waitingLength = this.#writer?.waitingLength ?? 0;
    this.#unreadBeats = waitingLength < this.#waitingLength ? 0 : this.#unreadBeats + 1;
    this.#waitingLength = waitingLength;
    if (this.#unreadBeats < HEARTBEATS_UNREAD_MAX) return;
    this.cancel();
    // The code by which Node's adapter knows that the reader's end is no fault of the server's.
    const gone = new Error('the reader has stopped reading');
    this.#controller.error(Object.assign(gone, { code: 'ERR_STREAM_PREMATURE_CLOSE' }));
  }

  #stop(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#source.onReadable = () => {};
    this.#options.pacer.leave(this);
  }
}

/** Body of a response: the events of `source` until it is over or the reader cancels. */
export function eventStream(source: EventSource, options: EventStreamOptions): ReadableStream<Uint8Array> {
  return new ReadableStream(new EventStream(source, options), { highWaterMark: 0 });
}
