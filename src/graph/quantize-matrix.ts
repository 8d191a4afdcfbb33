/**
 * Quantises one matrix: reads its rows from the checkpoint, and writes the parts of `quantized-layout.ts` to their places
 * in the target file. Works through the rows in pieces, so that memory stays bounded by the integers of one matrix.
 */

import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { writeFully } from './file-bytes.ts';
import { GROUP_SIZE, groupCount, quantizeRows4, quantizeRows8, type WeightRecipe } from './quantize-rows.ts';
import {
  BLOCK_WIDTH,
  EMBEDDING,
  type IntegerType,
  type MatrixPlan,
  matrixPart,
  rowsOf,
  spreadLength,
  ZERO_POINT,
} from './quantized-layout.ts';
import { readFloats } from './tensor-bytes.ts';

export type MatrixJob = {
  readonly plan: MatrixPlan;
  readonly recipe: WeightRecipe;
  /** Of a product's integers; those of an embedding are int8. */
  readonly integerType: IntegerType;
  /** The checkpoint's folder. */
  readonly directory: string;
  readonly target: string;
  /** Bytes from the start of the target, by the name of the part. */
  readonly offsets: ReadonlyMap<string, number>;
};

/** Weights that are widened and quantised at a time. */
const PIECE_WEIGHTS = 2 * 1024 * 1024;

/** @throws StartupError for weights that are no finite numbers, and when a file ends before or cannot be read. */
export async function quantizeMatrix(job: MatrixJob): Promise<void> {
  const output = await open(job.target, 'r+');
  try {
    await (job.plan.kind === 'embedding' ? writeEmbedding(job, output) : writeProjection(job, output));
  } finally {
    await output.close();
  }
}

async function writeEmbedding(job: MatrixJob, output: FileHandle): Promise<void> {
  const { columns, rows } = job.plan;
  const scales = new Float32Array(rows);
  await forEachPiece(job, async (weights, firstRow, rowCount) => {
    const integers = new Int8Array(rowCount * columns);
    quantizeRows8(weights, columns, integers, scales.subarray(firstRow, firstRow + rowCount));
    await writeFully(output, integers, job.offsets.get(EMBEDDING.integers)! + firstRow * columns);
  });
  await writeFully(output, scales, job.offsets.get(EMBEDDING.scales)!);
}

async function writeProjection(job: MatrixJob, output: FileHandle): Promise<void> {
  const { name, columns, rows } = job.plan;
  const scales = new Float32Array(rows);
  const integers = new Int8Array(rows * columns);
  const blocks = job.recipe === 'int4' ? new BlockForm(job.plan) : null;
  await forEachPiece(job, async (weights, firstRow, rowCount) => {
    const pieceScales = scales.subarray(firstRow, firstRow + rowCount);
    const piece = new Int8Array(rowCount * columns);
    if (blocks === null) {
      quantizeRows8(weights, columns, piece, pieceScales);
    } else {
      const steps = new Int8Array(rowCount * groupCount(columns));
      quantizeRows4(weights, columns, piece, steps, pieceScales);
      blocks.add(firstRow, piece, steps, pieceScales);
      multiplyBySteps(piece, columns, steps);
    }
    transposeInto(integers, rows, firstRow, piece, columns);
  });
  await writeFully(output, scales, job.offsets.get(matrixPart.scales(name))!);
  if (job.integerType === 'uint8') addZeroPoint(integers);
  await writeFully(output, integers, job.offsets.get(matrixPart.integers(name))!);
  if (blocks === null) return;
  await writeFully(output, blocks.levels, job.offsets.get(matrixPart.levels(name))!);
  await writeFully(output, blocks.scales, job.offsets.get(matrixPart.blockScales(name))!);
}

/** In place, as bytes: -128 becomes 0, and 127 255. */
function addZeroPoint(integers: Int8Array): void {
  for (let i = 0; i < integers.length; i++) integers[i] = integers[i]! ^ ZERO_POINT;
}

/** A matrix as MatMulNBits reads it. What no weight is written to is level 0 under scale 0. */
class BlockForm {
  readonly levels: Uint8Array;
  readonly scales: Float32Array;
  readonly #plan: MatrixPlan;
  readonly #groups: number;

