/**
 * Who holds which block of the KV cache, which blocks are free, and which tokens' keys and values a block still
 * holds: reference counts, the free list in eviction order, and the index from prefix digest to block.
 * Knows block ids and digests, nothing of tokens, sequences or tensors. Typed arrays rather than one object a
 * block: no garbage, and a snapshot is a copy.
 *
 * A block is free (count 0, in the free list) or held (count above 0, not in it). A free block keeps its digest
 * until it is allocated for new content, so the free list is the prefix cache, least worth keeping first:
 *
 *     allocate ->  [ no digest, most recent first | digest, longest unused first ]  <- release
 *
 * Block 0 is the null block: never handed out, it pads block tables, and its links are the ends of the list.
 */

import { assert } from '../base/assert.ts';

/** Pads block tables; nothing that is ever read for a result is written there. */
export const NULL_BLOCK = 0;

export type BlockPoolOptions = {
  /** Blocks of the cache, the null block included; at least 2. */
  readonly blockCount: number;
  /** Tokens a block holds; at least 1. */
  readonly blockSize: number;
};

/** A copy of the pool's whole state. */
export type BlockPoolSnapshot = BlockPoolOptions & {
  /** [blockCount] */
  readonly referenceCounts: Int32Array;
  /** In the order in which they will be allocated. */
  readonly freeBlockIds: Int32Array;
  /** [blockCount] digest that each block is published under. */
  readonly digests: readonly (string | null)[];
  readonly blockByDigest: ReadonlyMap<string, number>;
};

export class BlockPool {
  readonly blockCount: number;
  readonly blockSize: number;
  readonly #referenceCounts: Int32Array;
  /** Neighbours in the free list, a ring through the null block. Stale, but kept, while a block is held. */
  readonly #previousFree: Int32Array;
  readonly #nextFree: Int32Array;
  readonly #digests: (string | null)[];
  readonly #blockByDigest = new Map<string, number>();
  /** Every reference that the open reservation took, in order. */
  readonly #reserved: number[] = [];
  #isReserving = false;
  #freeCount = 0;

  constructor({ blockCount, blockSize }: BlockPoolOptions) {
    assert(blockCount >= 2, 'a pool needs a block beside the null block');
    assert(blockSize >= 1, 'a block holds at least one token');
    this.blockCount = blockCount;
    this.blockSize = blockSize;
    this.#referenceCounts = new Int32Array(blockCount);
    this.#previousFree = new Int32Array(blockCount);
    this.#nextFree = new Int32Array(blockCount);
    this.#digests = new Array<string | null>(blockCount).fill(null);
    for (let id = 1; id < blockCount; id++) this.#linkLast(id);
  }

  /** Blocks that nobody holds, whether they still cache something or not. */
  get freeCount(): number {
    return this.#freeCount;
  }

  /** Blocks that somebody holds. */
  get heldCount(): number {
    return this.usableCount - this.#freeCount;
  }

  /** Blocks that can be handed out: all but the null block. */
  get usableCount(): number {
    return this.blockCount - 1;
  }

  isHeld(blockId: number): boolean {
    return this.#referenceCounts[blockId]! > 0;
  }

