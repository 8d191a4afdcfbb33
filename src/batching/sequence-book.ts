/**
 * The sequences that have not ended: those that run, in order of admission, and those that wait, in order of service. Moves
 * them between the two, and gives the blocks back of those that stop running. Decides nothing: who is to run is the planner's
 * business, and when a step counts the scheduler's.
 */

import { assert } from '../base/assert.ts';
import type { KvCacheManager } from '../kv-cache/kv-cache-manager.ts';
import { isServedBefore, type Sequence } from './sequence.ts';
import { WaitingQueue } from './waiting-queue.ts';

export class SequenceBook {
  readonly waiting = new WaitingQueue();
  readonly #kvCache: KvCacheManager;
  readonly #sequences = new Map<number, Sequence>();
  readonly #running: Sequence[] = [];

  constructor(kvCache: KvCacheManager) {
    this.#kvCache = kvCache;
  }

  /** In order of admission. */
  get running(): readonly Sequence[] {
    return this.#running;
  }

  get size(): number {
    return this.#sequences.size;
  }

  /** @returns undefined for a sequence that has ended. */
  find(sequenceId: number): Sequence | undefined {
    return this.#sequences.get(sequenceId);
  }

  /** A new sequence waits. */
  add(sequence: Sequence): void {
    assert(!this.#sequences.has(sequence.sequenceId), 'a sequence id is used once');
    this.#sequences.set(sequence.sequenceId, sequence);
    this.waiting.add(sequence);
  }

  /** The first that waits runs, with its first `cachedLength` tokens from the cache. */
  admitFirst(cachedLength: number): void {
    const sequence = this.waiting.first;
    assert(sequence !== null, 'somebody waits');
    this.waiting.remove(sequence);
    this.#running.push(sequence);
    sequence.admit(cachedLength);
  }

  /** A running sequence gives up its blocks and waits. */
  preempt(sequence: Sequence): void {
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#kvCache.release(sequence);
    sequence.preempt();
    this.waiting.add(sequence);
  }

  /** The sequence admitted last goes back to where it waited; its blocks have been taken back already. */
  withdrawLast(): void {
    const sequence = this.#running.pop()!;
    if (sequence.status === 'finished') {
      this.#sequences.delete(sequence.sequenceId);
      return;
    }
    sequence.withdraw();
    this.waiting.add(sequence);
  }

  /** Forgets a sequence that is about to end while it waits, which holds nothing. */
  forgetWaiting(sequence: Sequence): void {
    this.waiting.remove(sequence);
    this.#sequences.delete(sequence.sequenceId);
  }

  /** Those that have finished leave the running ones and give their blocks back. */
  removeFinished(): void {
    let kept = 0;
    for (const sequence of this.#running) {
      if (sequence.status !== 'finished') {
        this.#running[kept++] = sequence;
        continue;
      }
      this.#kvCache.release(sequence);
      this.#sequences.delete(sequence.sequenceId);
    }
    this.#running.length = kept;
  }

  /** The running sequence that is last in order of service. */
  lastServed(): Sequence {
    let last = this.#running[0];
    assert(last !== undefined, 'a sequence that runs alone has the blocks it needs');
    for (const sequence of this.#running) {
      if (isServedBefore(last, sequence)) last = sequence;
    }
    return last;
  }
}
