import { describe, expect, it } from 'vitest';
import { checkInvariants, type KvCacheSnapshot } from '../../src/kv-cache/invariants.ts';

/** Blocks 1 and 2 are held by sequence 7, block 1 is published; 3 is free. */
const SOUND: KvCacheSnapshot = {
  pool: {
    blockCount: 4,
    blockSize: 2,
    referenceCounts: Int32Array.of(0, 1, 1, 0),
    freeBlockIds: Int32Array.of(3),
    digests: [null, 'digest', null, null],
    blockByDigest: new Map([['digest', 1]]),
  },
  tables: [{ sequenceId: 7, blockIds: [1, 2], publishedCount: 1, length: 4, computedLength: 3 }],
};

function withPool(changes: Partial<KvCacheSnapshot['pool']>): KvCacheSnapshot {
  return { ...SOUND, pool: { ...SOUND.pool, ...changes } };
}

function withTable(changes: Partial<KvCacheSnapshot['tables'][number]>): KvCacheSnapshot {
  return { ...SOUND, tables: [{ ...SOUND.tables[0]!, ...changes }] };
}

describe('checkInvariants', () => {
  it('finds nothing wrong with a sound cache', () => {
    expect(checkInvariants(SOUND)).toEqual([]);
  });

  it.each<[violation: string, snapshot: KvCacheSnapshot]>([
    ['the null block is in the free list', withPool({ freeBlockIds: Int32Array.of(3, 0) })],
    ['block 3 is in the free list twice', withPool({ freeBlockIds: Int32Array.of(3, 3) })],
    ['block 2 is held and free', withPool({ freeBlockIds: Int32Array.of(3, 2) })],
    ['block 3 is neither held nor free', withPool({ freeBlockIds: Int32Array.of() })],
    ['block 3 has -1 holders', withPool({ referenceCounts: Int32Array.of(0, 1, 1, -1) })],
    ['the null block is held', withPool({ referenceCounts: Int32Array.of(1, 1, 1, 0) })],
    ['block 2 counts 2 holders, 1 tables hold it', withPool({ referenceCounts: Int32Array.of(0, 1, 2, 0) })],
    [
      'block 1 is indexed under a digest it does not bear',
      withPool({ digests: [null, null, 'digest', null] }),
    ],
    ['1 blocks bear a digest, 0 are indexed', withPool({ blockByDigest: new Map() })],
    ['the table of sequence 7 holds the null block', withTable({ blockIds: [1, 0] })],
    ['the table of sequence 7 holds block 1 twice', withTable({ blockIds: [1, 1] })],
    ['5 of 4 tokens of sequence 7 are computed', withTable({ computedLength: 5 })],
    ['the table of sequence 7 has no room for 3 computed tokens', withTable({ blockIds: [1] })],
    ['the table of sequence 7 holds 2 blocks for 2 tokens', withTable({ length: 2, computedLength: 2 })],
    ['a block of sequence 7 was published before it was full', withTable({ publishedCount: 2 })],
  ])('says that %s', (violation, snapshot) => {
    expect(checkInvariants(snapshot)).toContain(violation);
  });
});
