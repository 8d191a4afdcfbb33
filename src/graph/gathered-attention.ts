/**
 * Attention for the CPU provider, which has no kernel for a paged cache. Each layer's keys and values are two graph
 * inputs over memory that TypeScript owns, [kvHeads x blocks x blockSize * headSize]; the graph gathers
 * the blocks of a sequence by its block table. A step's own keys and values are not in the cache yet: they are
 * attended to directly, and leave the graph as one output for TypeScript to store.
 *
 * Queries are cut into tiles of consecutive tokens of one sequence, so that one product serves many of them. A step
 * has two kinds. Decode tiles hold one token each, and their only new key is their own. Prefill tiles hold
 * many tokens, and their new keys are those of their chunk. Each kind pads its tiles to the widest; keeping
 * the kinds apart keeps a long chunk from widening the decodes. A step without prefill skips that part (`If`).
 *
 * Letters in shapes: T tokens, D decode tiles, P prefill tiles, R rows a tile, N new keys a tile, B blocks a tile,
 * L = B * blockSize past keys, J = L + N keys, G = query heads for each kv head.
 */

import type { AttentionForm } from './attention-form.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { asCached, type KvCacheType, STORED_TYPE } from './kv-cache-type.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { type Rotary, rotate } from './operators.ts';
import { ropeTables } from './rope.ts';

export type CacheGeometry = { readonly blockCount: number; readonly blockSize: number };

export const GATHERED_INPUT = {
  /** int32 [T] */
  positions: 'positions',
  /** int32 [D] token of each decode tile. */
  decodeTokens: 'decode_tokens',
  /** int32 [D x B] */
  decodeBlocks: 'decode_blocks',
  /** int32 [D] */
  decodePast: 'decode_past',
  /** int32 [P x R] tokens of each prefill tile; places beyond its end repeat its last token. */
  prefillTokens: 'prefill_tokens',
  /** int32 [P x N] the tile's chunk up to the tile's end; places beyond repeat any token: their positions mask them. */
  prefillNewTokens: 'prefill_new_tokens',
  /** int32 [P x B] */
  prefillBlocks: 'prefill_blocks',
  /** int32 [P] */
  prefillPast: 'prefill_past',
  /** bool []: whether the prefill inputs mean anything. */
  hasPrefill: 'has_prefill',
  /** bool []: whether prefill tiles score past and new keys apart, as decode tiles always do. */
  scoresApart: 'scores_apart',
  /** int32 [T] where each token's result lies in: decode tiles, then the rows of the prefill tiles. */
  resultRows: 'result_rows',
} as const;

export const NEW_KEYS_AND_VALUES = 'new_keys_and_values';
export const keyCacheName = (layer: number): string => `key_cache_${layer}`;
export const valueCacheName = (layer: number): string => `value_cache_${layer}`;
/** Of a cache of integers, float32 [kvHeads x blocks x blockSize]. */
export const keyScalesName = (layer: number): string => `key_scales_${layer}`;
export const valueScalesName = (layer: number): string => `value_scales_${layer}`;

/** Added to scores of keys that must not be seen. Finite: a row of nothing else must not become NaN. */
const MASKED = -1e30;

/** The tiles of one kind in a step, and what all layers share of them. */
type Tiles = {
  /** int32 [tiles x R] */
  readonly tokens: Value;
  /** int32 [tiles x N] */
  readonly newTokens: Value;
  /** int32 [tiles x B] */
  readonly blocks: Value;
  /** Addend to the scores by sliding window (`null` for none): [tiles x 1 x J] to decode, else [tiles x R * G x J]. */
  readonly masks: ReadonlyMap<number | null, Value>;
  /** int64 [2]: how many of a tile's scores are of past keys, L, and how many of new ones, N. */
  readonly keyCounts: Value;
};

type TileInputs = Omit<Tiles, 'masks' | 'keyCounts'> & { readonly past: Value };

/** One layer's keys or values: this step's, [T x kvHeads * headSize], and the cache's, with scales where these are integers. */
type KeysOrValues = { readonly fresh: Value; readonly cached: Value; readonly scales: Value | null };

export type GatheredAttentionOptions = {
  readonly shape: DecoderShape;
  readonly cache: CacheGeometry;
  /** What the cache keeps; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** Positions 0 to this - 1 can be used. */
  readonly positionCount: number;
  /** Every token is one decode tile, in order: the prefill inputs are there and not read. */
  readonly oneRow?: boolean;
};

