/**
 * Turns planned rows into the packed typed arrays that a model runner computes. Pure arithmetic over sequences
 * and their block tables; knows nothing of sampling or of what runs the batch.
 */

import { DRAFTED_STEP_TOKENS_MAX } from '../base/limits.ts';
import type { Sequence } from '../batching/sequence.ts';
import type { StepPlan } from '../batching/step-plan.ts';
import type { StepLimits } from '../batching/token-budget.ts';
import { NULL_BLOCK } from '../kv-cache/block-pool.ts';
import { type Draft, NO_DRAFT } from '../sampling/draft-lookup.ts';
import type { StepBatch } from './step-batch.ts';

/** Arrays as large as the largest step, filled anew for every batch: a batch is valid until the next one. */
export class StepPacker {
  readonly #tokenIds: Int32Array;
  readonly #positions: Int32Array;
  readonly #slots: Int32Array;
  readonly #rowStart: Int32Array;
  readonly #pastLength: Int32Array;
  readonly #logitsTokens: Int32Array;
  /** Grows to the widest step: sized for the longest context, it would be the largest of all by far. */
  #blockTable = new Int32Array(0);
  #rowCount = 0;
  #tokenCount = 0;
  #logitsRowCount = 0;

  constructor({ tokensPerStepMax, sequencesPerStepMax, scoredTokensPerStepMax }: StepLimits) {
    this.#tokenIds = new Int32Array(tokensPerStepMax);
    this.#positions = new Int32Array(tokensPerStepMax);
    this.#slots = new Int32Array(tokensPerStepMax);
    this.#rowStart = new Int32Array(sequencesPerStepMax + 1);
    this.#pastLength = new Int32Array(sequencesPerStepMax);
    const choosingMax = Math.max(sequencesPerStepMax, DRAFTED_STEP_TOKENS_MAX);
    this.#logitsTokens = new Int32Array(choosingMax + scoredTokensPerStepMax);
  }

  /**
   * The batch of a whole plan. In `logitsTokens` a row's last token is followed by its draft's; the tokens that score others
   * come after those of all rows.
   */
  pack(plan: StepPlan): StepBatch {
    this.#clear();
    let width = 0;
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequence, firstPosition, tokenCount, samples, draft } = plan.rows[index]!;
      this.#addRow(sequence, firstPosition, tokenCount, draft);
      if (samples) this.#sampleLastTokens(1 + draft.count);
      width = Math.max(width, sequence.blockTable.blockCount);
    }
    if (plan.scoredCount > 0) this.#addScored(plan);
    this.#clearBlockTable(width);
    for (let row = 0; row < plan.rowCount; row++) this.#fillBlockTable(row, plan.rows[row]!.sequence, width);
    return this.#batch(width);
  }

  /**
   * A batch that computes only the last token of each sequence once more, with logits of every row. Its keys and values
   * are written again, the same ones to the same slots.
   */
  packLastTokens(sequences: readonly Sequence[]): StepBatch {
    this.#clear();
    let width = 0;
    for (const sequence of sequences) {
      this.#addRow(sequence, sequence.length - 1, 1, NO_DRAFT);
      this.#sampleLastTokens(1);
      width = Math.max(width, sequence.blockTable.blockCount);
    }
    this.#clearBlockTable(width);
    for (let row = 0; row < sequences.length; row++) this.#fillBlockTable(row, sequences[row]!, width);
    return this.#batch(width);
  }

  #clear(): void {
    this.#rowCount = 0;
    this.#tokenCount = 0;
    this.#logitsRowCount = 0;
  }

  #addRow(sequence: Sequence, firstPosition: number, tokenCount: number, draft: Draft): void {
    const { tokenIds, blockTable } = sequence;
    const ownEnd = firstPosition + tokenCount;
    let token = this.#tokenCount;
    for (let position = firstPosition; position < ownEnd + draft.count; position++, token++) {
      this.#tokenIds[token] = position < ownEnd ? tokenIds[position]! : draft.tokenIds[position - ownEnd]!;
      this.#positions[token] = position;
      this.#slots[token] = blockTable.slotAt(position);
    }
    this.#rowStart[this.#rowCount] = this.#tokenCount;
    this.#pastLength[this.#rowCount] = firstPosition;
    this.#rowCount++;
    this.#tokenCount = token;
    this.#rowStart[this.#rowCount] = token;
  }

  #sampleLastTokens(count: number): void {
    for (let token = this.#tokenCount - count; token < this.#tokenCount; token++) {
      this.#logitsTokens[this.#logitsRowCount++] = token;
    }
  }

  #addScored(plan: StepPlan): void {
    for (let index = 0; index < plan.rowCount; index++) {
      const { firstPosition, firstScored, scoredCount } = plan.rows[index]!;
      const first = this.#rowStart[index]! + firstScored - firstPosition;
      for (let i = 0; i < scoredCount; i++) this.#logitsTokens[this.#logitsRowCount++] = first + i;
    }
  }

  #clearBlockTable(width: number): void {
    const length = this.#rowCount * width;
    if (length > this.#blockTable.length) this.#blockTable = new Int32Array(2 * length);
    this.#blockTable.fill(NULL_BLOCK, 0, length);
  }

  #fillBlockTable(row: number, sequence: Sequence, width: number): void {
    const { blockIds } = sequence.blockTable;
    for (let column = 0; column < blockIds.length; column++) {
      this.#blockTable[row * width + column] = blockIds[column]!;
    }
  }

  #batch(blockTableWidth: number): StepBatch {
    return {
      rowCount: this.#rowCount,
      tokenCount: this.#tokenCount,
      tokenIds: this.#tokenIds.subarray(0, this.#tokenCount),
      positions: this.#positions.subarray(0, this.#tokenCount),
      slots: this.#slots.subarray(0, this.#tokenCount),
      rowStart: this.#rowStart.subarray(0, this.#rowCount + 1),
      pastLength: this.#pastLength.subarray(0, this.#rowCount),
      blockTable: this.#blockTable.subarray(0, this.#rowCount * blockTableWidth),
      blockTableWidth,
      logitsTokens: this.#logitsTokens.subarray(0, this.#logitsRowCount),
      logitsRowCount: this.#logitsRowCount,
    };
  }
}
