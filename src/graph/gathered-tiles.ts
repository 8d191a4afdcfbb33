/**
 * The tiles into which a step's queries are cut for `gathered-attention.ts`, as the graph has them: the inputs that
 * describe them, the masks that say which keys a query sees, and how one group is cut out of all. The letters in shapes
 * are that file's.
 */

import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';

export const GATHERED_INPUT = {
  /** int32 [T] */
  positions: 'positions',
  /** int32 [D] token of each decode tile; there is at least one, whose result may be nobody's. */
  decodeTokens: 'decode_tokens',
  /** int32 [D x B] */
  decodeBlocks: 'decode_blocks',
  /** int32 [D] */
  decodePast: 'decode_past',
  /** int32 [P x R] tokens of each grouped tile; places beyond its end repeat its last token. */
  groupedTokens: 'grouped_tokens',
  /** int32 [P x N] the tile's chunk up to the tile's end; places beyond repeat any token: their positions mask them. */
  groupedNewTokens: 'grouped_new_tokens',
  /** int32 [P x B] */
  groupedBlocks: 'grouped_blocks',
  /** int32 [P] */
  groupedPast: 'grouped_past',
  /** int32 []: how many rows of the next table count; it has at least one. */
  groupCount: 'group_count',
  /** int32 [groups x 7], see `GROUP`. */
  groups: 'groups',
  /** int32 [T] where each token's result lies in: decode tiles, then the rows of the groups. */
  resultRows: 'result_rows',
} as const;

/** Columns of the table of groups: the first tile, 0, behind the last tile, and sizes of the group's widest tile. */
export const GROUP = { start: 0, zero: 1, end: 2, blocks: 3, pastKeys: 4, rows: 5, newKeys: 6 } as const;
export const GROUP_COLUMNS = Object.keys(GROUP).length;

/** Added to scores of keys that must not be seen. Finite: a row of nothing else must not become NaN. */
const MASKED = -1e30;

/** int32 matrices of tiles. */
type TileTables = {
  /** [tiles x R] */
  readonly tokens: Value;
  /** [tiles x N] */
  readonly newTokens: Value;
  /** [tiles x B] */
  readonly blocks: Value;
};

/** Tiles that are computed together. */
export type Tiles = TileTables & {
  /** [C x R x J], added to the scores: 0 where a query may see a key and `MASKED` where not. */
  readonly mask: Value;
  readonly hasOneRow: boolean;
};

/** What masks are made of: positions of queries and keys. */
type TilePositions = {
  /** int32 [tiles x R x 1] */
  readonly rows: Value;
  /** bool [tiles x 1 x L]: the sequence has so many past keys, which lie in order from position 0. */
  readonly isFilled: Value;
  /** int32 [tiles x 1 x N]: new keys follow on from the tile's past. */
  readonly newKeys: Value;
};

export type Tiling = {
  /** int32 [T] */
  readonly positions: Value;
  readonly blockSize: number;
  /** Sliding windows of the layers; `null` for none. */
  readonly windows: ReadonlySet<number | null>;
};

/** The decode tiles, by window: one group, of one row a tile. */
export function decodeTiles(g: GraphBuilder, tiling: Tiling): ReadonlyMap<number | null, Tiles> {
  const tokens = g.op('Unsqueeze', [g.input(GATHERED_INPUT.decodeTokens, 'int32', ['D']), g.int64s([1])]);
  const blocks = g.input(GATHERED_INPUT.decodeBlocks, 'int32', ['D', 'B']);
  const tables = { tokens, newTokens: tokens, blocks };
  const past = g.input(GATHERED_INPUT.decodePast, 'int32', ['D']);
  const positions = tilePositions(g, tables, past, tiling);
  const options = { blockSize: tiling.blockSize, hasOneRow: true };
  return new Map(
    [...tiling.windows].map((window) => [window, tilesOf(g, tables, positions, { ...options, window })]),
  );
}

/** All other tiles of a step. Masks are made for each group: for all tiles at once they could be of any size. */
export class GroupedTiles {
  readonly #blockSize: number;
  readonly #tables: TileTables;
  readonly #positions: TilePositions;
  /** int64 [] */
  readonly #groupCount: Value;
  /** int64 [groups x 7] */
  readonly #groups: Value;

