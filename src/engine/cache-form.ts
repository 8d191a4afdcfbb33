/**
 * What the ways of keeping the cache differ in, as the model runner sees it: what they feed to a run and what they do
 * with its outputs. Knows nothing of ONNX Runtime.
 */

import type { StepBatch } from './step-batch.ts';

/** A tensor that is fed to the graph; read during the run and not kept. */
export type GraphInput = {
  readonly type: 'int32' | 'float32' | 'bool' | 'int8' | 'uint8' | 'float16';
  /** Bits of float16 are unsigned integers. */
  readonly data: Int32Array | Float32Array | Uint8Array | Int8Array | Uint16Array;
  readonly dims: readonly number[];
};

/** By the name of the graph's input. */
export type GraphInputs = Readonly<Record<string, GraphInput>>;

export interface CacheForm {
  /** The same memory for every run. */
  readonly constantFeeds: GraphInputs;
  /** float32 output that is fetched from every run and given to `store`. */
  readonly output: string;
  /** Valid until the next call. */
  feeds(batch: StepBatch): GraphInputs;
  /** Takes in what a run has computed. @returns tokens as `StepOutcome.brokenTokens` has them. */
  store(output: Float32Array, batch: StepBatch): readonly number[];
}

export function int32Vector(data: Int32Array, length = data.length): GraphInput {
  return { type: 'int32', data: data.subarray(0, length), dims: [length] };
}

export function int32Matrix(data: Int32Array, rowCount: number, columnCount: number): GraphInput {
  return { type: 'int32', data: data.subarray(0, rowCount * columnCount), dims: [rowCount, columnCount] };
}

export function flag(value: boolean): GraphInput {
  return { type: 'bool', data: Uint8Array.of(value ? 1 : 0), dims: [] };
}
