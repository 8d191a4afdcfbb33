/**
 * Attention as the formula says it, in float64 and as slow as it may be: what a device's kernels are held against.
 * Scaled dot products over the keys up to the query's own position (Vaswani et al. 2017), query heads in groups that share
 * a head of keys (Ainslie et al. 2023), rotated by the halves of a head (Su et al. 2021), the latest `window` keys alone.
 */

import type { RopeTables } from '../graph/rope.ts';

export type AttentionHeads = {
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headSize: number;
};

/** Weights [headSize] of the root-mean-square norms (Zhang and Sennrich 2019) over each head, before rotation. */
export type FormulaNorms = {
  readonly query: Float32Array<ArrayBuffer>;
  readonly key: Float32Array<ArrayBuffer>;
  readonly epsilon: number;
};

/** One sequence from its first token on. Each matrix is [tokens x heads * headSize], before rotation. */
export type AttentionInputs = {
  readonly query: Float32Array;
  readonly key: Float32Array;
  readonly value: Float32Array;
};

export type AttendedPart = {
  readonly window: number | null;
  readonly norms: FormulaNorms | null;
  readonly start: number;
  readonly end: number;
};

/** @returns for the tokens from `start` to before `end`, [end - start x headCount * headSize] */
export function attend(
  { headCount, kvHeadCount, headSize }: AttentionHeads,
  { query, key, value }: AttentionInputs,
  rope: RopeTables,
  { window, norms, start, end }: AttendedPart,
): Float64Array {
  const queries = rotated(normed(query, norms?.query, norms?.epsilon), headCount, headSize, rope);
  const keys = rotated(normed(key, norms?.key, norms?.epsilon), kvHeadCount, headSize, rope);
  const [queryWidth, kvWidth] = [headCount * headSize, kvHeadCount * headSize];
  const attended = new Float64Array((end - start) * queryWidth);
  for (let token = start; token < end; token++) {
    const first = window === null ? 0 : Math.max(0, token - window + 1);
    for (let head = 0; head < headCount; head++) {
      const at = token * queryWidth + head * headSize;
      const kvHead = Math.floor(head / (headCount / kvHeadCount));
      const places = Array.from(
        { length: token - first + 1 },
        (_, i) => (first + i) * kvWidth + kvHead * headSize,
      );
      const scores = places.map((place) => dot(queries, at, keys, place, headSize) / Math.sqrt(headSize));
      const shares = softmax(scores);
      const to = at - start * queryWidth;
      for (const [i, place] of places.entries()) {
        for (let e = 0; e < headSize; e++) attended[to + e]! += shares[i]! * value[place + e]!;
      }
    }
  }
  return attended;
}

function normed(
  matrix: Float32Array,
  weight: Float32Array | undefined,
  epsilon = 0,
): Float32Array | Float64Array {
  if (weight === undefined) return matrix;
  const size = weight.length;
  const result = new Float64Array(matrix.length);
  for (let start = 0; start < matrix.length; start += size) {
    let squares = 0;
    for (let i = 0; i < size; i++) squares += matrix[start + i]! ** 2;
    const scale = 1 / Math.sqrt(squares / size + epsilon);
    for (let i = 0; i < size; i++) result[start + i] = matrix[start + i]! * scale * weight[i]!;
  }
  return result;
}

/** Element i of a head turns with element i + headSize / 2, by the angle of its token's position. */
function rotated(
  matrix: Float32Array | Float64Array,
  headCount: number,
  headSize: number,
  rope: RopeTables,
): Float64Array {
  const half = headSize / 2;
  const turned = new Float64Array(matrix.length);
  for (let start = 0; start < matrix.length; start += headSize) {
    const position = Math.floor(start / (headCount * headSize));
    for (let i = 0; i < half; i++) {
      const [left, right] = [matrix[start + i]!, matrix[start + half + i]!];
      const [cos, sin] = [rope.cos[position * half + i]!, rope.sin[position * half + i]!];
      turned[start + i] = left * cos - right * sin;
      turned[start + half + i] = right * cos + left * sin;
    }
  }
  return turned;
}

function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

function softmax(scores: readonly number[]): readonly number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
