/**
 * Finds a checkpoint's quantised weights in the cache directory, or makes them: once for each checkpoint and recipe, under
 * a key of the files' identity.
 */

import type { FileHandle } from 'node:fs/promises';
import { cachedFile } from './cached-file.ts';
import type { ComputeType } from './convert-floats.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { WeightTensor } from './file-layout.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import { type FloatPlan, type IntegerType, quantizedLayout } from './quantized-layout.ts';
import type { StoredTensors } from './safetensors.ts';
import { cacheKey, convertTensor, offsetsOf, type Weights } from './weight-cache.ts';
import { doWeightJobs, type OnProgress } from './weight-pool.ts';

/** Changes whenever the bytes that are written for the same checkpoint, recipe and type change. */
const VERSION = 2;

export type QuantizeOptions = {
  readonly recipe: WeightRecipe;
  readonly integerType: IntegerType;
  readonly stored: StoredTensors;
  readonly cacheDirectory: string;
  readonly threadCount: number;
  readonly onProgress: OnProgress;
};

/** @throws StartupError when the checkpoint lacks a tensor, or the cache directory cannot be written. */
export async function quantizedWeights(
  directory: string,
  shape: DecoderShape,
  { recipe, integerType, stored, cacheDirectory, threadCount, onProgress }: QuantizeOptions,
): Promise<Weights> {
  // What the output projection is made of shows in no size.
  const made = JSON.stringify([recipe, VERSION, integerType, shape.tiedEmbeddings]);
  const file = `${await cacheKey(made, directory, stored)}.${recipe}`;
  const { matrices, floats, tensors, byteLength } = quantizedLayout(recipe, shape, stored, file);
  const cached = { cacheDirectory, file, byteLength, content: 'quantised weights' };
  await cachedFile(cached, async (output, target) => {
    await writeFloats('float32', directory, floats, output, tensors);
    const offsets = offsetsOf(tensors);
    const jobs = matrices.map((plan) => ({ plan, recipe, integerType, directory, target, offsets }));
    await doWeightJobs(jobs, threadCount, onProgress);
  });
  return { type: 'float32', folder: cacheDirectory, tensors };
}

/** Writes tensors that stay in floating point to their places, those of a plan one after the other. */
export async function writeFloats(
  type: ComputeType,
  directory: string,
  plans: readonly FloatPlan[],
  output: FileHandle,
  tensors: ReadonlyMap<string, WeightTensor>,
): Promise<void> {
  for (const { name, sources } of plans) {
    let { offset } = tensors.get(name)!;
    for (const source of sources) {
      offset += await convertTensor(type, { name, source, directory }, output, offset);
    }
  }
}
