/**
 * Drives a model runner by hand, without scheduler or pool: sequences with their own block tables, rows put together
 * as a test wants them, and the logits of every token back.
 */

import type { ModelRunner } from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';

export type DrivenSequence = { readonly blockIds: number[]; pastLength: number };

export type DrivenRow = { readonly sequence: DrivenSequence; readonly tokenIds: readonly number[] };

export class RunnerDriver {
  readonly #runner: ModelRunner;
  readonly #freeBlocks: number[];

  /** @param takeBlock which of so many free blocks is handed out next; the last by default. */
  constructor(runner: ModelRunner, takeBlock: (freeCount: number) => number = (count) => count - 1) {
    this.#runner = runner;
    const blocks = Array.from({ length: runner.limits.blockCount - 1 }, (_, i) => i + 1);
    this.#freeBlocks = [];
    while (blocks.length > 0) this.#freeBlocks.push(blocks.splice(takeBlock(blocks.length), 1)[0]!);
  }

  sequence(): DrivenSequence {
    return { blockIds: [], pastLength: 0 };
  }

  /** A sequence that begins with the first `length` tokens of another, in the same blocks. */
  sharing(other: DrivenSequence, length: number): DrivenSequence {
    const blockCount = length / this.#runner.limits.blockSize;
    if (!Number.isInteger(blockCount)) throw new Error('only whole blocks can be shared');
    return { blockIds: other.blockIds.slice(0, blockCount), pastLength: length };
  }

  /** Runs one step of these rows. @returns the logits of each row's tokens, one array a token. */
  async step(rows: readonly DrivenRow[]): Promise<Float32Array[][]> {
    const batch = this.#batch(rows);
    const query = new LogitsQuery();
    for (let token = 0; token < batch.tokenCount; token++) query.addFullRow(token);
    const { fullRows, vocabularySize } = await this.#runner.run(batch, query);
    let token = 0;
    return rows.map(({ sequence, tokenIds }) => {
      sequence.pastLength += tokenIds.length;
      return tokenIds.map(() => fullRows.slice(token * vocabularySize, ++token * vocabularySize));
    });
  }

  #batch(rows: readonly DrivenRow[]): StepBatch {
    const { blockSize } = this.#runner.limits;
    const positions: number[] = [];
    const slots: number[] = [];
    const rowStart = [0];
    for (const { sequence, tokenIds } of rows) {
      tokenIds.forEach((_, i) => {
        const position = sequence.pastLength + i;
        if (position >= sequence.blockIds.length * blockSize) sequence.blockIds.push(this.#freeBlocks.pop()!);
        positions.push(position);
        slots.push(sequence.blockIds[Math.floor(position / blockSize)]! * blockSize + (position % blockSize));
      });
      rowStart.push(positions.length);
    }
    const width = Math.max(...rows.map(({ sequence }) => sequence.blockIds.length));
    const blockTable = rows.flatMap(({ sequence }) =>
      Array.from({ length: width }, (_, i) => sequence.blockIds[i] ?? 0),
    );
    return {
      rowCount: rows.length,
      tokenCount: positions.length,
      tokenIds: Int32Array.from(rows.flatMap(({ tokenIds }) => tokenIds)),
      positions: Int32Array.from(positions),
      slots: Int32Array.from(slots),
      rowStart: Int32Array.from(rowStart),
      pastLength: Int32Array.from(rows, ({ sequence }) => sequence.pastLength),
      blockTable: Int32Array.from(blockTable),
      blockTableWidth: width,
      logitsTokens: Int32Array.from(positions, (_, i) => i),
      logitsRowCount: positions.length,
    };
  }
}