  /** Takes the free block least worth keeping; what it cached is forgotten. */
  allocate(): number {
    const id = this.#nextFree[NULL_BLOCK]!;
    assert(id !== NULL_BLOCK, 'no block is free');
    this.#unlink(id);
    this.#withdraw(id);
    this.#referenceCounts[id] = 1;
    if (this.#isReserving) this.#reserved.push(id);
    return id;
  }

  /** One more holder for each block: a free one leaves the free list with its content. */
  retain(blockIds: readonly number[]): void {
    for (const id of blockIds) {
      assert(id !== NULL_BLOCK, 'the null block is never held');
      if (this.#referenceCounts[id] === 0) this.#unlink(id);
      this.#referenceCounts[id]!++;
      if (this.#isReserving) this.#reserved.push(id);
    }
  }

  /**
   * One holder fewer for each block of a table, the last block first: a chain of cached blocks is of no use
   * without its head, so the head must be evicted last.
   */
  release(blockIds: readonly number[]): void {
    assert(!this.#isReserving, 'a release inside a reservation could not be undone in order');
    for (let index = blockIds.length - 1; index >= 0; index--) {
      const id = blockIds[index]!;
      assert(this.#referenceCounts[id]! > 0, 'a block is released by someone who holds it');
      this.#referenceCounts[id]!--;
      if (this.#referenceCounts[id] !== 0) continue;
      if (this.#digests[id] === null) this.#linkFirst(id);
      else this.#linkLast(id);
    }
  }

  /**
   * Makes a full, computed block findable. Where an equal block is published already, that one stays and this
   * one remains private: block tables are append-only, so a holder cannot change over to the other.
   */
  publish(blockId: number, digest: string): void {
    assert(this.isHeld(blockId), 'a block is published by someone who holds it');
    assert(this.#digests[blockId] === null, 'a block is published once');
    if (this.#blockByDigest.has(digest)) return;
    this.#blockByDigest.set(digest, blockId);
    this.#digests[blockId] = digest;
  }

  /** The block published under `digest`, held or free. */
  find(digest: string): number | null {
    return this.#blockByDigest.get(digest) ?? null;
  }

  /** From here on, what is taken can be given back as if it had not been, until it is settled or undone. */
  openReservation(): void {
    assert(!this.#isReserving, 'one reservation at a time');
    this.#isReserving = true;
  }

  /** What was taken stays taken. */
  settleReservation(): void {
    assert(this.#isReserving, 'no reservation is open');
    this.#isReserving = false;
    this.#reserved.length = 0;
  }

  /**
   * Gives back what was taken since the reservation was opened, every block to the place in the free list where
   * it was: a block that left the ring still knows its neighbours, and undone in reverse they are neighbours
   * again. A digest forgotten by `allocate` stays forgotten: the block may have been written in the meantime.
   */
  undoReservation(): void {
    assert(this.#isReserving, 'no reservation is open');
    for (let index = this.#reserved.length - 1; index >= 0; index--) {
      const id = this.#reserved[index]!;
      this.#referenceCounts[id]!--;
      if (this.#referenceCounts[id] === 0) {
        this.#linkBetween(this.#previousFree[id]!, id, this.#nextFree[id]!);
      }
    }
    this.settleReservation();
  }

  snapshot(): BlockPoolSnapshot {
    const freeBlockIds = new Int32Array(this.#freeCount);
    let id = NULL_BLOCK;
    for (let index = 0; index < freeBlockIds.length; index++) {
      id = this.#nextFree[id]!;
      freeBlockIds[index] = id;
    }
    assert(this.#nextFree[id] === NULL_BLOCK, 'the free list is as long as its count');
    return {
      blockCount: this.blockCount,
      blockSize: this.blockSize,
      referenceCounts: this.#referenceCounts.slice(),
      freeBlockIds,
      digests: this.#digests.slice(),
      blockByDigest: new Map(this.#blockByDigest),
    };
  }

  #withdraw(id: number): void {
    const digest = this.#digests[id]!;
    if (digest === null) return;
    this.#blockByDigest.delete(digest);
    this.#digests[id] = null;
  }

  #linkFirst(id: number): void {
    this.#linkBetween(NULL_BLOCK, id, this.#nextFree[NULL_BLOCK]!);
  }

  #linkLast(id: number): void {
    this.#linkBetween(this.#previousFree[NULL_BLOCK]!, id, NULL_BLOCK);
  }

  #linkBetween(previous: number, id: number, next: number): void {
    this.#nextFree[previous] = id;
    this.#previousFree[id] = previous;
    this.#nextFree[id] = next;
    this.#previousFree[next] = id;
    this.#freeCount++;
  }

  #unlink(id: number): void {
    this.#nextFree[this.#previousFree[id]!] = this.#nextFree[id]!;
    this.#previousFree[this.#nextFree[id]!] = this.#previousFree[id]!;
    this.#freeCount--;
  }
}
