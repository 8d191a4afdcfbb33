/** The cache of the CPU path, see `graph/gathered-attention.ts`: fed to every run, written between runs. */

import type { DecoderShape } from '../graph/decoder-shape.ts';
import {
  GATHERED_INPUT,
  keyCacheName,
  keyScalesName,
  NEW_KEYS_AND_VALUES,
  valueCacheName,
  valueScalesName,
} from '../graph/gathered-attention.ts';
import { type KvCacheType, kvCacheTokenBytes } from '../graph/kv-cache-type.ts';
import { type PassCosts, planPasses } from './batch-passes.ts';
import { type CacheForm, type Feed, type Feeds, flag, int32Matrix, int32Vector } from './cache-form.ts';
import { type CacheShape, GatheredCache } from './gathered-cache.ts';
import { GatheredFeeds, type Int32Matrix } from './gathered-feeds.ts';
import type { ModelLimits } from './model-runner.ts';
import { HalfCache, IntegerCache } from './narrow-cache.ts';
import type { StepBatch } from './step-batch.ts';

export type GatheredFormOptions = {
  readonly shape: DecoderShape;
  readonly limits: ModelLimits;
  /** What the cache keeps; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** What a run reads whatever it computes: decides when a step is worth cutting into passes. */
  readonly weightBytes: number;
};

/** A cache in some type, and how it is fed. */
type FedCache = {
  store(fresh: Float32Array, slots: Int32Array, tokenCount: number): readonly number[];
  readonly feeds: Feeds;
};

export class GatheredForm implements CacheForm {
  readonly output = NEW_KEYS_AND_VALUES;
  readonly constantFeeds: Feeds;
  readonly #cache: FedCache;
  readonly #tiles: GatheredFeeds;
  readonly #passCosts: PassCosts;
  /** Tokens in prefill tiles up to which a key's scores, by all query heads that share it, are fewer than its elements. */
  readonly #apartTokensMax: number;

  constructor(options: GatheredFormOptions) {
    const { layerCount, kvHeadCount, headSize } = options.shape;
    const shape = { ...options.limits, layerCount, kvHeadCount, headSize };
    this.#cache = fedCache(shape, options.cacheType ?? 'f32');
    this.constantFeeds = this.#cache.feeds;
    this.#tiles = new GatheredFeeds(options.limits.blockSize);
    this.#apartTokensMax = Math.floor((headSize * kvHeadCount) / options.shape.headCount);
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
      [GATHERED_INPUT.scoresApart]: flag(tiles.prefillTokens.columnCount <= this.#apartTokensMax),
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
    decodeCells: weightBytes / kvCacheTokenBytes(shape, 'f32'),
    prefillCells: weightBytes / scoreBytes,
  };
}

function fedCache(shape: CacheShape, type: KvCacheType): FedCache {
  const store = (cache: Pick<FedCache, 'store'>): FedCache['store'] => cache.store.bind(cache);
  if (type === 'f32') {
    const cache = new GatheredCache(shape);
    const feed = (data: Float32Array): Feed => ({ type: 'float32', data, dims: elementDims(shape) });
    return { store: store(cache), feeds: layerFeeds(cache.keys.map(feed), cache.values.map(feed)) };
  }
  if (type === 'f16') {
    const cache = new HalfCache(shape);
    const feed = ({ halves }: { halves: Uint16Array }): Feed => {
      return { type: 'float16', data: halves, dims: elementDims(shape) };
    };
    return { store: store(cache), feeds: layerFeeds(cache.keys.map(feed), cache.values.map(feed)) };
  }
  const cache = new IntegerCache(shape);
  const feed = ({ integers }: { integers: Int8Array }): Feed => {
    return { type: 'int8', data: integers, dims: elementDims(shape) };
  };
  const scales = (memory: { scales: Float32Array }): Feed => {
    return {
      type: 'float32',
      data: memory.scales,
      dims: [shape.kvHeadCount, shape.blockCount, shape.blockSize],
    };
  };
  return {
    store: store(cache),
    feeds: {
      ...layerFeeds(cache.keys.map(feed), cache.values.map(feed)),
      ...layerFeeds(cache.keys.map(scales), cache.values.map(scales), keyScalesName, valueScalesName),
    },
  };
}

function elementDims({ kvHeadCount, blockCount, blockSize, headSize }: CacheShape): readonly number[] {
  return [kvHeadCount, blockCount, blockSize * headSize];
}

function layerFeeds(
  keys: readonly Feed[],
  values: readonly Feed[],
  keyName = keyCacheName,
  valueName = valueCacheName,
): Feeds {
  return Object.fromEntries([
    ...keys.map((feed, layer) => [keyName(layer), feed] as const),
    ...values.map((feed, layer) => [valueName(layer), feed] as const),
  ]);
}

function vector({ data, columnCount }: Int32Matrix): Feed {
  return int32Vector(data, columnCount);
}

function matrix({ data, rowCount, columnCount }: Int32Matrix): Feed {
  return int32Matrix(data, rowCount, columnCount);
}
