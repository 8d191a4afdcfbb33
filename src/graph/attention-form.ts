/** What an attention form gives to the decoder: it owns positions, and how keys and values of the past are kept and found. */

import type { GraphBuilder, Value } from './graph-builder.ts';

/** Weights [headSize] of the RMS norms over each head of the queries and of the keys. */
export type HeadNorms = { readonly query: Value; readonly key: Value; readonly epsilon: number };

/** [tokens x headCount * headSize], then twice [tokens x kvHeadCount * headSize]. */
export type QueryKeyValue = readonly [query: Value, key: Value, value: Value];

/** The queries, keys and values of a layer. A form asks for them in one way, once. */
export interface LayerHeads {
  /** Norms of queries and keys, of families that have these. */
  readonly norms: HeadNorms | null;
  /** Side by side, [tokens x (headCount + 2 kvHeadCount) * headSize], before any norm; of one product where the weights allow it. */
  packed(): Value;
  /** Queries and keys with their norms. */
  apart(): QueryKeyValue;
}

export interface AttentionForm {
  /**
   * Rotary embedding and attention of one layer.
   * @returns [tokens x headCount * headSize]
   */
  layer(g: GraphBuilder, layer: number, heads: LayerHeads): Value;
  /**
   * Declares the outputs that the form needs, after the last layer.
   * @param hidden [tokens x hidden] that layer's result
   */
  finish(g: GraphBuilder, hidden: Value): void;
}
