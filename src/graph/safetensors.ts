/**
 * Finds the tensors of a checkpoint directory: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` names. Reads headers only; the data stay where they are.
 * Format: 8 bytes length (little-endian), that many bytes of JSON, then the data.
 */

import { type FileHandle, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { StartupError } from '../base/errors.ts';

/** Bytes of one element by the names that safetensors gives to types. */
export const ELEMENT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
export type ElementType = keyof typeof ELEMENT_BYTES;

export type StoredTensor = {
  /** File name, relative to the folder that holds it. */
  readonly file: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** From the start of the file, in bytes. */
  readonly offset: number;
  readonly byteLength: number;
};

export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** The bound that the reference implementation sets; a header of a large model has some 100 KB. */
const HEADER_BYTES_MAX = 100_000_000;
const LENGTH_BYTES = 8;

const headerSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.number().int().nonnegative()),
    data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
  }),
);
const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** @throws StartupError when a file is missing, cut short or not what it says. */
export async function openSafetensors(directory: string): Promise<StoredTensors> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of await weightFiles(directory)) {
    for (const [name, tensor] of await readHeader(directory, file)) tensors.set(name, tensor);
  }
  return tensors;
}

async function weightFiles(directory: string): Promise<readonly string[]> {
  const indexPath = path.join(directory, 'model.safetensors.index.json');
  const index = await readFile(indexPath, 'utf8').catch(() => null);
  if (index === null) return ['model.safetensors'];
  const parsed = indexSchema.safeParse(parseJson(index, indexPath));
  if (!parsed.success) throw new StartupError(`${indexPath}: has no "weight_map" of tensor names to files`);
  return [...new Set(Object.values(parsed.data.weight_map))].sort();
}

async function readHeader(directory: string, file: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const fullPath = path.join(directory, file);
  const handle = await open(fullPath).catch((cause) => {
    throw new StartupError(`${fullPath}: cannot be opened (${cause.code})`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const headerBytes = await readHeaderBytes(handle, fullPath, size);
    const json = parseJson(headerBytes.toString('utf8'), fullPath) as Record<string, unknown>;
    const { __metadata__: _, ...entries } = json;
    const parsed = headerSchema.safeParse(entries);
    if (!parsed.success) throw new StartupError(`${fullPath}: is not a safetensors file (bad header)`);
    const dataStart = LENGTH_BYTES + headerBytes.length;
    return new Map(
      Object.entries(parsed.data).map(([name, entry]) => {
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
  await handle.read(lengthBytes, 0, LENGTH_BYTES, 0);
  const headerLength = Number(lengthBytes.readBigUInt64LE());
  if (size < LENGTH_BYTES || headerLength > HEADER_BYTES_MAX) {
    throw new StartupError(`${fullPath}: is not a safetensors file (header of ${headerLength} bytes)`);
  }
  if (LENGTH_BYTES + headerLength > size) {
    throw new StartupError(`${fullPath}: is cut short inside its header; fetch it again`);
  }
  const header = Buffer.alloc(headerLength);
  await handle.read(header, 0, headerLength, LENGTH_BYTES);
  return header;
}

function storedTensor(
  what: string,
  file: string,
  entry: z.infer<typeof headerSchema>[string],
  dataStart: number,
): StoredTensor {
  const elementType = entry.dtype as ElementType;
  const bytes = ELEMENT_BYTES[elementType];
  if (bytes === undefined) {
    throw new StartupError(
      `${what} has type ${entry.dtype}; supported are ${Object.keys(ELEMENT_BYTES).join(', ')}`,
    );
  }
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
