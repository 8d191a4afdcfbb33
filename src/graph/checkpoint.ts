/**
 * A checkpoint directory as the engine loads it: shape and weights, and with them the graph. Texts (tokenizer,
 * template, generation defaults) are read elsewhere.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { decoderShape } from './architectures/families.ts';
import { parseCheckpointConfig } from './checkpoint-config.ts';
import { gatheredDecoder, pagedDecoder } from './decoder-graph.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { DecoderWeights } from './decoder-weights.ts';
import type { CacheGeometry } from './gathered-attention.ts';
import { IntegerProjections } from './integer-projections.ts';
import { OneRowProjections } from './one-row-projections.ts';
import { checkPagedLimits, type PagedType, pagedCacheBytes } from './paged-attention.ts';
import { FloatProjections } from './projections.ts';
import { chooseRecipe, hasExactIntegerProducts, type Quantization } from './quantization.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import { type OnProgress, quantizedWeights } from './quantized-weights.ts';
import { ELEMENT_BYTES, openSafetensors } from './safetensors.ts';
import { type Weights, weightsOf } from './weight-cache.ts';
import { joinFolders, zerosFile } from './zeros-file.ts';

export type DecoderModel = {
  readonly graph: Uint8Array;
  /** For steps of one token, where these have a faster form; the same inputs and outputs. */
  readonly oneRowGraph?: Uint8Array;
  /** Of quantised weights. */
  readonly recipe?: WeightRecipe;
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
  return decoderShape(parseCheckpointConfig(json));
}

/** Weights of a checkpoint, by the headers of its files alone. @throws StartupError */
export async function checkpointWeightCount(directory: string): Promise<number> {
  let count = 0;
  for (const { byteLength, elementType } of (await openSafetensors(directory)).values()) {
    count += byteLength / ELEMENT_BYTES[elementType];
  }
  return count;
}

export type ModelBuildOptions = {
  readonly cache: CacheGeometry;
  readonly positionCount: number;
  readonly cacheDirectory: string;
  /** Absent: the weights as they are, in floating point. */
  readonly weights?: WeightsChoice;
};

export type WeightsChoice = {
  readonly quantization: Quantization;
  /** Threads that quantise. */
  readonly threadCount: number;
  readonly onProgress: OnProgress;
};

/** Finds or prepares the weights and writes the graph of the gathered form. @throws StartupError */
export async function buildGatheredModel(
  directory: string,
  shape: DecoderShape,
  options: ModelBuildOptions,
): Promise<DecoderModel> {
  const { cache, positionCount, cacheDirectory, weights: choice } = options;
  const stored = await openSafetensors(directory);
  const cpuInfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => null);
  const isExact = hasExactIntegerProducts(process.arch, cpuInfo);
  const recipe = chooseRecipe(choice?.quantization ?? 'none', stored, isExact);
  if (choice !== undefined && recipe !== null) {
    const quantized = await quantizedWeights(directory, shape, { ...choice, recipe, stored, cacheDirectory });
    return quantizedModel(quantized, shape, recipe, options);
  }
  const weights = await weightsOf('float32', directory, stored, cacheDirectory);
  const graph = gatheredDecoder({ ...decoderParts(weights, shape), cache, positionCount });
  return { graph, weightsFolder: weights.folder, weightBytes: bytesOf(weights) };
}

function quantizedModel(
  found: Weights,
  shape: DecoderShape,
  recipe: WeightRecipe,
  { cache, positionCount }: ModelBuildOptions,
): DecoderModel {
  const common = { shape, weights: new DecoderWeights(found, shape), cache, positionCount };
  const graph = gatheredDecoder({ ...common, projections: new IntegerProjections(found, shape) });
  const model = { graph, weightsFolder: found.folder, recipe, weightBytes: bytesOf(found, '.integers') };
  if (recipe !== 'int4') return model;
  const projections = new OneRowProjections(found, shape);
  return { ...model, oneRowGraph: gatheredDecoder({ ...common, projections, oneRow: true }) };
}

/** The same for the paged form, computing in `type`. @throws StartupError */
export async function buildPagedModel(
  directory: string,
  shape: DecoderShape,
  { cache, positionCount, cacheDirectory, type }: ModelBuildOptions & { readonly type: PagedType },
): Promise<DecoderModel> {
  // Before the weights, which can take minutes.
  checkPagedLimits(shape, cache.blockSize);
  const found = await weightsOf(type, directory, await openSafetensors(directory), cacheDirectory);
  const zeros = await zerosFile(cacheDirectory, pagedCacheBytes(shape, cache, type));
  const { weights, file } = await joinFolders(found, zeros);
  const graph = pagedDecoder(
    { ...decoderParts(weights, shape), cache, positionCount },
    { type, zerosFile: file },
  );
  return { graph, weightsFolder: weights.folder, weightBytes: bytesOf(weights) };
}

function decoderParts(found: Weights, shape: DecoderShape) {
  const weights = new DecoderWeights(found, shape);
  return { shape, weights, projections: new FloatProjections(weights) };
}

/** Of the tensors whose names end so. */
function bytesOf({ tensors }: Weights, end = ''): number {
  let bytes = 0;
  for (const [name, { byteLength }] of tensors) if (name.endsWith(end)) bytes += byteLength;
  return bytes;
}
