/**
 * Several async iterators -> one, in the order in which their values arrive. One value of each is asked for at a
 * time, and the next only when that one was taken: so at most one value a source is held, and no source can starve
 * another. A source that ends or fails leaves the others as they are.
 */

import { assert } from '../base/assert.ts';

export type MergedValue<T> = {
  readonly sourceIndex: number;
  /** `null`: this source has ended. */
  readonly value: T | null;
};

type Arrival<T> =
  | { readonly sourceIndex: number; readonly result: IteratorResult<T> }
  | { readonly sourceIndex: number; readonly error: unknown };

export class StreamMerge<T> {
  readonly #sources = new Map<number, AsyncIterator<T>>();
  readonly #arrived: Arrival<T>[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  /** Sources that have neither ended nor been removed. */
  get openCount(): number {
    return this.#sources.size;
  }

  add(sourceIndex: number, source: AsyncIterable<T>): void {
    assert(
      !this.#closed && !this.#sources.has(sourceIndex),
      'a merge takes each source once, while it is open',
    );
    const iterator = source[Symbol.asyncIterator]();
    this.#sources.set(sourceIndex, iterator);
    this.#request(sourceIndex, iterator);
  }

  /**
   * The next value of any source; `null` once the merge is closed. Asks that source for its next one.
   * @throws whatever a source's iteration throws.
   */
  async next(): Promise<MergedValue<T> | null> {
    while (this.#arrived.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const arrival = this.#arrived.shift();
    if (arrival === undefined || this.#closed) return null;
    const { sourceIndex } = arrival;
    if ('error' in arrival) {
      this.#sources.delete(sourceIndex);
      throw arrival.error;
    }
    if (arrival.result.done === true) {
      this.#sources.delete(sourceIndex);
      return { sourceIndex, value: null };
    }
    return { sourceIndex, value: arrival.result.value };
  }

  /** Asks a source for its next value, once what it gave last has been dealt with. */
  resume(sourceIndex: number): void {
    const iterator = this.#sources.get(sourceIndex);
    if (iterator !== undefined && !this.#closed) this.#request(sourceIndex, iterator);
  }

  /** Ends one source early. */
  remove(sourceIndex: number): void {
    const iterator = this.#sources.get(sourceIndex);
    this.#sources.delete(sourceIndex);
    const arrivedIndex = this.#arrived.findIndex((arrival) => arrival.sourceIndex === sourceIndex);
    if (arrivedIndex >= 0) this.#arrived.splice(arrivedIndex, 1);
    if (iterator !== undefined) endIterator(iterator);
  }

  /** Ends all sources and every wait for them. Harmless when called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const sourceIndex of [...this.#sources.keys()]) this.remove(sourceIndex);
    this.#notify();
  }

  #request(sourceIndex: number, iterator: AsyncIterator<T>): void {
    iterator.next().then(
      (result) => this.#deliver({ sourceIndex, result }),
      (error: unknown) => this.#deliver({ sourceIndex, error }),
    );
  }

  #deliver(arrival: Arrival<T>): void {
    if (!this.#sources.has(arrival.sourceIndex)) return;
    this.#arrived.push(arrival);
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

/** Not waited for: an iterator that is busy answers only after its pending value, which may never come. */
function endIterator(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => {
    // The source was told to stop; how it failed while stopping concerns nobody any more.
  });
}
