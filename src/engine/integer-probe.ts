/**
 * Which integers this machine's 8-bit products are exact with, found out by multiplying the largest: what the kernels
 * do depends on the processor, and not every operating system tells what that has.
 */

import os from 'node:os';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { type IntegerType, ZERO_POINT } from '../graph/quantized-layout.ts';
import type { GraphInputs } from './cache-form.ts';
import { OnnxSession } from './onnx-session.ts';

/** Of activations and weights. */
const LARGEST = 127;
/** Products of a sum, and outputs: more than kernels take at a time. */
const [DEPTH, WIDTH] = [128, 64];
/** One row has kernels of its own. */
const ROW_COUNTS = [1, 16];

/**
 * The type of weights that products are exact with, and fast. Activations are unsigned. Signed weights are faster, but on
 * x86 without VNNI pairs of their products are added up in 16 bits, which they can leave; unsigned ones are widened
 * first. The results are the same.
 * @throws StartupError when ONNX Runtime does not start
 */
export async function exactIntegerType(): Promise<IntegerType> {
  const g = new GraphBuilder();
  const activations = g.input('activations', 'uint8', ['rows', DEPTH]);
  const weights = g.input('weights', 'int8', [DEPTH, WIDTH]);
  const inputs = [activations, weights, g.float(1), g.float(1), g.uint8(ZERO_POINT)];
  g.output('sums', g.microsoftOp('MatMulIntegerToFloat', inputs), 'float32');
  const options = { graph: g.encode(), weightsFolder: os.tmpdir(), device: 'cpu', threadCount: 1 } as const;
  const session = await OnnxSession.create(options);
  let isExact = true;
  for (const rowCount of ROW_COUNTS) {
    const { sums } = await session.run(largestIntegers(rowCount), ['sums']);
    isExact &&= (sums as Float32Array).every((sum) => sum === DEPTH * LARGEST * LARGEST);
  }
  await session.close();
  return isExact ? 'int8' : 'uint8';
}

function largestIntegers(rowCount: number): GraphInputs {
  return {
    activations: {
      type: 'uint8',
      data: new Uint8Array(rowCount * DEPTH).fill(ZERO_POINT + LARGEST),
      dims: [rowCount, DEPTH],
    },
    weights: { type: 'int8', data: new Int8Array(DEPTH * WIDTH).fill(LARGEST), dims: [DEPTH, WIDTH] },
  };
}
