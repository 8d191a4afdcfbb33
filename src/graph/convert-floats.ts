/** From the float types that checkpoints are stored in to those that graphs compute in, a chunk of bytes at a time. */

import { narrowToBfloat16, narrowToFloat16, widenBfloat16, widenFloat16 } from './half-floats.ts';
import type { FloatType } from './safetensors.ts';

/** What a graph's weights and hidden states are made of. */
export type ComputeType = 'float32' | 'float16' | 'bfloat16';

export const COMPUTE_TYPE_BYTES: Readonly<Record<ComputeType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
};

/** The same type by the name that safetensors gives to it. */
export const STORED_AS: Readonly<Record<ComputeType, FloatType>> = {
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
};

export type ConvertedFloats = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Finite values that the target type cannot hold; they have become infinite. */
  readonly overflowCount: number;
};

/** @param bytes whole values, little-endian, aligned to their size. */
export function convertFloats(
  bytes: Uint8Array<ArrayBuffer>,
  from: FloatType,
  to: ComputeType,
): ConvertedFloats {
  if (from === STORED_AS[to]) return { bytes, overflowCount: 0 };
  const wide = widened(bytes, from);
  if (to === 'float32') return { bytes: new Uint8Array(wide.buffer), overflowCount: 0 };
  const narrow = new Uint16Array(wide.length);
  const overflowCount = (to === 'float16' ? narrowToFloat16 : narrowToBfloat16)(wide, narrow);
  return { bytes: new Uint8Array(narrow.buffer), overflowCount };
}

function widened(bytes: Uint8Array<ArrayBuffer>, from: FloatType): Uint32Array<ArrayBuffer> {
  if (from === 'F32') return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const narrow = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const wide = new Uint32Array(narrow.length);
  (from === 'BF16' ? widenBfloat16 : widenFloat16)(narrow, wide);
  return wide;
}
