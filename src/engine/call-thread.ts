/**
 * A thread beside the main one for what would keep that busy: it answers one call after the other. It is started by
 * the first call, and anew after it has failed. Knows nothing of what it is called for.
 */

import { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { errorOf, type ThreadAnswer, type ThreadCall, type ThreadMessage } from './call-protocol.ts';

export type CallThreadOptions = {
  /** For messages about the thread. */
  readonly name: string;
  readonly workerUrl: URL;
  readonly workerData: unknown;
  /** None: a call takes as long as it takes. */
  readonly timeLimit?: {
    /**
     * From a call's turn on, in milliseconds, once the worker has said `THREAD_UP`. The worker of one that takes longer is
     * ended; never while it loads, for the files that it is reading then would stay open for good.
     */
    readonly ms: number;
    /** What that call is told. */
    readonly refusal: () => Error;
    /** After so many milliseconds the worker is also ended when nobody wants its call any more and another one waits. */
    readonly unwantedMs: number;
  };
};

export type CallOptions = {
  /**
   * A call that is no longer wanted when its turn comes, or when another one arrives, is passed over. Of one that runs it is
   * asked while others wait.
   */
  readonly isWanted: () => boolean;
  /** How long it will take, by whatever measure: the shortest call is next, of equal ones the first. */
  readonly size: number;
};

type Waiting<Input, Output> = CallOptions & {
  readonly call: ThreadCall<Input>;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: Error) => void;
};

export class CallThread<Input, Output> {
  readonly #options: CallThreadOptions;
  /** In order of arrival. */
  readonly #waiting: Waiting<Input, Output>[] = [];
  /** The one that is with the worker. */
  #running: Waiting<Input, Output> | null = null;
  #worker: Worker | null = null;
  /** Whether it has loaded. */
  #isUp = false;
  #timer: NodeJS.Timeout | undefined;
  #unwantedTimer: NodeJS.Timeout | undefined;
  #nextCallId = 1;

  constructor(options: CallThreadOptions) {
    this.#options = options;
  }

  /** @throws (rejects with) what the thread's computation throws; an error of its own when the thread fails. */
  call(input: Input, options: CallOptions): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#dropUnwanted();
      this.#waiting.push({ ...options, call: { callId: this.#nextCallId++, input }, resolve, reject });
      if (this.#running === null) this.#postNext();
    });
  }

  #postNext(): void {
    for (let next = this.#takeShortest(); next !== null; next = this.#takeShortest()) {
      if (!next.isWanted()) {
        next.reject(this.#unwanted());
        continue;
      }
      try {
        this.#worker ??= this.#start();
        this.#worker.postMessage(next.call);
        this.#worker.ref();
      } catch (error) {
        // No thread can be made just now, or the input cannot be sent. Whoever is next tries again.
        next.reject(error as Error);
        continue;
      }
      this.#running = next;
      if (this.#isUp) this.#startTimer();
      return;
    }
  }

  /** What nobody waits for any more must not stay in memory until its turn. */
  #dropUnwanted(): void {
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      if (this.#waiting[index]!.isWanted()) continue;
      this.#waiting.splice(index, 1)[0]!.reject(this.#unwanted());
    }
  }

  #unwanted(): Error {
    return new Error(`What the ${this.#options.name} was asked for is no longer wanted.`);
  }

  #takeShortest(): Waiting<Input, Output> | null {
    let shortest = 0;
    for (let index = 1; index < this.#waiting.length; index++) {
      if (this.#waiting[index]!.size < this.#waiting[shortest]!.size) shortest = index;
    }
    return this.#waiting.splice(shortest, 1)[0] ?? null;
  }

  #start(): Worker {
    const { name, workerUrl, workerData } = this.#options;
    const worker = new Worker(workerUrl, { workerData });
    this.#isUp = false;
    worker.on('message', (message: ThreadMessage<Output>) => {
      // What a worker said before it was ended may come after it.
      if (this.#worker !== worker) return;
      if (message.kind === 'thread-up') this.#comeUp();
      else this.#settle(message);
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', (code) =>
      this.#fail(worker, new Error(`The ${name} ended unexpectedly (exit code ${code}).`)),
    );
    // A call keeps the process up, a thread without one does not. Listening to it would.
    worker.unref();
    return worker;
  }

  #comeUp(): void {
    this.#isUp = true;
    if (this.#running !== null) this.#startTimer();
  }

  #startTimer(): void {
    const { timeLimit } = this.#options;
    if (timeLimit === undefined) return;
    this.#timer = setTimeout(() => this.#endLong(timeLimit.refusal()), timeLimit.ms);
    this.#unwantedTimer = setInterval(() => {
      if (this.#waiting.length > 0 && this.#running?.isWanted() === false) this.#endLong(this.#unwanted());
    }, timeLimit.unwantedMs);
    // As long as the call runs the worker keeps the process up.
    this.#timer.unref();
    this.#unwantedTimer.unref();
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#unwantedTimer);
  }

  /** The call that runs takes too long, or is done for nobody. Those behind it go on in another worker. */
  #endLong(refusal: Error): void {
    this.#stopTimers();
    void this.#worker?.terminate();
    this.#worker = null;
    const running = this.#running;
    this.#running = null;
    running?.reject(refusal);
    this.#postNext();
  }

  #settle(answer: ThreadAnswer<Output>): void {
    const running = this.#running;
    assert(running?.call.callId === answer.callId, 'a thread answers the call that it was given');
    this.#stopTimers();
    this.#running = null;
    this.#worker?.unref();
    if (answer.kind === 'call-done') running.resolve(answer.output);
    else running.reject(errorOf(answer));
    this.#postNext();
  }

  /** Whoever waits fails; the next call starts another worker. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#stopTimers();
    this.#worker = null;
    const failed = this.#running === null ? [] : [this.#running];
    this.#running = null;
    for (const { reject } of [...failed, ...this.#waiting.splice(0)]) reject(error);
  }
}