  constructor(plan: MatrixPlan) {
    this.#plan = plan;
    this.#groups = groupCount(plan.columns);
    const outputs = plan.spread ? spreadLength(plan.rows) : plan.rows;
    // Level 0 is stored as 8.
    this.levels = new Uint8Array((outputs * this.#groups * BLOCK_WIDTH) / 2).fill(0x88);
    this.scales = new Float32Array(outputs * this.#groups);
  }

  /** @param levels [rows x columns] @param steps [rows x groups] @param scales [rows] */
  add(firstRow: number, levels: Int8Array, steps: Int8Array, scales: Float32Array): void {
    const { columns, spread } = this.#plan;
    const groups = this.#groups;
    for (let row = 0; row < scales.length; row++) {
      const place = spread ? spreadIndex(firstRow + row) : firstRow + row;
      for (let group = 0; group < groups; group++) {
        this.scales[place * groups + group] = steps[row * groups + group]! * scales[row]!;
        const from = row * columns + group * GROUP_SIZE;
        const count = Math.min(GROUP_SIZE, columns - group * GROUP_SIZE);
        this.#pack(levels, from, count, ((place * groups + group) * BLOCK_WIDTH) / 2);
      }
    }
  }

  #pack(levels: Int8Array, from: number, count: number, to: number): void {
    for (let i = 0; i < count; i += 2) {
      const low = levels[from + i]! + 8;
      const high = i + 1 < count ? levels[from + i + 1]! + 8 : 8;
      this.levels[to + (i >> 1)] = low | (high << 4);
    }
  }
}

/** Where element `index` of a row lies when the row is spread over blocks whose last place is taken. */
function spreadIndex(index: number): number {
  return index + Math.floor(index / GROUP_SIZE);
}

function multiplyBySteps(levels: Int8Array, columns: number, steps: Int8Array): void {
  const groups = groupCount(columns);
  const rows = levels.length / columns;
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const step = steps[row * groups + group]!;
      const from = row * columns + group * GROUP_SIZE;
      const to = Math.min(from + GROUP_SIZE, (row + 1) * columns);
      for (let i = from; i < to; i++) levels[i] = levels[i]! * step;
    }
  }
}

/** Elements of a square that is transposed at a time: both its sides stay in the first cache. */
const TILE = 64;

/** Columns [firstRow, …) of `target` [columns x rows] become the rows of `piece` [n x columns]. */
function transposeInto(
  target: Int8Array,
  rows: number,
  firstRow: number,
  piece: Int8Array,
  columns: number,
): void {
  const rowCount = piece.length / columns;
  for (let rowTile = 0; rowTile < rowCount; rowTile += TILE) {
    const rowEnd = Math.min(rowTile + TILE, rowCount);
    for (let columnTile = 0; columnTile < columns; columnTile += TILE) {
      const columnEnd = Math.min(columnTile + TILE, columns);
      for (let column = columnTile; column < columnEnd; column++) {
        const to = column * rows + firstRow;
        for (let row = rowTile; row < rowEnd; row++) target[to + row] = piece[row * columns + column]!;
      }
    }
  }
}

/** Calls `take` with float32 rows [firstRow, firstRow + rowCount) of the matrix, piece by piece. */
async function forEachPiece(
  { plan, directory }: MatrixJob,
  take: (weights: Float32Array, firstRow: number, rowCount: number) => Promise<void>,
): Promise<void> {
  const rowsPerPiece = Math.max(1, Math.floor(PIECE_WEIGHTS / plan.columns));
  let firstRow = 0;
  for (const source of plan.sources) {
    const rows = source.shape[0]!;
    for (let from = 0; from < rows; from += rowsPerPiece) {
      const to = Math.min(from + rowsPerPiece, rows);
      const weights = await readFloats(directory, rowsOf(source, from, to));
      if (plan.kind === 'projection') requireFinite(weights, plan.name, path.join(directory, source.file));
      await take(weights, firstRow, to - from);
      firstRow += to - from;
    }
  }
}

/**
 * What is no number would become one, and the answers some text; kept in floating point it fails the step. Rows of an
 * embedding or a head are not looked at: those of tokens that nobody uses may hold anything.
 */
function requireFinite(weights: Float32Array, matrix: string, file: string): void {
  let sum = 0;
  // 0 times anything that is not a finite number is NaN, and stays so in a sum.
  for (let i = 0; i < weights.length; i++) sum += weights[i]! * 0;
  if (sum === 0) return;
  throw new StartupError(
    `${file}: the weights of ${matrix} are not all finite numbers; fetch the file again, or take them as they are with --quantization none`,
  );
}
