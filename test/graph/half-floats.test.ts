import { describe, expect, it } from 'vitest';
import { widenBfloat16, widenFloat16 } from '../../src/graph/half-floats.ts';

function widened(widen: (from: Uint16Array, to: Uint32Array) => void, bits: readonly number[]): number[] {
  const wide = new Uint32Array(bits.length);
  widen(Uint16Array.from(bits), wide);
  return [...new Float32Array(wide.buffer)];
}

describe('widening of 16-bit floats', () => {
  it('gives every kind of binary16 value exactly', () => {
    // Values of IEEE 754-2019 table 3.5: one, largest, smallest normal, largest and smallest subnormal.
    const bits = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x03ff, 0x0001, 0x8001, 0x0000, 0x7c00, 0xfc00, 0x3555];
    const values = [1, -2, 65_504, 2 ** -14, 2 ** -14 - 2 ** -24, 2 ** -24, -(2 ** -24), 0];
    expect(widened(widenFloat16, bits)).toEqual([...values, Infinity, -Infinity, 0.333251953125]);
  });

  it('keeps NaN and the sign of zero in binary16', () => {
    expect(widened(widenFloat16, [0x7e00])[0]).toBeNaN();
    expect(Object.is(widened(widenFloat16, [0x8000])[0], -0)).toBe(true);
  });

  it('gives every binary16 value in order, so that the table has no slip', () => {
    const values = widened(
      widenFloat16,
      Array.from({ length: 0x7c01 }, (_, bits) => bits),
    );
    const unordered = values.findIndex((value, i) => i > 0 && value <= values[i - 1]!);
    expect(unordered).toBe(-1);
  });

  it('takes bfloat16 as the upper half of a float32', () => {
    expect(widened(widenBfloat16, [0x3f80, 0xc0a0, 0x7f80, 0x0001])).toEqual([1, -5, Infinity, 2 ** -133]);
  });
});
