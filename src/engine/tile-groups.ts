/**
 * Which tiles of a step are computed together (see `graph/gathered-attention.ts`). A group pads its tiles to its widest
 * one, and what it gathers should still be in the processor's cache when it is used; each group costs a turn of a loop
 * in every layer. Pure arithmetic on typed arrays, which are reused from step to step.
 */

/** What tiles are made of, one entry a tile. */
export type TileSizes = {
  readonly count: number;
  /** Query tokens. */
  readonly rows: Int32Array;
  /** Blocks of the past. */
  readonly blocks: Int32Array;
  /** Keys of the step itself. */
  readonly newTokens: Int32Array;
};

/** Bytes that a layer's attention works on. */
export type TileCosts = {
  readonly blockSize: number;
  /** Of one token's keys in float32, all kv heads. */
  readonly keyBytes: number;
  /** Of the scores of one query token and one key, all query heads. */
  readonly scoreBytes: number;
  /** What a group of more than one tile has at most, unless there would be more than `groupsMax`; for tests. */
  readonly groupBytesMax?: number;
  readonly groupsMax?: number;
};

/**
 * Bytes of keys and scores that a group may have, as long as it has more than one tile. Measured with 2 threads and
 * 1 MiB of second-level cache each: docs/performance.md.
 */
const GROUP_BYTES_MAX = 4 * 2 ** 20;
/** With fewer, a turn of the loop costs more than padding does. */
const GROUP_BYTES_UNEVEN = 2 ** 19;
/** Bytes of a group for each one that its tiles need. */
const PADDING_MAX = 2;
/**
 * About: each group's turn copies the results of those before it. Beyond, groups are larger than the cache instead, as
 * far as `WORK_BYTES_MAX` lets them; of tiles that are larger still, the turns do not count.
 */
const GROUPS_MAX = 32;
/**
 * Of the scores of a tile, and of the keys and scores of a group of several tiles. It is memory beside the cache that no
 * budget has, ONNX Runtime has it twice at a time, and does not give it back. So large that tiles of 18,700 keys with 14
 * query heads, or of 8,192 with 32, have all their tokens; beyond, a tile has fewer, and its keys are gathered more often.
 */
const WORK_BYTES_MAX = 64 * 2 ** 20;
/**
 * Tokens in a prefill tile at most. A tile gathers its sequence's past once for all its tokens, so large tiles copy
 * less; a shorter one is padded to the longest of its group, so small ones waste less.
 */
const TILE_TOKENS_MAX = 64;

/** Fields of a number by which tiles are sorted, under one for rows: more than tiles of a step, and keys of a sequence. */
const TILE_FIELD = 2 ** 20;
const KEY_FIELD = 2 ** 25;

/** Query tokens that a tile may have before so many keys. */
export function tileTokensMax(keyCount: number, { scoreBytes }: Pick<TileCosts, 'scoreBytes'>): number {
  const fitting = Math.floor(WORK_BYTES_MAX / (keyCount * scoreBytes));
  return Math.min(Math.max(fitting, 1), TILE_TOKENS_MAX);
}

export class TileGroups {
  /** Tiles by group, the largest first. */
  order = new Int32Array(0);
  groupCount = 0;
  /** [groups + 1] places in `order`. */
  start = new Int32Array(0);
  /** [groups] of the widest tile. */
  rows = new Int32Array(0);
  blocks = new Int32Array(0);
  newTokens = new Int32Array(0);
  readonly #costs: TileCosts;
  /** Of this step. */
  #groupBytesMax = 0;
  /** What the tiles of the last group need. */
  #neededBytes = 0;
  #keys = new Float64Array(0);

  constructor(costs: TileCosts) {
    this.#costs = costs;
  }

