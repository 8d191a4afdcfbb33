/**
 * Weights as a graph wants them: of one float type, each a byte range of a file. A checkpoint that holds nothing else
 * is used where it lies. Any other is converted once into a file of the cache directory, under a key made of the
 * files' identity and this recipe.
 */

import { createHash } from 'node:crypto';
import { type FileHandle, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { cachedFile } from './cached-file.ts';
import { COMPUTE_TYPE_BYTES, type ComputeType, convertFloats, STORED_AS } from './convert-floats.ts';
import { openToRead, readFully, readRange, writeFully } from './file-bytes.ts';
import { FileLayout, type WeightTensor } from './file-layout.ts';
import type { ElementType, StoredTensor, StoredTensors } from './safetensors.ts';

export type Weights = {
  readonly type: ComputeType;
  /** The folder that every tensor's `file` is relative to. */
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
};

/** Changes whenever the bytes that are written for the same checkpoint and type change. */
const RECIPE_VERSION = 1;
const FILE_SUFFIX: Readonly<Record<ComputeType, string>> = {
  float32: 'f32',
  float16: 'f16',
  bfloat16: 'bf16',
};
/** Where each tensor starts: a cache line, which suits vector loads. */
const ALIGNMENT_BYTES = 64;
/** Read and converted at a time: large enough for the disk, small beside any model. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Places at which weights are looked at to tell checkpoints apart: all over them, and soon read from any disk. */
const SAMPLES_MAX = 64;
const SAMPLE_BYTES = 4096;

/**
 * @throws StartupError when the cache directory cannot be written, or a weight is beyond the range of `type`.
 */
export async function weightsOf(
  type: ComputeType,
  directory: string,
  stored: StoredTensors,
  cacheDirectory: string,
): Promise<Weights> {
  const inPlace = await weightsInPlace(type, directory, stored);
  if (inPlace !== null) return inPlace;
  const recipe = `${type}-${RECIPE_VERSION}`;
  const file = `${await cacheKey(recipe, directory, stored)}.${FILE_SUFFIX[type]}`;
  const layout = new FileLayout(file, ALIGNMENT_BYTES);
  for (const [name, { shape }] of stored) layout.place(name, shape, COMPUTE_TYPE_BYTES[type]);
  const { tensors, byteLength } = layout;
  await cachedFile({ cacheDirectory, file, byteLength, content: 'converted weights' }, async (output) => {
    for (const [name, source] of stored) {
      await convertTensor(type, { name, source, directory }, output, tensors.get(name)!.offset);
    }
  });
  return { type, folder: cacheDirectory, tensors };
}

/**
 * The files themselves, when they hold nothing but the wanted type and lie in one folder. Links are followed here, because ONNX
 * Runtime follows none out of the folder that it is given, and Hugging Face's hub cache is made of such links.
 */
async function weightsInPlace(
  type: ComputeType,
  directory: string,
  stored: StoredTensors,
): Promise<Weights | null> {
  if ([...stored.values()].some((tensor) => tensor.elementType !== STORED_AS[type])) return null;
  const places = new Map<string, string>();
  for (const { file } of stored.values()) {
    if (!places.has(file)) places.set(file, await realpath(path.join(directory, file)));
  }
  const [folder, ...others] = new Set([...places.values()].map((place) => path.dirname(place)));
  if (folder === undefined || others.length > 0) return null;
  const tensors = new Map<string, WeightTensor>();
  for (const [name, tensor] of stored) {
    tensors.set(name, { ...tensor, file: path.basename(places.get(tensor.file)!) });
  }
  return { type, folder, tensors };
}

/**
 * A name for what `recipe` makes of these files; another file, size or time of change gives another name. So do other
 * weights: images and archives give files of one name, and of models that differ in training alone, the same size and time.
 */
export async function cacheKey(
  recipe: string,
  directory: string,
  stored: StoredTensors<ElementType>,
): Promise<string> {
  const hash = createHash('sha256').update(recipe);
  for (const file of new Set([...stored.values()].map((tensor) => tensor.file))) {
    const { size, mtimeMs } = await stat(path.join(directory, file));
    hash.update(JSON.stringify([path.resolve(directory, file), size, mtimeMs]));
  }
  hash.update(JSON.stringify([...stored]));
  const tensors = [...stored.values()];
  const step = Math.ceil(tensors.length / SAMPLES_MAX);
  for (let i = 0; i < tensors.length; i += step) hash.update(await sampleOf(directory, tensors[i]!));
  return hash.digest('hex').slice(0, 32);
}

/** Out of the middle of a tensor: what begins or ends it may be padding. */
async function sampleOf(
  directory: string,
  { file, offset, byteLength }: StoredTensor<ElementType>,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(SAMPLE_BYTES, byteLength));
  const middle = Math.floor((byteLength - bytes.length) / 2);
  await readRange(path.join(directory, file), bytes, offset + middle);
  return bytes;
}

export type TensorPlace = {
  readonly name: string;
  readonly source: StoredTensor;
  /** The checkpoint's folder. */
  readonly directory: string;
};

/**
 * Writes a tensor's values in `type`, a chunk at a time.
 * @returns bytes written
 * @throws StartupError for values beyond the range of `type`, and when the tensor's file has become shorter
 */
export async function convertTensor(
  type: ComputeType,
  { name, source, directory }: TensorPlace,
  output: Pick<FileHandle, 'write'>,
  offset: number,
): Promise<number> {
  const file = path.join(directory, source.file);
  const input = await openToRead(file);
  let overflowCount = 0;
  let written = 0;
  try {
    for (let done = 0; done < source.byteLength; ) {
      const bytes = new Uint8Array(Math.min(CHUNK_BYTES, source.byteLength - done));
      await readFully(input, { file, bytes, offset: source.offset + done });
      const converted = convertFloats(bytes, source.elementType, type);
      overflowCount += converted.overflowCount;
      await writeFully(output, converted.bytes, offset + written);
      written += converted.bytes.length;
      done += bytes.length;
    }
  } finally {
    await input.close();
  }
  if (overflowCount === 0) return written;
  throw new StartupError(
    `tensor "${name}" has ${overflowCount} values beyond the range of ${type}; use --dtype bfloat16 with --device cuda, or --device cpu`,
  );
}

/** Bytes from the start of the file, by name. */
export function offsetsOf(tensors: ReadonlyMap<string, WeightTensor>): ReadonlyMap<string, number> {
  return new Map([...tensors].map(([name, { offset }]) => [name, offset]));
}
