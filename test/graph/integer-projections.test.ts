/** Products of 8-bit integers through ONNX Runtime, against sums in float64: the largest ones must not overflow. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { exactIntegerType } from '../../src/engine/integer-probe.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { FileLayout } from '../../src/graph/file-layout.ts';
import { GraphBuilder } from '../../src/graph/graph-builder.ts';
import { IntegerProjections } from '../../src/graph/integer-projections.ts';
import { type IntegerType, matrixName, matrixPart } from '../../src/graph/quantized-layout.ts';

const FIXTURE = path.join(import.meta.dirname, '../fixtures/checkpoints/llama-untied-bf16');
/** As many as a feed-forward block has, and no multiple of what a kernel takes at a time. */
const HIDDEN_SIZE = 971;
const VOCABULARY_SIZE = 77;
const ROW_COUNT = 37;

const folder = await mkdtemp(path.join(os.tmpdir(), 'octavo-integers-'));
afterAll(() => rm(folder, { recursive: true }));

const typeHere = await exactIntegerType();

/** Of the largest magnitude, three of four of one sign, so that sums grow as far as they can. */
const extremes = (length: number) =>
  Int8Array.from({ length }, (_, i) => ((i * 7 + (i >> 3)) % 4 === 0 ? -127 : 127));
/** All magnitudes, both signs. */
const mixed = (length: number) => Int8Array.from({ length }, (_, i) => ((i * 7919) % 255) - 127);

/** Logits of rows, without the scales of the rows. @param weights [HIDDEN_SIZE x VOCABULARY_SIZE] */
async function products(type: IntegerType, weights: Int8Array, rows: Float32Array): Promise<Float32Array> {
  const file = `${type}.weights`;
  const layout = new FileLayout(file);
  const [integers, scales] = [matrixPart.integers(matrixName.head(0)), matrixPart.scales(matrixName.head(0))];
  layout.place(integers, [HIDDEN_SIZE, VOCABULARY_SIZE], 1);
  layout.place(scales, [VOCABULARY_SIZE], 4);
  const bytes = new Uint8Array(layout.byteLength);
  const add = type === 'uint8' ? 128 : 0;
  bytes.set(
    Uint8Array.from(weights, (weight) => weight + add),
    layout.tensors.get(integers)!.offset,
  );
  const ones = new Uint8Array(new Float32Array(VOCABULARY_SIZE).fill(1).buffer);
  bytes.set(ones, layout.tensors.get(scales)!.offset);
  await writeFile(path.join(folder, file), bytes);

  const shape = {
    ...(await readDecoderShape(FIXTURE)),
    hiddenSize: HIDDEN_SIZE,
    vocabularySize: VOCABULARY_SIZE,
  };
  const g = new GraphBuilder();
  const weightsHere = { type: 'float32', folder, tensors: layout.tensors } as const;
  const projections = new IntegerProjections(weightsHere, shape, type);
  const { values } = projections.logits(g, g.input('x', 'float32', ['rows', HIDDEN_SIZE]));
  g.output('logits', values, 'float32', ['rows', VOCABULARY_SIZE]);
  const session = await ort.InferenceSession.create(g.encode(), {
    intraOpNumThreads: 1,
    extra: { session: { model_external_initializers_file_folder_path: folder } },
  });
  const x = new ort.Tensor('float32', rows, [rows.length / HIDDEN_SIZE, HIDDEN_SIZE]);
  const { logits } = await session.run({ x });
  await session.release();
  return logits!.data as Float32Array;
}

function exactProducts(weights: Int8Array, rows: Float32Array): Float64Array {
  const sums = new Float64Array((rows.length / HIDDEN_SIZE) * VOCABULARY_SIZE);
  return sums.map((_, at) => {
    const [row, output] = [Math.floor(at / VOCABULARY_SIZE), at % VOCABULARY_SIZE];
    let sum = 0;
    for (let i = 0; i < HIDDEN_SIZE; i++)
      sum += rows[row * HIDDEN_SIZE + i]! * weights[i * VOCABULARY_SIZE + output]!;
    return sum;
  });
}

describe.each([
  ['of the type that is exact everywhere', 'uint8'],
  ['of the type that was found for this machine', typeHere],
] as const)('products with weights %s', (_, type) => {
  it.each([
    ['the largest', extremes],
    ['any', mixed],
  ] as const)('are exact, in one row and in many, with %s integers', async (__, fill) => {
    const weights = fill(HIDDEN_SIZE * VOCABULARY_SIZE);
    for (const rowCount of [1, ROW_COUNT]) {
      // Whole numbers up to 127, which are their own integers.
      const rows = Float32Array.from(fill(rowCount * HIDDEN_SIZE));
      const found = await products(type, weights, rows);
      expect(Array.from(found)).toEqual(Array.from(exactProducts(weights, rows)));
    }
  });
});
