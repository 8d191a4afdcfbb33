/**
 * One generation as a route holds it: its events, and what has to be given back when it ends, however it ends
 * (whole, failed, or left by the client): the place in the queue, the listener, the metrics.
 */

import { assert } from '../base/assert.ts';
import { sequenceCountOf, type TextEvent, type TextRequest } from '../engine/text-generation.ts';
import type { AppDependencies } from './dependencies.ts';
import type { RequestObserver } from './engine-metrics.ts';

export type StartOptions = {
  readonly dependencies: Pick<AppDependencies, 'engine' | 'generator' | 'metrics'>;
  readonly request: TextRequest;
  /** Aborts when the client goes away. */
  readonly clientSignal: AbortSignal;
  /** When the request arrived, on the monotonic clock. */
  readonly startedMs: number;
};

export class RunningRequest {
  readonly #iterator: AsyncIterator<TextEvent>;
  readonly #observer: RequestObserver;
  readonly #abort: AbortController;
  readonly #giveBack: () => void;
  #isCancelled = false;
  #isEnded = false;

  /**
   * Takes the request's places in the queue and starts it.
   * @throws ServerError of `EngineClient.admit` and `TextGenerator.generate`; then nothing is held.
   */
  constructor({ dependencies, request, clientSignal, startedMs }: StartOptions) {
    const { engine, generator, metrics } = dependencies;
    const sequenceCount = sequenceCountOf(request);
    const admission = engine.admit(sequenceCount);
    this.#abort = new AbortController();
    try {
      this.#iterator = generator.generate(request, this.#abort.signal)[Symbol.asyncIterator]();
    } catch (error) {
      admission.leave();
      throw error;
    }
    this.#observer = metrics.observeRequest(sequenceCount, startedMs);
    const onClientGone = () => this.cancel();
    clientSignal.addEventListener('abort', onClientGone, { once: true });
    this.#giveBack = () => {
      clientSignal.removeEventListener('abort', onClientGone);
      admission.leave();
    };
    if (clientSignal.aborted) this.cancel();
  }

  /**
   * @returns the next event; `null` after the last one, and once the request is cancelled.
   * @throws ServerError when the generation fails.
   */
  async next(): Promise<TextEvent | null> {
    if (this.#isCancelled) return null;
    try {
      const result = await this.#iterator.next();
      if (this.#isCancelled) return null;
      if (result.done === true) {
        assert(this.#isEnded, 'a generation ends with its usage');
        return null;
      }
      this.#observer.observe(result.value);
      if (result.value.kind === 'usage') this.#end();
      return result.value;
    } catch (error) {
      if (this.#isCancelled) return null;
      this.#observer.close('error');
      this.#end();
      throw error;
    }
  }

  /** Stops the generation. Harmless when called again, and after the end. */
  cancel(): void {
    if (this.#isEnded) return;
    this.#isCancelled = true;
    this.#abort.abort();
    // A generator that waits for nothing but its consumer hears of the end in this way only.
    this.#iterator.return?.().catch(() => {});
    this.#observer.close('abort');
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#giveBack();
  }
}
