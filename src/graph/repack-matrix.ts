/**
 * Moves a packed matrix from the checkpoint's form into the one that MatMulNBits reads: the same levels, zero points and
 * scales in another order. MatMulNBits has the inputs of an output side by side, two levels a byte, the lower first.
 *
 * GPTQ: a word holds eight inputs of one output, the first in the lowest bits: four bytes as they are wanted. AWQ: a word
 * holds eight outputs of one input, in the order 0, 2, 4, 6, 1, 3, 5, 7. Zero points of both are in words of eight
 * outputs, AWQ's in that order.
 */

import { open } from 'node:fs/promises';
import { StartupError } from '../base/errors.ts';
import { convertFloats } from './convert-floats.ts';
import { writeFully } from './file-bytes.ts';
import { blockCount, blockSize, type PackedMatrix, type PackedSource, packedPart } from './packed-layout.ts';
import { readBytes } from './tensor-bytes.ts';
import { type WeightPacking, WORD_WEIGHTS } from './weight-packing.ts';

export type RepackJob = {
  readonly plan: PackedMatrix;
  readonly packing: WeightPacking;
  /** Of scales in the target. */
  readonly type: 'float32' | 'float16';
  /** The checkpoint's folder. */
  readonly directory: string;
  readonly target: string;
  /** Bytes from the start of the target, by the name of the part. */
  readonly offsets: ReadonlyMap<string, number>;
};

const LEVEL_BITS = 4;
const LEVEL_MASK = 15;
/** By output within a word, how far its level lies from the word's end. */
const SHIFTS: Readonly<Record<WeightPacking['method'], readonly number[]>> = {
  gptq: [0, 1, 2, 3, 4, 5, 6, 7].map((place) => place * LEVEL_BITS),
  awq: [0, 4, 1, 5, 2, 6, 3, 7].map((place) => place * LEVEL_BITS),
};
/** Outputs that are worked through at a time: the rows that are written stay in the first cache. */
const TILE = 64;

/** @throws StartupError for a zero point that the form cannot mean. */
export async function repackMatrix(job: RepackJob): Promise<void> {
  const { plan, packing, type } = job;
  const blocks = blockCount(packing, plan.columns);
  const rowBytes = (blocks * blockSize(packing)) / 2;
  const levels = new Uint8Array(plan.rows * rowBytes);
  const scales = new (type === 'float32' ? Uint32Array : Uint16Array)(plan.rows * blocks);
  const zeroPoints = new Uint8Array(plan.rows * Math.ceil(blocks / 2));
  let firstRow = 0;
  for (const source of plan.sources) {
    const part = await readSource(job, source);
    const rows = { first: firstRow, count: source.rows };
    if (packing.method === 'awq') levelsOfOutputs(part.words, rows, levels, rowBytes);
    else if (plan.order === null) levelsOfInputs(part.words, rows, levels, rowBytes);
    else levelsInOrder(part.words, plan.order, rows, levels, rowBytes);
    fillScales(part.scales, rows, scales, blocks);
    fillZeroPoints(part.zeroWords, rows, zeroPoints, { blocks, packing, name: source.name });
    firstRow += source.rows;
  }
  const output = await open(job.target, 'r+');
  try {
    await writeFully(output, levels, job.offsets.get(packedPart.levels(plan.name))!);
    await writeFully(output, scales, job.offsets.get(packedPart.scales(plan.name))!);
    await writeFully(output, zeroPoints, job.offsets.get(packedPart.zeroPoints(plan.name))!);
  } finally {
    await output.close();
  }
}

async function readSource({ directory, type }: RepackJob, { words, zeroWords, scales }: PackedSource) {
  const { bytes } = convertFloats(await readBytes(directory, scales), scales.elementType, type);
  return {
    words: new Int32Array((await readBytes(directory, words)).buffer),
    zeroWords: new Int32Array((await readBytes(directory, zeroWords)).buffer),
    scales: type === 'float32' ? new Uint32Array(bytes.buffer) : new Uint16Array(bytes.buffer),
  };
}

/** Rows of a matrix that a source fills. */
type Rows = { readonly first: number; readonly count: number };

/** GPTQ's words [inputs / 8 x outputs], each moved as it is. */
function levelsOfInputs(words: Int32Array, rows: Rows, levels: Uint8Array, rowBytes: number): void {
  const target = new Int32Array(levels.buffer);
  const rowWords = rowBytes / Int32Array.BYTES_PER_ELEMENT;
  const wordCount = words.length / rows.count;
  for (let tile = 0; tile < rows.count; tile += TILE) {
    const end = Math.min(tile + TILE, rows.count);
    for (let word = 0; word < wordCount; word++) {
      const from = word * rows.count;
      let to = (rows.first + tile) * rowWords + word;
      for (let row = tile; row < end; row++, to += rowWords) target[to] = words[from + row]!;
    }
  }
}

