/** What the forms of weights in `quantized-layout.ts` have in common: the embedding, and tensors that stay floats. */

import type { QueryKeyValue } from './attention-form.ts';
import { type DecoderShape, headWidths } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { splitHeads } from './operators.ts';
import type { Logits, Projections } from './projections.ts';
import { EMBEDDING } from './quantized-layout.ts';
import type { Weights } from './weight-cache.ts';

export abstract class QuantizedProjections implements Projections {
  protected readonly weights: Weights;
  protected readonly shape: DecoderShape;

  constructor(weights: Weights, shape: DecoderShape) {
    this.weights = weights;
    this.shape = shape;
  }

  /** Out of the 8-bit form: only the rows that are asked for are widened. */
  embed(g: GraphBuilder, tokenIds: Value): Value {
    const integers = this.weights.tensors.get(EMBEDDING.integers)!;
    const table = g.external(EMBEDDING.integers, 'int8', integers.shape, integers);
    const rows = g.op('Cast', [g.op('Gather', [table, tokenIds], { axis: 0 })], { to: DATA_TYPE.float32 });
    const scales = g.op('Gather', [floatTensor(g, this.weights, EMBEDDING.scales), tokenIds], { axis: 0 });
    return g.op('Mul', [rows, g.op('Unsqueeze', [scales, g.int64s([1])])]);
  }

  queryKeyValue(g: GraphBuilder, layer: number, x: Value): QueryKeyValue {
    return splitHeads(g, this.packedQueryKeyValue(g, layer, x), headWidths(this.shape));
  }

  abstract packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value;
  abstract attentionOutput(g: GraphBuilder, layer: number, x: Value): Value;
  abstract feedForward(g: GraphBuilder, layer: number, x: Value): Value;
  abstract logits(g: GraphBuilder, x: Value): Logits;
}

/** A one-dimensional tensor, or one of more dimensions as it was laid out. */
export function floatTensor(g: GraphBuilder, weights: Weights, name: string): Value {
  const tensor = weights.tensors.get(name)!;
  return g.external(name, 'float32', tensor.shape, tensor);
}
