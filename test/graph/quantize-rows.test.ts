import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/base/random.ts';
import { GROUP_SIZE, groupCount, quantizeRows4, quantizeRows8 } from '../../src/graph/quantize-rows.ts';

const ROWS = 5;
const COLUMNS = 300;

function randomWeights(seed: number): Float32Array {
  return Float32Array.from(
    { length: ROWS * COLUMNS },
    (_, i) => (randomAt(seed, i) + randomAt(seed + 1, i) - 1) * (1 + Math.floor(i / COLUMNS)),
  );
}

function in8(weights: Float32Array) {
  const integers = new Int8Array(weights.length);
  const scales = new Float32Array(weights.length / COLUMNS);
  quantizeRows8(weights, COLUMNS, integers, scales);
  return { integers, scales };
}

function in4(weights: Float32Array) {
  const rows = weights.length / COLUMNS;
  const levels = new Int8Array(weights.length);
  const steps = new Int8Array(rows * groupCount(COLUMNS));
  const scales = new Float32Array(rows);
  quantizeRows4(weights, COLUMNS, levels, steps, scales);
  const stepOf = (i: number) =>
    steps[Math.floor(i / COLUMNS) * groupCount(COLUMNS) + Math.floor((i % COLUMNS) / GROUP_SIZE)]!;
  const integers = levels.map((level, i) => level * stepOf(i));
  const values = Float32Array.from(integers, (value, i) => value * scales[Math.floor(i / COLUMNS)]!);
  return { levels, steps, scales, stepOf, values };
}

describe('quantizeRows8', () => {
  it('is off by half a unit of the row at most', () => {
    const weights = randomWeights(1);
    const { integers, scales } = in8(weights);
    weights.forEach((weight, i) => {
      const scale = scales[Math.floor(i / COLUMNS)]!;
      expect(Math.abs(weight - integers[i]! * scale)).toBeLessThanOrEqual(0.5001 * scale);
    });
  });

  it('gives each row a scale of its own: its largest weight over 127', () => {
    const weights = new Float32Array(2 * COLUMNS);
    weights[7] = -254;
    weights[COLUMNS + 3] = 127;
    const { integers, scales } = in8(weights);
    expect([...scales]).toEqual([2, 1]);
    expect([integers[7], integers[COLUMNS + 3]]).toEqual([-127, 127]);
  });

  it('leaves a row of zeros as zeros', () => {
    const { integers, scales } = in8(new Float32Array(COLUMNS));
    expect(scales[0]).toBe(0);
    expect(integers.every((value) => value === 0)).toBe(true);
  });
});

describe('quantizeRows4', () => {
  it('keeps to levels of 4 bits, and level times step to 8 bits', () => {
    const { levels, stepOf } = in4(randomWeights(2));
    levels.forEach((level, i) => {
      expect(level).toBeGreaterThanOrEqual(-8);
      expect(level).toBeLessThanOrEqual(7);
      expect(Math.abs(level * stepOf(i))).toBeLessThanOrEqual(127);
    });
  });

  it('is off by half a step at most, but for weights beyond the seventh level', () => {
    const weights = randomWeights(3);
    const { values, scales, stepOf } = in4(weights);
    weights.forEach((weight, i) => {
      const unit = Math.abs(stepOf(i)) * scales[Math.floor(i / COLUMNS)]!;
      // The step is chosen for the group's sum of squares: a few of the largest weights may be cut off further.
      expect(Math.abs(weight - values[i]!)).toBeLessThanOrEqual(1.6 * unit);
    });
  });

  it('has less error than the plain rounding of each group by its largest weight', () => {
    const weights = randomWeights(4);
    const { values } = in4(weights);
    const errorOf = (other: Float32Array) =>
      weights.reduce((sum, weight, i) => sum + (weight - other[i]!) ** 2, 0);
    const plain = new Float32Array(weights.length);
    for (let row = 0; row < ROWS; row++) {
      for (let from = 0; from < COLUMNS; from += GROUP_SIZE) {
        const group = Array.from(
          { length: Math.min(GROUP_SIZE, COLUMNS - from) },
          (_, i) => row * COLUMNS + from + i,
        );
        const unit = Math.max(...group.map((i) => Math.abs(weights[i]!))) / 7;
        for (const i of group) plain[i] = Math.round(weights[i]! / unit) * unit;
      }
    }
    expect(errorOf(values)).toBeLessThan(errorOf(plain));
  });

  it('gives a group far below the rest of its row the smallest step', () => {
    const weights = new Float32Array(COLUMNS).fill(1e-6);
    weights[COLUMNS - 1] = 1;
    const { steps } = in4(weights);
    expect([...steps].map(Math.abs)).toEqual([1, 1, 15]);
  });

  it('leaves zeros as zeros', () => {
    const { values } = in4(new Float32Array(COLUMNS));
    expect(values.every((value) => Object.is(value, 0) || Object.is(value, -0))).toBe(true);
  });
});
