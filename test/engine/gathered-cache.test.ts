import { describe, expect, it } from 'vitest';
import { GatheredCache } from '../../src/engine/gathered-cache.ts';

const SHAPE = { layerCount: 2, kvHeadCount: 2, headSize: 2, blockCount: 3, blockSize: 4 };

describe('GatheredCache', () => {
  it('puts every head of every token into its slot, keys of all layers first', () => {
    const cache = new GatheredCache(SHAPE);
    // Two tokens: 4 numbers a token and layer; keys of layers 0 and 1, then values.
    const fresh = Float32Array.from({ length: 32 }, (_, i) => i + 1);
    expect(cache.store(fresh, Int32Array.of(5, 10), 2)).toEqual([]);
    const headStride = SHAPE.blockCount * SHAPE.blockSize * SHAPE.headSize;
    const at = (memory: Float32Array, head: number, slot: number) => [
      ...memory.subarray(head * headStride + 2 * slot, head * headStride + 2 * slot + 2),
    ];
    expect(at(cache.keys[0]!, 0, 5)).toEqual([1, 2]);
    expect(at(cache.keys[0]!, 1, 5)).toEqual([3, 4]);
    expect(at(cache.keys[0]!, 0, 10)).toEqual([5, 6]);
    expect(at(cache.keys[1]!, 1, 10)).toEqual([15, 16]);
    expect(at(cache.values[0]!, 0, 5)).toEqual([17, 18]);
    expect(at(cache.values[1]!, 1, 10)).toEqual([31, 32]);
    expect(cache.keys[0]!.reduce((sum, value) => sum + value)).toBe(36);
  });

  it('stores nothing that would spoil a later sequence: what is not finite becomes 0', () => {
    const cache = new GatheredCache(SHAPE);
    const fresh = new Float32Array(16).fill(Number.NaN);
    fresh[0] = Number.POSITIVE_INFINITY;
    fresh[1] = 3;
    expect(cache.store(fresh, Int32Array.of(4), 1)).toEqual([0]);
    expect([...cache.keys[0]!.subarray(8, 10)]).toEqual([0, 3]);
    expect(cache.values[1]!.every((value) => value === 0)).toBe(true);
  });

  it('tells which tokens were not numbers, each once', () => {
    const cache = new GatheredCache(SHAPE);
    const fresh = new Float32Array(4 * 4 * 3);
    // Token 2 in the values of the last layer and in the keys of the first, token 0 in between.
    fresh[fresh.length - 1] = Number.NaN;
    fresh[2 * 4] = Number.POSITIVE_INFINITY;
    fresh[3 * 4] = Number.NEGATIVE_INFINITY;
    expect(cache.store(fresh, Int32Array.of(5, 6, 7), 3)).toEqual([0, 2]);
  });

  it('stores the same from memory that does not lie on pairs', () => {
    const values = Float32Array.from({ length: 33 }, (_, i) => i - 7.5);
    const [aligned, shifted] = [new GatheredCache(SHAPE), new GatheredCache(SHAPE)];
    aligned.store(values.slice(1), Int32Array.of(5, 10), 2);
    shifted.store(values.subarray(1), Int32Array.of(5, 10), 2);
    expect(shifted.keys).toEqual(aligned.keys);
    expect(shifted.values).toEqual(aligned.values);
    expect(aligned.keys[0]!.some((value) => value !== 0)).toBe(true);
  });

  it('finds what is not finite wherever it lies', () => {
    for (let place = 0; place < 18; place++) {
      const cache = new GatheredCache({ ...SHAPE, kvHeadCount: 1, layerCount: 3 });
      const fresh = new Float32Array(3 * 2 * 3 * 2).fill(1);
      fresh[place] = Number.NEGATIVE_INFINITY;
      expect(cache.store(fresh, Int32Array.of(5, 6, 7), 3)).toEqual([Math.floor(place / 2) % 3]);
    }
  });
});