  fill(tiles: TileSizes): void {
    this.#sort(tiles);
    this.#groupBytesMax = this.#limit(tiles);
    this.groupCount = 0;
    let isOpen = false;
    for (let place = 0; place < tiles.count; place++) {
      const tile = this.order[place]!;
      if (!isOpen || !this.#fits(tiles, tile, place)) this.#open(place);
      isOpen = true;
      this.#widen(tiles, tile);
      this.start[this.groupCount] = place + 1;
    }
  }

  /** By rows, then by keys; equal ones in their order. */
  #sort({ count, rows, blocks, newTokens }: TileSizes): void {
    if (count > this.order.length) this.#grow(2 * count);
    const keys = this.#keys.subarray(0, count);
    for (let tile = 0; tile < count; tile++) {
      const keyCount = blocks[tile]! * this.#costs.blockSize + newTokens[tile]!;
      keys[tile] = (rows[tile]! * KEY_FIELD + keyCount) * TILE_FIELD + (TILE_FIELD - 1 - tile);
    }
    keys.sort();
    for (let place = 0; place < count; place++) {
      this.order[place] = TILE_FIELD - 1 - (keys[count - 1 - place]! % TILE_FIELD);
    }
  }

  #limit(tiles: TileSizes): number {
    const { groupBytesMax = GROUP_BYTES_MAX, groupsMax = GROUPS_MAX } = this.#costs;
    let needed = 0;
    for (let tile = 0; tile < tiles.count; tile++) needed += this.#bytesOf(tiles, tile);
    return Math.min(Math.max(groupBytesMax, needed / groupsMax), WORK_BYTES_MAX);
  }

  #grow(length: number): void {
    this.order = new Int32Array(length);
    this.#keys = new Float64Array(length);
    this.start = new Int32Array(length + 1);
    this.rows = new Int32Array(length);
    this.blocks = new Int32Array(length);
    this.newTokens = new Int32Array(length);
  }

  #open(place: number): void {
    const group = this.groupCount++;
    this.start[group] = place;
    this.rows[group] = 0;
    this.blocks[group] = 0;
    this.newTokens[group] = 0;
    this.#neededBytes = 0;
  }

  #widen({ rows, blocks, newTokens }: TileSizes, tile: number): void {
    const group = this.groupCount - 1;
    this.rows[group] = Math.max(this.rows[group]!, rows[tile]!);
    this.blocks[group] = Math.max(this.blocks[group]!, blocks[tile]!);
    this.newTokens[group] = Math.max(this.newTokens[group]!, newTokens[tile]!);
    this.#neededBytes += this.#bytes(rows[tile]!, blocks[tile]!, newTokens[tile]!);
  }

  /** Whether the last group may have the tile too. */
  #fits({ rows, blocks, newTokens }: TileSizes, tile: number, place: number): boolean {
    const group = this.groupCount - 1;
    const tileCount = place - this.start[group]!;
    const before = this.#bytes(this.rows[group]!, this.blocks[group]!, this.newTokens[group]!);
    const own = this.#bytes(rows[tile]!, blocks[tile]!, newTokens[tile]!);
    const after = this.#bytes(
      Math.max(this.rows[group]!, rows[tile]!),
      Math.max(this.blocks[group]!, blocks[tile]!),
      Math.max(this.newTokens[group]!, newTokens[tile]!),
    );
    const bytes = (tileCount + 1) * after;
    // A tile that is too small for the group, and one that widens it for all the others.
    const isUneven = PADDING_MAX * own < before || bytes > PADDING_MAX * (this.#neededBytes + own);
    return bytes <= (isUneven ? GROUP_BYTES_UNEVEN : this.#groupBytesMax);
  }

  #bytesOf({ rows, blocks, newTokens }: TileSizes, tile: number): number {
    return this.#bytes(rows[tile]!, blocks[tile]!, newTokens[tile]!);
  }

  #bytes(rows: number, blocks: number, newTokens: number): number {
    const { blockSize, keyBytes, scoreBytes } = this.#costs;
    return (blocks * blockSize + newTokens) * (keyBytes + rows * scoreBytes);
  }
}
