import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import type { WeightRecipe } from '../../src/graph/quantize-rows.ts';
import { EMBEDDING, type IntegerType, matrixName, matrixPart } from '../../src/graph/quantized-layout.ts';
import { quantizedWeights } from '../../src/graph/quantized-weights.ts';
import { openSafetensors } from '../../src/graph/safetensors.ts';
import type { Weights } from '../../src/graph/weight-cache.ts';

const FIXTURE = path.join(import.meta.dirname, '../fixtures/checkpoints/llama-untied-bf16');

let directory: string;
let cacheDirectory: string;

beforeEach(async () => {
  const temporary = await mkdtemp(path.join(os.tmpdir(), 'octavo-quantized-'));
  directory = path.join(temporary, 'checkpoint');
  cacheDirectory = path.join(temporary, 'cache');
  await cp(FIXTURE, directory, { recursive: true });
});
afterEach(() => rm(path.dirname(directory), { recursive: true }));

/** @returns how often progress was told, and the weights. */
async function make(recipe: WeightRecipe = 'int4', integerType: IntegerType = 'int8') {
  const told: [number, number][] = [];
  const weights = await quantizedWeights(directory, await readDecoderShape(directory), {
    recipe,
    integerType,
    stored: await openSafetensors(directory),
    cacheDirectory,
    threadCount: 1,
    onProgress: (done, total) => told.push([done, total]),
  });
  return { told, weights };
}

async function bytesOf({ tensors }: Weights, name: string): Promise<ArrayBuffer> {
  const { file, offset, byteLength } = tensors.get(name)!;
  const bytes = await readFile(path.join(cacheDirectory, file));
  return Uint8Array.from(bytes.subarray(offset, offset + byteLength)).buffer;
}

describe('quantised weights', () => {
  it('are made once, and found again', async () => {
    const first = await make();
    const second = await make();
    expect(first.told.length).toBeGreaterThan(2);
    expect(second.told).toEqual([]);
    expect(second.weights).toEqual(first.weights);
  });

  it('tell how far they are, up to the end', async () => {
    const { told } = await make();
    const [, total] = told[0]!;
    expect(told.at(-1)).toEqual([total, total]);
    expect(told.map(([done]) => done)).toEqual(told.map(([done]) => done).toSorted((a, b) => a - b));
  });

  it('hold the same integers unsigned, each 128 more, but for the embedding', async () => {
    const [signed, unsigned] = [(await make('int4', 'int8')).weights, (await make('int4', 'uint8')).weights];
    const names = [matrixPart.integers(matrixName.down(1)), matrixPart.integers(matrixName.head(0))];
    for (const name of names) {
      const integers = new Int8Array(await bytesOf(signed, name));
      const expected = Uint8Array.from(integers, (integer) => integer + 128);
      expect(new Uint8Array(await bytesOf(unsigned, name))).toEqual(expected);
    }
    expect(await bytesOf(unsigned, EMBEDDING.integers)).toEqual(await bytesOf(signed, EMBEDDING.integers));
    expect(await readdir(cacheDirectory)).toHaveLength(2);
  });

  it('are made anew for a checkpoint that has changed', async () => {
    await make();
    await utimes(path.join(directory, 'model.safetensors'), 1000, 1000);
    expect((await make()).told).not.toEqual([]);
    expect(await readdir(cacheDirectory)).toHaveLength(2);
  });

  it('are made anew where other weights have the name, size and time of those before', async () => {
    const file = path.join(directory, 'model.safetensors');
    await utimes(file, 1000, 1000);
    await make();
    const bytes = await readFile(file);
    const { offset, byteLength } = (await openSafetensors(directory)).get(
      'model.layers.1.mlp.up_proj.weight',
    )!;
    // The same weights in another order: reversed, with the bytes of each put right again.
    (bytes.subarray(offset, offset + byteLength).reverse() as Buffer).swap16();
    await writeFile(file, bytes);
    await utimes(file, 1000, 1000);
    expect((await stat(file)).mtimeMs).toBe(1_000_000);
    expect((await make()).told).not.toEqual([]);
  });

  it('are made anew where config.json comes to tie the output projection to the embedding', async () => {
    await make();
    const file = path.join(directory, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...config, tie_word_embeddings: true }));
    expect((await make()).told).not.toEqual([]);
  });

  it('of two recipes are two files', async () => {
    await make('int4');
    await make('w8a8');
    expect((await readdir(cacheDirectory)).map((file) => path.extname(file)).sort()).toEqual([
      '.int4',
      '.w8a8',
    ]);
  });

  it('are made anew where the file is not whole, to the same bytes', async () => {
    await make();
    const [file] = await readdir(cacheDirectory);
    const target = path.join(cacheDirectory, file!);
    const whole = await readFile(target);
    await truncate(target, 1000);
    await make();
    expect((await readFile(target)).equals(whole)).toBe(true);
  });

  /** Overwrites a bfloat16 in the middle of a tensor. */
  async function spoil(name: string, bits: number): Promise<void> {
    const file = path.join(directory, 'model.safetensors');
    const bytes = await readFile(file);
    const { offset, byteLength } = (await openSafetensors(directory)).get(name)!;
    bytes.writeUInt16LE(bits, offset + 2 * Math.floor(byteLength / 4));
    await writeFile(file, bytes);
  }

  it.each([
    ['NaN', 0x7fc0],
    ['infinite', 0xff80],
  ])('are refused for a weight that is %s, which would have become some number', async (_, bits) => {
    await spoil('model.layers.1.mlp.down_proj.weight', bits);
    for (const recipe of ['w8a8', 'int4'] as const)
      await expect(make(recipe)).rejects.toThrow(
        /model\.safetensors: .*layers\.1\.down.*--quantization none/,
      );
    expect(await readdir(cacheDirectory)).toEqual([]);
  });

  it('may have such a weight in the embedding of a token, which may be none that is used', async () => {
    await spoil('model.embed_tokens.weight', 0x7fc0);
    expect((await make('w8a8')).told).not.toEqual([]);
  });

  it.each([
    ['an embedding that is the output projection too', 'qwen2-tied-old', 'model.embed_tokens.weight'],
    ['an output projection', 'llama-untied-bf16', 'lm_head.weight'],
  ])('may have such a weight in the row of a token in %s', async (_, name, tensor) => {
    await rm(directory, { recursive: true });
    await cp(path.join(FIXTURE, '..', name), directory, { recursive: true });
    await spoil(tensor, 0x7fc0);
    for (const recipe of ['w8a8', 'int4'] as const) expect((await make(recipe)).told).not.toEqual([]);
  });

  it('leave nothing behind when they cannot be made', async () => {
    const stored = await openSafetensors(directory);
    await rm(path.join(directory, 'model.safetensors'));
    const options = {
      recipe: 'w8a8',
      integerType: 'int8',
      stored,
      cacheDirectory,
      threadCount: 1,
      onProgress: () => {},
    } as const;
    const shape = await readDecoderShape(directory);
    await expect(quantizedWeights(directory, shape, options)).rejects.toThrow(/model\.safetensors/);
    expect(await readdir(cacheDirectory).catch(() => [])).toEqual([]);
  });
});
