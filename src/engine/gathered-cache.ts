/**
 * The paged KV cache of the CPU path: plain memory that the graph reads as inputs and this file alone writes.
 * Knows slots, and nothing of sequences or of who owns which block.
 */

import { assert } from '../base/assert.ts';
import { ascending, type CacheShape, NO_TOKENS, type SlotCache } from './slot-cache.ts';

export class GatheredCache implements SlotCache {
  readonly shape: CacheShape;
  /** One a layer, [kvHeads x blocks x blockSize * headSize]; pages of memory are taken when first written. */
  readonly keys: readonly Float32Array<ArrayBuffer>[];
  readonly values: readonly Float32Array<ArrayBuffer>[];

  /** The same memory, two elements each. */
  readonly #keyPairs: readonly Float64Array[];
  readonly #valuePairs: readonly Float64Array[];

  /** @param shape heads have an even number of elements: they are copied two at a time. */
  constructor(shape: CacheShape) {
    assert(shape.headSize % 2 === 0, 'a head has an even number of elements');
    this.shape = shape;
    const length = shape.kvHeadCount * shape.blockCount * shape.blockSize * shape.headSize;
    const perLayer = () => Array.from({ length: shape.layerCount }, () => new Float32Array(length));
    this.keys = perLayer();
    this.values = perLayer();
    this.#keyPairs = this.keys.map(({ buffer }) => new Float64Array(buffer));
    this.#valuePairs = this.values.map(({ buffer }) => new Float64Array(buffer));
  }

  store(fresh: Float32Array, slots: Int32Array, tokenCount: number): readonly number[] {
    const { layerCount, kvHeadCount, headSize } = this.shape;
    const rows = tokenCount * kvHeadCount * headSize;
    if (fresh.byteOffset % Float64Array.BYTES_PER_ELEMENT === 0 && allFinite(fresh)) {
      const pairs = new Float64Array(fresh.buffer, fresh.byteOffset, fresh.length / 2);
      for (let layer = 0; layer < layerCount; layer++) {
        this.#copyPairs(this.#keyPairs[layer]!, pairs, (layer * rows) / 2, slots);
        this.#copyPairs(this.#valuePairs[layer]!, pairs, ((layerCount + layer) * rows) / 2, slots);
      }
      return NO_TOKENS;
    }
    const broken = new Set<number>();
    for (let layer = 0; layer < layerCount; layer++) {
      this.#copyFinite(this.keys[layer]!, fresh, layer * rows, slots, broken);
      this.#copyFinite(this.values[layer]!, fresh, (layerCount + layer) * rows, slots, broken);
    }
    return ascending(broken);
  }

  /**
   * Two numbers at a time: half the turns of the loop. An element loop on purpose: `set(subarray(…))` would make one object
   * for every token, head and layer. Only for finite numbers: other bits need not survive the way through a float64.
   */
  #copyPairs(cache: Float64Array, fresh: Float64Array, start: number, slots: Int32Array): void {
    const { kvHeadCount, headSize, blockCount, blockSize } = this.shape;
    const pairCount = headSize / 2;
    const headStride = blockCount * blockSize * pairCount;
    let from = start;
    for (let token = 0; token < slots.length; token++) {
      let to = slots[token]! * pairCount;
      for (let head = 0; head < kvHeadCount; head++) {
        for (let i = 0; i < pairCount; i++) cache[to + i] = fresh[from + i]!;
        from += pairCount;
        to += headStride;
      }
    }
  }

  /**
   * What is not a finite number is stored as 0: it would outlive its sequence in the block, where whoever has it next
   * masks it by adding to it and weighs it by 0, both of which leave NaN.
   */
  #copyFinite(
    cache: Float32Array,
    fresh: Float32Array,
    start: number,
    slots: Int32Array,
    broken: Set<number>,
  ): void {
    const { kvHeadCount, headSize, blockCount, blockSize } = this.shape;
    const headStride = blockCount * blockSize * headSize;
    let from = start;
    for (let token = 0; token < slots.length; token++) {
      for (let head = 0; head < kvHeadCount; head++) {
        const to = head * headStride + slots[token]! * headSize;
        for (let i = 0; i < headSize; i++) {
          const value = fresh[from + i]!;
          const isNumber = value - value === 0;
          cache[to + i] = isNumber ? value : 0;
          if (!isNumber) broken.add(token);
        }
        from += headSize;
      }
    }
  }
}

/** 0 times anything that is not a finite number is NaN, and stays so in a sum. Four sums, so that none waits for another. */
function allFinite(values: Float32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const end = values.length - (values.length % 4);
  for (let i = 0; i < end; i += 4) {
    a += values[i]! * 0;
    b += values[i + 1]! * 0;
    c += values[i + 2]! * 0;
    d += values[i + 3]! * 0;
  }
  for (let i = end; i < values.length; i++) a += values[i]! * 0;
  return a + b + c + d === 0;
}
