/**
 * A step as the gathered graph wants it: rows of one token become decode tiles, longer rows are cut into prefill
 * tiles, and both are grouped; one group of decode tiles goes before the turns of the others (see
 * `graph/gathered-attention.ts`). Pure arithmetic on typed arrays, which are reused from
 * step to step.
 */

import { GATHERED_INPUT, GROUP, GROUP_COLUMNS } from '../graph/gathered-tiles.ts';
import { type GraphInput, type GraphInputs, int32Matrix, int32Vector } from './cache-form.ts';
import type { StepBatch } from './step-batch.ts';
import { type TileCosts, TileGroups, tileTokensMax } from './tile-groups.ts';

/** A reusable int32 matrix; `data` holds at least rowCount * columnCount values. */
class Int32Matrix {
  data = new Int32Array(64);
  rowCount = 0;
  columnCount = 0;

  resize(rowCount: number, columnCount: number): Int32Array {
    this.rowCount = rowCount;
    this.columnCount = columnCount;
    const size = rowCount * columnCount;
    if (size > this.data.length) this.data = new Int32Array(Math.max(size, 2 * this.data.length));
    return this.data;
  }
}

/** Tiles of one kind, before and after they were put in the order of their groups. */
class TileList {
  count = 0;
  /** [tiles] by the order in which they were added: row of the batch, first token in the row. */
  row = new Int32Array(64);
  first = new Int32Array(64);
  rows = new Int32Array(64);
  blocks = new Int32Array(64);
  newTokens = new Int32Array(64);
  readonly groups: TileGroups;

  constructor(costs: TileCosts) {
    this.groups = new TileGroups(costs);
  }

  add(row: number, first: number, rows: number, blocks: number, newTokens: number): void {
    const tile = this.count++;
    if (tile === this.row.length) this.#grow();
    this.row[tile] = row;
    this.first[tile] = first;
    this.rows[tile] = rows;
    this.blocks[tile] = blocks;
    this.newTokens[tile] = newTokens;
  }

  #grow(): void {
    const grown = (from: Int32Array): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(2 * from.length);
      to.set(from);
      return to;
    };
    this.row = grown(this.row);
    this.first = grown(this.first);
    this.rows = grown(this.rows);
    this.blocks = grown(this.blocks);
    this.newTokens = grown(this.newTokens);
  }

  /** The widest of all tiles; at least 1. */
  widest(sizes: Int32Array): number {
    let widest = 1;
    for (let tile = 0; tile < this.count; tile++) widest = Math.max(widest, sizes[tile]!);
    return widest;
  }
}

export class GatheredFeeds {
  readonly #costs: TileCosts;
  readonly #decodes: TileList;
  readonly #grouped: TileList;
  readonly #tokens = { decode: new Int32Matrix(), grouped: new Int32Matrix(), fresh: new Int32Matrix() };
  readonly #past = { decode: new Int32Matrix(), grouped: new Int32Matrix() };
  readonly #blocks = { decode: new Int32Matrix(), grouped: new Int32Matrix() };
  readonly #groups = new Int32Matrix();
  readonly #groupCount = new Int32Array(1);
  readonly #resultRows = new Int32Matrix();

  constructor(costs: TileCosts) {
    this.#costs = costs;
    this.#decodes = new TileList(costs);
    this.#grouped = new TileList(costs);
  }

