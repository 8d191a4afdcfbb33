/**
 * The decoder's products with its weights, as an interface: forms of weights (float32, 8-bit integers, 4-bit groups)
 * differ in how they compute these and in nothing else. Rows are tokens.
 */

import type { QueryKeyValue } from './attention-form.ts';
import type { DecoderWeights, Linear } from './decoder-weights.ts';
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
  /** Of x [tokens x hidden]. */
  queryKeyValue(g: GraphBuilder, layer: number, x: Value): QueryKeyValue;
  /** The same side by side, [tokens x (headCount + 2 kvHeadCount) * headSize]. */
  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value;
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

  queryKeyValue(g: GraphBuilder, layer: number, x: Value): QueryKeyValue {
    const [query, key, value] = this.#headProjections(g, layer);
    return [linear(g, x, query), linear(g, x, key), linear(g, x, value)];
  }

  /** ONNX Runtime joins the matrices when it opens the graph: no copy of them is stored, and no step joins anything. */
  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value {
    const parts = this.#headProjections(g, layer);
    const biases = parts.flatMap(({ bias }) => (bias === null ? [] : [bias]));
    const joined = (values: readonly Value[]): Value => g.op('Concat', values, { axis: 0 });
    return linear(g, x, {
      weight: joined(parts.map(({ weight }) => weight)),
      bias: biases.length === 0 ? null : joined(biases),
    });
  }

  #headProjections(g: GraphBuilder, layer: number): readonly [query: Linear, key: Linear, value: Linear] {
    const of = (name: 'q_proj' | 'k_proj' | 'v_proj'): Linear => this.#weights.attention(g, layer, name);
    return [of('q_proj'), of('k_proj'), of('v_proj')];
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
