/**
 * The arithmetic behind the figures: quantiles of one run, and what several runs of the same thing say together.
 * Pure; knows nothing of requests or of time.
 */

import { assert } from '../src/base/assert.ts';

export type Distribution = {
  readonly count: number;
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly mean: number;
};

/** One figure, measured once a repeat. */
export type RepeatedFigure = {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median: how far the repeats lie apart; 0 where the median is 0. */
  readonly spread: number;
  /** In the order of the repeats. */
  readonly values: readonly number[];
};

/**
 * The value below which `fraction` of a sample lies, linearly between the two nearest ranks: method 7 of Hyndman
 * and Fan, "Sample Quantiles in Statistical Packages" (1996), the default of NumPy and R.
 * `sorted` is in ascending order and not empty; `fraction` is in [0, 1].
 */
export function quantile(sorted: readonly number[], fraction: number): number {
  assert(sorted.length > 0, 'a quantile needs at least one value');
  assert(fraction >= 0 && fraction <= 1, 'a fraction lies between 0 and 1');
  const position = (sorted.length - 1) * fraction;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (position - below);
}

/** `null` for an empty sample: there is nothing to say about it, and 0 would read as a measurement. */
export function distribution(values: readonly number[]): Distribution | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    min: sorted[0]!,
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: sorted[sorted.length - 1]!,
    mean: mean(sorted),
  };
}

/** The values that are null are left out; `null` when nothing is left. */
export function overRepeats(values: readonly (number | null)[]): RepeatedFigure | null {
  const measured = values.filter((value) => value !== null);
  if (measured.length === 0) return null;
  const sorted = measured.toSorted((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  const min = sorted[0]!;
  const max = sorted[sorted.length - 1]!;
  return { median, min, max, spread: median === 0 ? 0 : (max - min) / median, values: measured };
}

/**
 * The ratio of two things measured side by side, repeat by repeat, so that a machine that slows down slows both.
 * Pairs with a missing value or a denominator of 0 are left out.
 */
export function ratioOverRepeats(
  numerators: readonly (number | null)[],
  denominators: readonly (number | null)[],
): RepeatedFigure | null {
  assert(numerators.length === denominators.length, 'ratios are of pairs');
  return overRepeats(
    numerators.map((numerator, index) => {
      const denominator = denominators[index] ?? null;
      return numerator === null || denominator === null || denominator === 0 ? null : numerator / denominator;
    }),
  );
}

/** 0 for an empty sample. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
