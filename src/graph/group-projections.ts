/**
 * Products of few rows with 4-bit groups: half the bytes of the integer form, which is what the time of one to four
 * rows is made of. The weights are those of the integer form exactly (`quantize-rows.ts`), and so are the
 * activations, by this means: MatMulNBits quantises activations block by block, by the largest of each. Every block of
 * the input holds one element less than it could, and in its last place, under weights of 0, the row's largest
 * magnitude. So each block is quantised with the row's scale, as the integer form does. The two forms' results
 * differ by roundings of float32.
 */

import type { GraphBuilder, Value } from './graph-builder.ts';
import { silu } from './operators.ts';
import type { Logits } from './projections.ts';
import { GROUP_SIZE } from './quantize-rows.ts';
import {
  BLOCK_WIDTH,
  headPartCount,
  type IntegerType,
  matrixName,
  matrixPart,
  spreadLength,
} from './quantized-layout.ts';
import { floatTensor, QuantizedProjections } from './quantized-projections.ts';

/** Activations as 8-bit integers, which is what makes the product fast. */
const ACCURACY_LEVEL_INT8 = 4;

/**
 * Tokens of a step up to which this form is the faster one, by the integers of the other. On two cores with VNNI, over the
 * integer form: 0.6 times with one token, 0.65 with two, 0.77 with three, 0.86 with four, 0.97 with five, 1.07 with six;
 * with AVX2 alone 0.7 times with one, 0.87 with two, 1.05 with three, 1.18 with four (docs/performance.md).
 */
export const FEW_TOKENS_MAX: Readonly<Record<IntegerType, number>> = { int8: 4, uint8: 2 };

export class GroupProjections extends QuantizedProjections {
  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value {
    const { hiddenSize, queryKeyValueBias } = this.shape;
    const name = matrixName.queryKeyValue(layer);
    const bias = queryKeyValueBias ? floatTensor(g, this.weights, `${name}.bias`) : null;
    return this.#product(g, spreadRows(g, x, hiddenSize), name, bias);
  }

  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value {
    const { headCount, headSize, attentionOutputBias } = this.shape;
    const bias = attentionOutputBias
      ? floatTensor(g, this.weights, `model.layers.${layer}.self_attn.o_proj.bias`)
      : null;
    return this.#product(g, spreadRows(g, x, headCount * headSize), matrixName.attentionOutput(layer), bias);
  }

  feedForward(g: GraphBuilder, layer: number, x: Value): Value {
    const { hiddenSize, feedForwardSize } = this.shape;
    const rows = spreadRows(g, x, hiddenSize);
    const gate = this.#product(g, rows, matrixName.gate(layer), this.#spreadBias(g, layer, 'gate'));
    const up = this.#product(g, rows, matrixName.up(layer), this.#spreadBias(g, layer, 'up'));
    // Both come spread over whole blocks, zero where the row's largest magnitude goes.
    const product = g.op('Mul', [silu(g, gate), up]);
    const full = g.op('Where', [lastPlaces(g, feedForwardSize), largestOf(g, product), product]);
    const bias = this.shape.feedForwardBias ? `model.layers.${layer}.mlp.down_proj.bias` : null;
    return this.#product(
      g,
      full,
      matrixName.down(layer),
      bias === null ? null : floatTensor(g, this.weights, bias),
    );
  }

  logits(g: GraphBuilder, x: Value): Logits {
    const rows = spreadRows(g, x, this.shape.hiddenSize);
    const parts = Array.from({ length: headPartCount(this.shape) }, (_, part) =>
      this.#product(g, rows, matrixName.head(part), null),
    );
    return { values: parts.length === 1 ? parts[0]! : g.op('Concat', parts, { axis: -1 }), rowScales: null };
  }

  #product(g: GraphBuilder, rows: Value, name: string, bias: Value | null): Value {
    const levels = this.weights.tensors.get(matrixPart.levels(name))!;
    const [outputs, blocks] = levels.shape as [number, number, number];
    const inputs = [
      rows,
      g.external(matrixPart.levels(name), 'uint8', levels.shape, levels),
      floatTensor(g, this.weights, matrixPart.blockScales(name)),
    ];
    return g.microsoftOp('MatMulNBits', bias === null ? inputs : [...inputs, '', '', bias], {
      K: blocks * BLOCK_WIDTH,
      N: outputs,
      bits: 4,
      block_size: BLOCK_WIDTH,
      accuracy_level: ACCURACY_LEVEL_INT8,
    });
  }

  /** Spread as the product's outputs are; computed once, when the session is made. */
  #spreadBias(g: GraphBuilder, layer: number, part: 'gate' | 'up'): Value | null {
    const { feedForwardBias, feedForwardSize } = this.shape;
    if (!feedForwardBias) return null;
    const bias = floatTensor(g, this.weights, `model.layers.${layer}.mlp.${part}_proj.bias`);
    const withZero = g.op('Concat', [bias, g.floats([1], Float32Array.of(0))], { axis: 0 });
    return g.op('Gather', [withZero, spreadPlaces(g, feedForwardSize)], { axis: 0 });
  }
}

function largestOf(g: GraphBuilder, x: Value): Value {
  return g.op('ReduceMax', [g.op('Abs', [x]), g.int64s([-1])], { keepdims: 1 });
}

/** [rows x length] over whole blocks, the row's largest magnitude in the last place of each. */
function spreadRows(g: GraphBuilder, x: Value, length: number): Value {
  const withLargest = g.op('Concat', [x, largestOf(g, x)], { axis: -1 });
  return g.op('Gather', [withLargest, spreadPlaces(g, length)], { axis: -1 });
}

/** int32 [spread length]: where each place of a spread row comes from; `length` for those that no element goes to. */
function spreadPlaces(g: GraphBuilder, length: number): Value {
  const places = new Int32Array(spreadLength(length)).map((_, place) => {
    const inBlock = place % BLOCK_WIDTH;
    const from = Math.floor(place / BLOCK_WIDTH) * GROUP_SIZE + inBlock;
    return inBlock < GROUP_SIZE ? Math.min(from, length) : length;
  });
  return g.int32s([places.length], places);
}

/** bool [spread length]: the last place of each block. */
function lastPlaces(g: GraphBuilder, length: number): Value {
  const places = new Uint8Array(spreadLength(length)).map((_, place) =>
    place % BLOCK_WIDTH === GROUP_SIZE ? 1 : 0,
  );
  return g.bools([places.length], places);
}
