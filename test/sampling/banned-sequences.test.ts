import { describe, expect, it } from 'vitest';
import { BannedSequences } from '../../src/sampling/banned-sequences.ts';

function banned(...sequences: number[][]): BannedSequences {
  return new BannedSequences(sequences.map((sequence) => Int32Array.from(sequence)));
}

describe('BannedSequences', () => {
  it('bans a single token always', () => {
    const one = banned([5]);
    expect(one.isCompletedBy(5)).toBe(true);
    one.accept(5);
    expect(one.isCompletedBy(5)).toBe(true);
    expect(one.isCompletedBy(6)).toBe(false);
  });

  it('bans the last token of a sequence only behind all the others', () => {
    const sequence = banned([1, 2, 3]);
    const seen = [1, 2, 1, 1, 2, 9].map((tokenId) => {
      sequence.accept(tokenId);
      return sequence.isCompletedBy(3);
    });
    expect(seen).toEqual([false, true, false, false, true, false]);
  });

  it('keeps sequences that overlap, or share a last token, apart', () => {
    const several = banned([1, 1, 4], [2, 4], [1, 5]);
    several.accept(1);
    several.accept(1);
    expect([4, 5].map((tokenId) => several.isCompletedBy(tokenId))).toEqual([true, true]);
    several.accept(2);
    expect([4, 5].map((tokenId) => several.isCompletedBy(tokenId))).toEqual([true, false]);
    expect(new Set(several.lastTokenIds)).toEqual(new Set([4, 5]));
  });
});
