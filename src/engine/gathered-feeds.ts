/**
 * A step as the gathered graph wants it: rows of one token become decode tiles, longer rows are cut into prefill
 * tiles, and both are grouped (see `graph/gathered-attention.ts`). Pure arithmetic on typed arrays, which are reused from
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
  readonly #prefills: TileList;
  readonly #tokens = { decode: new Int32Matrix(), prefill: new Int32Matrix(), fresh: new Int32Matrix() };
  readonly #past = { decode: new Int32Matrix(), prefill: new Int32Matrix() };
  readonly #blocks = { decode: new Int32Matrix(), prefill: new Int32Matrix() };
  readonly #groups = { decode: new Int32Matrix(), prefill: new Int32Matrix() };
  readonly #resultRows = new Int32Matrix();
  readonly #groupCounts = [new Int32Array(1), new Int32Array(1)] as const;

  constructor(costs: TileCosts) {
    this.#costs = costs;
    this.#decodes = new TileList(costs);
    this.#prefills = new TileList(costs);
  }

  /** Valid until the next call. */
  fill(batch: StepBatch): GraphInputs {
    this.#cut(batch);
    this.#resultRows.resize(1, batch.tokenCount);
    this.#layDecodes(batch);
    this.#layPrefills(batch);
    this.#layGroups(this.#decodes.groups, this.#groups.decode, this.#groupCounts[0]);
    this.#layGroups(this.#prefills.groups, this.#groups.prefill, this.#groupCounts[1]);
    return {
      [GATHERED_INPUT.positions]: int32Vector(batch.positions, batch.tokenCount),
      [GATHERED_INPUT.decodeTokens]: vector(this.#tokens.decode),
      [GATHERED_INPUT.decodePast]: vector(this.#past.decode),
      [GATHERED_INPUT.decodeBlocks]: matrix(this.#blocks.decode),
      [GATHERED_INPUT.decodeGroupCount]: scalar(this.#groupCounts[0]),
      [GATHERED_INPUT.decodeGroups]: matrix(this.#groups.decode),
      [GATHERED_INPUT.prefillTokens]: matrix(this.#tokens.prefill),
      [GATHERED_INPUT.prefillNewTokens]: matrix(this.#tokens.fresh),
      [GATHERED_INPUT.prefillBlocks]: matrix(this.#blocks.prefill),
      [GATHERED_INPUT.prefillPast]: vector(this.#past.prefill),
      [GATHERED_INPUT.prefillGroupCount]: scalar(this.#groupCounts[1]),
      [GATHERED_INPUT.prefillGroups]: matrix(this.#groups.prefill),
      [GATHERED_INPUT.resultRows]: vector(this.#resultRows),
    };
  }

  #cut(batch: StepBatch): void {
    this.#decodes.count = 0;
    this.#prefills.count = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      const length = batch.rowStart[row + 1]! - batch.rowStart[row]!;
      // A table of no columns could not be cut: a sequence without a past has the null block, of which it sees nothing.
      const blocks = Math.max(1, Math.ceil(batch.pastLength[row]! / this.#costs.blockSize));
      if (length === 1) this.#decodes.add(row, 0, 1, blocks, 1);
      else this.#cutPrefill(row, length, blocks);
    }
    for (const list of [this.#decodes, this.#prefills]) list.groups.fill(list);
  }

  #cutPrefill(row: number, length: number, blocks: number): void {
    const rowsMax = tileTokensMax(blocks * this.#costs.blockSize + length, this.#costs);
    for (let first = 0; first < length; first += rowsMax) {
      const rows = Math.min(rowsMax, length - first);
      this.#prefills.add(row, first, rows, blocks, first + rows);
    }
  }

  #layDecodes(batch: StepBatch): void {
    const { count, row, blocks, groups } = this.#decodes;
    const tokens = this.#tokens.decode.resize(1, Math.max(1, count)).fill(0, 0, 1);
    const past = this.#past.decode.resize(1, Math.max(1, count)).fill(0, 0, 1);
    const width = this.#decodes.widest(blocks);
    this.#blocks.decode.resize(Math.max(1, count), width).fill(0, 0, width);
    for (let place = 0; place < count; place++) {
      const ownRow = row[groups.order[place]!]!;
      const token = batch.rowStart[ownRow]!;
      tokens[place] = token;
      past[place] = batch.pastLength[ownRow]!;
      this.#resultRows.data[token] = place;
      this.#copyBlocks(batch, ownRow, this.#blocks.decode, place);
    }
  }

  #layPrefills(batch: StepBatch): void {
    const list = this.#prefills;
    const tileCount = Math.max(1, list.count);
    const [rowCount, newCount, width] = [list.rows, list.newTokens, list.blocks].map((sizes) =>
      list.widest(sizes),
    );
    this.#tokens.prefill.resize(tileCount, rowCount!).fill(0, 0, rowCount);
    this.#tokens.fresh.resize(tileCount, newCount!).fill(0, 0, newCount);
    this.#blocks.prefill.resize(tileCount, width!).fill(0, 0, width);
    this.#past.prefill.resize(1, tileCount).fill(0, 0, 1);
    const { groupCount, start, rows } = list.groups;
    let result = this.#decodes.count;
    for (let group = 0; group < groupCount; group++) {
      for (let place = start[group]!; place < start[group + 1]!; place++, result += rows[group]!) {
        this.#layPrefill(batch, place, result);
      }
    }
  }

  /** @param result row of the results that the tile's first token has. */
  #layPrefill(batch: StepBatch, place: number, result: number): void {
    const list = this.#prefills;
    const tile = list.groups.order[place]!;
    const row = list.row[tile]!;
    const start = batch.rowStart[row]!;
    const first = start + list.first[tile]!;
    const last = first + list.rows[tile]! - 1;
    const { data: tokens, columnCount: rowCount } = this.#tokens.prefill;
    const { data: fresh, columnCount: newCount } = this.#tokens.fresh;
    for (let i = 0; i < rowCount; i++) {
      tokens[place * rowCount + i] = Math.min(first + i, last);
      if (first + i <= last) this.#resultRows.data[first + i] = result + i;
    }
    for (let i = 0; i < newCount; i++) fresh[place * newCount + i] = Math.min(start + i, last);
    this.#past.prefill.data[place] = batch.pastLength[row]!;
    this.#copyBlocks(batch, row, this.#blocks.prefill, place);
  }

  /** Inputs must not be empty: where there is no group, one of nothing stands in the table and is not counted. */
  #layGroups(groups: TileGroups, to: Int32Matrix, count: Int32Array): void {
    const { groupCount, start, blocks, rows, newTokens } = groups;
    const data = to.resize(Math.max(1, groupCount), GROUP_COLUMNS).fill(0, 0, GROUP_COLUMNS);
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
    count[0] = groupCount;
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