export class GatheredAttention implements AttentionForm {
  readonly #shape: DecoderShape;
  readonly #cache: CacheGeometry;
  readonly #cacheType: KvCacheType;
  readonly #rotary: Rotary;
  readonly #decode: Tiles;
  readonly #prefill: Tiles;
  readonly #hasPrefill: Value;
  readonly #scoresApart: Value;
  readonly #resultRows: Value;
  readonly #decodesOnly: boolean;
  readonly #newKeys: Value[] = [];
  readonly #newValues: Value[] = [];

  constructor(g: GraphBuilder, options: GatheredAttentionOptions) {
    const { shape, cache, positionCount } = options;
    this.#shape = shape;
    this.#decodesOnly = options.oneRow ?? false;
    this.#cacheType = options.cacheType ?? 'f32';
    this.#cache = cache;
    const positions = g.input(GATHERED_INPUT.positions, 'int32', ['T']);
    this.#rotary = rotaryTables(g, shape, positionCount, positions);
    this.#hasPrefill = g.input(GATHERED_INPUT.hasPrefill, 'bool', []);
    this.#scoresApart = g.input(GATHERED_INPUT.scoresApart, 'bool', []);
    this.#resultRows = g.input(GATHERED_INPUT.resultRows, 'int32', ['T']);
    const ownToken = g.op('Unsqueeze', [g.input(GATHERED_INPUT.decodeTokens, 'int32', ['D']), g.int64s([1])]);
    const decode = {
      tokens: ownToken,
      newTokens: ownToken,
      blocks: g.input(GATHERED_INPUT.decodeBlocks, 'int32', ['D', 'B']),
      past: g.input(GATHERED_INPUT.decodePast, 'int32', ['D']),
    };
    this.#decode = this.#tiles(g, decode, (window) => this.#mask(g, positions, decode, window));
    const prefill = {
      tokens: g.input(GATHERED_INPUT.prefillTokens, 'int32', ['P', 'R']),
      newTokens: g.input(GATHERED_INPUT.prefillNewTokens, 'int32', ['P', 'N']),
      blocks: g.input(GATHERED_INPUT.prefillBlocks, 'int32', ['P', 'PB']),
      past: g.input(GATHERED_INPUT.prefillPast, 'int32', ['P']),
    };
    this.#prefill = this.#tiles(g, prefill, (window) =>
      this.#forEachGroup(g, this.#mask(g, positions, prefill, window)),
    );
  }

  layer(g: GraphBuilder, layer: number, rawQuery: Value, rawKey: Value, value: Value): Value {
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const query = rotate(g, rawQuery, this.#rotary, headCount, headSize);
    const key = rotate(g, rawKey, this.#rotary, kvHeadCount, headSize);
    this.#newKeys.push(key);
    this.#newValues.push(value);
    const [freshKey, freshValue] = asCached(g, this.#cacheType, this.#shape, key, value);
    const keys = this.#joinCached(g, freshKey, keyCacheName(layer), keyScalesName(layer));
    const values = this.#joinCached(g, freshValue, valueCacheName(layer), valueScalesName(layer));
    const window = this.#shape.slidingWindows[layer]!;
    const decoded = this.#attendApart(g, this.#decode, query, keys, values, window);
    if (this.#decodesOnly) return decoded;
    return g.choose(
      this.#hasPrefill,
      (inner) => {
        const prefilled = inner.choose(
          this.#scoresApart,
          (few) => this.#attendApart(few, this.#prefill, query, keys, values, window),
          (many) => this.#attendJoined(many, this.#prefill, query, keys, values, window),
        );
        const both = inner.op('Concat', [decoded, prefilled], { axis: 0 });
        return inner.op('Gather', [both, this.#resultRows], { axis: 0 });
      },
      (inner) => inner.op('Identity', [decoded]),
    );
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

  /** Past and new keys are scored apart: with few queries, scores are cheaper to join than keys. */
  #attendApart(
    g: GraphBuilder,
    tiles: Tiles,
    query: Value,
    keys: KeysOrValues,
    values: KeysOrValues,
    window: number | null,
  ): Value {
    const queries = this.#queries(g, query, tiles);
    // Scales of integers are factors of a key's scores, and of a value's weights: of these there are fewer.
    const pastScores = this.#scores(g, queries, this.#gatherBlocks(g, keys.cached, tiles));
    const past = this.#scaled(g, pastScores, keys.scales, tiles, [1, -1]);
    const fresh = this.#scores(g, queries, this.#gatherNew(g, keys.fresh, tiles));
    const scores = g.op('Concat', [past, fresh], { axis: -1 });
    const weights = maskedSoftmax(g, scores, tiles.masks.get(window)!);
    const [pastWeights, freshWeights] = g.ops('Split', [weights, tiles.keyCounts], 2, { axis: -1 });
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
    window: number | null,
  ): Value {
    const joined = ({ cached, fresh, scales }: KeysOrValues): Value => {
      const past = this.#scaled(g, this.#gatherBlocks(g, cached, tiles), scales, tiles, [-1, 1]);
      return g.op('Concat', [past, this.#gatherNew(g, fresh, tiles)], { axis: 2 });
    };
    const scores = this.#scores(g, this.#queries(g, query, tiles), joined(keys));
    const weights = maskedSoftmax(g, scores, tiles.masks.get(window)!);
    return this.#results(g, g.op('MatMul', [weights, joined(values)]));
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

  #tiles(g: GraphBuilder, { past: _, ...inputs }: TileInputs, mask: (window: number | null) => Value): Tiles {
    const pastKeys = g.op('Mul', [columnsOf(g, inputs.blocks), g.int64s([this.#cache.blockSize])]);
    const keyCounts = g.op('Concat', [pastKeys, columnsOf(g, inputs.newTokens)], { axis: 0 });
    const masks = new Map<number | null, Value>();
    for (const window of new Set(this.#shape.slidingWindows)) masks.set(window, mask(window));
    return { ...inputs, masks, keyCounts };
  }

  /** Repeats each row of a mask [tiles x R x J] for the G query heads that share a kv head: [tiles x R * G x J]. */
  #forEachGroup(g: GraphBuilder, mask: Value): Value {
    const groups = this.#shape.headCount / this.#shape.kvHeadCount;
    if (groups === 1) return mask;
    const apart = g.op('Unsqueeze', [mask, g.int64s([2])]);
    const repeated = g.op('Expand', [apart, g.int64s([1, 1, groups, 1])]);
    const dims = g.op('Concat', [g.int64s([0, -1]), columnsOf(g, mask)], { axis: 0 });
    return g.op('Reshape', [repeated, dims]);
  }

  /** 0 where a query may see a key and MASKED where not, [tiles x R x J]: past keys first, then new ones. */
  #mask(g: GraphBuilder, positions: Value, tiles: TileInputs, window: number | null): Value {
    // Past keys lie in order of position from 0; the new ones follow on from the tile's past.
    const past = g.op('Unsqueeze', [tiles.past, g.int64s([1])]); // [tiles x 1]
    const pastPositions = this.#range(g, tiles.blocks, this.#cache.blockSize); // [1 x L]
    const filled = g.op('Less', [pastPositions, past]);
    const newPositions = g.op('Add', [past, this.#range(g, tiles.newTokens, 1)]); // [tiles x N]
    const keyPositions = g.op(
      'Concat',
      [g.op('Where', [filled, pastPositions, g.int32(UNSEEN)]), newPositions],
      { axis: 1 },
    );
    const keys = g.op('Unsqueeze', [keyPositions, g.int64s([1])]); // [tiles x 1 x J]
    const rows = g.op('Unsqueeze', [g.op('Gather', [positions, tiles.tokens], { axis: 0 }), g.int64s([2])]); // [tiles x R x 1]
    const causal = g.op('LessOrEqual', [keys, rows]);
    const recent = (size: number): Value => g.op('Greater', [keys, g.op('Sub', [rows, g.int32(size)])]);
    const visible = window === null ? causal : g.op('And', [causal, recent(window)]);
    return g.op('Where', [visible, g.float(0), g.float(MASKED)]);
  }

  /** 0, 1, … as int32 [1 x columns of `table` * step]. */
  #range(g: GraphBuilder, table: Value, step: number): Value {
    const columns = g.op('Squeeze', [columnsOf(g, table), g.int64s([0])]);
    const end = g.op('Cast', [g.op('Mul', [columns, g.int64(step)])], { to: 6 });
    return g.op('Unsqueeze', [g.op('Range', [g.int32(0), end, g.int32(1)]), g.int64s([0])]);
  }
}

function rotaryTables(g: GraphBuilder, shape: DecoderShape, positionCount: number, positions: Value): Rotary {
  const { cos, sin } = ropeTables(shape, positionCount);
  const dims = [positionCount, shape.headSize / 2];
  return {
    positions: g.op('Unsqueeze', [g.op('Cast', [positions], { to: 7 }), g.int64s([0])]),
    cos: g.floats(dims, cos),
    sin: g.floats(dims, sin),
  };
}

/** A position beyond every query's. */
const UNSEEN = 2 ** 31 - 1;

/** Size of the last dimension, int64 [1]. */
function columnsOf(g: GraphBuilder, table: Value): Value {
  return g.op('Gather', [g.op('Shape', [table]), g.int64s([-1])], { axis: 0 });
}

function maskedSoftmax(g: GraphBuilder, scores: Value, mask: Value): Value {
  return g.op('Softmax', [g.op('Add', [scores, mask])], { axis: -1 });
}
