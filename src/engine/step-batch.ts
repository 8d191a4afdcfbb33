/**
 * One step's work as packed typed arrays: what a model runner computes. Knows token positions and slots, and
 * nothing of requests, sampling parameters or ONNX.
 *
 * Tokens of all rows lie end to end. Row r holds tokens [rowStart[r], rowStart[r + 1]) of the batch, at
 * positions pastLength[r], pastLength[r] + 1, … of its sequence; everything before them is in the cache already,
 * readable through row r of the block table.
 */

export type StepBatch = {
  readonly rowCount: number;
  readonly tokenCount: number;
  /** [tokenCount] */
  readonly tokenIds: Int32Array;
  /** [tokenCount] index of each token in its sequence, from 0. */
  readonly positions: Int32Array;
  /** [tokenCount] where each token's K and V go: block id x block size + offset. */
  readonly slots: Int32Array;
  /** [rowCount + 1] first token of each row, and the end. */
  readonly rowStart: Int32Array;
  /** [rowCount] tokens of the row's sequence that are in the cache before this step. */
  readonly pastLength: Int32Array;
  /** [rowCount x blockTableWidth] block ids in order of position; unused places hold the null block, 0. */
  readonly blockTable: Int32Array;
  readonly blockTableWidth: number;
  /**
   * [logitsRowCount] tokens (index in the batch) whose logits are wanted: the last one of each row that chooses a token, with
   * its draft's behind it, then prompt tokens whose logits score the token after them.
   */
  readonly logitsTokens: Int32Array;
  readonly logitsRowCount: number;
};
