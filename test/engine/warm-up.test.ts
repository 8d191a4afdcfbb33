/** The steps that a device computes first: of every size, and nowhere but in the null block. */

import { describe, expect, it } from 'vitest';
import { warmUpBatch, warmUpQuery } from '../../src/engine/warm-up.ts';
import { NULL_BLOCK } from '../../src/kv-cache/block-pool.ts';

const BLOCK = 16;
const sizes = [
  { tokenCount: 1, logitsRowCount: 1, choosingCount: 1 },
  { tokenCount: BLOCK, logitsRowCount: 1, choosingCount: 1 },
  { tokenCount: BLOCK + 1, logitsRowCount: BLOCK + 1, choosingCount: 3 },
  { tokenCount: 2048, logitsRowCount: 300, choosingCount: 256 },
];

describe.each(sizes)('a warm-up step of $tokenCount tokens', (size) => {
  const batch = warmUpBatch(size, BLOCK);
  const lengths = Array.from(batch.rowStart.subarray(1), (end, row) => end - batch.rowStart[row]!);

  it('has all of its tokens in rows that a block holds', () => {
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(size.tokenCount);
    for (const length of lengths) {
      expect(length).toBeGreaterThan(0);
      expect(length).toBeLessThanOrEqual(BLOCK);
    }
    const positions = lengths.flatMap((length) => Array.from({ length }, (_, i) => i));
    expect(Array.from(batch.positions)).toEqual(positions);
  });

  it('touches the null block alone', () => {
    expect(new Set(batch.blockTable)).toEqual(new Set([NULL_BLOCK]));
    const blocks = new Set(Array.from(batch.slots, (slot) => Math.floor(slot / BLOCK)));
    expect(blocks).toEqual(new Set([NULL_BLOCK]));
    expect(Array.from(batch.pastLength)).toEqual(lengths.map(() => 0));
  });

  it('asks for the logits of as many tokens, each once', () => {
    expect(new Set(batch.logitsTokens).size).toBe(size.logitsRowCount);
    for (const token of batch.logitsTokens) {
      expect(token).toBeGreaterThanOrEqual(0);
      expect(token).toBeLessThan(size.tokenCount);
    }
    const query = warmUpQuery(size);
    expect(query.normaliserCount).toBe(size.logitsRowCount + size.choosingCount);
    expect([query.readCount, query.fullRowCount]).toEqual([size.logitsRowCount, size.choosingCount]);
  });
});
