import { describe, expect, it } from 'vitest';
import { BlockPool } from '../../src/kv-cache/block-pool.ts';
import { BlockTable } from '../../src/kv-cache/block-table.ts';
import { type CacheTenant, KvCacheManager } from '../../src/kv-cache/kv-cache-manager.ts';
import { PrefixChain } from '../../src/kv-cache/prefix-hash.ts';

const BLOCK_SIZE = 4;

function aManager(usableCount: number, options = { usesPrefixCache: true }): KvCacheManager {
  const pool = new BlockPool({ blockCount: usableCount + 1, blockSize: BLOCK_SIZE });
  return new KvCacheManager({ pool, ...options });
}

/** A tenant with the tokens 100, 101, … */
function aTenant(length: number, { salt = '', firstToken = 100 } = {}): CacheTenant {
  return {
    tokenIds: Int32Array.from({ length }, (_, position) => firstToken + position),
    length,
    matchableLength: length - 1,
    blockTable: new BlockTable(BLOCK_SIZE),
    prefixChain: new PrefixChain(salt),
  };
}

/** Admits a tenant, computes it whole, and lets it go. */
function passThrough(manager: KvCacheManager, tenant: CacheTenant): void {
  manager.admit(tenant, 0);
  manager.commit(tenant, tenant.length);
  manager.release(tenant);
}

describe('KvCacheManager', () => {
  it('gives a tenant the blocks for all of its tokens', () => {
    const manager = aManager(4);
    const tenant = aTenant(9);
    expect(manager.admit(tenant, 0)).toBe(0);
    expect(tenant.blockTable.blockCount).toBe(3);
    expect(manager.pool.freeCount).toBe(1);
  });

  it('takes nothing when the blocks and the headroom do not fit', () => {
    const manager = aManager(4);
    const tenant = aTenant(9);
    expect(manager.admit(tenant, 2)).toBeNull();
    expect(tenant.blockTable.blockCount).toBe(0);
    expect(manager.pool.freeCount).toBe(4);
  });

  it('finds whole blocks of an earlier tenant with the same beginning', () => {
    const manager = aManager(8);
    passThrough(manager, aTenant(11));
    const later = aTenant(15);
    expect(manager.admit(later, 0)).toBe(8);
    expect(later.blockTable.publishedCount).toBe(2);
  });

  it('leaves one token to compute when everything is cached', () => {
    const manager = aManager(8);
    passThrough(manager, aTenant(8));
    expect(manager.admit(aTenant(8), 0)).toBe(4);
    expect(manager.admit(aTenant(9), 0)).toBe(8);
  });

  it('shares nothing between salts', () => {
    const manager = aManager(8);
    passThrough(manager, aTenant(8, { salt: 'a' }));
    expect(manager.admit(aTenant(8, { salt: 'b' }), 0)).toBe(0);
  });

  it('finds nothing before it is committed', () => {
    const manager = aManager(8);
    const first = aTenant(9);
    manager.admit(first, 0);
    expect(manager.matchPrefix(aTenant(9)).blockIds).toEqual([]);
    manager.commit(first, 7);
    expect(manager.matchPrefix(aTenant(9)).blockIds).toEqual(first.blockTable.blockIds.slice(0, 1));
  });

  it('counts matched blocks that nobody holds against the free ones', () => {
    const manager = aManager(3);
    passThrough(manager, aTenant(8));
    // Two of three free blocks are matched, the third is new; a fourth is not there.
    expect(manager.admit(aTenant(13), 0)).toBeNull();
    expect(manager.admit(aTenant(12), 0)).toBe(8);
    expect(manager.pool.freeCount).toBe(0);
  });

  it('holds a shared block until both tenants have let go', () => {
    const manager = aManager(8);
    const first = aTenant(9);
    const second = aTenant(9);
    manager.admit(first, 0);
    manager.commit(first, 9);
    manager.admit(second, 0);
    expect(second.blockTable.blockIds.slice(0, 2)).toEqual(first.blockTable.blockIds.slice(0, 2));
    manager.release(first);
    expect(manager.pool.heldCount).toBe(3);
    manager.release(second);
    expect(manager.pool.heldCount).toBe(0);
  });

  it('hashes and finds nothing without the prefix cache', () => {
    const manager = aManager(8, { usesPrefixCache: false });
    const tenant = aTenant(9);
    passThrough(manager, tenant);
    expect(manager.admit(aTenant(9), 0)).toBe(0);
    expect(tenant.prefixChain.digests).toEqual([]);
  });
});
