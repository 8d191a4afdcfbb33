import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/base/random.ts';
import { HalfCache, IntegerCache } from '../../src/engine/narrow-cache.ts';
import type { CacheShape } from '../../src/engine/slot-cache.ts';
import { GraphBuilder } from '../../src/graph/graph-builder.ts';
import { asCached, cacheTokenBytes } from '../../src/graph/kv-cache-type.ts';

const SHAPE = { layerCount: 2, kvHeadCount: 2, headSize: 2, blockCount: 3, blockSize: 4 };
const SLOTS = SHAPE.blockCount * SHAPE.blockSize;
/** Two tokens: 4 numbers a token and layer; keys of layers 0 and 1, then values. */
const FRESH = Float32Array.from({ length: 32 }, (_, i) => i + 1);

/** Bits of float16 of small whole numbers. */
const HALF = new Map([1, 2, 3, 4, 15, 16, 17, 18, 31, 32].map((value) => [value, halfBits(value)]));

function halfBits(value: number): number {
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | ((value / 2 ** exponent - 1) * 1024);
}

describe('a cache in float16', () => {
  const at = ({ halves }: { halves: Uint16Array }, head: number, slot: number) => [
    ...halves.subarray(2 * (head * SLOTS + slot), 2 * (head * SLOTS + slot) + 2),
  ];

  it('puts every head of every token into its slot, keys of all layers first', () => {
    const cache = new HalfCache(SHAPE);
    expect(cache.store(FRESH, Int32Array.of(5, 10), 2)).toEqual([]);
    expect(at(cache.keys[0]!, 0, 5)).toEqual([HALF.get(1), HALF.get(2)]);
    expect(at(cache.keys[0]!, 1, 5)).toEqual([HALF.get(3), HALF.get(4)]);
    expect(at(cache.keys[1]!, 1, 10)).toEqual([HALF.get(15), HALF.get(16)]);
    expect(at(cache.values[0]!, 0, 5)).toEqual([HALF.get(17), HALF.get(18)]);
    expect(at(cache.values[1]!, 1, 10)).toEqual([HALF.get(31), HALF.get(32)]);
    expect(cache.keys[0]!.halves.filter((bits) => bits !== 0)).toHaveLength(8);
  });

  it('stores 0 for what is not finite or beyond its range, and names the token', () => {
    const cache = new HalfCache(SHAPE);
    const fresh = FRESH.slice();
    fresh[4] = Number.NaN;
    fresh[5] = 70_000;
    expect(cache.store(fresh, Int32Array.of(5, 10), 2)).toEqual([1]);
    expect(at(cache.keys[0]!, 0, 10)).toEqual([0, 0]);
  });
});

/** Of the numbers of a step that the cache gives back, those that the graph has otherwise within the step. */
async function differencesToGraph(shape: CacheShape, fresh: Float32Array): Promise<number> {
  const { headSize } = shape;
  const width = shape.kvHeadCount * headSize;
  const tokenCount = fresh.length / 2 / width;
  const g = new GraphBuilder();
  const [keys, values] = ['keys', 'values'].map((name) => g.input(name, 'float32', ['tokens', width]));
  const [rounded] = asCached(g, 'int8', shape, keys!, values!);
  g.output('rounded', rounded, 'float32', ['tokens', width]);
  const session = await ort.InferenceSession.create(g.encode(), { intraOpNumThreads: 1 });
  const half = fresh.length / 2;
  const feed = (data: Float32Array) => new ort.Tensor('float32', data, [tokenCount, width]);
  const outputs = await session.run({ keys: feed(fresh.slice(0, half)), values: feed(fresh.slice(half)) });
  await session.release();
  const expected = outputs['rounded']!.data as Float32Array;

  const slotCount = shape.blockCount * shape.blockSize;
  const cache = new IntegerCache(shape);
  cache.store(
    fresh,
    Int32Array.from({ length: tokenCount }, (_, token) => token),
    tokenCount,
  );
  const { integers, scales } = cache.keys[0]!;
  let differing = 0;
  for (let i = 0; i < half; i++) {
    const [token, head, at] = [Math.floor(i / width), Math.floor((i % width) / headSize), i % headSize];
    const slot = head * slotCount + token;
    if (Math.fround(integers[slot * headSize + at]! * scales[slot]!) !== expected[i]) differing++;
  }
  return differing;
}

