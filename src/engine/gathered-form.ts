/** The cache of the CPU path, see `graph/gathered-attention.ts`: fed to every run, written between runs. */

import type { DecoderShape } from '../graph/decoder-shape.ts';
import {
  GATHERED_INPUT,
  keyCacheName,
  NEW_KEYS_AND_VALUES,
  valueCacheName,
} from '../graph/gathered-attention.ts';
import { type PassCosts, planPasses } from './batch-passes.ts';
import { type CacheForm, type Feed, type Feeds, flag, int32Matrix, int32Vector } from './cache-form.ts';
import { cacheTokenBytes } from './cache-sizing.ts';
import { GatheredCache } from './gathered-cache.ts';
import { GatheredFeeds, type Int32Matrix } from './gathered-feeds.ts';
import type { ModelLimits } from './model-runner.ts';
import type { StepBatch } from './step-batch.ts';

export type GatheredFormOptions = {
  readonly shape: DecoderShape;
  readonly limits: ModelLimits;
  /** What a run reads whatever it computes: decides when a step is worth cutting into passes. */
  readonly weightBytes: number;
};

export class GatheredForm implements CacheForm {
  readonly output = NEW_KEYS_AND_VALUES;
  readonly constantFeeds: Feeds;
  readonly #cache: GatheredCache;
  readonly #tiles: GatheredFeeds;
  readonly #passCosts: PassCosts;

  constructor(options: GatheredFormOptions) {
    const { layerCount, kvHeadCount, headSize } = options.shape;
    this.#cache = new GatheredCache({ ...options.limits, layerCount, kvHeadCount, headSize });
    this.constantFeeds = cacheFeeds(this.#cache);
    this.#tiles = new GatheredFeeds(options.limits.blockSize);
    this.#passCosts = passCosts(options);
  }

  planPasses(batch: StepBatch): readonly (readonly number[])[] | null {
    return planPasses(batch, this.#passCosts);
  }

  feeds(batch: StepBatch): Feeds {
    const tiles = this.#tiles;
    tiles.fill(batch);
    return {
      [GATHERED_INPUT.positions]: int32Vector(batch.positions, batch.tokenCount),
      [GATHERED_INPUT.decodeTokens]: vector(tiles.decodeTokens),
      [GATHERED_INPUT.decodePast]: vector(tiles.decodePast),
      [GATHERED_INPUT.decodeBlocks]: matrix(tiles.decodeBlocks),
      [GATHERED_INPUT.prefillTokens]: matrix(tiles.prefillTokens),
      [GATHERED_INPUT.prefillNewTokens]: matrix(tiles.prefillNewTokens),
      [GATHERED_INPUT.prefillBlocks]: matrix(tiles.prefillBlocks),
      [GATHERED_INPUT.prefillPast]: vector(tiles.prefillPast),
      [GATHERED_INPUT.resultRows]: vector(tiles.resultRows),
      [GATHERED_INPUT.hasPrefill]: flag(tiles.hasPrefill),
    };
  }

  store(output: Float32Array, batch: StepBatch): readonly number[] {
    return this.#cache.store(output, batch.slots, batch.tokenCount);
  }
}

/** How often a score of a prefill tile is written or read on its way through mask, softmax and product. */
const SCORE_ACCESSES = 5;

function passCosts({ weightBytes, shape }: GatheredFormOptions): PassCosts {
  const scoreBytes = shape.layerCount * shape.headCount * Float32Array.BYTES_PER_ELEMENT * SCORE_ACCESSES;
  return {
    decodeCells: weightBytes / cacheTokenBytes(shape, 'float32'),
    prefillCells: weightBytes / scoreBytes,
  };
}

function cacheFeeds(cache: GatheredCache): Feeds {
  const { kvHeadCount, blockCount, blockSize, headSize } = cache.shape;
  const dims = [kvHeadCount, blockCount, blockSize * headSize];
  const feeds: Record<string, Feed> = {};
  cache.keys.forEach((data, layer) => {
    feeds[keyCacheName(layer)] = { type: 'float32', data, dims };
  });
  cache.values.forEach((data, layer) => {
    feeds[valueCacheName(layer)] = { type: 'float32', data, dims };
  });
  return feeds;
}

function vector({ data, columnCount }: Int32Matrix): Feed {
  return int32Vector(data, columnCount);
}

function matrix({ data, rowCount, columnCount }: Int32Matrix): Feed {
  return int32Matrix(data, rowCount, columnCount);
}