  constructor(g: GraphBuilder, tiling: Tiling) {
    this.#blockSize = tiling.blockSize;
    this.#tables = {
      tokens: g.input(GATHERED_INPUT.groupedTokens, 'int32', ['P', 'R']),
      newTokens: g.input(GATHERED_INPUT.groupedNewTokens, 'int32', ['P', 'N']),
      blocks: g.input(GATHERED_INPUT.groupedBlocks, 'int32', ['P', 'PB']),
    };
    const past = g.input(GATHERED_INPUT.groupedPast, 'int32', ['P']);
    this.#positions = tilePositions(g, this.#tables, past, tiling);
    const wide = (value: Value): Value => g.op('Cast', [value], { to: DATA_TYPE.int64 });
    this.#groupCount = wide(g.input(GATHERED_INPUT.groupCount, 'int32', []));
    this.#groups = wide(g.input(GATHERED_INPUT.groups, 'int32', ['groups', GROUP_COLUMNS]));
  }

  /** What `attend` makes of each group, [C * R x n], behind `initial`. */
  eachGroup(
    g: GraphBuilder,
    window: number | null,
    initial: Value,
    attend: (g: GraphBuilder, tiles: Tiles) => Value,
  ): Value {
    return g.fold(this.#groupCount, initial, (turn, group, before) => {
      const attended = attend(turn, this.#cut(turn, group, window));
      return turn.op('Concat', [before, attended], { axis: 0 });
    });
  }

  #cut(g: GraphBuilder, group: Value, window: number | null): Tiles {
    const { tokens, newTokens, blocks } = this.#tables;
    const { rows, isFilled, newKeys } = this.#positions;
    const row = g.op('Gather', [this.#groups, group], { axis: 0 });
    const pick = (...columns: (keyof typeof GROUP)[]): Value =>
      g.op('Gather', [row, g.int64s(columns.map((column) => GROUP[column]))], { axis: 0 });
    /** The group's part of a matrix of all tiles: so many of the second dimension, and of the third. */
    const part = (all: Value, ...sizes: (keyof typeof GROUP)[]): Value =>
      g.op('Slice', [all, pick('start', ...sizes.map(() => 'zero' as const)), pick('end', ...sizes)]);
    const tables = {
      tokens: part(tokens, 'rows'),
      newTokens: part(newTokens, 'newKeys'),
      blocks: part(blocks, 'blocks'),
    };
    // The middle dimension of what is the same for all rows is 1, and cut to no less.
    const positions = {
      rows: part(rows, 'rows'),
      isFilled: part(isFilled, 'rows', 'pastKeys'),
      newKeys: part(newKeys, 'rows', 'newKeys'),
    };
    return tilesOf(g, tables, positions, { blockSize: this.#blockSize, hasOneRow: false, window });
  }
}

type TileOptions = {
  readonly blockSize: number;
  readonly hasOneRow: boolean;
  readonly window: number | null;
};

function tilesOf(
  g: GraphBuilder,
  tables: TileTables,
  { rows, isFilled, newKeys }: TilePositions,
  { blockSize, hasOneRow, window }: TileOptions,
): Tiles {
  const recent = (keys: Value, visible: Value): Value => {
    if (window === null) return visible;
    return g.op('And', [visible, g.op('Greater', [keys, g.op('Sub', [rows, g.int32(window)])])]);
  };
  const addend = (visible: Value): Value => g.op('Where', [visible, g.float(0), g.float(MASKED)]);
  const pastKeys = window === null ? '' : range(g, tables.blocks, blockSize);
  const past = addend(recent(pastKeys, isFilled));
  const fresh = addend(recent(newKeys, g.op('LessOrEqual', [newKeys, rows])));
  const one = g.int64s([1]);
  const everyRow = g.op('Concat', [one, columnsOf(g, tables.tokens), one], { axis: 0 });
  const pastOfRows = hasOneRow ? past : g.op('Expand', [past, everyRow]);
  const mask = g.op('Concat', [pastOfRows, fresh], { axis: 2 });
  return { ...tables, hasOneRow, mask };
}

/** @param past int32 [tiles] */
function tilePositions(
  g: GraphBuilder,
  { tokens, newTokens, blocks }: TileTables,
  past: Value,
  { positions, blockSize }: Tiling,
): TilePositions {
  const lengths = g.op('Unsqueeze', [past, g.int64s([1, 2])]);
  return {
    rows: g.op('Unsqueeze', [g.op('Gather', [positions, tokens], { axis: 0 }), g.int64s([2])]),
    isFilled: g.op('Less', [range(g, blocks, blockSize), lengths]),
    newKeys: g.op('Add', [lengths, range(g, newTokens, 1)]),
  };
}

/** 0, 1, … as int32 [1 x 1 x columns of `table` * step]. */
function range(g: GraphBuilder, table: Value, step: number): Value {
  const columns = g.op('Squeeze', [columnsOf(g, table), g.int64s([0])]);
  const end = g.op('Cast', [g.op('Mul', [columns, g.int64(step)])], { to: DATA_TYPE.int32 });
  return g.op('Unsqueeze', [g.op('Range', [g.int32(0), end, g.int32(1)]), g.int64s([0, 1])]);
}

/** Size of the last dimension, int64 [1]. */
export function columnsOf(g: GraphBuilder, table: Value): Value {
  return g.op('Gather', [g.op('Shape', [table]), g.int64s([-1])], { axis: 0 });
}
