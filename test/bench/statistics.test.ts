import { describe, expect, it } from 'vitest';
import { distribution, overRepeats, quantile, ratioOverRepeats } from '../../bench/statistics.ts';

describe('quantile', () => {
  // Expected values: numpy.quantile(values, [0, 0.25, 0.5, 0.95, 0.99, 1]) of numpy 2.4.6.
  it('agrees with numpy on a sample of even size', () => {
    const sorted = [1, 2, 4, 8, 16, 32];
    const values = [0, 0.25, 0.5, 0.95, 0.99, 1].map((fraction) => quantile(sorted, fraction));
    const numpy = [1, 2.5, 6, 28, 31.2, 32];
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(numpy[index]!, 10);
  });

  it('is the value itself for a sample of one', () => {
    expect(quantile([7], 0.99)).toBe(7);
  });

  it('refuses an empty sample', () => {
    expect(() => quantile([], 0.5)).toThrow('at least one value');
  });

  it('refuses a fraction above 1, such as a percentage', () => {
    expect(() => quantile([1, 2], 95)).toThrow('between 0 and 1');
  });
});

describe('distribution', () => {
  it('does not depend on the order of the values and leaves them as they are', () => {
    const values = [10, 9, 100, 1];
    expect(distribution(values)).toEqual(distribution([1, 9, 10, 100]));
    expect(values).toEqual([10, 9, 100, 1]);
  });

  it('orders numbers as numbers', () => {
    expect(distribution([10, 9, 100, 1])).toMatchObject({
      min: 1,
      median: 9.5,
      max: 100,
      mean: 30,
      count: 4,
    });
  });

  it('says nothing about an empty sample', () => {
    expect(distribution([])).toBeNull();
  });
});

describe('overRepeats', () => {
  it('gives the spread as a share of the median', () => {
    expect(overRepeats([90, 100, 130])).toEqual({
      median: 100,
      min: 90,
      max: 130,
      spread: 0.4,
      values: [90, 100, 130],
    });
  });

  it('leaves out repeats without a figure', () => {
    expect(overRepeats([null, 4, null])?.values).toEqual([4]);
    expect(overRepeats([null])).toBeNull();
  });

  it('has a spread of 0 around a median of 0', () => {
    expect(overRepeats([0, 0, 5])?.spread).toBe(0);
  });
});

describe('ratioOverRepeats', () => {
  it('divides pair by pair, so a slow moment that hits both does not show', () => {
    expect(ratioOverRepeats([90, 45, 9], [100, 50, 10])).toMatchObject({ median: 0.9, min: 0.9, max: 0.9 });
  });

  it('leaves out pairs that cannot be divided', () => {
    expect(ratioOverRepeats([1, null, 3, 4], [0, 2, null, 2])?.values).toEqual([2]);
  });

  it('refuses lists of different lengths', () => {
    expect(() => ratioOverRepeats([1], [])).toThrow('pairs');
  });
});
