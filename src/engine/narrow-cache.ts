/**
 * The paged KV cache of the CPU path in fewer bits than float32, see `graph/kv-cache-type.ts`: plain memory that the
 * graph reads as inputs and this file alone writes. Knows slots, and nothing of sequences.
 */

import { narrowToFloat16 } from '../graph/half-floats.ts';
import { SCALE_OF_LARGEST } from '../graph/kv-cache-type.ts';
import { ascending, type CacheShape, type SlotCache } from './slot-cache.ts';

/** One layer's keys, or its values: how a head of a token is written to its slot. */
interface Memory {
  /** @returns whether all of it were finite numbers; what is not is stored as 0. */
  write(fresh: Float32Array, from: number, slot: number): boolean;
}

class HalfMemory implements Memory {
  /** Bits of float16, [kvHeads x blocks x blockSize * headSize] */
  readonly halves: Uint16Array<ArrayBuffer>;
  readonly #head: Float32Array;
  readonly #headBits: Uint32Array;

  constructor(slotCount: number, headSize: number) {
    this.halves = new Uint16Array(slotCount * headSize);
    this.#head = new Float32Array(headSize);
    this.#headBits = new Uint32Array(this.#head.buffer);
  }

  write(fresh: Float32Array, from: number, slot: number): boolean {
    const head = this.#head;
    const to = slot * head.length;
    for (let i = 0; i < head.length; i++) head[i] = fresh[from + i]!;
    narrowToFloat16(this.#headBits, this.halves, to);
    let allFinite = true;
    for (let i = to; i < to + head.length; i++) {
      if ((this.halves[i]! & EXPONENT) !== EXPONENT) continue;
      this.halves[i] = 0;
      allFinite = false;
    }
    return allFinite;
  }
}

/** All of it set: infinite, or no number. */
const EXPONENT = 0x7c00;

class IntegerMemory implements Memory {
  /** [kvHeads x blocks x blockSize * headSize] */
  readonly integers: Int8Array<ArrayBuffer>;
  /** [kvHeads x blocks x blockSize] */
  readonly scales: Float32Array<ArrayBuffer>;
  readonly #headSize: number;

  constructor(slotCount: number, headSize: number) {
    this.integers = new Int8Array(slotCount * headSize);
    this.scales = new Float32Array(slotCount);
    this.#headSize = headSize;
  }

  write(fresh: Float32Array, from: number, slot: number): boolean {
    const headSize = this.#headSize;
    const to = slot * headSize;
    let largest = 0;
    let sum = 0;
    for (let i = from; i < from + headSize; i++) {
      const magnitude = Math.abs(fresh[i]!);
      sum += magnitude * 0;
      if (magnitude > largest) largest = magnitude;
    }
    if (sum !== 0) {
      this.integers.fill(0, to, to + headSize);
      this.scales[slot] = 0;
      return false;
    }
    const scale = Math.fround(largest * SCALE_OF_LARGEST);
    this.scales[slot] = scale;
    // A largest number so small that its scale is 0 is 0.
    const divisor = scale === 0 ? Infinity : scale;
    for (let i = 0; i < headSize; i++)
      this.integers[to + i] = nearest(Math.fround(fresh[from + i]! / divisor));
    return true;
  }
}

/**
 * The nearest integer of int8, of two as near the even one, as `QuantizeLinear` has it within the step: beside 1.5 x 2^23
 * float32 has whole numbers only. Of numbers next to 0 the scale has so few bits that they may be half as much again.
 */
function nearest(value: number): number {
  return Math.fround(Math.min(Math.max(value, -128), 127) + 12_582_912) - 12_582_912;
}

/** Keys and values of all layers, in one kind of memory. */
class NarrowCache<Kind extends Memory> implements SlotCache {
  readonly shape: CacheShape;
  /** One a layer. */
  readonly keys: readonly Kind[];
  readonly values: readonly Kind[];

  constructor(shape: CacheShape, memory: (slotCount: number, headSize: number) => Kind) {
    this.shape = shape;
    const slotCount = shape.kvHeadCount * shape.blockCount * shape.blockSize;
    const perLayer = () => Array.from({ length: shape.layerCount }, () => memory(slotCount, shape.headSize));
    this.keys = perLayer();
    this.values = perLayer();
  }

  store(fresh: Float32Array, slots: Int32Array, tokenCount: number): readonly number[] {
    const { kvHeadCount, headSize } = this.shape;
    const rows = tokenCount * kvHeadCount * headSize;
    const broken = new Set<number>();
    [...this.keys, ...this.values].forEach((memory, i) => {
      this.#write(memory, fresh, i * rows, slots, broken);
    });
    return ascending(broken);
  }

  #write(memory: Memory, fresh: Float32Array, start: number, slots: Int32Array, broken: Set<number>): void {
    const { kvHeadCount, headSize, blockCount, blockSize } = this.shape;
    let from = start;
    for (let token = 0; token < slots.length; token++) {
      for (let head = 0; head < kvHeadCount; head++) {
        const slot = head * blockCount * blockSize + slots[token]!;
        if (!memory.write(fresh, from, slot)) broken.add(token);
        from += headSize;
      }
    }
  }
}

export class HalfCache extends NarrowCache<HalfMemory> {
  constructor(shape: CacheShape) {
    super(shape, (...sizes) => new HalfMemory(...sizes));
  }
}

export class IntegerCache extends NarrowCache<IntegerMemory> {
  constructor(shape: CacheShape) {
    super(shape, (...sizes) => new IntegerMemory(...sizes));
  }
}
