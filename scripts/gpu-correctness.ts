/** The checks of `test/engine/paged-*.test.ts` on a device of choice, as rows of a table. */

import { findRightForm } from '../src/engine/attention-check.ts';
import { OnnxModelRunner } from '../src/engine/onnx-model-runner.ts';
import { buildPagedModel, readDecoderShape } from '../src/graph/checkpoint.ts';
import { checkPagedLimits, type PagedType } from '../src/graph/paged-attention.ts';
import {
  FLOAT16_TOLERANCE,
  ORACLE_NAMES,
  type Oracle,
  PACKED_ORACLE_NAMES,
  readOracle,
  WAYS,
} from '../test/support/oracle.ts';

export type PagedDevice = 'cuda' | 'webgpu';
export type Correctness = { readonly name: string; readonly passed: boolean; readonly detail: string };

/** bfloat16 keeps 8 bits where float16 keeps 11. */
const TOLERANCE: Readonly<Record<PagedType, number>> = {
  float16: FLOAT16_TOLERANCE,
  bfloat16: 8 * FLOAT16_TOLERANCE,
};
/** That every device has. */
const PACKED_BLOCK_SIZE = 256;

export type Place = { readonly device: PagedDevice; readonly cacheDirectory: string };
export type Layout = { readonly type: PagedType; readonly blockSize: number };

/** Every checkpoint of the oracle, in every way of cutting steps. */
export async function checkLogits(place: Place, layout: Layout): Promise<Correctness> {
  const names: string[] = [];
  for (const name of ORACLE_NAMES) {
    const oracle = readOracle(name);
    if (oracle.twin === null && (await isServed(oracle, layout.blockSize))) names.push(name);
  }
  const name = `logits of transformers, ${layout.type}, blocks of ${layout.blockSize}`;
  return { name, ...(await compare(names, place, layout)) };
}

/** Those whose weights are packed in 4 bits. */
export async function checkPacked(place: Place): Promise<Correctness> {
  const layout: Layout = { type: 'float16', blockSize: PACKED_BLOCK_SIZE };
  const name = 'logits of transformers, packed weights, float16';
  return { name, ...(await compare(PACKED_ORACLE_NAMES, place, layout)) };
}

type Seen = { worst: number; where: string; count: number; readonly fallbacks: Set<string> };

async function compare(
  names: readonly string[],
  place: Place,
  layout: Layout,
): Promise<Omit<Correctness, 'name'>> {
  const seen: Seen = { worst: 0, where: '', count: 0, fallbacks: new Set() };
  const refused: string[] = [];
  for (const name of names) {
    const reason = await compareOne(name, place, layout, seen).catch((error: Error) =>
      error.message.replace(/\s+/g, ' '),
    );
    if (reason !== null) refused.push(`${name}: ${reason}`);
  }
  const { worst, where, count, fallbacks } = seen;
  const allowed = TOLERANCE[layout.type];
  const parts = [
    `${count} comparisons, largest difference ${worst.toFixed(3)} of ${allowed} allowed (${where})`,
    ...(fallbacks.size > 0 ? [`ON THE CPU: ${[...fallbacks].join(', ')}`] : []),
    ...refused,
  ];
  return { passed: worst <= allowed && count > 0 && refused.length === 0, detail: parts.join('; ') };
}

/** @returns null, or why nothing could be compared. */
async function compareOne(name: string, place: Place, layout: Layout, seen: Seen): Promise<string | null> {
  const oracle = readOracle(name);
  const runner = await openRunner(place, layout, oracle);
  if (typeof runner === 'string') return runner;
  for (const node of runner.fallbacks) seen.fallbacks.add(node);
  try {
    for (const way of WAYS) {
      const difference = await way.run(oracle, runner);
      seen.count++;
      if (difference >= seen.worst) Object.assign(seen, { worst: difference, where: `${name}, ${way.name}` });
    }
  } finally {
    await runner.close();
  }
  return null;
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
  { device, cacheDirectory }: Place,
  { type, blockSize }: Layout,
  { directory }: Oracle,
): Promise<OnnxModelRunner | string> {
  const shape = await readDecoderShape(directory);
  const modelLengthMax = 128;
  const limits = { blockCount: 33, blockSize, modelLengthMax, vocabularySize: shape.vocabularySize };
  const form = await findRightForm({ device, type, shape, cache: limits, cacheDirectory });
  if (typeof form === 'string') return form;
  const build = { cache: limits, positionCount: modelLengthMax, cacheDirectory, type, ...form };
  const model = await buildPagedModel(directory, shape, build);
  const placement = { device, ...form };
  return OnnxModelRunner.create({ ...model, shape, limits, threadCount: 1, placement });
}
