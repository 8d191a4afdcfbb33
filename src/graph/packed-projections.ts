/**
 * Products with the 4-bit groups of a packed checkpoint, by MatMulNBits: its levels, zero points and scales as they are.
 * Embedding and output projection are somebody else's, unless the latter is packed too.
 */

import type { QueryKeyValue } from './attention-form.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { linear, silu, splitHeads, swiGlu } from './operators.ts';
import {
  blockSize,
  type FloatMatrix,
  type LayerMatrices,
  type Matrix,
  type PackedLayout,
  type PackedMatrix,
  packedPart,
} from './packed-layout.ts';
import type { Logits, Projections } from './projections.ts';
import type { Weights } from './weight-cache.ts';
import type { WeightPacking } from './weight-packing.ts';

/**
 * What MatMulNBits makes of activations: `float` leaves them as they are, `int8` quantises each block of a row by its
 * largest magnitude. Both sum up in float32 on the CPU. Devices go by their own rules where `float` is said.
 */
export type Activations = 'float' | 'int8';
const ACCURACY_LEVEL: Readonly<Record<Activations, number>> = { float: 1, int8: 4 };

export type PackedProjectionsOptions = {
  readonly weights: Weights;
  readonly layout: PackedLayout;
  readonly packing: WeightPacking;
  readonly activations: Activations;
  /** For embedding and output projection. */
  readonly vocabulary: Pick<Projections, 'embed' | 'logits'>;
};

export class PackedProjections implements Projections {
  readonly #options: PackedProjectionsOptions;

  constructor(options: PackedProjectionsOptions) {
    this.#options = options;
  }

  embed(g: GraphBuilder, tokenIds: Value): Value {
    return this.#options.vocabulary.embed(g, tokenIds);
  }

  queryKeyValue(g: GraphBuilder, layer: number, x: Value): QueryKeyValue {
    const [first, ...others] = this.#matrices(layer).queryKeyValue;
    const product = this.#output(g, x, first!);
    if (first!.kind === 'packed' && others.length === 0) {
      return splitHeads(
        g,
        product,
        first!.sources.map(({ rows }) => rows),
      );
    }
    const [key, value] = others.map((matrix) => this.#output(g, x, matrix));
    return [product, key!, value!];
  }

  packedQueryKeyValue(g: GraphBuilder, layer: number, x: Value): Value {
    const products = this.#matrices(layer).queryKeyValue.map((matrix) => this.#output(g, x, matrix));
    return products.length === 1 ? products[0]! : g.op('Concat', products, { axis: -1 });
  }

  attentionOutput(g: GraphBuilder, layer: number, x: Value): Value {
    return this.#output(g, x, this.#matrices(layer).attentionOutput[0]!);
  }

  feedForward(g: GraphBuilder, layer: number, x: Value): Value {
    const { gate, up, down } = this.#matrices(layer);
    const gated = this.#output(g, x, gate[0]!);
    const raised = this.#output(g, x, up[0]!);
    const product = this.#isFloat32 ? g.op('Mul', [silu(g, gated), raised]) : swiGlu(g, gated, raised);
    return this.#output(g, product, down[0]!);
  }

  logits(g: GraphBuilder, x: Value): Logits {
    const { layout, vocabulary } = this.#options;
    if (layout.head === null) return vocabulary.logits(g, x);
    return { values: this.#product(g, x, layout.head), rowScales: null };
  }

  get #isFloat32(): boolean {
    return this.#options.weights.type === 'float32';
  }

  #matrices(layer: number): LayerMatrices {
    return this.#options.layout.layers[layer]!;
  }

  /** Of all modules of the matrix, side by side. */
  #output(g: GraphBuilder, x: Value, matrix: Matrix): Value {
    return matrix.kind === 'float' ? this.#floatProduct(g, x, matrix) : this.#product(g, x, matrix);
  }

  #product(g: GraphBuilder, x: Value, { name, rows, columns, order, hasBias }: PackedMatrix): Value {
    const { packing, activations } = this.#options;
    const picked = order === null ? x : g.op('Gather', [x, g.int32s([columns], order)], { axis: -1 });
    const inputs = [
      picked,
      this.#tensor(g, packedPart.levels(name), 'uint8'),
      this.#tensor(g, packedPart.scales(name)),
      this.#tensor(g, packedPart.zeroPoints(name), 'uint8'),
    ];
    const product = g.microsoftOp('MatMulNBits', inputs, {
      K: columns,
      N: rows,
      bits: 4,
      block_size: blockSize(packing),
      accuracy_level: ACCURACY_LEVEL[activations],
    });
    return hasBias ? g.op('Add', [product, this.#tensor(g, `${name}.bias`)]) : product;
  }

  #floatProduct(g: GraphBuilder, x: Value, { name, hasBias }: FloatMatrix): Value {
    const bias = hasBias ? this.#tensor(g, `${name}.bias`) : null;
    return linear(g, x, { weight: this.#tensor(g, `${name}.weight`), bias });
  }

  #tensor(
    g: GraphBuilder,
    name: string,
    type: 'uint8' | Weights['type'] = this.#options.weights.type,
  ): Value {
    const tensor = this.#options.weights.tensors.get(name)!;
    return g.external(name, type, tensor.shape, tensor);
  }
}
