/** What an attention form gives to the decoder: it owns how keys and values of the past are kept and found. */

import type { GraphBuilder, Value } from './graph-builder.ts';

export interface AttentionForm {
  /**
   * Attention of one layer.
   * @param query [tokens x headCount * headSize], rotated
   * @param key [tokens x kvHeadCount * headSize], rotated
   * @param value [tokens x kvHeadCount * headSize]
   * @returns [tokens x headCount * headSize]
   */
  layer(g: GraphBuilder, layer: number, query: Value, key: Value, value: Value): Value;
  /** Declares the outputs that the form needs, after the last layer. */
  finish(g: GraphBuilder): void;
}
