/**
 * When streams write. A write costs both ends tens of microseconds, on cores that a fast small model would rather
 * compute with; so all streams together get a number of writes a second, and tokens that come faster leave in one
 * piece. A few streams, or a model that takes its time, never reach that number: every token leaves at once. Streams
 * that wait write in the same turn, so a wake-up is shared too. Knows nothing of what is written.
 */

import type { Clock } from '../base/clock.ts';

export interface PacedStream {
  /** Writes what is ready. Must not throw. */
  flush(): void;
}

export type WritePacerOptions = {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Of all streams together, before tokens are joined. */
  readonly writesPerSecond: number;
  /** Longest time that a token waits for company, in milliseconds; 0: none waits. */
  readonly delayMsMax: number;
};

export class WritePacer {
  readonly #options: WritePacerOptions;
  #openCount = 0;
  #waiting = new Set<PacedStream>();
  #isScheduled = false;
  #flushedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: WritePacerOptions) {
    this.#options = options;
  }

  /** Streams that share the number of writes. */
  get openCount(): number {
    return this.#openCount;
  }

  /** One stream more. */
  enter(): void {
    this.#openCount++;
  }

  /** One stream less; it is not flushed any more. */
  leave(stream: PacedStream): void {
    this.#openCount--;
    this.#waiting.delete(stream);
  }

  /** `stream` has something to write. */
  request(stream: PacedStream): void {
    this.#waiting.add(stream);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { writesPerSecond, delayMsMax, clock } = this.#options;
    const intervalMs = Math.min((1000 * this.#openCount) / writesPerSecond, delayMsMax);
    const waitMs = this.#flushedAtMs + intervalMs - clock.monotonicMs();
    // Behind the message that brought this token, which has brought the other streams' tokens too.
    if (waitMs <= 0) queueMicrotask(() => this.#flush());
    else setTimeout(() => this.#flush(), waitMs);
  }

  #flush(): void {
    this.#isScheduled = false;
    this.#flushedAtMs = this.#options.clock.monotonicMs();
    const streams = this.#waiting;
    this.#waiting = new Set();
    for (const stream of streams) stream.flush();
  }
}
