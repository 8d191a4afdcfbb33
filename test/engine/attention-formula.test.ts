import { describe, expect, it } from 'vitest';
import { attend as attendRows, type FormulaNorms } from '../../src/engine/attention-formula.ts';
import { ropeTables } from '../../src/graph/rope.ts';

const HEADS = { headCount: 2, kvHeadCount: 1, headSize: 4 };
const ROPE = ropeTables({ headSize: 4, ropeTheta: 10_000, ropeScaling: { kind: 'default' } }, 3);
const TOKENS = [1, 2, 3];

/** All three tokens. */
function attend(
  given: Parameters<typeof attendRows>[1],
  window: number | null,
  { start = 0, end = 3, norms = null }: { start?: number; end?: number; norms?: FormulaNorms | null } = {},
): Float64Array {
  return attendRows(HEADS, given, ROPE, { window, norms, start, end });
}

/** Three tokens; each element of a token's value is its number. */
function inputs(query: (element: number) => number, key: (element: number) => number) {
  return {
    query: Float32Array.from({ length: 3 * 8 }, (_, i) => query(i)),
    key: Float32Array.from({ length: 3 * 4 }, (_, i) => key(i)),
    value: Float32Array.from(TOKENS.flatMap((token) => [token, token, token, token])),
  };
}

/** The first element of each of the tokens' first heads. */
function firsts(attended: Float64Array): readonly number[] {
  return TOKENS.map((_, token) => attended[token * 8]!);
}

const ASKING_NOTHING = inputs(
  () => 0,
  (i) => i,
);

describe('the formula of attention', () => {
  it('takes the mean of all values up to its own where the query asks for nothing', () => {
    const attended = attend(ASKING_NOTHING, null);
    expect(firsts(attended)).toEqual([1, 1.5, 2]);
    expect(attended[7]).toBe(1); // the second head shares the keys
  });

  it('sees no more than the latest positions of a window', () => {
    expect(firsts(attend(ASKING_NOTHING, 2))).toEqual([1, 1.5, 2.5]);
    expect(firsts(attend(ASKING_NOTHING, 1))).toEqual([1, 2, 3]);
  });

  it('tells only the tokens that are asked for', () => {
    const all = attend(ASKING_NOTHING, null);
    expect(attend(ASKING_NOTHING, null, { start: 1, end: 2 })).toEqual(all.slice(8, 16));
  });

  it('falls on the nearest of equal keys, which rotation has turned the least', () => {
    const eight = () => 8;
    const [first, second, third] = firsts(attend(inputs(eight, eight), null));
    expect(first).toBe(1);
    expect(second).toBeCloseTo(2, 3);
    expect(third).toBeCloseTo(3, 3);
  });

  it('weighs a key by the exponential of the scaled product', () => {
    // Turning is left out by the slow second pair of elements alone: its angle is a hundredth of a radian a token.
    const query = (i: number) => (i % 4 === 3 ? 2 : 0);
    const key = (i: number) => (i === 3 ? 1 : 0);
    const [, second] = firsts(attend(inputs(query, key), null));
    const score = (2 * Math.cos(0.01)) / Math.sqrt(4);
    const share = Math.exp(score) / (Math.exp(score) + 1);
    expect(second).toBeCloseTo(share * 1 + (1 - share) * 2, 6);
  });

  it('norms each head of queries and keys before it turns them', () => {
    // Heads of one element that is not 0, sqrt(4) after the norm, whatever it was; the slow pair again.
    const query = (i: number) => (i % 4 === 3 ? 123 : 0);
    const key = (i: number) => (i === 3 ? 0.01 : 0);
    const norms = {
      query: Float32Array.of(1, 1, 1, 0.5),
      key: Float32Array.of(1, 1, 1, 2),
      epsilon: 1e-12,
    };
    const [, second] = firsts(attend(inputs(query, key), null, { norms }));
    const score = (2 * 0.5 * 2 * 2 * Math.cos(0.01)) / Math.sqrt(4);
    const share = Math.exp(score) / (Math.exp(score) + 1);
    expect(second).toBeCloseTo(share * 1 + (1 - share) * 2, 6);
  });
});
