/**
 * What must hold of pool and tables between any two steps, checked on copies, so that the simulation can look
 * after every step and production when the engine falls idle. Lists every violation rather than the first: the
 * second often explains it.
 */

import { type BlockPoolSnapshot, NULL_BLOCK } from './block-pool.ts';

export type TableSnapshot = {
  /** Whose table this is, for the message. */
  readonly sequenceId: number;
  readonly blockIds: readonly number[];
  readonly publishedCount: number;
  /** Tokens that the owner has, and those of them that are in the cache. */
  readonly length: number;
  readonly computedLength: number;
};

export type KvCacheSnapshot = {
  readonly pool: BlockPoolSnapshot;
  readonly tables: readonly TableSnapshot[];
};

/** @returns one sentence for each violation; empty when all is well. */
export function checkInvariants(snapshot: KvCacheSnapshot): string[] {
  const violations: string[] = [];
  checkFreeList(snapshot.pool, violations);
  checkReferenceCounts(snapshot, violations);
  checkIndex(snapshot.pool, violations);
  for (const table of snapshot.tables) checkTable(table, snapshot.pool, violations);
  return violations;
}

/** Free and held are complements, and the null block is neither. */
function checkFreeList(pool: BlockPoolSnapshot, violations: string[]): void {
  const isFree = new Uint8Array(pool.blockCount);
  for (const id of pool.freeBlockIds) {
    if (id === NULL_BLOCK) violations.push('the null block is in the free list');
    if (isFree[id] === 1) violations.push(`block ${id} is in the free list twice`);
    isFree[id] = 1;
  }
  for (let id = 1; id < pool.blockCount; id++) {
    const count = pool.referenceCounts[id]!;
    if (count < 0) violations.push(`block ${id} has ${count} holders`);
    if (count > 0 && isFree[id] === 1) violations.push(`block ${id} is held and free`);
    if (count === 0 && isFree[id] === 0) violations.push(`block ${id} is neither held nor free`);
  }
  if (pool.referenceCounts[NULL_BLOCK] !== 0) violations.push('the null block is held');
}

/** The reference count of a block is the number of tables that hold it. */
function checkReferenceCounts({ pool, tables }: KvCacheSnapshot, violations: string[]): void {
  const holders = new Int32Array(pool.blockCount);
  for (const table of tables) {
    for (const id of table.blockIds) holders[id]!++;
  }
  for (let id = 0; id < pool.blockCount; id++) {
    if (holders[id] !== pool.referenceCounts[id]) {
      violations.push(
        `block ${id} counts ${pool.referenceCounts[id]} holders, ${holders[id]} tables hold it`,
      );
    }
  }
}

/** Every digest leads to the one block that bears it. */
function checkIndex(pool: BlockPoolSnapshot, violations: string[]): void {
  for (const [digest, id] of pool.blockByDigest) {
    if (pool.digests[id] !== digest)
      violations.push(`block ${id} is indexed under a digest it does not bear`);
  }
  let bearerCount = 0;
  for (const digest of pool.digests) {
    if (digest !== null) bearerCount++;
  }
  if (bearerCount !== pool.blockByDigest.size) {
    violations.push(`${bearerCount} blocks bear a digest, ${pool.blockByDigest.size} are indexed`);
  }
}

function checkTable(table: TableSnapshot, { blockSize }: BlockPoolSnapshot, violations: string[]): void {
  const { sequenceId, blockIds, publishedCount, length, computedLength } = table;
  const whose = `of sequence ${sequenceId}`;
  for (let index = 0; index < blockIds.length; index++) {
    const id = blockIds[index]!;
    if (id === NULL_BLOCK) violations.push(`the table ${whose} holds the null block`);
    if (blockIds.indexOf(id, index + 1) !== -1) violations.push(`the table ${whose} holds block ${id} twice`);
  }
  if (computedLength > length) violations.push(`${computedLength} of ${length} tokens ${whose} are computed`);
  if (blockIds.length * blockSize < computedLength) {
    violations.push(`the table ${whose} has no room for ${computedLength} computed tokens`);
  }
  if (blockIds.length > Math.ceil(length / blockSize)) {
    violations.push(`the table ${whose} holds ${blockIds.length} blocks for ${length} tokens`);
  }
  if (publishedCount * blockSize > computedLength) {
    violations.push(`a block ${whose} was published before it was full`);
  }
}
