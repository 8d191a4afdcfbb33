/**
 * Products of 8-bit integers, for any number of rows: weights with a scale an output, activations quantised in the
 * graph with a scale a token, so that what a token becomes does not depend on the tokens beside it.
 */

import type { DecoderShape } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { silu } from './operators.ts';
import type { Logits } from './projections.ts';
import { headPartCount, type IntegerType, matrixName, matrixPart, ZERO_POINT } from './quantized-layout.ts';
import { floatTensor, QuantizedProjections } from './quantized-projections.ts';
import type { Weights } from './weight-cache.ts';

/** Rows of integers and what each is to be multiplied by. */
type QuantizedRows = {
  /** uint8 [rows x columns], 128 more than the integer */
  readonly integers: Value;
  /** [rows x 1] */
  readonly scales: Value;
};

/** The largest magnitude of an activation. */
const ACTIVATION_MAX = 127;

export class IntegerProjections extends QuantizedProjections {
  readonly #integerType: IntegerType;

  /** @param integerType that the weights were written in */
  constructor(weights: Weights, shape: DecoderShape, integerType: IntegerType) {
    super(weights, shape);
    this.#integerType = integerType;
  }

  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value {
    const name = matrixName.queryKeyValue(layer);
    const bias = this.shape.queryKeyValueBias ? `${name}.bias` : null;
    return this.#project(g, quantizeRows(g, x), name, bias);
  }

  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value {
    const bias = this.shape.attentionOutputBias ? `model.layers.${layer}.self_attn.o_proj.bias` : null;
    return this.#project(g, quantizeRows(g, x), matrixName.attentionOutput(layer), bias);
  }

  feedForward(g: GraphBuilder, layer: number, x: Value): Value {
    const rows = quantizeRows(g, x);
    const [gateName, upName] = [matrixName.gate(layer), matrixName.up(layer)];
    if (this.shape.feedForwardBias) {
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
    const parts = Array.from({ length: headPartCount(this.shape) }, (_, part) =>
      this.#product(g, rows, matrixName.head(part)),
    );
    const values = parts.length === 1 ? parts[0]! : g.op('Concat', parts, { axis: -1 });
    return { values, rowScales: rows.scales };
  }

  #project(g: GraphBuilder, rows: QuantizedRows, name: string, bias: string | null): Value {
    const product = g.op('Mul', [this.#product(g, rows, name), rows.scales]);
    return bias === null ? product : g.op('Add', [product, floatTensor(g, this.weights, bias)]);
  }

  /** The product with the weights' scales and without those of the rows. */
  #product(g: GraphBuilder, { integers }: QuantizedRows, name: string): Value {
    const weights = this.weights.tensors.get(matrixPart.integers(name))!;
    return g.microsoftOp('MatMulIntegerToFloat', [
      integers,
      g.external(matrixPart.integers(name), this.#integerType, weights.shape, weights),
      g.float(1),
      floatTensor(g, this.weights, matrixPart.scales(name)),
      g.uint8(ZERO_POINT),
      ...(this.#integerType === 'uint8' ? [g.uint8(ZERO_POINT)] : []),
    ]);
  }
}

/** Each row by its own largest magnitude; a row of zeros has scale 0. */
function quantizeRows(g: GraphBuilder, x: Value): QuantizedRows {
  const largest = g.op('ReduceMax', [g.op('Abs', [x]), g.int64s([-1])], { keepdims: 0 });
  const scales = g.op('Mul', [largest, g.float(1 / ACTIVATION_MAX)]);
  const zeroPoints = g.op('Expand', [g.uint8(ZERO_POINT), g.op('Shape', [scales])]);
  const integers = g.op('QuantizeLinear', [x, scales, zeroPoints], { axis: 0 });
  return { integers, scales: g.op('Unsqueeze', [scales, g.int64s([1])]) };
}
