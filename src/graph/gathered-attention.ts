/**
 * Attention for the CPU provider, which has no kernel for a paged cache. Each layer's keys and values are two graph
 * inputs over memory that TypeScript owns, [kvHeads x blocks x blockSize * headSize]; the graph gathers
 * the blocks of a sequence by its block table. A step's own keys and values are not in the cache yet: they are
 * attended to directly, and leave the graph as one output for TypeScript to store.
 *
 * Queries are cut into tiles of consecutive tokens of one sequence, so that one product serves many of them. Decode
 * tiles hold one token each, and their only new key is their own. Prefill tiles hold many tokens, and their new keys are
 * those of their chunk up to their own end. Tiles of like size form groups, which are computed one after the other
 * (`Loop`): what a group has gathered is still in the processor's cache when it is used, and a group pads its tiles to
 * its own widest alone. One group of decode tiles is computed before the loop, which most steps then never enter; decode
 * tiles of other groups are what prefill tiles of one row would be.
 *
 * Letters in shapes: T tokens, D decode tiles, P other tiles, R rows a tile, N new keys a tile, B blocks a tile,
 * C tiles of a group, L = B * blockSize past keys, J = L + N keys, G = query heads for each kv head. What tiles and groups are
 * made of is in `gathered-tiles.ts`.
 */

import type { AttentionForm, LayerHeads } from './attention-form.ts';
import { type DecoderShape, windowsInUse } from './decoder-shape.ts';
import { columnsOf, decodeTiles, GATHERED_INPUT, GroupedTiles, type Tiles } from './gathered-tiles.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { asCached, type KvCacheType, STORED_TYPE } from './kv-cache-type.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { type Rotary, rotate } from './operators.ts';
import { ropeTables } from './rope.ts';

export type CacheGeometry = { readonly blockCount: number; readonly blockSize: number };

export const NEW_KEYS_AND_VALUES = 'new_keys_and_values';
export const keyCacheName = (layer: number): string => `key_cache_${layer}`;
export const valueCacheName = (layer: number): string => `value_cache_${layer}`;
/** Of a cache of integers, float32 [kvHeads x blocks x blockSize]. */
export const keyScalesName = (layer: number): string => `key_scales_${layer}`;
export const valueScalesName = (layer: number): string => `value_scales_${layer}`;

/** One layer's keys or values: this step's, [T x kvHeads * headSize], and the cache's, with scales where these are integers. */
type KeysOrValues = { readonly fresh: Value; readonly cached: Value; readonly scales: Value | null };

export type GatheredAttentionOptions = {
  readonly shape: DecoderShape;
  readonly cache: CacheGeometry;
  /** What the cache keeps; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** Positions 0 to this - 1 can be used. */
  readonly positionCount: number;
};

export class GatheredAttention implements AttentionForm {
  readonly #shape: DecoderShape;
  readonly #cache: CacheGeometry;
  readonly #cacheType: KvCacheType;
  readonly #rotary: Rotary;
  /** By layer. */
  readonly #windows: readonly (number | null)[];
  /** By window. */
  readonly #decode: ReadonlyMap<number | null, Tiles>;
  readonly #grouped: GroupedTiles;
  readonly #resultRows: Value;
  readonly #newKeys: Value[] = [];
  readonly #newValues: Value[] = [];

