/**
 * Finds a checkpoint's quantised weights in the cache directory, or makes them: once for each checkpoint and recipe, under
 * a key of the files' identity. The file is written under another name and renamed when it is whole, so that a run
 * that is killed leaves nothing that looks finished.
 */

import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { readFloats, writeAt } from './quantize-matrix.ts';
import { quantizeAll, weightsOf } from './quantize-pool.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import { type QuantizedLayout, quantizedLayout } from './quantized-layout.ts';
import type { StoredTensors } from './safetensors.ts';
import { cacheKey, type Weights } from './weight-cache.ts';

/** Changes whenever the bytes that are written for the same checkpoint and recipe change. */
const VERSION = 1;

/** How far the quantising is, in weights. */
export type OnProgress = (doneCount: number, totalCount: number) => void;

export type QuantizeOptions = {
  readonly recipe: WeightRecipe;
  readonly stored: StoredTensors;
  readonly cacheDirectory: string;
  readonly threadCount: number;
  readonly onProgress: OnProgress;
};

/** @throws StartupError when the checkpoint lacks a tensor, or the cache directory cannot be written. */
export async function quantizedWeights(
  directory: string,
  shape: DecoderShape,
  { recipe, stored, cacheDirectory, threadCount, onProgress }: QuantizeOptions,
): Promise<Weights> {
  const file = `${await cacheKey(`${recipe}-${VERSION}`, directory, stored)}.${recipe}`;
  const layout = quantizedLayout(recipe, shape, stored, file);
  const target = path.join(cacheDirectory, file);
  const present = await stat(target).catch(() => null);
  if (present?.size !== layout.byteLength) {
    try {
      await writeQuantized({ directory, recipe, layout, target, threadCount, onProgress });
    } catch (cause) {
      if (cause instanceof StartupError) throw cause;
      throw new StartupError(
        `the quantised weights (${layout.byteLength} bytes) cannot be made in ${cacheDirectory}: ${(cause as Error).message}; choose another place with --cache-dir`,
        { cause },
      );
    }
  }
  return { type: 'float32', folder: cacheDirectory, tensors: layout.tensors };
}

type WriteOptions = Pick<QuantizeOptions, 'recipe' | 'threadCount' | 'onProgress'> & {
  readonly directory: string;
  readonly layout: QuantizedLayout;
  readonly target: string;
};

async function writeQuantized(options: WriteOptions): Promise<void> {
  const { directory, recipe, layout, target } = options;
  await mkdir(path.dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.partial`;
  const output = await open(temporary, 'w');
  try {
    await output.truncate(layout.byteLength);
    for (const { name, sources } of layout.floats) {
      let offset = layout.tensors.get(name)!.offset;
      for (const source of sources) {
        const values = await readFloats(directory, source);
        await writeAt(output, values, offset);
        offset += values.byteLength;
      }
    }
    const offsets = new Map([...layout.tensors].map(([name, { offset }]) => [name, offset]));
    const jobs = layout.matrices.map((plan) => ({ plan, recipe, directory, target: temporary, offsets }));
    const total = jobs.reduce((sum, job) => sum + weightsOf(job), 0);
    let done = 0;
    options.onProgress(0, total);
    await quantizeAll(jobs, options.threadCount, (job) => {
      done += weightsOf(job);
      options.onProgress(done, total);
    });
    await output.sync();
    await rename(temporary, target);
  } finally {
    await output.close();
    await rm(temporary, { force: true });
  }
}
