/**
 * A model runner over the arithmetic of `fake-model.ts`: one number a KV slot, everything read through the block
 * table. Checks every batch against the contract of `StepBatch`, and fails when it is told to.
 */

import { assert } from '../../src/base/assert.ts';
import {
  type ModelLimits,
  type ModelRunner,
  RunnerError,
  type StepOutcome,
} from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import type { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { BEFORE_FIRST, foldSlot, logitOf, slotValue, tokenAfter } from './fake-model.ts';

/** When a run fails: before anything is written, after so many tokens, or after all of them. */
export type Fault = 'before' | 'after' | { readonly afterTokens: number };

/** What nobody ever writes: reading it means that a slot was read before it was computed. */
const POISON = 0x7fc0ffee;

export type FakeModelRunnerOptions = {
  readonly limits: ModelLimits;
  readonly tokensPerStepMax: number;
  readonly sequencesPerStepMax: number;
  readonly candidateCount: number;
  /** Asked at the start of every run. */
  readonly drawFault: (batch: StepBatch) => Fault | null;
  /** Tokens whose keys and values are not numbers; none by default. Asked after every run that has not failed. */
  readonly drawBroken?: (batch: StepBatch) => readonly number[];
};

export class FakeModelRunner implements ModelRunner {
  readonly limits: ModelLimits;
  readonly #options: FakeModelRunnerOptions;
  readonly #slots: Int32Array;
  /** Run in which each slot was last written. */
  readonly #writtenInRun: Int32Array;
  runCount = 0;

  constructor(options: FakeModelRunnerOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.#writtenInRun = new Int32Array(options.limits.blockCount * options.limits.blockSize);
    this.#slots = new Int32Array(options.limits.blockCount * options.limits.blockSize).fill(POISON);
  }

  /** Forgets what a block holds. */
  poison(blockId: number): void {
    const { blockSize } = this.limits;
    this.#slots.fill(POISON, blockId * blockSize, (blockId + 1) * blockSize);
  }

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    this.runCount++;
    this.#checkShape(batch);
    const fault = this.#options.drawFault(batch);
    if (fault === 'before') throw new RunnerError('retryable', 'the run failed before its first write');
    const writtenMax = fault !== null && fault !== 'after' ? fault.afterTokens : batch.tokenCount;
    for (let row = 0; row < batch.rowCount; row++) this.#computeRow(batch, row, writtenMax);
    if (fault !== null) throw new RunnerError('retryable', `the run failed after ${writtenMax} writes`);
    return this.#logits(batch, query);
  }

  async close(): Promise<void> {}

  #checkShape(batch: StepBatch): void {
    const { rowCount, tokenCount, rowStart, logitsRowCount, blockTableWidth } = batch;
    assert(rowCount >= 1 && rowCount <= this.#options.sequencesPerStepMax, 'a batch has rows within bounds');
    assert(
      tokenCount >= rowCount && tokenCount <= this.#options.tokensPerStepMax,
      'tokens are within bounds',
    );
    assert(batch.tokenIds.length === tokenCount && batch.slots.length === tokenCount, 'columns are as long');
    assert(rowStart.length === rowCount + 1 && rowStart[rowCount] === tokenCount, 'rows cover the tokens');
    assert(batch.blockTable.length === rowCount * blockTableWidth, 'the block table has a line a row');
    assert(batch.logitsTokens.length === logitsRowCount, 'every row of logits names its token');
  }

  #computeRow(batch: StepBatch, row: number, writtenMax: number): void {
    const past = batch.pastLength[row]!;
    const start = batch.rowStart[row]!;
    const end = Math.min(batch.rowStart[row + 1]!, writtenMax);
    for (let token = start; token < end; token++) {
      const position = past + token - start;
      const slot = this.#slotAt(batch, row, position);
      assert(batch.positions[token] === position, 'positions continue the past');
      assert(batch.slots[token] === slot, 'slots agree with the block table');
      assert(this.#writtenInRun[slot] !== this.runCount, 'no slot is written twice in a run');
      this.#writtenInRun[slot] = this.runCount;
      const previous = position === 0 ? BEFORE_FIRST : this.#slots[this.#slotAt(batch, row, position - 1)]!;
      this.#slots[slot] = slotValue(previous, batch.tokenIds[token]!);
    }
  }

  #slotAt({ blockTable, blockTableWidth }: StepBatch, row: number, position: number): number {
    const { blockSize } = this.limits;
    const column = Math.floor(position / blockSize);
    assert(column < blockTableWidth, 'the block table is wide enough');
    const blockId = blockTable[row * blockTableWidth + column]!;
    assert(blockId > 0 && blockId < this.limits.blockCount, 'a token lies in a block of the pool');
    return blockId * blockSize + (position % blockSize);
  }

  /** Hashes the whole history of each row of logits, slot by slot. */
  #logits(batch: StepBatch, query: LogitsQuery): StepOutcome {
    const { vocabularySize } = this.limits;
    const { candidateCount } = this.#options;
    const candidateLogits = new Float32Array(batch.logitsRowCount * candidateCount);
    const candidateIds = new Int32Array(batch.logitsRowCount * candidateCount);
    const chosen: number[] = [];
    for (let index = 0; index < batch.logitsRowCount; index++) {
      const token = this.#nextToken(batch, batch.logitsTokens[index]!);
      chosen.push(token);
      for (let rank = 0; rank < candidateCount; rank++) {
        candidateLogits[index * candidateCount + rank] = -rank;
        candidateIds[index * candidateCount + rank] = (token + rank) % vocabularySize;
      }
    }
    const world = { vocabularySize, candidateCount };
    const fullRows = Float32Array.from({ length: query.fullRowCount * vocabularySize }, (_, place) => {
      const predicted = chosen[query.fullRow[Math.floor(place / vocabularySize)]!]!;
      return logitOf(place % vocabularySize, predicted, world);
    });
    const reads = Float32Array.from({ length: query.readCount }, (_, index) => {
      const [row, token] = query.readRowAndToken.subarray(2 * index);
      return logitOf(token!, chosen[row!]!, world);
    });
    return {
      vocabularySize,
      candidateCount,
      candidateLogits,
      candidateIds,
      normalisers: new Float32Array(query.normaliserCount),
      reads,
      fullRows,
      brokenTokens: this.#options.drawBroken?.(batch) ?? [],
    };
  }

  #nextToken(batch: StepBatch, lastToken: number): number {
    let row = 0;
    while (batch.rowStart[row + 1]! <= lastToken) row++;
    const length = batch.positions[lastToken]! + 1;
    let hash = 0;
    for (let position = 0; position < length; position++) {
      hash = foldSlot(hash, this.#slots[this.#slotAt(batch, row, position)]!);
    }
    return tokenAfter(hash, this.limits.vocabularySize);
  }
}
