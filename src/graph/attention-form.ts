/** What an attention form gives to the decoder: it owns positions, and how keys and values of the past are kept and found. */

import type { GraphBuilder, Value } from './graph-builder.ts';

export interface AttentionForm {
  /**
   * Rotary embedding and attention of one layer.
   * @param query [tokens x headCount * headSize]
   * @param key [tokens x kvHeadCount * headSize]
   * @param value [tokens x kvHeadCount * headSize]
   * @returns [tokens x headCount * headSize]
   */
  layer(g: GraphBuilder, layer: number, query: Value, key: Value, value: Value): Value;
  /**
   * Declares the outputs that the form needs, after the last layer.
   * @param hidden [tokens x hidden] that layer's result
   */
  finish(g: GraphBuilder, hidden: Value): void;
}
