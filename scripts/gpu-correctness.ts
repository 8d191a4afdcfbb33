/** The checks of `test/engine/paged-*.test.ts` on a device of choice, as rows of a table. */

import { findRightForm } from '../src/engine/attention-check.ts';
import { OnnxModelRunner } from '../src/engine/onnx-model-runner.ts';
import { buildPagedModel, readDecoderShape } from '../src/graph/checkpoint.ts';
import { checkPagedLimits, type PagedType } from '../src/graph/paged-attention.ts';
import { FLOAT16_TOLERANCE, ORACLE_NAMES, type Oracle, readOracle, WAYS } from '../test/support/oracle.ts';

export type Correctness = { readonly name: string; readonly passed: boolean; readonly detail: string };

/** bfloat16 keeps 8 bits where float16 keeps 11. */
const TOLERANCE: Readonly<Record<PagedType, number>> = {
  float16: FLOAT16_TOLERANCE,
  bfloat16: 8 * FLOAT16_TOLERANCE,
};
/** Larger than any fast kernel asks for, and the smallest. */
const BLOCK_SIZES = [32, 256] as const;

export async function checkCorrectness(
  device: 'cuda' | 'webgpu',
  cacheDirectory: string,
): Promise<readonly Correctness[]> {
  const rows: Correctness[] = [];
  const types: readonly PagedType[] = device === 'cuda' ? ['float16', 'bfloat16'] : ['float16'];
  for (const type of types) {
    for (const blockSize of BLOCK_SIZES) {
      rows.push(await checkType(device, type, blockSize, cacheDirectory));
    }
  }
  return rows;
}

async function checkType(
  device: 'cuda' | 'webgpu',
  type: PagedType,
  blockSize: number,
  cacheDirectory: string,
): Promise<Correctness> {
  let [worst, where, count] = [0, '', 0];
  const fallbacks = new Set<string>();
  const refused: string[] = [];
  for (const name of ORACLE_NAMES) {
    const oracle = readOracle(name);
    if (oracle.twin !== null || !(await isServed(oracle, blockSize))) continue;
    const runner = await openRunner(device, type, blockSize, cacheDirectory, oracle);
    if (typeof runner === 'string') {
      refused.push(`${name}: ${runner}`);
      continue;
    }
    for (const node of runner.fallbacks) fallbacks.add(node);
    for (const way of WAYS) {
      const difference = await way.run(oracle, runner);
      count++;
      if (difference >= worst) [worst, where] = [difference, `${name}, ${way.name}`];
    }
    await runner.close();
  }
  const onCpu = fallbacks.size > 0 ? `; ON THE CPU: ${[...fallbacks].join(', ')}` : '';
  return {
    name: `logits of transformers, ${type}, blocks of ${blockSize}`,
    passed: worst <= TOLERANCE[type] && count > 0 && refused.length === 0,
    detail: `${count} comparisons, largest difference ${worst.toFixed(3)} of ${TOLERANCE[type]} allowed (${where})${onCpu}${refused.map((reason) => `; ${reason}`).join('')}`,
  };
}

async function isServed({ directory }: Oracle, blockSize: number): Promise<boolean> {
  const shape = await readDecoderShape(directory);
  try {
    checkPagedLimits(shape, blockSize);
    return true;
  } catch {
    return false;
  }
}

/** @returns what is wrong with the device's attention where nothing is to be opened. */
async function openRunner(
  device: 'cuda' | 'webgpu',
  type: PagedType,
  blockSize: number,
  cacheDirectory: string,
  { directory }: Oracle,
): Promise<OnnxModelRunner | string> {
  const shape = await readDecoderShape(directory);
  const modelLengthMax = 128;
  const limits = { blockCount: 33, blockSize, modelLengthMax, vocabularySize: shape.vocabularySize };
  const form = await findRightForm({ device, type, shape, cache: limits, cacheDirectory });
  if (typeof form === 'string') return form;
  const build = { cache: limits, positionCount: modelLengthMax, cacheDirectory, type };
  const model = await buildPagedModel(directory, shape, build);
  const placement = { device, ...form };
  return OnnxModelRunner.create({ ...model, shape, limits, threadCount: 1, placement });
}
