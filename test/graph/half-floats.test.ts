import { describe, expect, it } from 'vitest';
import {
  narrowToBfloat16,
  narrowToFloat16,
  widenBfloat16,
  widenFloat16,
} from '../../src/graph/half-floats.ts';

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

type Kind = {
  readonly name: string;
  readonly widen: (from: Uint16Array, to: Uint32Array) => void;
  readonly narrow: (from: Uint32Array, to: Uint16Array) => number;
  /** Bits of the largest finite value. */
  readonly largest: number;
};

const KINDS: readonly Kind[] = [
  { name: 'binary16', widen: widenFloat16, narrow: narrowToFloat16, largest: 0x7bff },
  { name: 'bfloat16', widen: widenBfloat16, narrow: narrowToBfloat16, largest: 0x7f7f },
];

function narrowed({ narrow }: Kind, values: Float32Array) {
  const bits = new Uint16Array(values.length);
  const overflowCount = narrow(new Uint32Array(values.buffer), bits);
  return { bits, overflowCount };
}

describe.each(KINDS)('narrowing to $name', (kind) => {
  /** Every value from 0 to the largest, in order of their bits. */
  const all = Uint16Array.from({ length: kind.largest + 1 }, (_, bits) => bits);
  const values = new Float32Array(all.length);
  kind.widen(all, new Uint32Array(values.buffer));
  const float64Middles = Array.from(all.subarray(1), (_, i) => (values[i]! + values[i + 1]!) / 2);

  it('gives back every value that it can hold', () => {
    expect(narrowed(kind, values)).toEqual({ bits: all, overflowCount: 0 });
    const negative = narrowed(
      kind,
      values.map((value) => -value),
    ).bits;
    expect(negative).toEqual(all.map((bits) => bits | 0x8000));
  });

  it('rounds the middle of two values to the even one, and all else to the nearer', () => {
    // Middles of float32 denormals are not all float32 values.
    const places = float64Middles.flatMap((middle, i) => (Math.fround(middle) === middle ? [i] : []));
    const middles = Float32Array.from(places, (i) => float64Middles[i]!);
    const even = Uint16Array.from(places, (i) => i + (i & 1));
    expect(narrowed(kind, middles)).toEqual({ bits: even, overflowCount: 0 });
    const steps = new Uint32Array(middles.slice().buffer);
    const below = narrowed(kind, new Float32Array(steps.map((bits) => bits - 1).buffer)).bits;
    expect(below).toEqual(Uint16Array.from(places));
    const above = narrowed(kind, new Float32Array(steps.map((bits) => bits + 1).buffer)).bits;
    expect(above).toEqual(Uint16Array.from(places, (i) => i + 1));
  });

  it('counts finite values that become infinite, and keeps infinities and NaN', () => {
    const large = Float32Array.of(3.4e38, -3.4e38, Infinity, -Infinity, NaN);
    const { bits, overflowCount } = narrowed(kind, large);
    const wide = new Uint32Array(bits.length);
    kind.widen(bits, wide);
    expect([...new Float32Array(wide.buffer)]).toEqual([Infinity, -Infinity, Infinity, -Infinity, NaN]);
    expect(overflowCount).toBe(2);
  });
});
