/** Whether a device can be computed on, found out by doing so. */

import os from 'node:os';
import { GraphBuilder } from '../graph/graph-builder.ts';
import { cudaFailure } from './cuda-failure.ts';
import { type GpuDevice, OnnxSession } from './onnx-session.ts';

/** @returns null when the device computes, else ONNX Runtime's reason in one line. */
export async function probeDevice(device: GpuDevice): Promise<string | null> {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [1]);
  g.output('y', g.op('Add', [x, x]), 'float32');
  try {
    const session = await OnnxSession.create({
      graph: g.encode(),
      weightsFolder: os.tmpdir(),
      device,
      threadCount: 1,
    });
    const { y } = await session.run({ x: { type: 'float32', data: Float32Array.of(2), dims: [1] } }, ['y']);
    await session.close();
    return (y as Float32Array)[0] === 4 ? null : `it computes 2 + 2 = ${(y as Float32Array)[0]}`;
  } catch (error) {
    return cudaFailure((error as Error).message).replace(/\s+/g, ' ');
  }
}
