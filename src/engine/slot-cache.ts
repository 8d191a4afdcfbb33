/**
 * What the caches of the CPU path have in common, whatever they keep keys and values as: plain memory that the graph reads
 * as inputs, written between runs.
 */

import type { CacheGeometry } from '../graph/gathered-attention.ts';

export type CacheShape = CacheGeometry & {
  readonly layerCount: number;
  readonly kvHeadCount: number;
  readonly headSize: number;
};

export interface SlotCache {
  /**
   * Writes a step's keys and values into their slots.
   * @param fresh [2 * layers * tokenCount x kvHeads * headSize]: keys of every layer, then values of every layer
   * @param slots [tokenCount]
   * @returns tokens with anything that is not a finite number, or none of the cache's type, ascending.
   */
  store(fresh: Float32Array, slots: Int32Array, tokenCount: number): readonly number[];
}

export const NO_TOKENS: readonly number[] = [];

/** Tokens as `store` returns them. */
export function ascending(tokens: ReadonlySet<number>): readonly number[] {
  return tokens.size === 0 ? NO_TOKENS : [...tokens].sort((a, b) => a - b);
}
