/** The ONNX patterns that decoders are made of, one function each. Rows are tokens, [tokens x elements]. */

import type { HeadNorms, QueryKeyValue } from './attention-form.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { Linear } from './decoder-weights.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';

/** x W^T + b, for x [rows x in] and W [out x in]. */
export function linear(g: GraphBuilder, x: Value, { weight, bias }: Linear): Value {
  return g.op('Gemm', bias === null ? [x, weight] : [x, weight, bias], { transB: 1 });
}

/** Root-mean-square norm over the last dimension (Zhang and Sennrich 2019). */
export function rmsNorm(g: GraphBuilder, x: Value, weight: Value, epsilon: number): Value {
  return g.op('SimplifiedLayerNormalization', [x, weight], { axis: -1, epsilon: { float: epsilon } });
}

/** The sum x + residual, and its norm, in one pass. */
export function addAndNorm(
  g: GraphBuilder,
  x: Value,
  residual: Value,
  weight: Value,
  epsilon: number,
): { readonly normed: Value; readonly sum: Value } {
  const [normed, , , sum] = g.microsoftOps(
    'SkipSimplifiedLayerNormalization',
    [x, residual, weight],
    ['normed', null, null, 'sum'],
    { epsilon: { float: epsilon } },
  );
  return { normed: normed!, sum: sum! };
}

/** Queries and keys after the RMS norms over each of their heads; values as they are. */
export function normHeads(
  g: GraphBuilder,
  { headCount, kvHeadCount, headSize }: Pick<DecoderShape, 'headCount' | 'kvHeadCount' | 'headSize'>,
  [query, key, value]: QueryKeyValue,
  norms: HeadNorms,
): QueryKeyValue {
  const normed = (heads: Value, count: number, weight: Value): Value => {
    const apart = g.op('Reshape', [heads, g.int64s([-1, count, headSize])]);
    const each = rmsNorm(g, apart, weight, norms.epsilon);
    return g.op('Reshape', [each, g.int64s([-1, count * headSize])]);
  };
  return [normed(query, headCount, norms.query), normed(key, kvHeadCount, norms.key), value];
}

/** Queries, keys and values that lie side by side in each row of `packed`, cut at these widths. */
export function splitHeads(g: GraphBuilder, packed: Value, widths: readonly number[]): QueryKeyValue {
  const [query, key, value] = g.ops('Split', [packed, g.int64s(widths)], 3, { axis: -1 });
  return [query!, key!, value!];
}

/** x * sigmoid(x) in one operator. */
export function silu(g: GraphBuilder, x: Value): Value {
  return g.microsoftOp('QuickGelu', [x], { alpha: { float: 1 } });
}

/** gate * sigmoid(gate) * up (Shazeer 2020). */
export function swiGlu(g: GraphBuilder, gate: Value, up: Value): Value {
  return g.op('Mul', [g.op('Mul', [gate, g.op('Sigmoid', [gate])]), up]);
}

export type Rotary = {
  /** int64 [1 x tokens] */
  readonly positions: Value;
  /** [positions x headSize / 2] */
  readonly cos: Value;
  readonly sin: Value;
};

/** Rotary embedding of [tokens x heads * headSize], pairing element i with i + headSize / 2. */
export function rotate(
  g: GraphBuilder,
  x: Value,
  { positions, cos, sin }: Rotary,
  headCount: number,
  headSize: number,
): Value {
  const batch = g.op('Unsqueeze', [x, g.int64s([0])]);
  const rotated = g.microsoftOp('RotaryEmbedding', [batch, positions, cos, sin], {
    num_heads: headCount,
    rotary_embedding_dim: headSize,
  });
  return g.op('Squeeze', [rotated, g.int64s([0])]);
}
