/** Runners of the paged form on WebGPU, in float16. */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildPagedModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { windowsInUse } from '../../src/graph/decoder-shape.ts';
import { takesPackedHeads } from '../../src/graph/paged-attention.ts';

export type PagedRunnerOptions = {
  readonly blockCount: number;
  readonly modelLengthMax: number;
  /** By default as the engine decides. */
  readonly packedHeads?: boolean;
  readonly profilePrefix?: string;
};

const BLOCK_SIZE = 32;

/** Compiling shaders on the software driver takes most of a first run: 10 s for the largest, on an idle core. */
export const SHADER_TIMEOUT_MS = 240_000;

/** Larger than most steps of tests; what it leaves behind in the null block must not matter to any. */
const LARGEST_STEP = { tokenCount: 70, logitsRowCount: 12, choosingCount: 5 };

/** @throws Error when a node falls back to the CPU. */
export async function openPagedRunner(
  directory: string,
  options: PagedRunnerOptions = { blockCount: 33, modelLengthMax: 128 },
): Promise<OnnxModelRunner> {
  const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-paged-'));
  try {
    const { blockCount, modelLengthMax } = options;
    const shape = await readDecoderShape(directory);
    const { vocabularySize } = shape;
    const limits = { blockCount, blockSize: BLOCK_SIZE, modelLengthMax, vocabularySize };
    // What the engine's own check finds on the software driver; see paged-windows.test.ts.
    const tokensApart = windowsInUse(shape, modelLengthMax).some((window) => window !== null);
    const packedHeads = options.packedHeads ?? (!tokensApart && takesPackedHeads(shape, 'webgpu'));
    const build = {
      cache: limits,
      positionCount: modelLengthMax,
      cacheDirectory,
      type: 'float16',
      packedHeads,
    } as const;
    const model = await buildPagedModel(directory, shape, build);
    const placement = { device: 'webgpu', tokensApart } as const;
    const runner = await OnnxModelRunner.create({
      ...model,
      shape,
      limits,
      threadCount: 1,
      placement,
      largestStep: LARGEST_STEP,
      profilePrefix: options.profilePrefix ?? null,
    });
    if (runner.fallbacks.length > 0) throw new Error(`not on the device: ${runner.fallbacks}`);
    return runner;
  } finally {
    // All of it is on the device by now.
    await rm(cacheDirectory, { recursive: true });
  }
}
