import { createHash } from 'node:crypto';
import { readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { widenFloat16 } from '../../src/graph/half-floats.ts';
import { blockCount, blockSize, matricesOf, packedPart } from '../../src/graph/packed-layout.ts';
import { type PackedWeights, packedWeights, type RepackOptions } from '../../src/graph/packed-weights.ts';
import { openPackedSafetensors, openSafetensors } from '../../src/graph/safetensors.ts';
import { type ScratchCheckpoint, scratchCheckpoint } from '../support/checkpoint-files.ts';
import { PACKED_ORACLE_NAMES, readOracle } from '../support/oracle.ts';

const NAME = 'qwen2-gptq-32-act-order';

let checkpoint: ScratchCheckpoint;

async function repack(
  options: Partial<RepackOptions> = {},
  { directory, cacheDirectory } = checkpoint,
): Promise<PackedWeights & { readonly told: readonly number[] }> {
  const told: number[] = [];
  const shape = await readDecoderShape(directory);
  const made = await packedWeights(directory, shape, {
    packing: shape.weightPacking!,
    stored: await openPackedSafetensors(directory),
    type: 'float32',
    integerVocabulary: null,
    cacheDirectory,
    threadCount: 1,
    onProgress: (done) => told.push(done),
    ...options,
  });
  return { ...made, told };
}

async function refusal(): Promise<string> {
  const error = await repack().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  return (error as Error).message;
}

/** Weights [outputs x inputs] of each module, as MatMulNBits is documented to read the file's parts. */
async function dequantised({ weights, layout }: PackedWeights): Promise<ReadonlyMap<string, Float32Array>> {
  const shape = await readDecoderShape(checkpoint.directory);
  const packing = shape.weightPacking!;
  const size = blockSize(packing);
  const part = async (name: string): Promise<Buffer> => {
    const { file, offset, byteLength } = weights.tensors.get(name)!;
    return (await readFile(path.join(weights.folder, file))).subarray(offset, offset + byteLength);
  };
  const nibble = (bytes: Uint8Array, index: number): number => (bytes[index >> 1]! >> (4 * (index & 1))) & 15;
  const modules = new Map<string, Float32Array>();
  for (const { name, columns, order, sources } of matricesOf(layout)) {
    const blocks = blockCount(packing, columns);
    const levels = await part(packedPart.levels(name));
    const scales = floats(await part(packedPart.scales(name)), weights.type);
    const zeroPoints = await part(packedPart.zeroPoints(name));
    let output = 0;
    for (const source of sources) {
      const values = new Float32Array(source.rows * columns);
      for (let row = 0; row < source.rows; row++, output++) {
        for (let column = 0; column < columns; column++) {
          const block = Math.floor(column / size);
          const level = nibble(levels, output * blocks * size + column);
          const zeroPoint = nibble(zeroPoints, output * 2 * Math.ceil(blocks / 2) + block);
          const input = order === null ? column : order[column]!;
          values[row * columns + input] = (level - zeroPoint) * scales[output * blocks + block]!;
        }
      }
      modules.set(source.name, values);
    }
  }
  return modules;
}

function floats(bytes: Buffer, type: string): Float32Array {
  const { buffer } = Uint8Array.from(bytes);
  if (type === 'float32') return new Float32Array(buffer);
  const wide = new Uint32Array(bytes.length / 2);
  widenFloat16(new Uint16Array(buffer), wide);
  return new Float32Array(wide.buffer);
}

function sha256(values: Float32Array): string {
  return createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
}

/** Overwrites an int32 of a tensor. */
async function editWord(name: string, index: number, value: number): Promise<void> {
  const file = path.join(checkpoint.directory, 'model.safetensors');
  const { offset } = (await openPackedSafetensors(checkpoint.directory)).words.get(name)!;
  const bytes = await readFile(file);
  bytes.writeInt32LE(value, offset + 4 * index);
  await writeFile(file, bytes);
}

describe.each(PACKED_ORACLE_NAMES)('repacked, %s', (name) => {
  it.each(['float32', 'float16'] as const)(
    "means bit for bit the weights that the packer's library reads, with scales in %s",
    async (type) => {
      checkpoint = await scratchCheckpoint(name);
      const modules = await dequantised(await repack({ type }));
      const digests = Object.fromEntries([...modules].map(([module, values]) => [module, sha256(values)]));
      expect(digests).toEqual(readOracle(name).dequantisedSha256);
      await checkpoint.remove();
    },
  );
});

describe('repacked weights', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint(NAME);
  });
  afterEach(() => checkpoint.remove());

  it('are made once, and found again', async () => {
    const first = await repack();
    const second = await repack();
    expect(first.told.length).toBeGreaterThan(2);
    expect(second.told).toEqual([]);
    expect(second.weights).toEqual(first.weights);
  });

  it('are made anew for another form, and for a checkpoint that has changed', async () => {
    await repack();
    await repack({ type: 'float16' });
    await repack({ integerVocabulary: 'int8' });
    await utimes(path.join(checkpoint.directory, 'model.safetensors'), 1000, 1000);
    await repack();
    expect(await readdir(checkpoint.cacheDirectory)).toHaveLength(4);
  });

  it('are made anew where config.json comes to tie the output projection to the embedding', async () => {
    const untied = await scratchCheckpoint('llama-gptq-128');
    await repack({ integerVocabulary: 'int8' }, untied);
    await untied.editConfig({ tie_word_embeddings: true });
    expect((await repack({ integerVocabulary: 'int8' }, untied)).told).not.toEqual([]);
    await untied.remove();
  });

  it('are made anew where the file is not whole, to the same bytes', async () => {
    await repack();
    const [file] = await readdir(checkpoint.cacheDirectory);
    const target = path.join(checkpoint.cacheDirectory, file!);
    const whole = await readFile(target);
    await truncate(target, 1000);
    await repack();
    expect((await readFile(target)).equals(whole)).toBe(true);
  });

  it('have query, key and value in one matrix where their inputs lie in one order', async () => {
    const { layout } = await repack();
    expect(layout.layers[0]!.queryKeyValue).toHaveLength(1);
    const own = await scratchCheckpoint('llama-gptq-v2-64-own-orders');
    expect((await repack({}, own)).layout.layers[0]!.queryKeyValue).toHaveLength(3);
    await own.remove();
  });

  it('leave nothing behind when they cannot be made', async () => {
    const stored = await openPackedSafetensors(checkpoint.directory);
    const packing = (await readDecoderShape(checkpoint.directory)).weightPacking!;
    await rm(path.join(checkpoint.directory, 'model.safetensors'));
    await expect(repack({ stored, packing })).rejects.toThrow(/model\.safetensors/);
    expect(await readdir(checkpoint.cacheDirectory).catch(() => [])).toEqual([]);
  });
});

