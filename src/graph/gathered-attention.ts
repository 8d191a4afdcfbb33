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

export type CacheGeometry = { readonly blockCount: number; readonly blockSize: number };

export const GATHERED_INPUT = {
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
  /** int32 [T] where each token's result lies in: decode tiles, then the rows of the prefill tiles. */
  resultRows: 'result_rows',
} as const;

export const NEW_KEYS_AND_VALUES = 'new_keys_and_values';
export const keyCacheName = (layer: number): string => `key_cache_${layer}`;
export const valueCacheName = (layer: number): string => `value_cache_${layer}`;

/** Added to scores of keys that must not be seen. Finite: a row of nothing else must not become NaN. */
const MASKED = -1e30;

type Tiles = {
  /** int32 [tiles x R] */
  readonly tokens: Value;
  /** int32 [tiles x N] */
  readonly newTokens: Value;
  /** int32 [tiles x B] */
  readonly blocks: Value;
  /** Addend to the scores by sliding window (`null` for none), [tiles x 1 x R x J]. */
  readonly masks: ReadonlyMap<number | null, Value>;
};

export class GatheredAttention implements AttentionForm {
  readonly #shape: DecoderShape;
  readonly #cache: CacheGeometry;
  readonly #decode: Tiles;
  readonly #prefill: Tiles;
  readonly #hasPrefill: Value;
  readonly #resultRows: Value;
  readonly #newKeys: Value[] = [];
  readonly #newValues: Value[] = [];

