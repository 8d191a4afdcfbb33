/**
 * What crosses between the graph and the sampler for one step. A row is a sampled token's: its sequence's next-token
 * logits over the vocabulary. A full row is large (600 KB for 151,936 tokens), so by default only the best
 * candidates leave the graph; everything else is asked for before the step runs, row by row.
 * Typed arrays, reused from step to step: nothing here may be kept beyond the step.
 */

import { assert } from '../base/assert.ts';

/**
 * How far a normaliser may be from the exact value: `absolute + relative * |normaliser|`. The first part is the sum's,
 * the second that of its float32 result and of 1 / temperature. The sampler decides nothing that depends on more.
 */
export const NORMALISER_ERROR_MAX = { absolute: 1e-5, relative: 2 ** -22 } as const;

/** Growable columns of what the sampler asks of the graph. Cleared and refilled for every step. */
export class LogitsQuery {
  /** Row of each normaliser; parallel to `normaliserInverseTemperature`. */
  normaliserRow = new Int32Array(16);
  normaliserInverseTemperature = new Float32Array(16);
  normaliserCount = 0;

  /** (row, token id) of each single logit that is read. */
  readRowAndToken = new Int32Array(32);
  readCount = 0;

  /** Rows that are wanted whole. */
  fullRow = new Int32Array(16);
  fullRowCount = 0;

  clear(): void {
    this.normaliserCount = 0;
    this.readCount = 0;
    this.fullRowCount = 0;
  }

  /** Asks for log(sum(exp(logits / temperature))) of a row; @returns its index in `StepLogits.normalisers`. */
  addNormaliser(row: number, temperature: number): number {
    assert(temperature > 0, 'a normaliser needs a positive temperature');
    const index = this.normaliserCount++;
    if (index === this.normaliserRow.length) {
      this.normaliserRow = grow(this.normaliserRow, Int32Array);
      this.normaliserInverseTemperature = grow(this.normaliserInverseTemperature, Float32Array);
    }
    this.normaliserRow[index] = row;
    this.normaliserInverseTemperature[index] = 1 / temperature;
    return index;
  }

  /** Asks for one raw logit; @returns its index in `StepLogits.reads`. */
  addRead(row: number, tokenId: number): number {
    const index = this.readCount++;
    if (2 * index === this.readRowAndToken.length) {
      this.readRowAndToken = grow(this.readRowAndToken, Int32Array);
    }
    this.readRowAndToken[2 * index] = row;
    this.readRowAndToken[2 * index + 1] = tokenId;
    return index;
  }

  /** Asks for a whole row; @returns its index in `StepLogits.fullRows`. */
  addFullRow(row: number): number {
    const index = this.fullRowCount++;
    if (index === this.fullRow.length) this.fullRow = grow(this.fullRow, Int32Array);
    this.fullRow[index] = row;
    return index;
  }
}

type Column = Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

function grow<T extends Column>(column: T, type: new (length: number) => T): T {
  const larger = new type(2 * column.length);
  larger.set(column);
  return larger;
}

/** What the graph answered. All logits are raw: before bias, penalties and temperature. */
export type StepLogits = {
  readonly vocabularySize: number;
  /** Candidates in each row: min(CANDIDATE_COUNT, vocabularySize). */
  readonly candidateCount: number;
  /**
   * [rows x candidateCount], each row's largest logits, descending; equal ones by lower token id, as ONNX's TopK. Of
   * logits that equal the last one's, some devices pick others than those of the lowest ids.
   */
  readonly candidateLogits: Float32Array;
  /** [rows x candidateCount], their token ids. */
  readonly candidateIds: Int32Array;
  /** By index of `LogitsQuery.addNormaliser`; as exact as `NORMALISER_ERROR_MAX` says. */
  readonly normalisers: Float32Array;
  /** By index of `LogitsQuery.addRead`. */
  readonly reads: Float32Array;
  /** [fullRowCount x vocabularySize] by index of `LogitsQuery.addFullRow`. */
  readonly fullRows: Float32Array;
};
