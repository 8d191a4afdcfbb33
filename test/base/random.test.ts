import { describe, expect, it } from 'vitest';
import { randomAt, seedOfChoice } from '../../src/base/random.ts';

const DRAWS = 20_000;
const SEEDS = [0, 1, 2, 42, 1234567, 2 ** 31, 2 ** 32 + 1, -1, 0.5, 1e300];

/** Pearson's statistic over its degrees of freedom: near 1; above 1.5 with 99 of them has a probability of 0.1 %. */
function chiSquarePerDegree(bins: readonly number[], total: number): number {
  const expected = total / bins.length;
  return bins.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0) / (bins.length - 1);
}

function histogram(count: number, binOf: (index: number) => number): number[] {
  const bins = new Array<number>(100).fill(0);
  for (let index = 0; index < count; index++) bins[binOf(index)]!++;
  return bins;
}

const tenth = (x: number): number => Math.floor(10 * x);

describe('randomAt', () => {
  it('stays in [0, 1) and uses all of it', () => {
    const draws = Array.from({ length: DRAWS }, (_, position) => randomAt(7, position));
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...draws)).toBeLessThan(1e-3);
    expect(Math.max(...draws)).toBeLessThan(1);
    expect(Math.max(...draws)).toBeGreaterThan(0.999);
  });

  it('gives the same draw for the same seed and position, and another for each change of either', () => {
    const draws = SEEDS.flatMap((seed) =>
      [0, 1, 2, 1000, 2 ** 20].map((position) => randomAt(seed, position)),
    );
    expect(new Set(draws).size).toBe(draws.length);
    expect(SEEDS.flatMap((seed) => [0, 1, 2, 1000, 2 ** 20].map((p) => randomAt(seed, p)))).toEqual(draws);
  });

  it.each(SEEDS)('is uniform over the positions of seed %d', (seed) => {
    const bins = histogram(DRAWS, (position) => Math.floor(100 * randomAt(seed, position)));
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it.each([0, 1, 100])('is uniform over neighbouring seeds at position %d', (position) => {
    const bins = histogram(DRAWS, (seed) => Math.floor(100 * randomAt(seed, position)));
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it.each([1, 2, 16])('does not tie a position to the one %d later', (distance) => {
    const bins = histogram(
      DRAWS,
      (position) => 10 * tenth(randomAt(3, position)) + tenth(randomAt(3, position + distance)),
    );
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it.each([1, 2, 256, 2 ** 32])('does not tie a seed to the one %d higher', (distance) => {
    const bins = histogram(
      DRAWS,
      (seed) => 10 * tenth(randomAt(seed, 5)) + tenth(randomAt(seed + distance, 5)),
    );
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it('has low bits as random as the high ones', () => {
    const bins = histogram(DRAWS, (position) => Math.floor(100 * ((randomAt(9, position) * 2 ** 40) % 1)));
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it('does not tie the low bits to the high ones', () => {
    const bins = histogram(DRAWS, (position) => {
      const draw = randomAt(9, position);
      return 10 * tenth(draw) + tenth((draw * 2 ** 27) % 1);
    });
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });

  it('changes half of the upper 32 bits with any one bit of the position', () => {
    for (let bit = 0; bit < 20; bit++) {
      let changed = 0;
      for (let position = 0; position < 500; position++) {
        const before = randomAt(11, position) * 2 ** 32;
        changed += bitCount((before ^ (randomAt(11, position ^ (1 << bit)) * 2 ** 32)) >>> 0);
      }
      expect(changed / 500, `bit ${bit}`).toBeGreaterThan(15.4);
      expect(changed / 500, `bit ${bit}`).toBeLessThan(16.6);
    }
  });
});

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++;
  return count;
}

describe('seedOfChoice', () => {
  it('leaves the first choice its seed and gives the others unrelated ones', () => {
    expect(seedOfChoice(42, 0)).toBe(42);
    const seeds = Array.from({ length: 128 }, (_, index) => seedOfChoice(42, index));
    expect(new Set(seeds).size).toBe(128);
    const bins = histogram(DRAWS, (index) => Math.floor((100 * seedOfChoice(42, index + 1)) / 2 ** 32));
    expect(chiSquarePerDegree(bins, DRAWS)).toBeLessThan(1.5);
  });
});
