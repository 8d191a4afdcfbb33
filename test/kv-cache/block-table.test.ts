import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { BlockTable } from '../../src/kv-cache/block-table.ts';

function aTable(blockSize: number, blockIds: readonly number[]): BlockTable {
  const table = new BlockTable(blockSize);
  for (const id of blockIds) table.append(id);
  return table;
}

describe('BlockTable', () => {
  it('finds the slot of every position', () => {
    const table = aTable(4, [7, 2]);
    const slots = Array.from({ length: 8 }, (_, position) => table.slotAt(position));
    expect(slots).toEqual([28, 29, 30, 31, 8, 9, 10, 11]);
    expect(table.capacity).toBe(8);
  });

  it('has no slot beyond its blocks', () => {
    expect(() => aTable(4, [7]).slotAt(4)).toThrow(AssertionError);
  });

  it('forgets blocks, and that they were published, when it is truncated', () => {
    const table = aTable(4, [7, 2, 5]);
    table.markPublished(2);
    table.truncate(1);
    expect(table.blockIds).toEqual([7]);
    expect(table.publishedCount).toBe(1);
  });
});