/** GPTQ's words, inputs picked in `order`. */
function levelsInOrder(
  words: Int32Array,
  order: Int32Array,
  rows: Rows,
  levels: Uint8Array,
  rowBytes: number,
): void {
  for (let tile = 0; tile < rows.count; tile += TILE) {
    const end = Math.min(tile + TILE, rows.count);
    for (let column = 0; column < order.length; column += 2) {
      const [low, high] = [order[column]!, order[column + 1]!];
      const lowFrom = Math.floor(low / WORD_WEIGHTS) * rows.count;
      const highFrom = Math.floor(high / WORD_WEIGHTS) * rows.count;
      const lowShift = (low % WORD_WEIGHTS) * LEVEL_BITS;
      const highShift = (high % WORD_WEIGHTS) * LEVEL_BITS;
      let to = (rows.first + tile) * rowBytes + column / 2;
      for (let row = tile; row < end; row++, to += rowBytes) {
        const lowLevel = (words[lowFrom + row]! >>> lowShift) & LEVEL_MASK;
        const highLevel = (words[highFrom + row]! >>> highShift) & LEVEL_MASK;
        levels[to] = lowLevel | (highLevel << LEVEL_BITS);
      }
    }
  }
}

/** AWQ's words [inputs x outputs / 8]. */
function levelsOfOutputs(words: Int32Array, rows: Rows, levels: Uint8Array, rowBytes: number): void {
  const wordsAcross = rows.count / WORD_WEIGHTS;
  const columns = words.length / wordsAcross;
  const tileWords = TILE / WORD_WEIGHTS;
  for (let tile = 0; tile < wordsAcross; tile += tileWords) {
    const end = Math.min(tile + tileWords, wordsAcross);
    for (let column = 0; column < columns; column += 2) {
      for (let word = tile; word < end; word++) {
        const low = words[column * wordsAcross + word]!;
        const high = words[(column + 1) * wordsAcross + word]!;
        let to = (rows.first + word * WORD_WEIGHTS) * rowBytes + column / 2;
        for (let output = 0; output < WORD_WEIGHTS; output++, to += rowBytes) {
          const shift = SHIFTS.awq[output]!;
          levels[to] = ((low >>> shift) & LEVEL_MASK) | (((high >>> shift) & LEVEL_MASK) << LEVEL_BITS);
        }
      }
    }
  }
}

type Bits = Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** From [groups x rows]; a single group's are repeated for every block. */
function fillScales(from: Bits, rows: Rows, to: Bits, blocks: number): void {
  const hasOneGroup = from.length === rows.count;
  for (let block = 0; block < blocks; block++) {
    const start = hasOneGroup ? 0 : block * rows.count;
    for (let row = 0; row < rows.count; row++) to[(rows.first + row) * blocks + block] = from[start + row]!;
  }
}

function fillZeroPoints(
  from: Int32Array,
  rows: Rows,
  to: Uint8Array,
  {
    blocks,
    packing,
    name,
  }: { readonly blocks: number; readonly packing: WeightPacking; readonly name: string },
): void {
  const wordsAcross = rows.count / WORD_WEIGHTS;
  const hasOneGroup = from.length === wordsAcross;
  const shifts = SHIFTS[packing.method];
  const rowBytes = Math.ceil(blocks / 2);
  for (let block = 0; block < blocks; block++) {
    const start = hasOneGroup ? 0 : block * wordsAcross;
    const shiftTo = (block % 2) * LEVEL_BITS;
    for (let row = 0; row < rows.count; row++) {
      const word = from[start + Math.floor(row / WORD_WEIGHTS)]!;
      const zeroPoint = ((word >>> shifts[row % WORD_WEIGHTS]!) & LEVEL_MASK) + packing.zeroOffset;
      // Programs that read version 1 of GPTQ's form do not agree on it: it is 16, 0, or carried into the next.
      if (zeroPoint > LEVEL_MASK) {
        throw new StartupError(
          `"${name}" has a zero point that is stored as 15, which version 1 of GPTQ's form gives no meaning; write the checkpoint as gptq_v2`,
        );
      }
      to[(rows.first + row) * rowBytes + Math.floor(block / 2)]! |= zeroPoint << shiftTo;
    }
  }
}
