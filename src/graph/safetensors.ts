/**
 * Finds the tensors of a checkpoint directory: those of `model.safetensors`, or where there is none of the shards
 * that `model.safetensors.index.json` names. Reads headers only; the data stay where they are.
 * Format: 8 bytes length (little-endian), that many bytes of JSON, then the data.
 */

import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StartupError } from '../base/errors.ts';
import { readFully } from './file-bytes.ts';
import { refuseLfsPointer } from './lfs-pointer.ts';

/** Bytes of one element by the names that safetensors gives to types. */
export const ELEMENT_BYTES = { F32: 4, F16: 2, BF16: 2, I32: 4 } as const;
export type ElementType = keyof typeof ELEMENT_BYTES;
export type FloatType = Exclude<ElementType, 'I32'>;

const FLOAT_TYPES: readonly ElementType[] = ['F32', 'F16', 'BF16'];

export type StoredTensor<Type extends ElementType = FloatType> = {
  /** File name, relative to the folder that holds it. */
  readonly file: string;
  readonly elementType: Type;
  readonly shape: readonly number[];
  /** From the start of the file, in bytes. */
  readonly offset: number;
  readonly byteLength: number;
};

export type StoredTensors<Type extends ElementType = FloatType> = ReadonlyMap<string, StoredTensor<Type>>;

/** A checkpoint whose matrices are packed: words of several weights each, and what is stored in floating point. */
export type PackedTensors = { readonly floats: StoredTensors; readonly words: StoredTensors<'I32'> };

const ONE_FILE = 'model.safetensors';
/** The bound that the reference implementation sets; a header of a large model has some 100 KB. */
const HEADER_BYTES_MAX = 100_000_000;
const LENGTH_BYTES = 8;
/** As its makers define it. */
const LFS_POINTER_BYTES_MAX = 1024;

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative()),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});
/** Texts about the file may stand among the tensors. */
const headerSchema = z
  .record(z.string(), z.unknown())
  .transform(({ __metadata__: _, ...entries }) => entries)
  .pipe(z.record(z.string(), entrySchema));
const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** @throws StartupError when a file is missing, cut short or not what it says, or holds anything but floats. */
export async function openSafetensors(directory: string): Promise<StoredTensors> {
  return (await openAll(directory, FLOAT_TYPES)) as StoredTensors;
}

/** @throws StartupError when a file is missing, cut short or not what it says. */
export async function openPackedSafetensors(directory: string): Promise<PackedTensors> {
  const all = [...(await openAll(directory, [...FLOAT_TYPES, 'I32']))];
  const areWords = (tensor: StoredTensor<ElementType>): boolean => tensor.elementType === 'I32';
  return {
    floats: new Map(all.filter(([, tensor]) => !areWords(tensor))) as StoredTensors,
    words: new Map(all.filter(([, tensor]) => areWords(tensor))) as StoredTensors<'I32'>,
  };
}

/** The tensor that `config.json` asks for. @throws StartupError when there is none, or one of another shape. */
export function findTensor<Tensor extends { readonly shape: readonly number[] }>(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  dims: readonly number[],
): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new StartupError(`the checkpoint has no tensor "${name}"`);
  if (tensor.shape.join() !== dims.join()) {
    throw new StartupError(
      `tensor "${name}" has shape [${tensor.shape}] where config.json asks for [${dims}]`,
    );
  }
  return tensor;
}

async function openAll(
  directory: string,
  types: readonly ElementType[],
): Promise<StoredTensors<ElementType>> {
  const tensors = new Map<string, StoredTensor<ElementType>>();
  for (const file of await weightFiles(directory)) {
    for (const [name, tensor] of await readHeader(directory, file, types)) tensors.set(name, tensor);
  }
  return tensors;
}