  constructor(g: GraphBuilder, options: GatheredAttentionOptions) {
    const { shape, cache, positionCount } = options;
    this.#shape = shape;
    this.#cacheType = options.cacheType ?? 'f32';
    this.#cache = cache;
    const positions = g.input(GATHERED_INPUT.positions, 'int32', ['T']);
    this.#rotary = rotaryTables(g, shape, positionCount, positions);
    this.#resultRows = g.input(GATHERED_INPUT.resultRows, 'int32', ['T']);
    this.#windows = windowsInUse(shape, positionCount);
    const tiling = { positions, blockSize: cache.blockSize, windows: new Set(this.#windows) };
    this.#decode = decodeTiles(g, tiling);
    this.#grouped = new GroupedTiles(g, tiling);
  }

  layer(g: GraphBuilder, layer: number, heads: LayerHeads): Value {
    const [rawQuery, rawKey, value] = heads.apart();
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const query = rotate(g, rawQuery, this.#rotary, headCount, headSize);
    const key = rotate(g, rawKey, this.#rotary, kvHeadCount, headSize);
    this.#newKeys.push(key);
    this.#newValues.push(value);
    const [freshKey, freshValue] = asCached(g, this.#cacheType, this.#shape, key, value);
    const keys = this.#joinCached(g, freshKey, keyCacheName(layer), keyScalesName(layer));
    const values = this.#joinCached(g, freshValue, valueCacheName(layer), valueScalesName(layer));
    const window = this.#windows[layer]!;
    const attend = (inner: GraphBuilder, tiles: Tiles) =>
      this.#attendApart(inner, tiles, query, keys, values);
    const decoded = attend(g, this.#decode.get(window)!);
    const all = this.#grouped.eachGroup(g, window, decoded, (inner, tiles) =>
      inner.choose(
        this.#hasFewScores(inner, tiles),
        (few) => attend(few, tiles),
        (many) => this.#attendJoined(many, tiles, query, keys, values),
      ),
    );
    return g.op('Gather', [all, this.#resultRows], { axis: 0 });
  }

  /** Output [2 * layers * T x kvHeads * headSize]: every layer's new keys, then every layer's new values. */
  finish(g: GraphBuilder): void {
    const all = g.op('Concat', [...this.#newKeys, ...this.#newValues], { axis: 0 });
    g.output(NEW_KEYS_AND_VALUES, all, 'float32');
  }

  #joinCached(g: GraphBuilder, fresh: Value, cacheName: string, scalesName: string): KeysOrValues {
    const { kvHeadCount, headSize } = this.#shape;
    const { blockCount, blockSize } = this.#cache;
    const dims = [kvHeadCount, blockCount, blockSize * headSize];
    const cached = g.input(cacheName, STORED_TYPE[this.#cacheType], dims);
    const scaleDims = [kvHeadCount, blockCount, blockSize];
    const scales = this.#cacheType === 'int8' ? g.input(scalesName, 'float32', scaleDims) : null;
    return { fresh, cached, scales };
  }

  /** Whether a key has fewer scores, by all rows and query heads that share it, than elements. */
  #hasFewScores(g: GraphBuilder, { tokens }: Tiles): Value {
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const rowsMax = Math.floor((headSize * kvHeadCount) / headCount);
    return g.op('Squeeze', [g.op('LessOrEqual', [columnsOf(g, tokens), g.int64s([rowsMax])]), g.int64s([0])]);
  }

  /** Past and new keys are scored apart: with few queries, scores are cheaper to join than keys. */
  #attendApart(g: GraphBuilder, tiles: Tiles, query: Value, keys: KeysOrValues, values: KeysOrValues): Value {
    const queries = this.#queries(g, query, tiles);
    // Scales of integers are factors of a key's scores, and of a value's weights: of these there are fewer.
    const pastScores = this.#scores(g, queries, this.#gatherBlocks(g, keys.cached, tiles));
    const past = this.#scaled(g, pastScores, keys.scales, tiles, [1, -1]);
    const fresh = this.#scores(g, queries, this.#gatherNew(g, keys.fresh, tiles));
    const weights = this.#weights(g, g.op('Concat', [past, fresh], { axis: -1 }), tiles);
    const pastKeys = g.op('Mul', [columnsOf(g, tiles.blocks), g.int64s([this.#cache.blockSize])]);
    const keyCounts = g.op('Concat', [pastKeys, columnsOf(g, tiles.newTokens)], { axis: 0 });
    const [pastWeights, freshWeights] = g.ops('Split', [weights, keyCounts], 2, { axis: -1 });
    const mixed = g.op('Add', [
      g.op('MatMul', [
        this.#scaled(g, pastWeights!, values.scales, tiles, [1, -1]),
        this.#gatherBlocks(g, values.cached, tiles),
      ]),
      g.op('MatMul', [freshWeights!, this.#gatherNew(g, values.fresh, tiles)]),
    ]);
    return this.#results(g, mixed);
  }

  /** Keys are joined before they are scored: with many queries, scores are what is large. */
  #attendJoined(
    g: GraphBuilder,
    tiles: Tiles,
    query: Value,
    keys: KeysOrValues,
    values: KeysOrValues,
  ): Value {
    const joined = ({ cached, fresh, scales }: KeysOrValues): Value => {
      const past = this.#scaled(g, this.#gatherBlocks(g, cached, tiles), scales, tiles, [-1, 1]);
      return g.op('Concat', [past, this.#gatherNew(g, fresh, tiles)], { axis: 2 });
    };
    const weights = this.#weights(g, this.#scores(g, this.#queries(g, query, tiles), joined(keys)), tiles);
    return this.#results(g, g.op('MatMul', [weights, joined(values)]));
  }

  /** Softmax of the scores of visible keys, [kvHeads x tiles x R * G x J]. */
  #weights(g: GraphBuilder, scores: Value, { mask, hasOneRow }: Tiles): Value {
    const { headCount, kvHeadCount } = this.#shape;
    const groups = headCount / kvHeadCount;
    if (hasOneRow || groups === 1) return g.op('Softmax', [g.op('Add', [scores, mask])], { axis: -1 });
    // The query heads that share a key share its mask.
    const apart = g.op('Concat', [g.int64s([kvHeadCount, 0, -1, groups]), columnsOf(g, scores)], { axis: 0 });
    const masked = g.op('Add', [g.op('Reshape', [scores, apart]), g.op('Unsqueeze', [mask, g.int64s([2])])]);
    return g.op('Softmax', [g.op('Reshape', [masked, g.op('Shape', [scores])])], { axis: -1 });
  }

  /** Queries of each tile, [kvHeads x tiles x R * G x headSize]. */
  #queries(g: GraphBuilder, query: Value, tiles: Tiles): Value {
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const rows = g.op('Gather', [query, tiles.tokens], { axis: 0 });
    const split = g.op('Reshape', [rows, g.int64s([0, 0, kvHeadCount, headCount / kvHeadCount, headSize])]);
    const byHead = g.op('Transpose', [split], { perm: { ints: [2, 0, 1, 3, 4] } });
    return g.op('Reshape', [byHead, g.int64s([kvHeadCount, 0, -1, headSize])]);
  }

  /** [kvHeads x tiles x R * G x headSize] -> [tiles * R x heads * headSize] */
  #results(g: GraphBuilder, mixed: Value): Value {
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const split = g.op('Reshape', [mixed, g.int64s([0, 0, -1, headCount / kvHeadCount, headSize])]);
    const byToken = g.op('Transpose', [split], { perm: { ints: [1, 2, 0, 3, 4] } });
    return g.op('Reshape', [byToken, g.int64s([-1, headCount * headSize])]);
  }

  #scores(g: GraphBuilder, queries: Value, keys: Value): Value {
    const scale = 1 / Math.sqrt(this.#shape.headSize);
    return g.microsoftOp('FusedMatMul', [queries, keys], { transB: 1, alpha: { float: scale } });
  }

  /** Blocks of the cache by table, in float32: [kvHeads x tiles x L x headSize]. */
  #gatherBlocks(g: GraphBuilder, cache: Value, tiles: Tiles): Value {
    const { kvHeadCount, headSize } = this.#shape;
    const blocks = g.op('Gather', [cache, tiles.blocks], { axis: 1 });
    const wide = this.#cacheType === 'f32' ? blocks : g.op('Cast', [blocks], { to: DATA_TYPE.float32 });
    return g.op('Reshape', [wide, g.int64s([kvHeadCount, 0, -1, headSize])]);
  }

  /** x times the scales of the tiles' past, which are given the last two dimensions `ends`, one of them -1 for L. */
  #scaled(g: GraphBuilder, x: Value, scales: Value | null, tiles: Tiles, ends: readonly number[]): Value {
    if (scales === null) return x;
    const gathered = g.op('Gather', [scales, tiles.blocks], { axis: 1 });
    return g.op('Mul', [x, g.op('Reshape', [gathered, g.int64s([this.#shape.kvHeadCount, 0, ...ends])])]);
  }

  /** New keys or values of each tile: [kvHeads x tiles x N x headSize]. */
  #gatherNew(g: GraphBuilder, fresh: Value, tiles: Tiles): Value {
    const { kvHeadCount, headSize } = this.#shape;
    const rows = g.op('Gather', [fresh, tiles.newTokens], { axis: 0 });
    const split = g.op('Reshape', [rows, g.int64s([0, 0, kvHeadCount, headSize])]);
    return g.op('Transpose', [split], { perm: { ints: [2, 0, 1, 3] } });
  }
}

function rotaryTables(g: GraphBuilder, shape: DecoderShape, positionCount: number, positions: Value): Rotary {
  const { cos, sin } = ropeTables(shape, positionCount);
  const dims = [positionCount, shape.headSize / 2];
  return {
    positions: g.op('Unsqueeze', [g.op('Cast', [positions], { to: DATA_TYPE.int64 }), g.int64s([0])]),
    cos: g.floats(dims, cos),
    sin: g.floats(dims, sin),
  };
}
