/**
 * Weights as the CPU graph wants them: float32, each a byte range of a file. A float32 checkpoint is used where it
 * lies. One with 16-bit tensors is widened once into a file of the cache directory, under a key made of the files'
 * identity and this recipe; the file is written under another name and renamed when it is whole, so that an
 * interrupted run leaves nothing that looks finished.
 */

import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { widenBfloat16, widenFloat16 } from './half-floats.ts';
import type { StoredTensor, StoredTensors } from './safetensors.ts';

export type WeightTensor = {
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
};

export type Weights = {
  /** The folder that every tensor's `file` is relative to. */
  readonly folder: string;
  readonly tensors: ReadonlyMap<string, WeightTensor>;
};

/** Changes whenever the bytes that are written for the same checkpoint change. */
const RECIPE = 'float32-1';
/** Where each tensor starts: a cache line, which suits vector loads. */
const ALIGNMENT_BYTES = 64;
/** Read and widened at a time: large enough for the disk, small beside any model. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** @throws StartupError when the cache directory cannot be written. */
export async function float32Weights(
  directory: string,
  stored: StoredTensors,
  cacheDirectory: string,
): Promise<Weights> {
  const inPlace = await float32InPlace(directory, stored);
  if (inPlace !== null) return inPlace;
  const file = `${await cacheKey(RECIPE, directory, stored)}.f32`;
  const { tensors, byteLength } = layOut(stored, file);
  const target = path.join(cacheDirectory, file);
  const present = await stat(target).catch(() => null);
  if (present?.size !== byteLength) {
    try {
      await writeWidened(directory, stored, tensors, target);
    } catch (cause) {
      throw new StartupError(
        `the converted weights (${byteLength} bytes) cannot be written to ${cacheDirectory}: ${(cause as Error).message}; choose another place with --cache-dir`,
        { cause },
      );
    }
  }
  return { folder: cacheDirectory, tensors };
}

/**
 * The files themselves, when they hold nothing but float32 and lie in one folder. Links are followed here, because ONNX
 * Runtime follows none out of the folder that it is given, and Hugging Face's hub cache is made of such links.
 */
async function float32InPlace(directory: string, stored: StoredTensors): Promise<Weights | null> {
  if ([...stored.values()].some((tensor) => tensor.elementType !== 'F32')) return null;
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
  return { folder, tensors };
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

function layOut(stored: StoredTensors, file: string) {
  const tensors = new Map<string, WeightTensor>();
  let end = 0;
  for (const [name, { shape }] of stored) {
    const offset = Math.ceil(end / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    const byteLength = shape.reduce((product, size) => product * size, 4);
    tensors.set(name, { shape, file, offset, byteLength });
    end = offset + byteLength;
  }
  return { tensors, byteLength: end };
}

async function writeWidened(
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
      await widenTensor(input, source, output, tensors.get(name)!.offset);
    }
    await output.sync();
    await rename(temporary, target);
  } finally {
    await output.close();
    for (const input of inputs.values()) await input.close();
    await rm(temporary, { force: true });
  }
}

async function widenTensor(
  input: FileHandle,
  source: StoredTensor,
  output: FileHandle,
  offset: number,
): Promise<void> {
  const widening = source.elementType === 'F32' ? 1 : 2;
  for (let done = 0; done < source.byteLength; ) {
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, source.byteLength - done));
    await input.read(chunk, 0, chunk.length, source.offset + done);
    const wide = widen(chunk, source.elementType);
    await output.write(wide, 0, wide.length, offset + done * widening);
    done += chunk.length;
  }
}

function widen(bytes: Uint8Array<ArrayBuffer>, elementType: StoredTensor['elementType']): Uint8Array {
  if (elementType === 'F32') return bytes;
  const narrow = new Uint16Array(bytes.buffer);
  const wide = new Uint32Array(narrow.length);
  (elementType === 'BF16' ? widenBfloat16 : widenFloat16)(narrow, wide);
  return new Uint8Array(wide.buffer);
}
