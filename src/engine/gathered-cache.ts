/**
 * The paged KV cache of the CPU path: plain memory that the graph reads as inputs and this file alone writes.
 * Knows slots, and nothing of sequences or of who owns which block.
 */

import type { CacheGeometry } from '../graph/gathered-attention.ts';

export type CacheShape = CacheGeometry & {
  readonly layerCount: number;
  readonly kvHeadCount: number;
  readonly headSize: number;
};

const NONE: readonly number[] = [];

export class GatheredCache {
  readonly shape: CacheShape;
  /** One a layer, [kvHeads x blocks x blockSize * headSize]; pages of memory are taken when first written. */
  readonly keys: readonly Float32Array<ArrayBuffer>[];
  readonly values: readonly Float32Array<ArrayBuffer>[];

  constructor(shape: CacheShape) {
    this.shape = shape;
    const length = shape.kvHeadCount * shape.blockCount * shape.blockSize * shape.headSize;
    const perLayer = () => Array.from({ length: shape.layerCount }, () => new Float32Array(length));
    this.keys = perLayer();
    this.values = perLayer();
  }

  /**
   * Writes a step's keys and values into their slots.
   * @param fresh [2 * layers * tokenCount x kvHeads * headSize]: keys of every layer, then values of every layer
   * @param slots [tokenCount]
   * @returns tokens with anything that is not a finite number, ascending.
   */
  store(fresh: Float32Array, slots: Int32Array, tokenCount: number): readonly number[] {
    const { layerCount, kvHeadCount, headSize } = this.shape;
    const rows = tokenCount * kvHeadCount * headSize;
    const broken = new Set<number>();
    for (let layer = 0; layer < layerCount; layer++) {
      this.#scatter(this.keys[layer]!, fresh, layer * rows, slots, broken);
      this.#scatter(this.values[layer]!, fresh, (layerCount + layer) * rows, slots, broken);
    }
    return broken.size === 0 ? NONE : [...broken].sort((a, b) => a - b);
  }

  /**
   * Element loops on purpose: `set(subarray(…))` would make one object for every token, head and layer. What is not a
   * finite number is stored as 0: it would outlive its sequence in the block, where whoever has it next masks it by
   * adding to it and weighs it by 0, both of which leave NaN.
   */
  #scatter(
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
