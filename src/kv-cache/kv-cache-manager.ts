/**
 * Gives a sequence its blocks and takes them back: nobody else allocates, retains, publishes or releases any. Decides what
 * is shared through the prefix cache and when; which sequence gets blocks at all, and whether they stay taken, is decided
 * by the scheduler, which opens and ends the pool's reservation itself.
 *
 * Whose blocks are where, over the life of a tenant with a table of n blocks (m of them found in the cache,
 * p published, c = floor(computedLength / blockSize)):
 *
 *     admit       [0, m)  retained: shared, full, never written again
 *                 [m, n)  allocated: private, this tenant alone writes there
 *     reserve     [n, n') allocated: private
 *     commit      [p, c)  published: from now on others may retain them
 *     release     [0, n)  one holder fewer, last block first; without holders they are free, and those that are
 *                         published can still be found until they are allocated for something else
 */

import { assert } from '../base/assert.ts';
import type { BlockPool } from './block-pool.ts';
import type { BlockTable } from './block-table.ts';
import { type PrefixChain, PrefixHasher } from './prefix-hash.ts';

/** All that this room knows of a sequence. */
export interface CacheTenant {
  /** The first `length` of them are known; the buffer may be longer. */
  readonly tokenIds: Int32Array;
  readonly length: number;
  /** Of the first so many tokens only keys and values are wanted, so that they may come out of the cache. */
  readonly matchableLength: number;
  readonly blockTable: BlockTable;
  readonly prefixChain: PrefixChain;
}

/** Cached blocks that a tenant could begin with. One object, used again: valid until the next match. */
export type PrefixMatch = {
  readonly blockIds: number[];
  /** Those among them that nobody holds: taking one makes the pool's free blocks one fewer. */
  unheldCount: number;
};

export type KvCacheManagerOptions = {
  readonly pool: BlockPool;
  /** Without it nothing is hashed, published or found. */
  readonly usesPrefixCache: boolean;
};

export class KvCacheManager {
  readonly pool: BlockPool;
  readonly #usesPrefixCache: boolean;
  readonly #hasher: PrefixHasher;
  readonly #match: PrefixMatch = { blockIds: [], unheldCount: 0 };

  constructor(
    { pool, usesPrefixCache }: KvCacheManagerOptions,
    hasher: PrefixHasher = new PrefixHasher(pool.blockSize),
  ) {
    this.pool = pool;
    this.#usesPrefixCache = usesPrefixCache;
    this.#hasher = hasher;
  }

  blockCountFor(tokenCount: number): number {
    return Math.ceil(tokenCount / this.pool.blockSize);
  }

  /** Blocks that the tenant lacks for the tokens it has. */
  missingBlockCount(tenant: CacheTenant): number {
    return Math.max(0, this.blockCountFor(tenant.length) - tenant.blockTable.blockCount);
  }

  /** The longest cached prefix of whole blocks within what the tenant may take from the cache. Takes nothing. */
  matchPrefix(tenant: CacheTenant): PrefixMatch {
    const match = this.#match;
    match.blockIds.length = 0;
    match.unheldCount = 0;
    if (!this.#usesPrefixCache) return match;
    const matchableCount = this.matchableBlockCount(tenant);
    for (let index = 0; index < matchableCount; index++) {
      const id = this.pool.find(this.#hasher.digestAt(tenant.prefixChain, tenant.tokenIds, index));
      if (id === null) break;
      match.blockIds.push(id);
      if (!this.pool.isHeld(id)) match.unheldCount++;
    }
    return match;
  }

  /** What lies beyond is computed whatever the cache holds: its logits are wanted. */
  matchableBlockCount({ matchableLength }: CacheTenant): number {
    return Math.floor(matchableLength / this.pool.blockSize);
  }

  /**
   * Gives a tenant without blocks the room for every token it has, beginning with what the cache holds.
   * @param headroom blocks that must be left free afterwards.
   * @returns how many tokens need not be computed, or null when it does not fit; then nothing was taken.
   */
  admit(tenant: CacheTenant, headroom: number): number | null {
    const { blockTable } = tenant;
    assert(blockTable.blockCount === 0, 'a tenant is admitted without blocks');
    const match = this.matchPrefix(tenant);
    const cachedCount = match.blockIds.length;
    const newCount = this.blockCountFor(tenant.length) - cachedCount;
    if (newCount + match.unheldCount + headroom > this.pool.freeCount) return null;
    this.pool.retain(match.blockIds);
    for (const id of match.blockIds) blockTable.append(id);
    blockTable.markPublished(cachedCount);
    this.reserve(tenant);
    return cachedCount * this.pool.blockSize;
  }

  /** Gives the tenant room for every token it has. The caller has seen to it that enough blocks are free. */
  reserve(tenant: CacheTenant): void {
    for (let count = this.missingBlockCount(tenant); count > 0; count--) {
      tenant.blockTable.append(this.pool.allocate());
    }
  }

  /** The tenant's first `computedLength` tokens are in the cache: its full blocks become findable. */
  commit(tenant: CacheTenant, computedLength: number): void {
    if (!this.#usesPrefixCache) return;
    const { blockTable } = tenant;
    const fullCount = Math.floor(computedLength / this.pool.blockSize);
    if (fullCount <= blockTable.publishedCount) return;
    for (let index = blockTable.publishedCount; index < fullCount; index++) {
      const digest = this.#hasher.digestAt(tenant.prefixChain, tenant.tokenIds, index);
      this.pool.publish(blockTable.blockIds[index]!, digest);
    }
    blockTable.markPublished(fullCount);
  }

  /** Shortens the table to what it was before a reservation that the pool has undone. */
  rollback(tenant: CacheTenant, blockCount: number): void {
    tenant.blockTable.truncate(blockCount);
  }

  /** The tenant holds nothing any more. */
  release(tenant: CacheTenant): void {
    this.pool.release(tenant.blockTable.blockIds);
    tenant.blockTable.truncate(0);
  }
}
