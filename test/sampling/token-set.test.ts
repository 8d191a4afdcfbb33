import { describe, expect, it } from 'vitest';
import { TokenSet } from '../../src/sampling/token-set.ts';

describe('TokenSet', () => {
  it('holds its tokens and no others, each counted once', () => {
    const set = new TokenSet([0, 31, 32, 63, 99, 31], 100);
    expect(set.size).toBe(5);
    const held = Array.from({ length: 100 }, (_, tokenId) => tokenId).filter((tokenId) => set.has(tokenId));
    expect(held).toEqual([0, 31, 32, 63, 99]);
  });

  it('leaves out tokens that the vocabulary does not have', () => {
    expect(new TokenSet([-1, 100, 5], 100).size).toBe(1);
  });
});
