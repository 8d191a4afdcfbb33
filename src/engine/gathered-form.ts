/** The cache of the CPU path, see `graph/gathered-attention.ts`: fed to every run, written between runs. */

import type { DecoderShape } from '../graph/decoder-shape.ts';
import {
  keyCacheName,
  keyScalesName,
  NEW_KEYS_AND_VALUES,
  valueCacheName,
  valueScalesName,
} from '../graph/gathered-attention.ts';
import type { KvCacheType } from '../graph/kv-cache-type.ts';
import type { CacheForm, GraphInput, GraphInputs } from './cache-form.ts';
import { GatheredCache } from './gathered-cache.ts';
import { GatheredFeeds } from './gathered-feeds.ts';
import type { ModelLimits } from './model-runner.ts';
import { HalfCache, IntegerCache } from './narrow-cache.ts';
import type { CacheShape, SlotCache } from './slot-cache.ts';
import type { StepBatch } from './step-batch.ts';

export type GatheredFormOptions = {
  readonly shape: DecoderShape;
  readonly limits: ModelLimits;
  /** What the cache keeps; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** Bytes that one turn of attention may work on. */
  readonly groupBytesMax?: number;
};

/** A cache in some type, and how it is fed. */
type FedCache = { readonly cache: SlotCache; readonly feeds: GraphInputs };

export class GatheredForm implements CacheForm {
  readonly output = NEW_KEYS_AND_VALUES;
  readonly constantFeeds: GraphInputs;
  readonly #cache: SlotCache;
  readonly #tiles: GatheredFeeds;

  constructor(options: GatheredFormOptions) {
    const { layerCount, kvHeadCount, headSize } = options.shape;
    const shape = { ...options.limits, layerCount, kvHeadCount, headSize };
    const { cache, feeds } = fedCache(shape, options.cacheType ?? 'f32');
    this.#cache = cache;
    this.constantFeeds = feeds;
    const bytes = Float32Array.BYTES_PER_ELEMENT;
    this.#tiles = new GatheredFeeds({
      blockSize: options.limits.blockSize,
      keyBytes: kvHeadCount * headSize * bytes,
      scoreBytes: options.shape.headCount * bytes,
      ...(options.groupBytesMax === undefined ? {} : { groupBytesMax: options.groupBytesMax }),
    });
  }

  feeds(batch: StepBatch): GraphInputs {
    return this.#tiles.fill(batch);
  }

  store(output: Float32Array, batch: StepBatch): readonly number[] {
    return this.#cache.store(output, batch.slots, batch.tokenCount);
  }
}

function fedCache(shape: CacheShape, type: KvCacheType): FedCache {
  if (type === 'f32') {
    const cache = new GatheredCache(shape);
    const feed = (data: Float32Array): GraphInput => ({ type: 'float32', data, dims: elementDims(shape) });
    return { cache, feeds: layerFeeds(cache.keys.map(feed), cache.values.map(feed)) };
  }
  if (type === 'f16') {
    const cache = new HalfCache(shape);
    const feed = ({ halves }: { halves: Uint16Array }): GraphInput => {
      return { type: 'float16', data: halves, dims: elementDims(shape) };
    };
    return { cache, feeds: layerFeeds(cache.keys.map(feed), cache.values.map(feed)) };
  }
  const cache = new IntegerCache(shape);
  const feed = ({ integers }: { integers: Int8Array }): GraphInput => {
    return { type: 'int8', data: integers, dims: elementDims(shape) };
  };
  const scales = (memory: { scales: Float32Array }): GraphInput => {
    return {
      type: 'float32',
      data: memory.scales,
      dims: [shape.kvHeadCount, shape.blockCount, shape.blockSize],
    };
  };
  return {
    cache,
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
  keys: readonly GraphInput[],
  values: readonly GraphInput[],
  keyName = keyCacheName,
  valueName = valueCacheName,
): GraphInputs {
  return Object.fromEntries([
    ...keys.map((feed, layer) => [keyName(layer), feed] as const),
    ...values.map((feed, layer) => [valueName(layer), feed] as const),
  ]);
}
