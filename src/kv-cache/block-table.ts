/**
 * Where the tokens of one sequence lie: block ids in order of position. Grows at its end; what has been computed
 * into a block never moves. Reference counts are the pool's business.
 */

import { assert } from '../base/assert.ts';

export class BlockTable {
  readonly blockSize: number;
  readonly #blockIds: number[] = [];
  #publishedCount = 0;

  constructor(blockSize: number) {
    this.blockSize = blockSize;
  }

  get blockIds(): readonly number[] {
    return this.#blockIds;
  }

  get blockCount(): number {
    return this.#blockIds.length;
  }

  /** Tokens that the blocks have room for. */
  get capacity(): number {
    return this.#blockIds.length * this.blockSize;
  }

  /** The first so many blocks are full, computed, and have been offered to the prefix cache or came from it. */
  get publishedCount(): number {
    return this.#publishedCount;
  }

  append(blockId: number): void {
    this.#blockIds.push(blockId);
  }

  markPublished(blockCount: number): void {
    assert(blockCount <= this.#blockIds.length, 'only blocks of the table can be published');
    this.#publishedCount = blockCount;
  }

  /** Forgets all but the first `blockCount` blocks. */
  truncate(blockCount: number): void {
    assert(blockCount <= this.#blockIds.length, 'a table is truncated to something shorter');
    this.#blockIds.length = blockCount;
    this.#publishedCount = Math.min(this.#publishedCount, blockCount);
  }

  /** Place of the token at `position` in the KV tensor: block id x block size + offset. */
  slotAt(position: number): number {
    const index = Math.floor(position / this.blockSize);
    assert(index < this.#blockIds.length, 'a token has a block before it has a slot');
    return this.#blockIds[index]! * this.blockSize + (position % this.blockSize);
  }
}
