/** The sampler's questions as the graph takes them, and its answers as the sampler does (`graph/logits-outputs.ts`). */

import { candidateCount } from '../graph/decoder-graph.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import { LOGITS_INPUT, LOGITS_OUTPUT } from '../graph/logits-outputs.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import { flag, type GraphInputs, int32Matrix, int32Vector } from './cache-form.ts';

/** An answer of no use, for what was not asked for. */
const NOTHING = new Float32Array(0);
const NO_ENTRY_I32 = Int32Array.of(0, 0);
const NO_ENTRY_F32 = Float32Array.of(1);

/** Inputs must not be empty: what is not asked for is fed one entry whose answer is not fetched. */
export function queryFeeds(query: LogitsQuery): GraphInputs {
  const { normaliserCount, readCount, fullRowCount } = query;
  const temperatures = normaliserCount > 0 ? query.normaliserInverseTemperature : NO_ENTRY_F32;
  const normalisers = Math.max(normaliserCount, 1);
  return {
    [LOGITS_INPUT.hasNormalisers]: flag(normaliserCount > 0),
    [LOGITS_INPUT.normaliserRows]: int32Vector(
      normaliserCount > 0 ? query.normaliserRow : NO_ENTRY_I32,
      normalisers,
    ),
    [LOGITS_INPUT.inverseTemperatures]: {
      type: 'float32',
      data: temperatures.subarray(0, normalisers),
      dims: [normalisers],
    },
    [LOGITS_INPUT.reads]: int32Matrix(
      readCount > 0 ? query.readRowAndToken : NO_ENTRY_I32,
      Math.max(readCount, 1),
      2,
    ),
    [LOGITS_INPUT.fullRows]: int32Vector(
      fullRowCount > 0 ? query.fullRow : NO_ENTRY_I32,
      Math.max(fullRowCount, 1),
    ),
  };
}

/** Outputs to fetch. */
export function queryFetches(query: LogitsQuery): string[] {
  const names: string[] = [LOGITS_OUTPUT.candidateLogits, LOGITS_OUTPUT.candidateIds];
  if (query.normaliserCount > 0) names.push(LOGITS_OUTPUT.normalisers);
  if (query.readCount > 0) names.push(LOGITS_OUTPUT.reads);
  if (query.fullRowCount > 0) names.push(LOGITS_OUTPUT.fullRows);
  return names;
}

export function stepLogits(
  shape: Pick<DecoderShape, 'vocabularySize'>,
  outputs: Readonly<Record<string, unknown>>,
): StepLogits {
  const floats = (name: string): Float32Array => (outputs[name] as Float32Array | undefined) ?? NOTHING;
  const candidateIds = lowWords(outputs[LOGITS_OUTPUT.candidateIds] as BigInt64Array);
  orderEqual(floats(LOGITS_OUTPUT.candidateLogits), candidateIds, candidateCount(shape));
  return {
    vocabularySize: shape.vocabularySize,
    candidateCount: candidateCount(shape),
    candidateLogits: floats(LOGITS_OUTPUT.candidateLogits),
    candidateIds,
    normalisers: floats(LOGITS_OUTPUT.normalisers),
    reads: floats(LOGITS_OUTPUT.reads),
    fullRows: floats(LOGITS_OUTPUT.fullRows),
  };
}

/** Token ids are small; reading them as bigints would make an object of each. */
function lowWords(ids: BigInt64Array): Int32Array {
  const words = new Int32Array(ids.buffer, ids.byteOffset, 2 * ids.length);
  const low = new Int32Array(ids.length);
  for (let i = 0; i < low.length; i++) low[i] = words[2 * i]!;
  return low;
}

/**
 * Puts candidates of equal logits in order of their ids, which not every device's TopK does. Which of those that equal
 * the last one it picked stays the device's choice.
 * @param logits [rows x candidateCount], each row descending
 */
export function orderEqual(logits: Float32Array, ids: Int32Array, candidateCount: number): void {
  for (let i = 1; i < ids.length; i++) {
    if (i % candidateCount === 0) continue;
    const id = ids[i]!;
    const first = i - (i % candidateCount);
    let place = i;
    while (place > first && logits[place - 1] === logits[i] && ids[place - 1]! > id) {
      ids[place] = ids[place - 1]!;
      place--;
    }
    ids[place] = id;
  }
}
