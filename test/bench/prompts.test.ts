import { describe, expect, it } from 'vitest';
import { tokenCostOf, wordCountFor, wordsOf } from '../../bench/prompts.ts';

describe('wordsOf', () => {
  it('gives the same words for the same seed', () => {
    expect(wordsOf(5, 20)).toBe(wordsOf(5, 20));
  });

  it('has as many words as asked for', () => {
    expect(wordsOf(5, 20).split(' ')).toHaveLength(20);
  });

  it('lets no two of 1,000 seeds share a block of 16 words', () => {
    const beginnings = new Set(Array.from({ length: 1000 }, (_, seed) => wordsOf(seed, 16)));
    expect(beginnings.size).toBe(1000);
  });
});

describe('wordCountFor', () => {
  const cost = tokenCostOf({ wordCount: 8, tokenCount: 22 }, { wordCount: 72, tokenCount: 118 });

  it('finds the fixed cost of the template and the cost of a word', () => {
    expect(cost).toEqual({ fixed: 10, perWord: 1.5 });
  });

  it('turns tokens into words', () => {
    expect(wordCountFor(cost, 100)).toBe(60);
  });

  it('sends at least one word where the template alone is longer', () => {
    expect(wordCountFor(cost, 3)).toBe(1);
  });
});