/** Who puts shards together may leave their index behind: the one file goes first, as it does in transformers. */
async function weightFiles(directory: string): Promise<readonly string[]> {
  const hasOneFile = await stat(path.join(directory, ONE_FILE)).then(
    (found) => found.isFile(),
    () => false,
  );
  if (hasOneFile) return [ONE_FILE];
  const indexPath = path.join(directory, `${ONE_FILE}.index.json`);
  const index = await readFile(indexPath, 'utf8').catch(() => null);
  if (index === null) {
    throw new StartupError(
      `${directory}: holds neither ${ONE_FILE} nor ${ONE_FILE}.index.json; weights in other files (.bin, .gguf) are not read`,
    );
  }
  const parsed = indexSchema.safeParse(parseJson(index, indexPath));
  if (!parsed.success) throw new StartupError(`${indexPath}: has no "weight_map" of tensor names to files`);
  return [...new Set(Object.values(parsed.data.weight_map))].sort();
}

async function readHeader(
  directory: string,
  file: string,
  types: readonly ElementType[],
): Promise<StoredTensors<ElementType>> {
  const fullPath = path.join(directory, file);
  const handle = await open(fullPath).catch((cause) => {
    throw new StartupError(`${fullPath}: cannot be opened (${cause.code})`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const headerBytes = await readHeaderBytes(handle, fullPath, size);
    const parsed = headerSchema.safeParse(parseJson(headerBytes.toString('utf8'), fullPath));
    if (!parsed.success) throw new StartupError(`${fullPath}: is not a safetensors file (bad header)`);
    const dataStart = LENGTH_BYTES + headerBytes.length;
    return new Map(
      Object.entries(parsed.data).map(([name, entry]) => {
        checkType(`${fullPath}: tensor "${name}"`, name, entry.dtype, types);
        const tensor = storedTensor(`${fullPath}: tensor "${name}"`, file, entry, dataStart);
        const end = tensor.offset + tensor.byteLength;
        if (end > size) {
          throw new StartupError(
            `${fullPath}: is cut short: tensor "${name}" ends at byte ${end}, the file has ${size}; fetch it again`,
          );
        }
        return [name, tensor];
      }),
    );
  } finally {
    await handle.close();
  }
}

async function readHeaderBytes(handle: FileHandle, fullPath: string, size: number): Promise<Buffer> {
  const lengthBytes = Buffer.alloc(LENGTH_BYTES);
  if (size >= LENGTH_BYTES) await readFully(handle, { file: fullPath, bytes: lengthBytes, offset: 0 });
  const headerLength = Number(lengthBytes.readBigUInt64LE());
  if (size < LENGTH_BYTES || headerLength > HEADER_BYTES_MAX) {
    const beginning = Buffer.alloc(Math.min(size, LFS_POINTER_BYTES_MAX));
    await readFully(handle, { file: fullPath, bytes: beginning, offset: 0 });
    refuseLfsPointer(fullPath, beginning.toString());
    throw new StartupError(`${fullPath}: is not a safetensors file (header of ${headerLength} bytes)`);
  }
  if (LENGTH_BYTES + headerLength > size) {
    throw new StartupError(`${fullPath}: is cut short inside its header; fetch it again`);
  }
  const header = Buffer.alloc(headerLength);
  await readFully(handle, { file: fullPath, bytes: header, offset: LENGTH_BYTES });
  return header;
}

function checkType(what: string, name: string, type: string, supported: readonly ElementType[]): void {
  if (supported.some((each) => each === type)) return;
  const isPacked = /\.(qweight|qzeros|g_idx)$/.test(name);
  throw new StartupError(
    isPacked
      ? `${what} holds packed weights, which "quantization_config" in config.json has to describe`
      : `${what} has type ${type}; supported are ${supported.join(', ')}`,
  );
}

function storedTensor(
  what: string,
  file: string,
  entry: z.infer<typeof entrySchema>,
  dataStart: number,
): StoredTensor<ElementType> {
  const elementType = entry.dtype as ElementType;
  const bytes = ELEMENT_BYTES[elementType];
  const [start, end] = entry.data_offsets;
  const expected = entry.shape.reduce((product, size) => product * size, bytes);
  if (end - start !== expected) {
    throw new StartupError(
      `${what} has ${end - start} bytes where its shape [${entry.shape}] needs ${expected}`,
    );
  }
  return { file, elementType, shape: entry.shape, offset: dataStart + start, byteLength: expected };
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StartupError(`${what}: holds broken JSON`, { cause });
  }
}
