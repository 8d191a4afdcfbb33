/**
 * What keys and values are kept as on the CPU, where the graph computes in float32. The cache rounds them; the graph
 * rounds a step's own keys and values in the same way, so that a token's result does not depend on which of its past was
 * computed in the same step.
 */

import { COMPUTE_TYPE_BYTES, type ComputeType } from './convert-floats.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';

/** `int8`: integers, of the largest magnitude 127, with a float32 scale for each token and head. */
export const KV_CACHE_TYPES = ['f32', 'f16', 'int8'] as const;
export type KvCacheType = (typeof KV_CACHE_TYPES)[number];

export const STORED_TYPE = { f32: 'float32', f16: 'float16', int8: 'int8' } as const;

/** Of the largest magnitude of a head, to its scale; in float32, as the graph has it. */
export const SCALE_OF_LARGEST = Math.fround(1 / 127);

const ELEMENT_BYTES: Readonly<Record<KvCacheType | ComputeType, number>> = {
  ...COMPUTE_TYPE_BYTES,
  f32: 4,
  f16: 2,
  int8: 1,
};

/** Keys and values of one token over all layers; a cache on a GPU has them as they are computed. */
export function cacheTokenBytes(
  { layerCount, kvHeadCount, headSize }: Pick<DecoderShape, 'layerCount' | 'kvHeadCount' | 'headSize'>,
  type: KvCacheType | ComputeType,
): number {
  const scaleBytes = type === 'int8' ? Float32Array.BYTES_PER_ELEMENT : 0;
  return 2 * layerCount * kvHeadCount * (headSize * ELEMENT_BYTES[type] + scaleBytes);
}

type Shape = Pick<DecoderShape, 'kvHeadCount' | 'headSize'>;

/** A step's keys and values [tokens x kvHeads * headSize] as the cache will give them back. */
export function asCached(
  g: GraphBuilder,
  type: KvCacheType,
  { kvHeadCount, headSize }: Shape,
  keys: Value,
  values: Value,
): readonly [keys: Value, values: Value] {
  if (type === 'f32') return [keys, values];
  if (type === 'f16') {
    const rounded = (x: Value): Value =>
      g.op('Cast', [g.op('Cast', [x], { to: DATA_TYPE.float16 })], { to: DATA_TYPE.float32 });
    return [rounded(keys), rounded(values)];
  }
  // Both in one go: these are many small operators.
  const heads = g.op('Reshape', [g.op('Concat', [keys, values], { axis: -1 }), g.int64s([-1, headSize])]);
  const largest = g.op('ReduceMax', [g.op('Abs', [heads]), g.int64s([-1])], { keepdims: 0 });
  const scales = g.op('Mul', [largest, g.float(SCALE_OF_LARGEST)]);
  const integers = g.op('QuantizeLinear', [heads, scales], { axis: 0, output_dtype: DATA_TYPE.int8 });
  const wide = g.op('Cast', [integers], { to: DATA_TYPE.float32 });
  const rounded = g.op('Mul', [wide, g.op('Unsqueeze', [scales, g.int64s([1])])]);
  const width = kvHeadCount * headSize;
  const joined = g.op('Reshape', [rounded, g.int64s([-1, 2 * width])]);
  const [roundedKeys, roundedValues] = g.ops('Split', [joined, g.int64s([width, width])], 2, { axis: -1 });
  return [roundedKeys!, roundedValues!];
}