  /** @param positions int32 [T] */
  constructor(g: GraphBuilder, shape: DecoderShape, cache: CacheGeometry, positions: Value) {
    this.#shape = shape;
    this.#cache = cache;
    this.#hasPrefill = g.input(GATHERED_INPUT.hasPrefill, 'bool', []);
    this.#resultRows = g.input(GATHERED_INPUT.resultRows, 'int32', ['T']);
    const decodeTokens = g.input(GATHERED_INPUT.decodeTokens, 'int32', ['D']);
    const ownToken = g.op('Unsqueeze', [decodeTokens, g.int64s([1])]);
    this.#decode = this.#tiles(g, positions, {
      tokens: ownToken,
      newTokens: ownToken,
      blocks: g.input(GATHERED_INPUT.decodeBlocks, 'int32', ['D', 'B']),
      past: g.input(GATHERED_INPUT.decodePast, 'int32', ['D']),
    });
    this.#prefill = this.#tiles(g, positions, {
      tokens: g.input(GATHERED_INPUT.prefillTokens, 'int32', ['P', 'R']),
      newTokens: g.input(GATHERED_INPUT.prefillNewTokens, 'int32', ['P', 'N']),
      blocks: g.input(GATHERED_INPUT.prefillBlocks, 'int32', ['P', 'PB']),
      past: g.input(GATHERED_INPUT.prefillPast, 'int32', ['P']),
    });
  }

  layer(g: GraphBuilder, layer: number, query: Value, key: Value, value: Value): Value {
    const { kvHeadCount, headSize } = this.#shape;
    const { blockCount, blockSize } = this.#cache;
    const cacheDims = [kvHeadCount, blockCount, blockSize * headSize];
    const cached = {
      keys: g.input(keyCacheName(layer), 'float32', cacheDims),
      values: g.input(valueCacheName(layer), 'float32', cacheDims),
    };
    this.#newKeys.push(key);
    this.#newValues.push(value);
    const window = this.#shape.slidingWindows[layer]!;
    const attend = (into: GraphBuilder, tiles: Tiles): Value =>
      this.#attend(into, tiles, tiles.masks.get(window)!, query, { keys: key, values: value }, cached);
    const decoded = attend(g, this.#decode);
    return g.choose(
      this.#hasPrefill,
      (inner) => {
        const both = inner.op('Concat', [decoded, attend(inner, this.#prefill)], { axis: 0 });
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

  /** @returns [tiles * R x heads * headSize] */
  #attend(
    g: GraphBuilder,
    tiles: Tiles,
    mask: Value,
    query: Value,
    fresh: { readonly keys: Value; readonly values: Value },
    cached: { readonly keys: Value; readonly values: Value },
  ): Value {
    const { headCount, kvHeadCount, headSize } = this.#shape;
    const groups = headCount / kvHeadCount;
    // [tiles x R x heads * headSize] -> [kvHeads x tiles x G * R x headSize]
    const perTile = g.op('Gather', [query, tiles.tokens], { axis: 0 });
    const split = g.op('Reshape', [perTile, g.int64s([0, 0, kvHeadCount, groups, headSize])]);
    const byHead = g.op('Transpose', [split], { perm: { ints: [2, 0, 3, 1, 4] } });
    const queries = g.op('Reshape', [byHead, g.int64s([kvHeadCount, 0, -1, headSize])]);

    const scale = 1 / Math.sqrt(headSize);
    const scoresOf = (keys: Value): Value =>
      g.microsoftOp('FusedMatMul', [queries, keys], { transB: 1, alpha: { float: scale } });
    const past = scoresOf(this.#gatherBlocks(g, cached.keys, tiles));
    const own = scoresOf(this.#gatherNew(g, fresh.keys, tiles));
    const scores = g.op('Concat', [past, own], { axis: -1 });
    const weights = this.#maskedSoftmax(g, scores, mask, groups);

    const keyCounts = g.op('Concat', [lastDim(g, past), lastDim(g, own)], { axis: 0 });
    const [pastWeights, ownWeights] = g.ops('Split', [weights, keyCounts], 2, { axis: -1 });
    const mixed = g.op('Add', [
      g.op('MatMul', [pastWeights!, this.#gatherBlocks(g, cached.values, tiles)]),
      g.op('MatMul', [ownWeights!, this.#gatherNew(g, fresh.values, tiles)]),
    ]);
    // [kvHeads x tiles x G * R x headSize] -> [tiles * R x heads * headSize]
    const rows = g.op('Reshape', [mixed, this.#splitGroups(g, tiles, groups)]);
    const byToken = g.op('Transpose', [rows], { perm: { ints: [1, 3, 0, 2, 4] } });
    return g.op('Reshape', [byToken, g.int64s([-1, headCount * headSize])]);
  }

  /** Softmax over keys of scores [kvHeads x tiles x G * R x J]; the mask has no G, so it is added with G apart. */
  #maskedSoftmax(g: GraphBuilder, scores: Value, mask: Value, groups: number): Value {
    const tilesAndRows = g.op('Shape', [mask]); // [tiles, 1, R, J]
    const part = (from: number, to: number): Value =>
      g.op('Slice', [tilesAndRows, g.int64s([from]), g.int64s([to])]);
    const apart = g.op('Concat', [g.int64s([0]), part(0, 1), g.int64s([groups]), part(2, 4)], { axis: 0 });
    const masked = g.op('Add', [g.op('Reshape', [scores, apart]), mask]);
    return g.op('Reshape', [g.op('Softmax', [masked], { axis: -1 }), g.op('Shape', [scores])]);
  }

  /** Shape [kvHeads, tiles, G, R, headSize] for this kind of tiles. */
  #splitGroups(g: GraphBuilder, tiles: Tiles, groups: number): Value {
    const rows = g.op('Slice', [g.op('Shape', [tiles.tokens]), g.int64s([1]), g.int64s([2])]);
    return g.op('Concat', [g.int64s([0, 0, groups]), rows, g.int64s([this.#shape.headSize])], { axis: 0 });
  }

  /** Blocks of the cache by table: [kvHeads x tiles x L x headSize]. */
  #gatherBlocks(g: GraphBuilder, cache: Value, tiles: Tiles): Value {
    const { kvHeadCount, headSize } = this.#shape;
    const blocks = g.op('Gather', [cache, tiles.blocks], { axis: 1 });
    return g.op('Reshape', [blocks, g.int64s([kvHeadCount, 0, -1, headSize])]);
  }

  /** New keys or values of each tile: [kvHeads x tiles x N x headSize]. */
  #gatherNew(g: GraphBuilder, fresh: Value, tiles: Tiles): Value {
    const { kvHeadCount, headSize } = this.#shape;
    const rows = g.op('Gather', [fresh, tiles.newTokens], { axis: 0 });
    const split = g.op('Reshape', [rows, g.int64s([0, 0, kvHeadCount, headSize])]);
    return g.op('Transpose', [split], { perm: { ints: [2, 0, 1, 3] } });
  }

  #tiles(g: GraphBuilder, positions: Value, input: Omit<Tiles, 'masks'> & { readonly past: Value }): Tiles {
    const windows = new Set(this.#shape.slidingWindows);
    const masks = new Map<number | null, Value>();
    for (const window of windows) masks.set(window, this.#mask(g, positions, input, window));
    return { tokens: input.tokens, newTokens: input.newTokens, blocks: input.blocks, masks };
  }

  /** 0 where a query may see a key and MASKED where not, [tiles x 1 x R x J]: past keys first, then new ones. */
  #mask(
    g: GraphBuilder,
    positions: Value,
    tiles: Omit<Tiles, 'masks'> & { readonly past: Value },
    window: number | null,
  ): Value {
    // Past keys lie in order of position from 0; the new ones follow on from the tile's past.
    const past = g.op('Unsqueeze', [tiles.past, g.int64s([1])]); // [tiles x 1]
    const oldPositions = this.#range(g, tiles.blocks, this.#cache.blockSize); // [1 x L]
    const oldValid = g.op('Where', [g.op('Less', [oldPositions, past]), oldPositions, g.int32(UNSEEN)]);
    const newPositions = g.op('Add', [past, this.#range(g, tiles.newTokens, 1)]); // [tiles x N]
    const keyPositions = g.op('Unsqueeze', [
      g.op('Concat', [oldValid, newPositions], { axis: 1 }),
      g.int64s([1, 2]),
    ]); // [tiles x 1 x 1 x J]
    const rowPositions = g.op('Unsqueeze', [
      g.op('Gather', [positions, tiles.tokens], { axis: 0 }),
      g.int64s([1, 3]),
    ]); // [tiles x 1 x R x 1]
    const causal = g.op('LessOrEqual', [keyPositions, rowPositions]);
    const visible =
      window === null
        ? causal
        : g.op('And', [
            causal,
            g.op('Greater', [keyPositions, g.op('Sub', [rowPositions, g.int32(window)])]),
          ]);
    return g.op('Where', [visible, g.float(0), g.float(MASKED)]);
  }

  /** 0, 1, … as int32 [1 x columns of `table` * step]. */
  #range(g: GraphBuilder, table: Value, step: number): Value {
    const columns = g.op('Gather', [g.op('Shape', [table]), g.int64(1)], { axis: 0 });
    const end = g.op('Cast', [g.op('Mul', [columns, g.int64(step)])], { to: 6 });
    return g.op('Unsqueeze', [g.op('Range', [g.int32(0), end, g.int32(1)]), g.int64s([0])]);
  }
}

/** A position beyond every query's. */
const UNSEEN = 2 ** 31 - 1;

function lastDim(g: GraphBuilder, x: Value): Value {
  return g.op('Slice', [g.op('Shape', [x]), g.int64s([-1]), g.int64s([2 ** 31])]);
}
