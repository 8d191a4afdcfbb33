/** What the graph says of a row of logits, through ONNX Runtime, against sums in float64. */

import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/graph/graph-builder.ts';
import { LOGITS_INPUT, LOGITS_OUTPUT, logitsOutputs } from '../../src/graph/logits-outputs.ts';
import { NORMALISER_ERROR_MAX } from '../../src/sampling/step-logits.ts';

const VOCABULARY_SIZE = 151_936;
const CANDIDATES = 64;

type Question = {
  readonly logits: Float32Array;
  readonly normalisers?: readonly { readonly row: number; readonly temperature: number }[];
  readonly reads?: readonly (readonly [row: number, tokenId: number])[];
  readonly fullRows?: readonly number[];
  /** What the graph is to multiply each row by. */
  readonly scales?: readonly number[];
};

async function ask({ logits, normalisers = [], reads = [[0, 0]], fullRows = [0], scales }: Question) {
  const g = new GraphBuilder();
  const rows = g.input('logits', 'float32', ['rows', VOCABULARY_SIZE]);
  const rowScales = scales === undefined ? null : g.floats([scales.length, 1], Float32Array.from(scales));
  logitsOutputs(g, { values: rows, rowScales }, CANDIDATES, VOCABULARY_SIZE);
  const session = await ort.InferenceSession.create(g.encode(), { intraOpNumThreads: 1 });
  const asked = normalisers.length > 0 ? normalisers : [{ row: 0, temperature: 1 }];
  const int32 = (values: readonly number[], dims = [values.length]) =>
    new ort.Tensor('int32', Int32Array.from(values), dims);
  const outputs = await session.run({
    logits: new ort.Tensor('float32', logits, [logits.length / VOCABULARY_SIZE, VOCABULARY_SIZE]),
    [LOGITS_INPUT.hasNormalisers]: new ort.Tensor('bool', Uint8Array.of(normalisers.length > 0 ? 1 : 0), []),
    [LOGITS_INPUT.normaliserRows]: int32(asked.map(({ row }) => row)),
    [LOGITS_INPUT.inverseTemperatures]: new ort.Tensor(
      'float32',
      Float32Array.from(asked, ({ temperature }) => 1 / temperature),
      [asked.length],
    ),
    [LOGITS_INPUT.reads]: int32(reads.flat(), [reads.length, 2]),
    [LOGITS_INPUT.fullRows]: int32(fullRows),
  });
  await session.release();
  return (name: string) => outputs[name]!.data as Float32Array;
}

/** Rows of one dominant logit over a long, thin tail: the hardest for a sum in float32. */
function peakedRows(rowCount: number): Float32Array {
  const logits = new Float32Array(rowCount * VOCABULARY_SIZE);
  for (let i = 0; i < logits.length; i++) logits[i] = Math.sin(i * 12.9898) * 3 - (i % 7);
  for (let row = 0; row < rowCount; row++) logits[row * VOCABULARY_SIZE + 1000 * row + 5] = 14;
  return logits;
}

function logSumExp(row: Float32Array, temperature: number): number {
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit / temperature);
  return Math.log(sum);
}

describe('the logits outputs', () => {
  it('give normalisers within the error that sampling counts on', async () => {
    const logits = peakedRows(2);
    const normalisers = [
      { row: 1, temperature: 1 },
      { row: 0, temperature: 1 },
      { row: 0, temperature: 0.3 },
      { row: 1, temperature: 2 },
    ];
    const output = await ask({ logits, normalisers });
    normalisers.forEach(({ row, temperature }, i) => {
      const values = logits.subarray(row * VOCABULARY_SIZE, (row + 1) * VOCABULARY_SIZE);
      const expected = logSumExp(values, temperature);
      const error = NORMALISER_ERROR_MAX.absolute + NORMALISER_ERROR_MAX.relative * Math.abs(expected);
      expect(Math.abs(output(LOGITS_OUTPUT.normalisers)[i]! - expected)).toBeLessThanOrEqual(error);
    });
  });

  it('give the best candidates in order, lower ids first where logits are equal', async () => {
    const logits = new Float32Array(VOCABULARY_SIZE).fill(-1);
    for (const tokenId of [90_000, 70, 3]) logits[tokenId] = 2;
    logits[150_000] = 5;
    const output = await ask({ logits });
    const ids = Array.from(output(LOGITS_OUTPUT.candidateIds).slice(0, 6), Number);
    expect(ids).toEqual([150_000, 3, 70, 90_000, 0, 1]);
    expect([...output(LOGITS_OUTPUT.candidateLogits).slice(0, 6)]).toEqual([5, 2, 2, 2, -1, -1]);
  });

  it('give single logits and full rows as they are', async () => {
    const logits = peakedRows(3);
    const output = await ask({
      logits,
      reads: [
        [2, 2005],
        [0, 151_935],
      ],
      fullRows: [1],
    });
    expect([...output(LOGITS_OUTPUT.reads)]).toEqual([14, logits[151_935]]);
    const row = logits.subarray(VOCABULARY_SIZE, 2 * VOCABULARY_SIZE);
    expect(Buffer.from(output(LOGITS_OUTPUT.fullRows).buffer).equals(Buffer.from(row.slice().buffer))).toBe(
      true,
    );
  });

  it('multiply the rows by their scales, whatever leaves the graph', async () => {
    const values = peakedRows(2);
    const scales = [0.25, 3];
    const logits = values.map((value, i) => value * scales[Math.floor(i / VOCABULARY_SIZE)]!);
    const question = {
      normalisers: [
        { row: 1, temperature: 1 },
        { row: 0, temperature: 0.7 },
      ],
      reads: [
        [1, 1005],
        [0, 7],
      ],
      fullRows: [1, 0],
    } as const;
    const plain = await ask({ logits, ...question });
    const scaled = await ask({ logits: values, scales, ...question });
    const bytes = (output: typeof plain, name: string) => Buffer.from(output(name).buffer);
    for (const name of Object.values(LOGITS_OUTPUT))
      expect(bytes(scaled, name).equals(bytes(plain, name))).toBe(true);
  });
});
