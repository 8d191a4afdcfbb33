import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { BlockPool } from '../../src/kv-cache/block-pool.ts';
import { checkInvariants, type TableSnapshot } from '../../src/kv-cache/invariants.ts';
import { Dice } from '../simulation/dice.ts';

function aPool(usableCount: number): BlockPool {
  return new BlockPool({ blockCount: usableCount + 1, blockSize: 4 });
}

function allocateMany(pool: BlockPool, count: number): number[] {
  return Array.from({ length: count }, () => pool.allocate());
}

/** Allocates everything: the order in which free blocks are given out. */
function evictionOrder(pool: BlockPool): number[] {
  return [...pool.snapshot().freeBlockIds];
}

/** Some blocks are held, some free, some of each published. */
function aUsedPool(dice: Dice): BlockPool {
  const pool = aPool(dice.between(1, 12));
  const held = allocateMany(pool, dice.below(pool.usableCount + 1));
  for (const id of held) if (dice.chance(0.5)) pool.publish(id, `digest ${id}`);
  while (held.length > 0 && dice.chance(0.8)) pool.release(held.splice(dice.below(held.length), 1));
  return pool;
}

/** One holder takes a block, shares another's, or lets all of its own go. */
function moveAtRandom(pool: BlockPool, tables: readonly number[][], dice: Dice): void {
  const table = dice.pick(tables);
  if (dice.chance(0.4) && pool.freeCount > 0) {
    table.push(pool.allocate());
  } else if (dice.chance(0.5)) {
    const shared = dice.pick(tables).filter((id) => !table.includes(id));
    pool.retain(shared);
    table.push(...shared);
  } else {
    pool.release(table.splice(0));
  }
}

function asSnapshot(blockIds: readonly number[], sequenceId: number): TableSnapshot {
  return { sequenceId, blockIds, publishedCount: 0, length: 4 * blockIds.length, computedLength: 0 };
}

describe('BlockPool', () => {
  it('hands out every block but the null block, each once', () => {
    const pool = aPool(3);
    expect(allocateMany(pool, 3).sort()).toEqual([1, 2, 3]);
    expect(pool.freeCount).toBe(0);
    expect(pool.heldCount).toBe(3);
  });

  it('does not allocate when nothing is free', () => {
    const pool = aPool(1);
    pool.allocate();
    expect(() => pool.allocate()).toThrow(AssertionError);
  });

  it('frees a block when its last holder releases it', () => {
    const pool = aPool(2);
    const id = pool.allocate();
    pool.retain([id]);
    pool.release([id]);
    expect(pool.isHeld(id)).toBe(true);
    pool.release([id]);
    expect(pool.isHeld(id)).toBe(false);
    expect(pool.freeCount).toBe(2);
  });

  it('rejects a double free without changing the pool', () => {
    const pool = aPool(2);
    const id = pool.allocate();
    pool.release([id]);
    const before = pool.snapshot();
    expect(() => pool.release([id])).toThrow(AssertionError);
    expect(pool.snapshot()).toEqual(before);
  });

  it('finds a published block while it is held and after it is free', () => {
    const pool = aPool(2);
    const id = pool.allocate();
    pool.publish(id, 'digest');
    expect(pool.find('digest')).toBe(id);
    pool.release([id]);
    expect(pool.find('digest')).toBe(id);
  });

  it('forgets what a block cached when it is allocated again', () => {
    const pool = aPool(1);
    const id = pool.allocate();
    pool.publish(id, 'digest');
    pool.release([id]);
    expect(pool.allocate()).toBe(id);
    expect(pool.find('digest')).toBeNull();
  });

  it('keeps the first of two equal blocks findable', () => {
    const pool = aPool(2);
    const [first, second] = allocateMany(pool, 2) as [number, number];
    pool.publish(first, 'digest');
    pool.publish(second, 'digest');
    expect(pool.find('digest')).toBe(first);
    pool.release([second]);
    expect(pool.find('digest')).toBe(first);
  });

  it('evicts blocks that cache nothing first, then the tail of the longest unused chain', () => {
    const pool = aPool(5);
    const [a, b, c, d, e] = allocateMany(pool, 5) as [number, number, number, number, number];
    pool.publish(a, 'a');
    pool.publish(b, 'b');
    pool.publish(d, 'd');
    pool.release([a, b]);
    pool.release([d, e]);
    pool.release([c]);
    expect(evictionOrder(pool)).toEqual([c, e, b, a, d]);
  });

  it('takes a free block out of the middle of the list when it is retained', () => {
    const pool = aPool(3);
    const ids = allocateMany(pool, 3);
    for (const id of ids) pool.publish(id, `digest ${id}`);
    pool.release(ids);
    pool.retain([ids[1]!]);
    expect(evictionOrder(pool)).toEqual([ids[2], ids[0]]);
    expect(pool.find(`digest ${ids[1]}`)).toBe(ids[1]);
  });

  it('does not release inside a reservation', () => {
    const pool = aPool(2);
    const id = pool.allocate();
    pool.openReservation();
    expect(() => pool.release([id])).toThrow(AssertionError);
  });

  it('undoes a reservation to the very order of the free list', () => {
    for (let seed = 0; seed < 200; seed++) {
      const dice = new Dice(seed);
      const pool = aUsedPool(dice);
      const before = pool.snapshot();
      pool.openReservation();
      for (let draws = dice.below(12); draws > 0; draws--) {
        if (dice.chance(0.5) && pool.freeCount > 0) pool.allocate();
        else pool.retain([dice.between(1, pool.usableCount)]);
      }
      const { digests, blockByDigest } = pool.snapshot();
      pool.undoReservation();
      expect(pool.snapshot(), `seed ${seed}`).toEqual({ ...before, digests, blockByDigest });
    }
  });

  it('does not find again what an undone reservation had evicted: the block may have been written', () => {
    const pool = aPool(1);
    const id = pool.allocate();
    pool.publish(id, 'digest');
    pool.release([id]);
    pool.openReservation();
    pool.allocate();
    pool.undoReservation();
    expect(pool.freeCount).toBe(1);
    expect(pool.find('digest')).toBeNull();
  });

  it('keeps its invariants through random use', () => {
    for (let seed = 0; seed < 100; seed++) {
      const dice = new Dice(seed);
      const pool = aPool(6);
      const tables: number[][] = [[], [], []];
      for (let move = 0; move < 40; move++) {
        moveAtRandom(pool, tables, dice);
        const violations = checkInvariants({ pool: pool.snapshot(), tables: tables.map(asSnapshot) });
        if (violations.length > 0) expect.fail(`seed ${seed}: ${violations.join('; ')}`);
      }
    }
  });
});
