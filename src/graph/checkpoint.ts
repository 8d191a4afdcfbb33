/**
 * A checkpoint directory as the engine loads it: shape and weights, and with them the graph. Texts (tokenizer,
 * template, generation defaults) are read elsewhere.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { decoderShape } from './architectures/families.ts';
import type { ComputeType } from './convert-floats.ts';
import { gatheredDecoder, pagedDecoder } from './decoder-graph.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { DecoderWeights } from './decoder-weights.ts';
import type { CacheGeometry } from './gathered-attention.ts';
import type { KvCacheType } from './kv-cache-type.ts';
import { checkPagedLimits, type PagedAttentionOptions, pagedCacheBytes } from './paged-attention.ts';
import { openPackedSafetensors, openSafetensors, type StoredTensors } from './safetensors.ts';
import {
  cpuWeights,
  floatBytes,
  gpuWeights,
  type WeightForm,
  type WeightSource,
  type WeightsChoice,
} from './weight-source.ts';
import { joinFolders, zerosFile } from './zeros-file.ts';

export type FewTokensGraph = {
  readonly graph: Uint8Array;
  /** The most that a step has for which it is the faster one. */
  readonly tokensMax: number;
};

export type DecoderModel = {
  readonly graph: Uint8Array;
  /** Where steps of few tokens have a faster form; the same inputs and outputs. */
  readonly fewTokens?: FewTokensGraph;
  /** Of weights that are not floats. */
  readonly form?: WeightForm;
  /** The folder that the graph's external weights are relative to. */
  readonly weightsFolder: string;
  readonly weightBytes: number;
};

/** Reads `config.json` alone. @throws StartupError */
export async function readDecoderShape(directory: string): Promise<DecoderShape> {
  const file = path.join(directory, 'config.json');
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new StartupError(`${file}: cannot be read (${cause.code}); is this a checkpoint directory?`, {
      cause,
    });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new StartupError(`${file}: holds broken JSON`, { cause });
  }
  return decoderShape(json);
}

/** Bytes of a checkpoint's weights with its floats in `type`, by the headers of its files alone. @throws StartupError */
export async function checkpointWeightBytes(
  directory: string,
  { weightPacking }: DecoderShape,
  type: ComputeType,
): Promise<number> {
  const isPacked = weightPacking !== null;
  const { floats, words } = isPacked
    ? await openPackedSafetensors(directory)
    : { floats: await openSafetensors(directory), words: NO_WORDS };
  let bytes = floatBytes(floats, type);
  for (const { byteLength } of words.values()) bytes += byteLength;
  return bytes;
}

const NO_WORDS: StoredTensors<'I32'> = new Map();

type BuildOptions = {
  readonly cache: CacheGeometry;
  readonly positionCount: number;
  readonly cacheDirectory: string;
};

export type GatheredBuildOptions = BuildOptions & {
  /** What the cache keeps; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** Absent: the weights as they are. */
  readonly weights?: WeightsChoice;
};

/** Finds or prepares the weights and writes the graph of the gathered form. @throws StartupError */
export async function buildGatheredModel(
  directory: string,
  shape: DecoderShape,
  { cache, cacheType = 'f32', positionCount, cacheDirectory, weights: choice }: GatheredBuildOptions,
): Promise<DecoderModel> {
  const source = await cpuWeights(directory, shape, cacheDirectory, choice);
  const { weights, form, weightBytes } = source;
  const common = { shape, weights: new DecoderWeights(weights, shape), cache, cacheType, positionCount };
  const graphOf = ({ projections }: Pick<WeightSource, 'projections'>): Uint8Array =>
    gatheredDecoder({ ...common, projections: projections(weights) });
  const { fewTokens } = source;
  return {
    graph: graphOf(source),
    ...(fewTokens && { fewTokens: { graph: graphOf(fewTokens), tokensMax: fewTokens.tokensMax } }),
    ...(form ? { form } : {}),
    weightsFolder: weights.folder,
    weightBytes,
  };
}

export type PagedBuildOptions = BuildOptions & Pick<PagedAttentionOptions, 'type' | 'packedHeads'>;

/** The same for the paged form, computing in `type`. @throws StartupError */
export async function buildPagedModel(
  directory: string,
  shape: DecoderShape,
  { cache, positionCount, cacheDirectory, type, packedHeads }: PagedBuildOptions,
): Promise<DecoderModel> {
  // Before the weights, which can take minutes.
  checkPagedLimits(shape, cache.blockSize);
  const source = await gpuWeights(directory, shape, cacheDirectory, type);
  const zeros = await zerosFile(cacheDirectory, pagedCacheBytes(shape, cache, type));
  const { weights, file } = await joinFolders(source.weights, zeros);
  const parts = { shape, weights: new DecoderWeights(weights, shape), cache, positionCount };
  const projections = source.projections(weights);
  return {
    graph: pagedDecoder({ ...parts, projections }, { type, packedHeads, zerosFile: file }),
    ...(source.form ? { form: source.form } : {}),
    weightsFolder: weights.folder,
    weightBytes: source.weightBytes,
  };
}
