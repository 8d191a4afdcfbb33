/**
 * A step as the gathered graph wants it: rows of one token become decode tiles, longer rows are cut into prefill
 * tiles (see `graph/gathered-attention.ts`). Pure arithmetic on typed arrays, which are reused from step to step.
 */

import type { StepBatch } from './step-batch.ts';

/**
 * Tokens in a prefill tile at most. A tile gathers its sequence's past once for all its tokens, so large tiles copy
 * less; every row shorter than a tile is padded to it, so small ones waste less.
 */
export const TILE_TOKENS_MAX = 64;

/** A reusable int32 matrix; `data` holds at least rowCount * columnCount values. */
export class Int32Matrix {
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

export class GatheredFeeds {
  readonly decodeTokens = new Int32Matrix();
  readonly decodeBlocks = new Int32Matrix();
  readonly decodePast = new Int32Matrix();
  readonly prefillTokens = new Int32Matrix();
  readonly prefillNewTokens = new Int32Matrix();
  readonly prefillBlocks = new Int32Matrix();
  readonly prefillPast = new Int32Matrix();
  readonly resultRows = new Int32Matrix();
  hasPrefill = false;

  readonly #blockSize: number;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  fill(batch: StepBatch): void {
    const layout = this.#measure(batch);
    this.hasPrefill = layout.tileCount > 0;
    // Inputs must not be empty: a kind of tile that the step lacks is fed one that reads the null block.
    this.decodeTokens.resize(1, Math.max(layout.decodeCount, 1)).fill(0, 0, 1);
    this.decodePast.resize(1, Math.max(layout.decodeCount, 1)).fill(0, 0, 1);
    this.decodeBlocks.resize(Math.max(layout.decodeCount, 1), layout.decodeWidth).fill(0, 0, 1);
    const tileCount = Math.max(layout.tileCount, 1);
    this.prefillTokens.resize(tileCount, layout.tileTokens).fill(0, 0, 1);
    this.prefillNewTokens.resize(tileCount, layout.newTokens).fill(0, 0, 1);
    this.prefillBlocks.resize(tileCount, layout.prefillWidth).fill(0, 0, 1);
    this.prefillPast.resize(1, tileCount).fill(0, 0, 1);
    this.resultRows.resize(1, batch.tokenCount);

    let decode = 0;
    let tile = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      if (rowLength(batch, row) === 1) this.#addDecode(batch, row, decode++);
      else tile = this.#addTiles(batch, row, tile, Math.max(layout.decodeCount, 1));
    }
  }

  #measure(batch: StepBatch) {
    let decodeCount = 0;
    let longest = 1;
    let decodeWidth = 1;
    let prefillWidth = 1;
    for (let row = 0; row < batch.rowCount; row++) {
      const length = rowLength(batch, row);
      const width = this.#pastBlocks(batch, row);
      if (length === 1) {
        decodeCount++;
        decodeWidth = Math.max(decodeWidth, width);
      } else {
        longest = Math.max(longest, length);
        prefillWidth = Math.max(prefillWidth, width);
      }
    }
    const tileTokens = Math.min(longest, TILE_TOKENS_MAX);
    let tileCount = 0;
    for (let row = 0; row < batch.rowCount; row++) {
      const length = rowLength(batch, row);
      if (length > 1) tileCount += Math.ceil(length / tileTokens);
    }
    return { decodeCount, decodeWidth, prefillWidth, tileTokens, tileCount, newTokens: longest };
  }

  #addDecode(batch: StepBatch, row: number, decode: number): void {
    const token = batch.rowStart[row]!;
    this.decodeTokens.data[decode] = token;
    this.decodePast.data[decode] = batch.pastLength[row]!;
    this.resultRows.data[token] = decode;
    this.#copyBlocks(batch, row, this.decodeBlocks, decode);
  }

  /** @returns the index of the next free tile. */
  #addTiles(batch: StepBatch, row: number, firstTile: number, decodeRows: number): number {
    const start = batch.rowStart[row]!;
    const last = batch.rowStart[row + 1]! - 1;
    const tileTokens = this.prefillTokens.columnCount;
    const newTokens = this.prefillNewTokens.columnCount;
    let tile = firstTile;
    for (let tileStart = start; tileStart <= last; tileStart += tileTokens, tile++) {
      this.prefillPast.data[tile] = batch.pastLength[row]!;
      this.#copyBlocks(batch, row, this.prefillBlocks, tile);
      for (let i = 0; i < tileTokens; i++) {
        const token = Math.min(tileStart + i, last);
        this.prefillTokens.data[tile * tileTokens + i] = token;
        if (tileStart + i <= last) this.resultRows.data[token] = decodeRows + tile * tileTokens + i;
      }
      for (let i = 0; i < newTokens; i++) {
        this.prefillNewTokens.data[tile * newTokens + i] = Math.min(start + i, last);
      }
    }
    return tile;
  }

  #copyBlocks(batch: StepBatch, row: number, to: Int32Matrix, index: number): void {
    const count = this.#pastBlocks(batch, row);
    const from = row * batch.blockTableWidth;
    const start = index * to.columnCount;
    for (let i = 0; i < to.columnCount; i++) {
      to.data[start + i] = i < count ? batch.blockTable[from + i]! : 0;
    }
  }

  /** Blocks that hold what the row's sequence had before this step. */
  #pastBlocks(batch: StepBatch, row: number): number {
    return Math.ceil(batch.pastLength[row]! / this.#blockSize);
  }
}

function rowLength(batch: StepBatch, row: number): number {
  return batch.rowStart[row + 1]! - batch.rowStart[row]!;
}
