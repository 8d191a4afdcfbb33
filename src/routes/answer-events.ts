/**
 * A running request as the events of a stream: what its feed gives goes through the endpoint's encoder, and a failure
 * becomes an event of its own.
 */

import type { OnReadable } from '../base/feed.ts';
import type { StreamEncoder } from './answer.ts';
import { clientGone, toApiError } from './api-error.ts';
import type { RunningRequest } from './running-request.ts';
import { type EventSource, withPlainLines } from './sse.ts';

export class AnswerEvents implements EventSource {
  onReadable: OnReadable = () => {};
  readonly #running: RunningRequest;
  readonly #encoder: StreamEncoder;
  readonly #onFault: (error: unknown) => void;
  /** Encoded and not taken yet: what was ready before the stream was opened. */
  #ready = '';
  #hasOutput = false;
  #isOver = false;

  constructor(running: RunningRequest, encoder: StreamEncoder, onFault: (error: unknown) => void) {
    this.#running = running;
    this.#encoder = encoder;
    this.#onFault = onFault;
  }

  get isOver(): boolean {
    return this.#isOver && this.#ready === '';
  }

  /**
   * Waits for the first output, so that what fails before it is answered with its own status, which clients
   * act on. Not longer than `limitMs`: then the stream is opened and kept open by comments.
   * @throws ServerError
   */
  opened(limitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#running.onReadable = (isUrgent) => this.onReadable(isUrgent);
        end();
      };
      const timer = setTimeout(() => settle(resolve), limitMs);
      const look = () => {
        try {
          this.#collect();
        } catch (error) {
          return settle(() => reject(error));
        }
        // Nobody reads this answer; the status is for whoever counts answers.
        if (this.#running.isCancelled) settle(() => reject(clientGone()));
        else if (this.#hasOutput || this.#isOver) settle(resolve);
      };
      this.#running.onReadable = look;
      look();
    });
  }

  take(): string {
    try {
      this.#collect();
    } catch (error) {
      this.#onFault(error);
      this.#ready += this.#encoder.failed(toApiError(error).body);
      this.#isOver = true;
    }
    const events = withPlainLines(this.#ready);
    this.#ready = '';
    return events;
  }

  cancel(): void {
    this.#running.cancel();
  }

  /** @throws ServerError when the generation fails. */
  #collect(): void {
    if (this.#isOver) return;
    const running = this.#running;
    try {
      for (let event = running.take(); event !== null; event = running.take()) {
        this.#ready += this.#encoder.encode(event);
        if (event.kind !== 'prompt') this.#hasOutput = true;
        if (event.kind === 'usage') this.#isOver = true;
      }
    } catch (error) {
      // Where it was not the generation that failed, nobody will take anything more of it.
      running.cancel();
      throw error;
    }
    if (running.isCancelled) this.#isOver = true;
  }
}
