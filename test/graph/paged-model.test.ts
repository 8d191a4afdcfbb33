/** What the paged form needs of disk and checkpoint before a device is asked; see test/engine/paged-oracle.test.ts for the rest. */

import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { buildPagedModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { pagedCacheBytes } from '../../src/graph/paged-attention.ts';
import { type ScratchCheckpoint, scratchCheckpoint } from '../support/checkpoint-files.ts';

let checkpoint: ScratchCheckpoint;

async function build(options: { blockSize?: number; type?: 'float16' | 'bfloat16' } = {}) {
  const { blockSize = 32, type = 'float16' } = options;
  const { directory, cacheDirectory } = checkpoint;
  const shape = await readDecoderShape(directory);
  const cache = { blockCount: 4, blockSize };
  const build = { cache, positionCount: 64, cacheDirectory, type, packedHeads: true };
  const model = await buildPagedModel(directory, shape, build);
  return { model, bytes: pagedCacheBytes(shape, cache, type) };
}

async function refusal(options: { blockSize?: number }): Promise<string> {
  const error = await build(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  return (error as Error).message;
}

beforeEach(async () => {
  checkpoint = await scratchCheckpoint('llama-untied-bf16');
});
afterEach(() => checkpoint.remove());

describe('a model of the paged form', () => {
  it('has one file of zeros for all its caches, sparse, which only grows', async () => {
    const zeros = path.join(checkpoint.cacheDirectory, 'zeros');
    const { bytes } = await build({ blockSize: 1024 });
    expect((await stat(zeros)).size).toBe(bytes);
    expect((await stat(zeros)).blocks).toBe(0);
    await build({ blockSize: 32 });
    expect((await stat(zeros)).size).toBe(bytes);
  });

  it.runIf(process.platform === 'linux')(
    'writes nothing where the file of zeros is long enough',
    async () => {
      const zeros = path.join(checkpoint.cacheDirectory, 'zeros');
      await mkdir(checkpoint.cacheDirectory);
      // Nobody may open a program that runs to write to it, root neither; on a read-only file system nobody may anything.
      await symlink(process.execPath, zeros);
      await build();
      expect(await readdir(checkpoint.cacheDirectory)).toContain('zeros');
    },
  );

  it('takes weights from where they lie when they are of its type', async () => {
    await build({ type: 'bfloat16' });
    expect(await readdir(checkpoint.cacheDirectory)).toEqual(['zeros']);
  });

  it('refuses blocks that the operator does not take', async () => {
    expect(await refusal({ blockSize: 16 })).toMatch(/--block-size 16 .* powers of two from 32/);
    expect(await refusal({ blockSize: 48 })).toMatch(/--block-size 48 .* powers of two from 32/);
  });

  it('refuses weights beyond the range of float16, by name, and leaves nothing behind', async () => {
    const file = path.join(checkpoint.directory, 'model.safetensors');
    const bytes = await readFile(file);
    const headerLength = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
    const [start] = header['model.norm.weight'].data_offsets;
    bytes.writeUInt16LE(0x4780, 8 + headerLength + start); // bfloat16 65,536
    await writeFile(file, bytes);
    expect(await refusal({})).toMatch(/"model\.norm\.weight" has 1 values beyond the range of float16.*cpu/);
    expect(await readdir(checkpoint.cacheDirectory)).toEqual([]);
  });

  it('has the norms of heads where the operator of CUDA looks for them', async () => {
    await checkpoint.remove();
    checkpoint = await scratchCheckpoint('qwen3');
    const { model } = await build({ type: 'bfloat16' });
    // A CPU has no kernels of this type, and is asked for them when every node is right by its definition.
    const opened = ort.InferenceSession.create(model.graph, {
      executionProviders: ['cpu'],
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: model.weightsFolder } },
    });
    await expect(opened).rejects.toThrow('Could not find an implementation');
  });
});
