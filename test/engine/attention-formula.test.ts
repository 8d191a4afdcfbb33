import { describe, expect, it } from 'vitest';
import { attend } from '../../src/engine/attention-formula.ts';
import { ropeTables } from '../../src/graph/rope.ts';

const HEADS = { headCount: 2, kvHeadCount: 1, headSize: 4 };
const ROPE = ropeTables({ headSize: 4, ropeTheta: 10_000, ropeScaling: { kind: 'default' } }, 3);
const TOKENS = [1, 2, 3];

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

describe('the formula of attention', () => {
  it('takes the mean of all values up to its own where the query asks for nothing', () => {
    const attended = attend(
      HEADS,
      inputs(
        () => 0,
        (i) => i,
      ),
      ROPE,
      null,
    );
    expect(firsts(attended)).toEqual([1, 1.5, 2]);
    expect(attended[7]).toBe(1); // the second head shares the keys
  });

  it('sees no more than the latest positions of a window', () => {
    expect(
      firsts(
        attend(
          HEADS,
          inputs(
            () => 0,
            (i) => i,
          ),
          ROPE,
          2,
        ),
      ),
    ).toEqual([1, 1.5, 2.5]);
    expect(
      firsts(
        attend(
          HEADS,
          inputs(
            () => 0,
            (i) => i,
          ),
          ROPE,
          1,
        ),
      ),
    ).toEqual([1, 2, 3]);
  });

  it('falls on the nearest of equal keys, which rotation has turned the least', () => {
    const [first, second, third] = firsts(
      attend(
        HEADS,
        inputs(
          () => 8,
          () => 8,
        ),
        ROPE,
        null,
      ),
    );
    expect(first).toBe(1);
    expect(second).toBeCloseTo(2, 3);
    expect(third).toBeCloseTo(3, 3);
  });

  it('weighs a key by the exponential of the scaled product', () => {
    // Turning is left out by the slow second pair of elements alone: its angle is a hundredth of a radian a token.
    const query = (i: number) => (i % 4 === 3 ? 2 : 0);
    const key = (i: number) => (i === 3 ? 1 : 0);
    const [, second] = firsts(attend(HEADS, inputs(query, key), ROPE, null));
    const score = (2 * Math.cos(0.01)) / Math.sqrt(4);
    const share = Math.exp(score) / (Math.exp(score) + 1);
    expect(second).toBeCloseTo(share * 1 + (1 - share) * 2, 6);
  });
});
