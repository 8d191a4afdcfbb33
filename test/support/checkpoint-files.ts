/** Checkpoint directories made by hand, for what a well-made one cannot show. */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fixtureDirectory } from './oracle.ts';

export type ScratchCheckpoint = {
  readonly directory: string;
  readonly cacheDirectory: string;
  editConfig(changes: Readonly<Record<string, unknown>>): Promise<void>;
  remove(): Promise<void>;
};

/** A copy of a fixture that a test may spoil. A change to `undefined` takes the field away. */
export async function scratchCheckpoint(name: string): Promise<ScratchCheckpoint> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'octavo-checkpoint-'));
  const directory = path.join(root, name);
  await cp(fixtureDirectory(name), directory, { recursive: true });
  return {
    directory,
    cacheDirectory: path.join(root, 'cache'),
    async editConfig(changes) {
      const file = path.join(directory, 'config.json');
      const config = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...config, ...changes }));
    },
    remove: () => rm(root, { recursive: true }),
  };
}

/** A safetensors file of tensors given as raw bytes. */
export function safetensorsFile(
  tensors: Readonly<Record<string, { dtype: string; shape: readonly number[]; bytes: Uint8Array }>>,
): Buffer {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}
