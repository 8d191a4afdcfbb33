/** A stored tensor as it stands in its file, and its values. */

import path from 'node:path';
import { readRange } from './file-bytes.ts';
import { widenBfloat16, widenFloat16 } from './half-floats.ts';
import type { ElementType, StoredTensor } from './safetensors.ts';

/** @throws StartupError when the file ends before, or cannot be read. */
export async function readBytes(
  directory: string,
  tensor: StoredTensor<ElementType>,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(tensor.byteLength);
  await readRange(path.join(directory, tensor.file), bytes, tensor.offset);
  return bytes;
}

/** The values in float32. @throws StartupError, as `readBytes` does. */
export async function readFloats(directory: string, tensor: StoredTensor): Promise<Float32Array> {
  const bytes = await readBytes(directory, tensor);
  if (tensor.elementType === 'F32') return new Float32Array(bytes.buffer);
  const narrow = new Uint16Array(bytes.buffer);
  const wide = new Uint32Array(narrow.length);
  (tensor.elementType === 'BF16' ? widenBfloat16 : widenFloat16)(narrow, wide);
  return new Float32Array(wide.buffer);
}
