/**
 * The cache of the GPU path, see `graph/paged-attention.ts`: it is in the graph itself and on the device, so a step
 * moves block tables and lengths, and one number a token comes back. The graph pads nothing, so every step is one run.
 */

import { PAGED_INPUT, TOKEN_SUMS } from '../graph/paged-attention.ts';
import { type CacheForm, type GraphInputs, int32Matrix, int32Vector } from './cache-form.ts';
import type { StepBatch } from './step-batch.ts';

export type PagedFormOptions = {
  /**
   * Give the operator each token as a row of its own. The same to it, as all keys of the step are in the cache before any
   * is looked at, and right where its kernel for several queries a row is not.
   */
  readonly tokensApart: boolean;
};

export class PagedForm implements CacheForm {
  readonly output = TOKEN_SUMS;
  readonly constantFeeds: GraphInputs = {};
  readonly #tokensApart: boolean;
  readonly #lengthBounds = new Int32Array(3);
  /** Of tokens apart: grown as needed. */
  #tokenStarts = new Int32Array(0);
  #tokenTables = new Int32Array(0);

  constructor({ tokensApart }: PagedFormOptions) {
    this.#tokensApart = tokensApart;
  }

  feeds(batch: StepBatch): GraphInputs {
    this.#boundLengths(batch);
    const lengthBounds = int32Vector(this.#lengthBounds);
    if (this.#tokensApart) {
      return { ...this.#tokenFeeds(batch), [PAGED_INPUT.lengthBounds]: lengthBounds };
    }
    return {
      [PAGED_INPUT.rowStart]: int32Vector(batch.rowStart, batch.rowCount + 1),
      [PAGED_INPUT.pastLength]: int32Vector(batch.pastLength, batch.rowCount),
      [PAGED_INPUT.blockTable]: int32Matrix(batch.blockTable, batch.rowCount, batch.blockTableWidth),
      [PAGED_INPUT.lengthBounds]: lengthBounds,
    };
  }

  store(sums: Float32Array): readonly number[] {
    const broken: number[] = [];
    for (let token = 0; token < sums.length; token++) {
      const sum = sums[token]!;
      if (sum - sum !== 0) broken.push(token);
    }
    return broken;
  }

  #boundLengths({ rowCount, rowStart, pastLength }: StepBatch): void {
    let [newTokens, keys] = [0, 0];
    for (let row = 0; row < rowCount; row++) {
      const length = rowStart[row + 1]! - rowStart[row]!;
      newTokens = Math.max(newTokens, length);
      keys = Math.max(keys, pastLength[row]! + length);
    }
    this.#lengthBounds[0] = this.#tokensApart ? 1 : newTokens;
    this.#lengthBounds[1] = keys;
    // A lower bound on the longest sequence as well: from 512 keys on CUDA's kernel shares them out.
    this.#lengthBounds[2] = keys;
  }

  #tokenFeeds({
    tokenCount,
    positions,
    rowCount,
    rowStart,
    blockTable,
    blockTableWidth,
  }: StepBatch): GraphInputs {
    if (tokenCount >= this.#tokenStarts.length) {
      this.#tokenStarts = Int32Array.from({ length: 2 * tokenCount + 1 }, (_, token) => token);
    }
    const size = tokenCount * blockTableWidth;
    if (size > this.#tokenTables.length) this.#tokenTables = new Int32Array(2 * size);
    for (let row = 0; row < rowCount; row++) {
      const table = blockTable.subarray(row * blockTableWidth, (row + 1) * blockTableWidth);
      for (let token = rowStart[row]!; token < rowStart[row + 1]!; token++) {
        this.#tokenTables.set(table, token * blockTableWidth);
      }
    }
    return {
      [PAGED_INPUT.rowStart]: int32Vector(this.#tokenStarts, tokenCount + 1),
      [PAGED_INPUT.pastLength]: int32Vector(positions, tokenCount),
      [PAGED_INPUT.blockTable]: int32Matrix(this.#tokenTables, tokenCount, blockTableWidth),
    };
  }
}
