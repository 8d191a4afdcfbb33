/** How a model is placed on a GPU: what depends on the provider's kernels, in one place. docs/gpu.md has the whole list. */

import { StartupError } from '../base/errors.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { PagedType } from '../graph/paged-attention.ts';
import type { GpuDevice } from './onnx-session.ts';

/** From this compute capability on CUDA has flash attention, and products in bfloat16. */
const NEW_CAPABILITY_MIN = 8;

/**
 * @param capability of the card; null: not told, and then taken for a new one
 * @throws StartupError of a type that the card does not compute in
 */
export function checkCudaType(type: PagedType, capability: number | null): void {
  if (type === 'bfloat16' && capability !== null && capability < NEW_CAPABILITY_MIN) {
    throw new StartupError(
      `--dtype bfloat16 needs a GPU of compute capability 8.0 or newer, this GPU has ${capability.toFixed(1)}; take float16`,
    );
  }
}

/**
 * Whether flash attention reads the blocks where they lie; else CUDA's kernel copies what it attends to.
 * @param capability of the card; null: not told, and then taken for a new one
 */
export function readsBlocksInPlace(
  blockSize: number,
  { headSize }: Pick<DecoderShape, 'headSize'>,
  capability: number | null,
): boolean {
  const isNew = capability === null || capability >= NEW_CAPABILITY_MIN;
  return isNew && blockSize >= gpuBlockSize('cuda', { headSize });
}

/**
 * Tokens in a block where nothing else is asked for: the fewest that the fast kernels take. CUDA's flash attention reads
 * tiles of keys that must not cross blocks, as does WebGPU's prefill.
 */
export function gpuBlockSize(device: GpuDevice, { headSize }: Pick<DecoderShape, 'headSize'>): number {
  if (device === 'webgpu') return 32;
  if (headSize <= 64) return 256;
  return headSize <= 128 ? 128 : 64;
}