  /** Valid until the next call. */
  fill(batch: StepBatch): GraphInputs {
    this.#cut(batch);
    this.#resultRows.resize(1, batch.tokenCount);
    this.#layDecodes(batch);
    this.#layGrouped(batch);
    this.#layGroups();
    return {
      [GATHERED_INPUT.positions]: int32Vector(batch.positions, batch.tokenCount),
      [GATHERED_INPUT.decodeTokens]: vector(this.#tokens.decode),
      [GATHERED_INPUT.decodePast]: vector(this.#past.decode),
      [GATHERED_INPUT.decodeBlocks]: matrix(this.#blocks.decode),
      [GATHERED_INPUT.groupedTokens]: matrix(this.#tokens.grouped),
      [GATHERED_INPUT.groupedNewTokens]: matrix(this.#tokens.fresh),
      [GATHERED_INPUT.groupedBlocks]: matrix(this.#blocks.grouped),
      [GATHERED_INPUT.groupedPast]: vector(this.#past.grouped),
      [GATHERED_INPUT.groupCount]: scalar(this.#groupCount),
      [GATHERED_INPUT.groups]: matrix(this.#groups),
      [GATHERED_INPUT.resultRows]: vector(this.#resultRows),
    };
  }

  #cut(batch: StepBatch): void {
    this.#decodes.count = 0;
    this.#grouped.count = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      const length = batch.rowStart[row + 1]! - batch.rowStart[row]!;
      // A table of no columns could not be cut: a sequence without a past has the null block, of which it sees nothing.
      const blocks = Math.max(1, Math.ceil(batch.pastLength[row]! / this.#costs.blockSize));
      if (length === 1) this.#decodes.add(row, 0, 1, blocks, 1);
      else this.#cutPrefill(row, length, blocks);
    }
    this.#decodes.groups.fill(this.#decodes);
    this.#regroupDecodes();
    this.#grouped.groups.fill(this.#grouped);
  }

  /** Decode tiles stay those of the first group, the widest; others are grouped with the rest, of one row each. */
  #regroupDecodes(): void {
    const { count, row, blocks, groups } = this.#decodes;
    if (groups.groupCount < 2) return;
    this.#decodes.count = groups.start[1]!;
    for (let place = this.#decodes.count; place < count; place++) {
      const tile = groups.order[place]!;
      this.#grouped.add(row[tile]!, 0, 1, blocks[tile]!, 1);
    }
  }

  #cutPrefill(row: number, length: number, blocks: number): void {
    const rowsMax = tileTokensMax(blocks * this.#costs.blockSize + length, this.#costs);
    for (let first = 0; first < length; first += rowsMax) {
      const rows = Math.min(rowsMax, length - first);
      this.#grouped.add(row, first, rows, blocks, first + rows);
    }
  }

  /** Where no row decodes, one that sees nothing but token 0 stands for them: tables must not be empty. */
  get #decodeTileCount(): number {
    return Math.max(1, this.#decodes.count);
  }

  #layDecodes(batch: StepBatch): void {
    const { count, row, groups } = this.#decodes;
    const tileCount = this.#decodeTileCount;
    const tokens = this.#tokens.decode.resize(1, tileCount).fill(0, 0, 1);
    const past = this.#past.decode.resize(1, tileCount).fill(0, 0, 1);
    const width = count === 0 ? 1 : groups.blocks[0]!;
    this.#blocks.decode.resize(tileCount, width).fill(0, 0, width);
    for (let place = 0; place < count; place++) {
      const ownRow = row[groups.order[place]!]!;
      const token = batch.rowStart[ownRow]!;
      tokens[place] = token;
      past[place] = batch.pastLength[ownRow]!;
      this.#resultRows.data[token] = place;
      this.#copyBlocks(batch, ownRow, this.#blocks.decode, place);
    }
  }

  #layGrouped(batch: StepBatch): void {
    const list = this.#grouped;
    const tileCount = Math.max(1, list.count);
    const [rowCount, newCount, width] = [list.rows, list.newTokens, list.blocks].map((sizes) =>
      list.widest(sizes),
    );
    this.#tokens.grouped.resize(tileCount, rowCount!).fill(0, 0, rowCount);
    this.#tokens.fresh.resize(tileCount, newCount!).fill(0, 0, newCount);
    this.#blocks.grouped.resize(tileCount, width!).fill(0, 0, width);
    this.#past.grouped.resize(1, tileCount).fill(0, 0, 1);
    const { groupCount, start, rows } = list.groups;
    let result = this.#decodeTileCount;
    for (let group = 0; group < groupCount; group++) {
      for (let place = start[group]!; place < start[group + 1]!; place++, result += rows[group]!) {
        this.#layTile(batch, place, result);
      }
    }
  }

  /** @param result row of the results that the tile's first token has. */
  #layTile(batch: StepBatch, place: number, result: number): void {
    const list = this.#grouped;
    const tile = list.groups.order[place]!;
    const row = list.row[tile]!;
    const start = batch.rowStart[row]!;
    const first = start + list.first[tile]!;
    const last = first + list.rows[tile]! - 1;
    const { data: tokens, columnCount: rowCount } = this.#tokens.grouped;
    const { data: fresh, columnCount: newCount } = this.#tokens.fresh;
    for (let i = 0; i < rowCount; i++) {
      tokens[place * rowCount + i] = Math.min(first + i, last);
      if (first + i <= last) this.#resultRows.data[first + i] = result + i;
    }
    for (let i = 0; i < newCount; i++) fresh[place * newCount + i] = Math.min(start + i, last);
    this.#past.grouped.data[place] = batch.pastLength[row]!;
    this.#copyBlocks(batch, row, this.#blocks.grouped, place);
  }

  /** Inputs must not be empty: where there is no group, one of nothing stands in the table and is not counted. */
  #layGroups(): void {
    const { groupCount, start, blocks, rows, newTokens } = this.#grouped.groups;
    const data = this.#groups.resize(Math.max(1, groupCount), GROUP_COLUMNS).fill(0, 0, GROUP_COLUMNS);
    for (let group = 0; group < groupCount; group++) {
      const at = group * GROUP_COLUMNS;
      data[at + GROUP.start] = start[group]!;
      data[at + GROUP.zero] = 0;
      data[at + GROUP.end] = start[group + 1]!;
      data[at + GROUP.blocks] = blocks[group]!;
      data[at + GROUP.pastKeys] = blocks[group]! * this.#costs.blockSize;
      data[at + GROUP.rows] = rows[group]!;
      data[at + GROUP.newKeys] = newTokens[group]!;
    }
    this.#groupCount[0] = groupCount;
  }

  #copyBlocks(batch: StepBatch, row: number, to: Int32Matrix, place: number): void {
    const count = Math.ceil(batch.pastLength[row]! / this.#costs.blockSize);
    const from = row * batch.blockTableWidth;
    const start = place * to.columnCount;
    for (let i = 0; i < to.columnCount; i++) {
      to.data[start + i] = i < count ? batch.blockTable[from + i]! : 0;
    }
  }
}

function vector({ data, columnCount }: Int32Matrix): GraphInput {
  return int32Vector(data, columnCount);
}

function matrix({ data, rowCount, columnCount }: Int32Matrix): GraphInput {
  return int32Matrix(data, rowCount, columnCount);
}

function scalar(data: Int32Array): GraphInput {
  return { type: 'int32', data, dims: [] };
}
