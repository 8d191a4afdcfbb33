import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { quantizedWeights } from '../../src/graph/quantized-weights.ts';
import { openSafetensors } from '../../src/graph/safetensors.ts';
import { cpuWeightBytes, cpuWeights } from '../../src/graph/weight-source.ts';
import { type ScratchCheckpoint, scratchCheckpoint } from '../support/checkpoint-files.ts';

let checkpoint: ScratchCheckpoint;
afterEach(() => checkpoint.remove());

async function preparedBytes(): Promise<number> {
  const [file] = await readdir(checkpoint.cacheDirectory);
  return (await stat(path.join(checkpoint.cacheDirectory, file!))).size;
}

const shapeOf = () => readDecoderShape(checkpoint.directory);
const QUIET = { integerType: 'uint8', threadCount: 1, onProgress: () => {} } as const;

describe('the bytes that weights take are told before they are prepared:', () => {
  it.each(['w8a8', 'int4'] as const)('in %s', async (recipe) => {
    checkpoint = await scratchCheckpoint('llama-untied-bf16');
    const { directory, cacheDirectory } = checkpoint;
    const stored = await openSafetensors(directory);
    await quantizedWeights(directory, await shapeOf(), { ...QUIET, recipe, stored, cacheDirectory });
    expect(await cpuWeightBytes(directory, await shapeOf(), recipe)).toBe(await preparedBytes());
  });

  it.each(['none', 'auto'] as const)('packed ones with --quantization %s', async (quantization) => {
    checkpoint = await scratchCheckpoint('llama-gptq-128');
    const { directory, cacheDirectory } = checkpoint;
    await cpuWeights(directory, await shapeOf(), cacheDirectory, { ...QUIET, quantization });
    expect(await cpuWeightBytes(directory, await shapeOf(), quantization)).toBe(await preparedBytes());
  });

  it('four of each where they are floats', async () => {
    checkpoint = await scratchCheckpoint('llama-untied-bf16');
    const stored = [...(await openSafetensors(checkpoint.directory)).values()];
    const bytes = stored.reduce((sum, { byteLength }) => sum + 2 * byteLength, 0);
    expect(await cpuWeightBytes(checkpoint.directory, await shapeOf(), 'none')).toBe(bytes);
  });
});
