/**
 * Finds a packed checkpoint's weights in the cache directory, in the form that the 4-bit product reads, or has them moved
 * there: once for each checkpoint and recipe, under a key of the files' identity. Nothing is quantised again; embedding
 * and output projection, which such checkpoints leave in floating point, are 8-bit integers where that is asked for.
 */

import { cachedFile } from './cached-file.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { groupOrder } from './group-order.ts';
import { matricesOf, type PackedLayout, packedLayout } from './packed-layout.ts';
import type { IntegerType } from './quantized-layout.ts';
import { writeFloats } from './quantized-weights.ts';
import {
  type ElementType,
  findTensor,
  type PackedTensors,
  type StoredTensor,
  type StoredTensors,
} from './safetensors.ts';
import { readBytes } from './tensor-bytes.ts';
import { cacheKey, offsetsOf, type Weights } from './weight-cache.ts';
import { type WeightPacking, WORD_WEIGHTS } from './weight-packing.ts';
import { doWeightJobs, type OnProgress } from './weight-pool.ts';

/** Changes whenever the bytes that are written for the same checkpoint and recipe change. */
const VERSION = 1;

export type RepackOptions = {
  readonly packing: WeightPacking;
  readonly stored: PackedTensors;
  /** Of everything that is not packed, and of scales. */
  readonly type: 'float32' | 'float16';
  /** Of embedding and output projection; `null`: they stay floats. */
  readonly integerVocabulary: IntegerType | null;
  readonly cacheDirectory: string;
  readonly threadCount: number;
  readonly onProgress: OnProgress;
};

export type PackedWeights = { readonly weights: Weights; readonly layout: PackedLayout };

/** @throws StartupError when the checkpoint lacks a tensor, or the cache directory cannot be written. */
export async function packedWeights(
  directory: string,
  shape: DecoderShape,
  options: RepackOptions,
): Promise<PackedWeights> {
  const { packing, stored, type, integerVocabulary, cacheDirectory, threadCount, onProgress } = options;
  // What the output projection is made of shows in no size.
  const recipe = JSON.stringify([VERSION, packing, type, integerVocabulary, shape.tiedEmbeddings]);
  const file = `${await cacheKey(recipe, directory, allOf(stored))}.${packing.method}`;
  const orders = await readOrders(directory, packing, stored);
  const layout = packedLayout({ packing, shape, stored, orders, type, integerVocabulary, file });
  const { byteLength, floats, tensors } = layout;
  const cached = { cacheDirectory, file, byteLength, content: 'repacked weights' };
  await cachedFile(cached, async (output, target) => {
    await writeFloats(type, directory, floats, output, tensors);
    const place = { directory, target, offsets: offsetsOf(tensors) };
    const repacked = matricesOf(layout).map((plan) => ({ ...place, plan, packing, type }));
    const integers = { recipe: 'w8a8', integerType: integerVocabulary ?? 'int8' } as const;
    const quantised = layout.vocabulary.map((plan) => ({ ...place, ...integers, plan }));
    await doWeightJobs([...repacked, ...quantised], threadCount, onProgress);
  });
  return { weights: { type, folder: cacheDirectory, tensors }, layout };
}

function allOf({ floats, words }: PackedTensors): StoredTensors<ElementType> {
  return new Map<string, StoredTensor<ElementType>>([...floats, ...words]);
}

const ORDER_SUFFIX = '.g_idx';

/** By module, of those whose inputs do not lie in their places. */
async function readOrders(
  directory: string,
  packing: WeightPacking,
  { words }: PackedTensors,
): Promise<ReadonlyMap<string, Int32Array>> {
  const orders = new Map<string, Int32Array>();
  if (packing.method !== 'gptq') return orders;
  for (const name of words.keys()) {
    if (!name.endsWith('.qweight')) continue;
    const module = name.slice(0, -'.qweight'.length);
    const groupsName = `${module}${ORDER_SUFFIX}`;
    const stored = words.get(groupsName);
    if (stored === undefined && !packing.isOrdered) continue;
    const [wordCount] = words.get(name)!.shape;
    // A scalar is refused with its name when the matrices are laid out.
    if (wordCount === undefined) continue;
    const tensor = findTensor(words, groupsName, [wordCount * WORD_WEIGHTS]);
    const groups = new Int32Array((await readBytes(directory, tensor)).buffer);
    const order = groupOrder(groups, packing.groupSize ?? groups.length, groupsName);
    if (order !== null) orders.set(module, order);
  }
  return orders;
}
