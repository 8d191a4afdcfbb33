/**
 * The sequences that wait, in order of service: a binary heap that knows where each of its members stands.
 * The first is at hand at once; adding and removing any one cost log2(size) comparisons, 14 at 10,000 waiting.
 */

import { assert } from '../base/assert.ts';
import { isServedBefore, type Sequence } from './sequence.ts';

export class WaitingQueue {
  /** Each entry is served before those at 2 i + 1 and 2 i + 2; `Sequence.waitingIndex` is its place. */
  readonly #heap: Sequence[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The next to be served. */
  get first(): Sequence | null {
    return this.#heap[0] ?? null;
  }

  add(sequence: Sequence): void {
    assert(sequence.waitingIndex === -1, 'a sequence waits once');
    this.#rise(sequence, this.#heap.length);
  }

  remove(sequence: Sequence): void {
    const index = sequence.waitingIndex;
    assert(this.#heap[index] === sequence, 'the sequence waits here');
    const last = this.#heap.pop()!;
    if (last !== sequence) {
      this.#sink(last, index);
      this.#rise(last, last.waitingIndex);
    }
    sequence.waitingIndex = -1;
  }

  /** A copy in order of service; costs a sort. */
  inOrder(): Sequence[] {
    return [...this.#heap].sort((a, b) => (isServedBefore(a, b) ? -1 : 1));
  }

  #rise(sequence: Sequence, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex]!;
      if (!isServedBefore(sequence, parent)) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(sequence, index);
  }

  #sink(sequence: Sequence, from: number): void {
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      const right = this.#heap[childIndex + 1];
      if (right !== undefined && isServedBefore(right, this.#heap[childIndex]!)) childIndex++;
      const child = this.#heap[childIndex];
      if (child === undefined || !isServedBefore(child, sequence)) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(sequence, index);
  }

  #place(sequence: Sequence, index: number): void {
    this.#heap[index] = sequence;
    sequence.waitingIndex = index;
  }
}