describe('a cache of integers', () => {
  const at = (
    { integers, scales }: { integers: Int8Array; scales: Float32Array },
    head: number,
    slot: number,
  ) => {
    const place = head * SLOTS + slot;
    return [...integers.subarray(2 * place, 2 * place + 2)].map((integer) => integer * scales[place]!);
  };

  it('puts every head of every token into its slot with the scale of its largest number', () => {
    const cache = new IntegerCache(SHAPE);
    expect(cache.store(FRESH, Int32Array.of(5, 10), 2)).toEqual([]);
    const [one, two] = at(cache.keys[0]!, 0, 5);
    // Half a step of 2 / 127 at most.
    expect(Math.abs(one! - 1)).toBeLessThanOrEqual(1.001 / 127);
    expect(two).toBeCloseTo(2, 5);
    expect(cache.keys[0]!.integers[2 * 5 + 1]).toBe(127);
    expect(at(cache.values[1]!, 1, 10)[1]).toBeCloseTo(32, 4);
    expect(cache.values[1]!.scales.filter((scale) => scale !== 0)).toHaveLength(4);
  });

  it('keeps signs, rounds to the nearest integer, and takes zeros', () => {
    const cache = new IntegerCache({ ...SHAPE, kvHeadCount: 1, layerCount: 1, headSize: 6 });
    cache.store(Float32Array.of(-127, 126.4, 126.6, -0.4, -0.6, 0, 0, 0, 0, 0, 0, 0), Int32Array.of(4), 1);
    expect([...cache.keys[0]!.integers.subarray(24, 30)]).toEqual([-127, 126, 127, 0, -1, 0]);
    expect([...cache.values[0]!.integers.subarray(24, 30)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(cache.values[0]!.scales[4]).toBe(0);
  });

  it('gives back to the bit what the graph takes for it within the step', async () => {
    const tokenCount = 4096;
    const shape = { ...SHAPE, layerCount: 1, headSize: 32, blockCount: tokenCount / 4 };
    const width = shape.kvHeadCount * shape.headSize;
    // Heads with a scale of 1 and what lies half way between two integers, and heads of any numbers.
    const fresh = Float32Array.from({ length: 2 * tokenCount * width }, (_, i) => {
      if (Math.floor(i / 32) % 2 === 0) return randomAt(5, i) - 0.5;
      return i % 32 === 0 ? 127 : Math.floor(randomAt(5, i) * 254) - 126.5;
    });
    expect(await differencesToGraph(shape, fresh)).toBe(0);
  });

  it('saturates where the graph does, for numbers so small that their scale is rounded', async () => {
    const shape = { ...SHAPE, layerCount: 1, headSize: 32 };
    const least = 2 ** -149;
    const width = shape.kvHeadCount * shape.headSize;
    const fresh = Float32Array.from(
      { length: 2 * 8 * width },
      (_, i) => Math.round(380 * (randomAt(6, i) - 0.5)) * least,
    );
    expect(await differencesToGraph(shape, fresh)).toBe(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'stores zeros for a head with %d, and names the token',
    (value) => {
      const cache = new IntegerCache(SHAPE);
      // What the slot held before must not stay either.
      cache.store(FRESH, Int32Array.of(5, 10), 2);
      const fresh = FRESH.slice();
      fresh[31] = value;
      expect(cache.store(fresh, Int32Array.of(5, 10), 2)).toEqual([1]);
      expect(at(cache.values[1]!, 1, 10)).toEqual([0, 0]);
      expect(at(cache.values[1]!, 0, 10)[1]).toBeCloseTo(30, 4);
    },
  );
});

it('a token takes half or about a quarter of the memory', () => {
  const shape = { layerCount: 24, kvHeadCount: 2, headSize: 64 };
  const bytes = (['f32', 'f16', 'int8'] as const).map((type) => cacheTokenBytes(shape, type));
  expect(bytes).toEqual([24_576, 12_288, 6_144 + 384]);
});
