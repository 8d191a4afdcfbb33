/**
 * When streams write. A write costs both ends tens of microseconds, on cores that a fast small model would rather
 * compute with; so all streams together get a number of writes a second, and tokens that come faster leave in one
 * piece. A few streams, or a model that takes its time, never reach that number: every token leaves at once. Streams
 * that wait write in the same turn, so a wake-up is shared too. The end of an answer never waits: behind it waits the
 * client's next request, and a place in the batch that it will fill. Knows nothing of what is written.
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

/**
 * Streams flush with a message that comes so late in their interval, not at its end: behind a step's message the engine
 * prepares the next step on one core, and until it computes again the others are free.
 */
const EARLY_SHARE = 0.8;

export class WritePacer {
  readonly #options: WritePacerOptions;
  #openCount = 0;
  #waiting = new Set<PacedStream>();
  /** They are flushed at the end of this turn. */
  #isDue = false;
  /** Flushes them if no message does. */
  #timer: NodeJS.Timeout | null = null;
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
    if (this.#waiting.size === 0) this.#stopTimer();
  }

  /** `stream` has something to write. Called from inside the message that brought it. */
  request(stream: PacedStream): void {
    this.#waiting.add(stream);
    if (this.#isDue) return;
    const { writesPerSecond, delayMsMax, clock } = this.#options;
    const intervalMs = Math.min((1000 * this.#openCount) / writesPerSecond, delayMsMax);
    const sinceMs = clock.monotonicMs() - this.#flushedAtMs;
    if (sinceMs >= intervalMs * EARLY_SHARE) {
      this.#isDue = true;
      queueMicrotask(() => this.#flush());
    } else this.#timer ??= setTimeout(() => this.#flush(), intervalMs - sinceMs);
  }

  /** `stream` has something to write that is not to wait. */
  urge(stream: PacedStream): void {
    this.#waiting.delete(stream);
    queueMicrotask(() => stream.flush());
  }

  #flush(): void {
    this.#isDue = false;
    this.#stopTimer();
    this.#flushedAtMs = this.#options.clock.monotonicMs();
    const streams = this.#waiting;
    this.#waiting = new Set();
    for (const stream of streams) stream.flush();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
