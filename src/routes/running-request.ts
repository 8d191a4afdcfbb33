/**
 * One generation as a route holds it: its events, and what has to be given back when it ends, however it ends
 * (whole, failed, or left by the client): the place in the queue, the listener, the metrics.
 */

import type { Feed, OnReadable } from '../base/feed.ts';
import { sequenceCountOf, type TextEvent, type TextRequest } from '../engine/text-generation.ts';
import { isRefusal } from './api-error.ts';
import type { AppDependencies } from './dependencies.ts';
import type { RequestObserver } from './engine-metrics.ts';

export type StartOptions = {
  readonly dependencies: Pick<AppDependencies, 'engine' | 'generator' | 'metrics'>;
  readonly request: TextRequest;
  /** The field that asks for most of its choices. */
  readonly countParam: string;
  /** Aborts when the client goes away. */
  readonly clientSignal: AbortSignal;
  /** When the request arrived, on the monotonic clock. */
  readonly startedMs: number;
};

export class RunningRequest implements Feed<TextEvent> {
  /** Called when `take` may give something again, and when the client has gone away. */
  onReadable: OnReadable = () => {};
  readonly #feed: Feed<TextEvent>;
  readonly #observer: RequestObserver;
  readonly #giveBack: () => void;
  #isCancelled = false;
  #isEnded = false;

  /**
   * Takes the request's places in the queue and starts it.
   * @throws ServerError of `EngineClient.admit` and `TextGenerator.generate`; then nothing is held.
   */
  constructor({ dependencies, request, countParam, clientSignal, startedMs }: StartOptions) {
    const { engine, generator, metrics } = dependencies;
    const sequenceCount = sequenceCountOf(request);
    const admission = engine.admit(sequenceCount, countParam);
    try {
      this.#feed = generator.generate(request, (isUrgent) => this.onReadable(isUrgent));
    } catch (error) {
      admission.leave();
      throw error;
    }
    this.#observer = metrics.observeRequest(sequenceCount, startedMs);
    const onClientGone = () => {
      this.cancel();
      this.onReadable(true);
    };
    clientSignal.addEventListener('abort', onClientGone, { once: true });
    this.#giveBack = () => {
      clientSignal.removeEventListener('abort', onClientGone);
      admission.leave();
    };
    if (clientSignal.aborted) this.cancel();
  }

  /** Nothing more comes, because somebody has stopped the generation. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** @throws ServerError when the generation fails. */
  take(): TextEvent | null {
    if (this.#isCancelled) return null;
    try {
      const event = this.#feed.take();
      if (event === null) return null;
      this.#observer.observe(event);
      if (event.kind === 'usage') this.#end();
      return event;
    } catch (error) {
      // Long and further prompts are looked at after the start; what is wrong with them is no failure of ours.
      if (!isRefusal(error)) this.#observer.close('error');
      this.#end();
      throw error;
    }
  }

  /** Stops the generation. Harmless when called again, and after the end. */
  cancel(): void {
    if (this.#isEnded) return;
    this.#isCancelled = true;
    this.#feed.cancel();
    this.#observer.close('abort');
    this.#end();
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#giveBack();
  }
}
