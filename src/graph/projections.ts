/**
 * The decoder's products with its weights, as an interface: forms of weights (float32, 8-bit integers, 4-bit groups)
 * differ in how they compute these and in nothing else. Rows are tokens.
 */

import type { DecoderWeights } from './decoder-weights.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { linear, swiGlu } from './operators.ts';

export type Logits = {
  /** [rows x vocabulary] */
  readonly values: Value;
  /** [rows x 1]: what the values of a row are to be multiplied by; positive. `null`: they are logits as they stand. */
  readonly rowScales: Value | null;
};

export interface Projections {
  /** Rows of the embedding, [tokens x hidden]. */
  embed(g: GraphBuilder, tokenIds: Value): Value;
  /** Of x [tokens x hidden]: [tokens x headCount * headSize], then twice [tokens x kvHeadCount * headSize]. */
  queryKeyValue(g: GraphBuilder, layer: number, x: Value): readonly [query: Value, key: Value, value: Value];
  /** [tokens x headCount * headSize] to [tokens x hidden]. */
  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value;
  /** The whole feed-forward part: down(silu(gate(x)) * up(x)), [tokens x hidden]. */
  feedForward(g: GraphBuilder, layer: number, x: Value): Value;
  logits(g: GraphBuilder, x: Value): Logits;
}

/** Weights in floating point, one product each. */
export class FloatProjections implements Projections {
  readonly #weights: DecoderWeights;

  constructor(weights: DecoderWeights) {
    this.#weights = weights;
  }

  embed(g: GraphBuilder, tokenIds: Value): Value {
    return g.op('Gather', [this.#weights.embedding(g), tokenIds], { axis: 0 });
  }

  queryKeyValue(g: GraphBuilder, layer: number, x: Value): readonly [Value, Value, Value] {
    const project = (name: 'q_proj' | 'k_proj' | 'v_proj'): Value =>
      linear(g, x, this.#weights.attention(g, layer, name));
    return [project('q_proj'), project('k_proj'), project('v_proj')];
  }

  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value {
    return linear(g, x, this.#weights.attention(g, layer, 'o_proj'));
  }

  feedForward(g: GraphBuilder, layer: number, x: Value): Value {
    const project = (name: 'gate_proj' | 'up_proj'): Value =>
      linear(g, x, this.#weights.feedForward(g, layer, name));
    const activated = swiGlu(g, project('gate_proj'), project('up_proj'));
    return linear(g, activated, this.#weights.feedForward(g, layer, 'down_proj'));
  }

  logits(g: GraphBuilder, x: Value): Logits {
    return { values: linear(g, x, this.#weights.outputProjection(g)), rowScales: null };
  }
}
