/**
 * Weights as a graph wants them: of one float type, each a byte range of a file. A checkpoint that holds nothing else
 * is used where it lies. Any other is converted once into a file of the cache directory, under a key made of the
 * files' identity and this recipe; the file is written under another name and renamed when it is whole, so that an
 * interrupted run leaves nothing that looks finished.
 */

import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { COMPUTE_TYPE_BYTES, type ComputeType, convertFloats, STORED_AS } from './convert-floats.ts';
import type { StoredTensor, StoredTensors } from './safetensors.ts';

export type WeightTensor = {
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
};

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
  const { tensors, byteLength } = layOut(type, stored, file);
  const target = path.join(cacheDirectory, file);
  const present = await stat(target).catch(() => null);
  if (present?.size !== byteLength) {
    try {
      await writeConverted(type, directory, stored, tensors, target);
    } catch (cause) {
      if (cause instanceof StartupError) throw cause;
      throw new StartupError(
        `the converted weights (${byteLength} bytes) cannot be written to ${cacheDirectory}: ${(cause as Error).message}; choose another place with --cache-dir`,
        { cause },
      );
    }
  }
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

/** A name for what `recipe` makes of these files; another file, size or time of change gives another name. */
export async function cacheKey(recipe: string, directory: string, stored: StoredTensors): Promise<string> {
  const hash = createHash('sha256').update(recipe);
  for (const file of new Set([...stored.values()].map((tensor) => tensor.file))) {
    const { size, mtimeMs } = await stat(path.join(directory, file));
    hash.update(JSON.stringify([path.resolve(directory, file), size, mtimeMs]));
  }
  return hash
    .update(JSON.stringify([...stored]))
    .digest('hex')
    .slice(0, 32);
}

function layOut(type: ComputeType, stored: StoredTensors, file: string) {
  const tensors = new Map<string, WeightTensor>();
  let end = 0;
  for (const [name, { shape }] of stored) {
    const offset = Math.ceil(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    const byteLength = shape.reduce((product, size) => product * size, COMPUTE_TYPE_BYTES[type]);
    tensors.set(name, { shape, file, offset, byteLength });
    end = offset + byteLength;
  }
  return { tensors, byteLength: end };
}

async function writeConverted(
  type: ComputeType,
  directory: string,
  stored: StoredTensors,
  tensors: ReadonlyMap<string, WeightTensor>,
  target: string,
): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.partial`;
  const output = await open(temporary, 'w');
  const inputs = new Map<string, FileHandle>();
  try {
    for (const [name, source] of stored) {
      const input = inputs.get(source.file) ?? (await open(path.join(directory, source.file)));
      inputs.set(source.file, input);
      const overflowCount = await convertTensor(type, input, source, output, tensors.get(name)!.offset);
      if (overflowCount > 0) {
        throw new StartupError(
          `tensor "${name}" has ${overflowCount} values beyond the range of ${type}; use --dtype bfloat16 with --device cuda, or --device cpu`,
        );
      }
    }
    await output.sync();
    await rename(temporary, target);
  } finally {
    await output.close();
    for (const input of inputs.values()) await input.close();
    await rm(temporary, { force: true });
  }
}

/** @returns how many finite values became infinite. */
async function convertTensor(
  type: ComputeType,
  input: FileHandle,
  source: StoredTensor,
  output: FileHandle,
  offset: number,
): Promise<number> {
  let overflowCount = 0;
  for (let done = 0, written = 0; done < source.byteLength; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, source.byteLength - done));
    await input.read(chunk, 0, chunk.length, source.offset + done);
    const converted = convertFloats(chunk, source.elementType, type);
    overflowCount += converted.overflowCount;
    await output.write(converted.bytes, 0, converted.bytes.length, offset + written);
    written += converted.bytes.length;
    done += chunk.length;
  }
  return overflowCount;
}