describe('a packed checkpoint that cannot be served is refused in one line:', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint(NAME);
  });
  afterEach(() => checkpoint.remove());

  it('a zero point that version 1 of the form gives no meaning', async () => {
    await editWord('model.layers.1.mlp.up_proj.qzeros', 3, 0x70777777 | 0xf);
    expect(await refusal()).toMatch(/"model\.layers\.1\.mlp\.up_proj" has a zero point .* 15.*gptq_v2/);
    expect(await readdir(checkpoint.cacheDirectory)).toEqual([]);
  });

  it('groups that are not as large as config.json says', async () => {
    await editWord('model.layers.0.mlp.down_proj.g_idx', 7, 99);
    expect(await refusal()).toMatch(/"model\.layers\.0\.mlp\.down_proj\.g_idx" puts .* group_size is 32/);
  });

  it('matrices of other bits or groups than config.json says', async () => {
    const config = { quant_method: 'gptq', bits: 4, group_size: 64, desc_act: false };
    await checkpoint.editConfig({ quantization_config: config });
    expect(await refusal()).toMatch(/g_idx" puts 32 inputs into group 0, .* group_size is 64/);
    await checkpoint.editConfig({ quantization_config: { quant_method: 'awq', bits: 4, group_size: 32 } });
    expect(await refusal()).toMatch(/qweight" has shape \[16,128\] where .* asks for \[128,16\]/);
  });

  it('a packed matrix that is a scalar, by its own name', async () => {
    const stored = await openPackedSafetensors(checkpoint.directory);
    const name = 'model.layers.0.mlp.down_proj.qweight';
    const words = new Map(stored.words).set(name, { ...stored.words.get(name)!, shape: [] });
    const error = await repack({ stored: { ...stored, words } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toMatch(
      /down_proj\.qweight" has shape \[\] where .* asks for \[\d+,\d+\]/,
    );
  });

  it('packed matrices that config.json does not describe', async () => {
    await checkpoint.editConfig({ quantization_config: undefined });
    const shape = await readDecoderShape(checkpoint.directory);
    expect(shape.weightPacking).toBeNull();
    await expect(openSafetensors(checkpoint.directory)).rejects.toThrow(
      /" holds packed weights, which "quantization_config" in config\.json has to describe/,
    );
  });
});
