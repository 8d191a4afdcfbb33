/**
 * What leaves the graph of the rows of logits: always the best candidates; normalisers, single logits and
 * full rows only as far as the step asks for them (see `LogitsQuery` in sampling). Inputs cannot be empty: a caller
 * with nothing to ask passes one entry and ignores the answer.
 */

import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import type { Logits } from './projections.ts';

export const LOGITS_INPUT = {
  /** int32 [rows of normalisers] */
  normaliserRows: 'normaliser_rows',
  /** float32 [rows of normalisers]: 1 / temperature. */
  inverseTemperatures: 'inverse_temperatures',
  /** bool []: whether normalisers are computed at all. */
  hasNormalisers: 'has_normalisers',
  /** int32 [reads x 2]: (row, token id). */
  reads: 'reads',
  /** int32 [full rows] */
  fullRows: 'full_rows',
} as const;

export const LOGITS_OUTPUT = {
  /** float32 [rows x K], descending. */
  candidateLogits: 'candidate_logits',
  /** int64 [rows x K]: as TopK gives them, since WebGPU cannot narrow them. */
  candidateIds: 'candidate_ids',
  /** float32 [rows of normalisers] */
  normalisers: 'normalisers',
  /** float32 [reads] */
  reads: 'read_logits',
  /** float32 [full rows x vocabulary] */
  fullRows: 'full_row_logits',
} as const;

/** Rows are scaled after few of their values have been picked out: all of them would be a walk through memory. */
export function logitsOutputs(
  g: GraphBuilder,
  { values, rowScales }: Logits,
  candidateCount: number,
  vocabularySize: number,
): void {
  const scaled = (inner: GraphBuilder, picked: Value, scales: (rowScales: Value) => Value): Value =>
    rowScales === null ? picked : inner.op('Mul', [picked, scales(rowScales)]);
  const [top, ids] = g.ops('TopK', [values, g.int64s([candidateCount])], 2, { axis: -1 });
  const best = scaled(g, top!, (scales) => scales);
  g.output(LOGITS_OUTPUT.candidateLogits, best, 'float32');
  g.output(LOGITS_OUTPUT.candidateIds, ids!, 'int64');

  const hasNormalisers = g.input(LOGITS_INPUT.hasNormalisers, 'bool', []);
  const normaliserRows = g.input(LOGITS_INPUT.normaliserRows, 'int32', ['normalisers']);
  const inverse = g.input(LOGITS_INPUT.inverseTemperatures, 'float32', ['normalisers']);
  const normalisers = g.choose(
    hasNormalisers,
    (inner) => {
      const row = (from: Value): Value => inner.op('Gather', [from, normaliserRows], { axis: 0 });
      const logits = scaled(inner, row(values), row);
      return logSumExp(inner, logits, row(best), inverse, vocabularySize);
    },
    (inner) => inner.op('Identity', [inverse]),
  );
  g.output(LOGITS_OUTPUT.normalisers, normalisers, 'float32');

  const reads = g.input(LOGITS_INPUT.reads, 'int32', ['reads', 2]);
  const places = g.op('Cast', [reads], { to: DATA_TYPE.int64 });
  const readScales = (scales: Value): Value => {
    const rows = g.op('Gather', [reads, g.int64(0)], { axis: 1 });
    return g.op('Squeeze', [g.op('Gather', [scales, rows], { axis: 0 }), g.int64s([1])]);
  };
  g.output(LOGITS_OUTPUT.reads, scaled(g, g.op('GatherND', [values, places]), readScales), 'float32');
  const fullRows = g.input(LOGITS_INPUT.fullRows, 'int32', ['full']);
  const full = (from: Value): Value => g.op('Gather', [from, fullRows], { axis: 0 });
  g.output(LOGITS_OUTPUT.fullRows, scaled(g, full(values), full), 'float32');
}

/**
 * log(sum(exp(row / temperature))), shifted by the row's largest logit, which TopK has found already.
 * @param logits [rows x vocabulary]
 * @param best [rows x candidates]
 */
function logSumExp(
  g: GraphBuilder,
  logits: Value,
  best: Value,
  inverse: Value,
  vocabularySize: number,
): Value {
  const column = g.op('Unsqueeze', [inverse, g.int64s([1])]);
  const top = g.op('Gather', [best, g.int64s([0])], { axis: 1 });
  const shifted = g.op('Sub', [logits, top]);
  const exponentials = g.op('Exp', [g.op('Mul', [shifted, column])]);
  const sum = sumOfRows(g, exponentials, vocabularySize);
  const offset = g.op('Squeeze', [g.op('Mul', [top, column]), g.int64s([1])]);
  return g.op('Add', [g.op('Log', [sum]), offset]);
}

/** Terms that one partial sum takes in. */
const PARTIAL_SUM_LENGTH = 512;

/**
 * Sums over the last axis of [rows x length] by way of partial sums. Added up in one go in float32, the many small
 * masses of a large vocabulary are rounded away beside the few large ones: an error of 2e-4 of a row of 151,936,
 * where partial sums leave less than 1e-6.
 */
function sumOfRows(g: GraphBuilder, values: Value, length: number): Value {
  const partCount = Math.floor(length / PARTIAL_SUM_LENGTH);
  const partsEnd = partCount * PARTIAL_SUM_LENGTH;
  const slice = (from: number, to: number): Value =>
    g.op('Slice', [values, g.int64s([from]), g.int64s([to]), g.int64s([1])]);
  const sum = (of: Value): Value => g.op('ReduceSum', [of, g.int64s([-1])], { keepdims: 0 });
  if (partCount === 0) return sum(values);
  const whole = partsEnd === length ? values : slice(0, partsEnd);
  const parts = g.op('Reshape', [whole, g.int64s([-1, partCount, PARTIAL_SUM_LENGTH])]);
  const partial = sum(sum(parts));
  // No Pad: it is not certain that each provider has a kernel for it in this opset.
  return partsEnd === length ? partial : g.op('Add', [partial, sum(slice(partsEnd, length))]);
}
