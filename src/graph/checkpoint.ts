/**
 * A checkpoint directory as the engine loads it: shape and weights, and with them the graph. Texts (tokenizer,
 * template, generation defaults) are read elsewhere.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { decoderShape } from './architectures/families.ts';
import { parseCheckpointConfig } from './checkpoint-config.ts';
import { gatheredDecoder } from './decoder-graph.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { DecoderWeights } from './decoder-weights.ts';
import type { CacheGeometry } from './gathered-attention.ts';
import { FloatProjections } from './projections.ts';
import { openSafetensors } from './safetensors.ts';
import { float32Weights } from './weight-cache.ts';

export type DecoderModel = {
  readonly graph: Uint8Array;
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

/** Finds or prepares the weights and writes the graph of the gathered form. @throws StartupError */
export async function buildGatheredModel(
  directory: string,
  shape: DecoderShape,
  options: {
    readonly cache: CacheGeometry;
    readonly positionCount: number;
    readonly cacheDirectory: string;
  },
): Promise<DecoderModel> {
  const weights = await float32Weights(directory, await openSafetensors(directory), options.cacheDirectory);
  const decoderWeights = new DecoderWeights(weights, shape);
  const graph = gatheredDecoder({
    shape,
    weights: decoderWeights,
    projections: new FloatProjections(decoderWeights),
    cache: options.cache,
    positionCount: options.positionCount,
  });
  let weightBytes = 0;
  for (const { byteLength } of weights.tensors.values()) weightBytes += byteLength;
  return { graph, weightsFolder: weights.folder, weightBytes };
}
