/**
 * Steps that a device computes before anybody waits for it: they compile its kernels, and show that there is memory for
 * the largest one. They read and write the null block alone. Pure.
 */

import { NULL_BLOCK } from '../kv-cache/block-pool.ts';
import { LogitsQuery } from '../sampling/step-logits.ts';
import type { StepBatch } from './step-batch.ts';

export type StepSize = {
  readonly tokenCount: number;
  /** Tokens whose logits are wanted, at most `tokenCount`. */
  readonly logitsRowCount: number;
  /** Of these, those that choose a token, and may be asked for whole. */
  readonly choosingCount: number;
};

/** @param rowLengthMax tokens that the null block, and a sequence of the model, can hold. */
export function warmUpBatch({ tokenCount, logitsRowCount }: StepSize, rowLengthMax: number): StepBatch {
  const rowCount = Math.ceil(tokenCount / rowLengthMax);
  const positions = Int32Array.from({ length: tokenCount }, (_, token) => token % rowLengthMax);
  return {
    rowCount,
    tokenCount,
    tokenIds: new Int32Array(tokenCount),
    positions,
    slots: positions,
    rowStart: Int32Array.from({ length: rowCount + 1 }, (_, row) => Math.min(row * rowLengthMax, tokenCount)),
    pastLength: new Int32Array(rowCount),
    blockTable: new Int32Array(rowCount).fill(NULL_BLOCK),
    blockTableWidth: 1,
    logitsTokens: Int32Array.from({ length: logitsRowCount }, (_, i) => tokenCount - logitsRowCount + i),
    logitsRowCount,
  };
}

/**
 * Asks of every row what a scored token can ask for, its normaliser and a logit, and of those that choose also what they
 * can: the normaliser at another temperature, and all of the row.
 */
export function warmUpQuery({ logitsRowCount, choosingCount }: StepSize): LogitsQuery {
  const query = new LogitsQuery();
  for (let row = 0; row < logitsRowCount; row++) {
    query.addNormaliser(row, 1);
    query.addRead(row, 0);
  }
  for (let row = 0; row < choosingCount; row++) {
    query.addNormaliser(row, 0.5);
    query.addFullRow(row);
  }
  return query;
}
