/**
 * Products of 8-bit integers, for any number of rows: weights with a scale an output, activations quantised in the
 * graph with a scale a token, so that what a token becomes does not depend on the tokens beside it.
 */

import type { QueryKeyValue } from './attention-form.ts';
import { type DecoderShape, headWidths } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { splitHeads } from './operators.ts';
import type { Logits, Projections } from './projections.ts';
import { EMBEDDING, headPartCount, matrixName, matrixPart } from './quantized-layout.ts';
import type { Weights } from './weight-cache.ts';

/** Rows of integers and what each is to be multiplied by. */
type QuantizedRows = {
  /** uint8 [rows x columns], 128 more than the integer */
  readonly integers: Value;
  /** [rows x 1] */
  readonly scales: Value;
};

/** The integer that stands for 0. */
const ZERO_POINT = 128;
/** The largest magnitude of an activation. */
const ACTIVATION_MAX = 127;

export class IntegerProjections implements Projections {
  readonly #weights: Weights;
  readonly #shape: DecoderShape;

  constructor(weights: Weights, shape: DecoderShape) {
    this.#weights = weights;
    this.#shape = shape;
  }

  embed(g: GraphBuilder, tokenIds: Value): Value {
    return embedRows(g, this.#weights, tokenIds);
  }

  queryKeyValue(g: GraphBuilder, layer: number, x: Value): QueryKeyValue {
    return splitHeads(g, this.packedQueryKeyValue(g, layer, x), headWidths(this.#shape));
  }

  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value {
    const name = matrixName.queryKeyValue(layer);
    const bias = this.#shape.queryKeyValueBias ? `${name}.bias` : null;
    return this.#project(g, quantizeRows(g, x), name, bias);
  }

  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value {
    const bias = this.#shape.attentionOutputBias ? `model.layers.${layer}.self_attn.o_proj.bias` : null;
    return this.#project(g, quantizeRows(g, x), matrixName.attentionOutput(layer), bias);
  }

  feedForward(g: GraphBuilder, layer: number, x: Value): Value {
    const rows = quantizeRows(g, x);
    const [gateName, upName] = [matrixName.gate(layer), matrixName.up(layer)];
    if (this.#shape.feedForwardBias) {
      const bias = (name: string): string => `model.layers.${layer}.mlp.${name}_proj.bias`;
      const gate = this.#project(g, rows, gateName, bias('gate'));
      const product = g.op('Mul', [silu(g, gate), this.#project(g, rows, upName, bias('up'))]);
      return this.#project(g, quantizeRows(g, product), matrixName.down(layer), bias('down'));
    }
    // The scale of `up` is a factor of its whole row: it is left out here and comes back after the last product.
    const product = g.op('Mul', [
      silu(g, this.#project(g, rows, gateName, null)),
      this.#product(g, rows, upName),
    ]);
    const { integers, scales } = quantizeRows(g, product);
    const scaled = { integers, scales: g.op('Mul', [scales, rows.scales]) };
    return this.#project(g, scaled, matrixName.down(layer), null);
  }

  logits(g: GraphBuilder, x: Value): Logits {
    const rows = quantizeRows(g, x);
    const parts = Array.from({ length: headPartCount(this.#shape) }, (_, part) =>
      this.#product(g, rows, matrixName.head(part)),
    );
    const values = parts.length === 1 ? parts[0]! : g.op('Concat', parts, { axis: -1 });
    return { values, rowScales: rows.scales };
  }

  #project(g: GraphBuilder, rows: QuantizedRows, name: string, bias: string | null): Value {
    const product = g.op('Mul', [this.#product(g, rows, name), rows.scales]);
    return bias === null ? product : g.op('Add', [product, floatTensor(g, this.#weights, bias)]);
  }

  /** The product with the weights' scales and without those of the rows. */
  #product(g: GraphBuilder, { integers }: QuantizedRows, name: string): Value {
    const weights = this.#weights.tensors.get(matrixPart.integers(name))!;
    return g.microsoftOp('MatMulIntegerToFloat', [
      integers,
      g.external(matrixPart.integers(name), 'int8', weights.shape, weights),
      g.float(1),
      floatTensor(g, this.#weights, matrixPart.scales(name)),
      g.uint8(ZERO_POINT),
    ]);
  }
}

/** Embedding rows out of their 8-bit form: only the rows that are asked for are widened. */
export function embedRows(g: GraphBuilder, weights: Weights, tokenIds: Value): Value {
  const integers = weights.tensors.get(EMBEDDING.integers)!;
  const table = g.external(EMBEDDING.integers, 'int8', integers.shape, integers);
  const rows = g.op('Cast', [g.op('Gather', [table, tokenIds], { axis: 0 })], { to: DATA_TYPE.float32 });
  const scales = g.op('Gather', [floatTensor(g, weights, EMBEDDING.scales), tokenIds], { axis: 0 });
  return g.op('Mul', [rows, g.op('Unsqueeze', [scales, g.int64s([1])])]);
}

/** A one-dimensional tensor, or one of more dimensions as it was laid out. */
export function floatTensor(g: GraphBuilder, weights: Weights, name: string): Value {
  const tensor = weights.tensors.get(name)!;
  return g.external(name, 'float32', tensor.shape, tensor);
}

/** x * sigmoid(x) in one operator. */
export function silu(g: GraphBuilder, x: Value): Value {
  return g.microsoftOp('QuickGelu', [x], { alpha: { float: 1 } });
}

/** Each row by its own largest magnitude; a row of zeros has scale 0. */
function quantizeRows(g: GraphBuilder, x: Value): QuantizedRows {
  const largest = g.op('ReduceMax', [g.op('Abs', [x]), g.int64s([-1])], { keepdims: 0 });
  const scales = g.op('Mul', [largest, g.float(1 / ACTIVATION_MAX)]);
  const zeroPoints = g.op('Expand', [g.uint8(ZERO_POINT), g.op('Shape', [scales])]);
  const integers = g.op('QuantizeLinear', [x, scales, zeroPoints], { axis: 0 });
  return { integers, scales: g.op('Unsqueeze', [scales, g.int64s([1])]) };
}
