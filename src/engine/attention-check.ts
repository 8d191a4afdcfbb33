/**
 * Whether a device computes attention as the formula says, found out on one small case of the model's own heads, blocks
 * and windows. Kernels are wrong on some drivers (docs/decisions/0007), and what they give then looks like an answer: a
 * start must not take them on trust. Owns a session for as long as that takes.
 */

import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { randomAt } from '../base/random.ts';
import type { LayerHeads } from '../graph/attention-form.ts';
import { type DecoderShape, headWidths, windowsInUse } from '../graph/decoder-shape.ts';
import { GraphBuilder, type Value } from '../graph/graph-builder.ts';
import { DATA_TYPE } from '../graph/onnx-schema.ts';
import { normHeads } from '../graph/operators.ts';
import {
  halfFloats,
  PagedAttention,
  type PagedAttentionOptions,
  type PagedType,
  pagedCacheBytes,
  takesPackedHeads,
} from '../graph/paged-attention.ts';
import { ropeTables } from '../graph/rope.ts';
import { zerosFile } from '../graph/zeros-file.ts';
import { type AttentionInputs, attend, type FormulaNorms } from './attention-formula.ts';
import type { GraphInputs } from './cache-form.ts';
import { RunnerError } from './model-runner.ts';
import { type GpuDevice, OnnxSession } from './onnx-session.ts';
import { PagedForm, type PagedFormOptions } from './paged-form.ts';
import type { StepBatch } from './step-batch.ts';

export type AttentionCheck = {
  readonly device: GpuDevice;
  readonly type: PagedType;
  readonly shape: DecoderShape;
  /** The longest sequence decides which windows are in use. */
  readonly cache: { readonly blockSize: number; readonly modelLengthMax: number };
  /** For the file of zeros that caches begin with. */
  readonly cacheDirectory: string;
  /** Keys of the longest sequence at least; by default what the device's kernels ask for. */
  readonly keysMin?: number;
};

/** From 512 keys on CUDA's kernel of decoding shares them out over parts of the card and adds up what these find. */
const KEYS_MIN: Readonly<Record<GpuDevice, number>> = { cuda: 600, webgpu: 0 };

const ATTENDED = 'attended';
/** Beyond those of the sequences' matrices. */
const NORM_SEED = 100;
/**
 * Tokens that two sequences have after each step: the first fills more than a block, in one row that is long enough for
 * the kernels of prompts, beside a short one; then a decode beside a chunk, decodes alone, and a prompt's next chunk, as
 * long again, behind its past. Where that is not long enough, a longer chunk follows, and decodes alone behind it.
 */
function stepsOf(blockSize: number, keysMin: number): readonly (readonly [number, number])[] {
  const steps: readonly (readonly [number, number])[] = [
    [blockSize + 5, 5],
    [blockSize + 6, 8],
    [blockSize + 7, 9],
    [blockSize + 42, 10],
  ];
  if (blockSize + 42 >= keysMin) return steps;
  return [...steps, [keysMin, 11], [keysMin + 1, 12]];
}

/** Of each sequence and step, the last so many tokens are compared: enough of them, and few for the slow formula. */
const COMPARED_MAX = 16;
/** In place of a model's larger window, which would need as long a case. More than the keys of one tile of a kernel. */
const WINDOW_MAX = 20;
/** The second sequence's only block. The first has the others, the last ones first, but for 0, the null block. */
const SECOND_BLOCK = 2;

/** Block ids of the two sequences, so many each. */
function blockTables(width: number): readonly (readonly number[])[] {
  const ids = Array.from({ length: width + 1 }, (_, index) => width + 1 - index);
  const first = ids.filter((id) => id !== SECOND_BLOCK);
  return [first, first.map((_, index) => (index === 0 ? SECOND_BLOCK : 0))];
}

/**
 * The largest difference allowed. Values are below 1, and attention is a mean of them; keys left out or taken in wrongly
 * move some by 0.08 to 0.4. Measured for float16 where kernels are right: 0.0025, with heads of up to 128 elements.
 * bfloat16 has an eighth of its precision, so 0.02 where they are.
 */
const TOLERANCE: Readonly<Record<PagedType, number>> = { float16: 0.01, bfloat16: 0.05 };

/** How a device is given what the operator attends with. */
export type RightForm = PagedFormOptions & Pick<PagedAttentionOptions, 'packedHeads'>;

/** From the fastest to the one that asks least of the operator. */
const FORMS: readonly RightForm[] = [
  { tokensApart: false, packedHeads: true },
  { tokensApart: false, packedHeads: false },
  { tokensApart: true, packedHeads: false },
];

/** @returns the first form that is right on this device, or what is wrong with the last one */
export async function findRightForm(check: AttentionCheck): Promise<RightForm | string> {
  let problem = '';
  for (const form of FORMS) {
    if (form.packedHeads && !takesPackedHeads(check.shape, check.device)) continue;
    const found = await checkAttention(check, form);
    if (found === null) return form;
    problem = found;
  }
  return problem;
}

/** @returns null when what is compared agrees, else by how much the worst does not, or why nothing came out */
async function checkAttention(check: AttentionCheck, form: RightForm): Promise<string | null> {
  const windows = windowsInUse(check.shape, check.cache.modelLengthMax);
  for (const window of new Set(windows.map((own) => own && Math.min(own, WINDOW_MAX)))) {
    const kind = window === null ? 'attention' : 'attention with a sliding window';
    const difference = await largestDifference(check, form, window).catch(reasonOf);
    if (typeof difference === 'string') return `it cannot compute ${kind}: ${difference}`;
    if (!(difference <= TOLERANCE[check.type])) {
      return `its driver computes ${kind} wrongly, by ${difference.toPrecision(2)} where ${TOLERANCE[check.type]} is allowed`;
    }
  }
  return null;
}

/** @throws what is no refusal of ONNX Runtime's */
function reasonOf(error: unknown): string {
  if (error instanceof StartupError || error instanceof RunnerError)
    return error.message.replace(/\s+/g, ' ');
  throw error;
}

async function largestDifference(
  check: AttentionCheck,
  formOptions: RightForm,
  window: number | null,
): Promise<number> {
  const shape = { ...check.shape, slidingWindows: [window] };
  const { device, cache, keysMin = KEYS_MIN[device] } = check;
  const steps = stepsOf(cache.blockSize, keysMin);
  const lengths = steps.at(-1)!;
  const sequences = lengths.map((length, sequence) => randomSequence(shape, length, sequence));
  const positionCount = Math.max(...lengths);
  const rope = ropeTables(shape, positionCount);
  const tables = blockTables(Math.ceil(positionCount / cache.blockSize));
  const norms = shape.queryKeyNorm ? randomNorms(shape) : null;
  const place = { positionCount, blockCount: tables[0]!.length + 2 };
  const session = await openSession({ ...check, shape }, formOptions, norms, place);
  const form = new PagedForm(formOptions);
  const width = shape.headCount * shape.headSize;
  let largest = 0;
  try {
    let before: readonly number[] = [0, 0];
    for (const after of steps) {
      const feeds = {
        ...form.feeds(batchOf(before, after, tables)),
        ...tokenFeeds(shape, sequences, before, after),
      };
      const attended = (await session.run(feeds, [ATTENDED]))[ATTENDED] as Float32Array;
      let rowEnd = 0;
      for (const [sequence, inputs] of sequences.entries()) {
        const end = after[sequence]!;
        const start = Math.max(before[sequence]!, end - COMPARED_MAX);
        rowEnd += (end - before[sequence]!) * width;
        const expected = attend(shape, inputs, rope, { window, norms, start, end });
        largest = Math.max(
          largest,
          difference(attended.subarray(rowEnd - expected.length, rowEnd), expected),
        );
      }
      before = after;
    }
  } finally {
    await session.close();
  }
  return largest;
}

/** NaN where any element is, or is missing. */
function difference(found: Float32Array, expected: Float64Array): number {
  let largest = 0;
  for (const [i, element] of expected.entries()) largest = Math.max(largest, Math.abs(found[i]! - element));
  return largest;
}

/** The graph of one layer's attention alone, its inputs and its output in float32. */
async function openSession(
  check: AttentionCheck,
  { packedHeads }: RightForm,
  norms: FormulaNorms | null,
  { positionCount, blockCount }: { readonly positionCount: number; readonly blockCount: number },
): Promise<OnnxSession> {
  const { device, type, shape, cacheDirectory } = check;
  const cache = { blockCount, blockSize: check.cache.blockSize };
  const g = new GraphBuilder();
  const zeros = await zerosFile(cacheDirectory, pagedCacheBytes(shape, cache, type));
  const zerosName = path.basename(zeros);
  const form = new PagedAttention(g, {
    shape,
    cache,
    type,
    positionCount,
    packedHeads,
    zerosFile: zerosName,
  });
  const attended = form.layer(g, 0, headsOf(g, shape, type, norms));
  g.output(ATTENDED, g.op('Cast', [attended], { to: DATA_TYPE.float32 }), 'float32');
  return OnnxSession.create({
    graph: g.encode(),
    weightsFolder: path.dirname(zeros),
    device,
    threadCount: 1,
  });
}

/** The inputs of the graph as a layer's products. */
function headsOf(
  g: GraphBuilder,
  shape: DecoderShape,
  type: PagedType,
  norms: FormulaNorms | null,
): LayerHeads {
  const [query, key, value] = widths(shape).map(([name, width]) =>
    g.op('Cast', [g.input(name, 'float32', ['tokens', width])], { to: DATA_TYPE[type] }),
  );
  const products = [query!, key!, value!] as const;
  const weight = (of: FormulaNorms['query']): Value => halfFloats(g, type, [of.length], of);
  const headNorms = norms && {
    query: weight(norms.query),
    key: weight(norms.key),
    epsilon: norms.epsilon,
  };
  return {
    norms: headNorms,
    packed: () => g.op('Concat', products, { axis: -1 }),
    apart: () => (headNorms === null ? products : normHeads(g, shape, products, headNorms)),
  };
}

/** Weights that leave queries and keys about as large as they come. Of few bits, as these are. */
function randomNorms({ headSize, normEpsilon }: DecoderShape): FormulaNorms {
  const weights = (seed: number, least: number) =>
    Float32Array.from({ length: headSize }, (_, i) => least * (1 + Math.floor(8 * randomAt(seed, i)) / 8));
  return { query: weights(NORM_SEED, 1.5), key: weights(NORM_SEED + 1, 0.375), epsilon: normEpsilon };
}

/** The names of attention's inputs and the elements that a token has of each. */
function widths(shape: DecoderShape): readonly (readonly [keyof AttentionInputs, number])[] {
  const [query, key, value] = headWidths(shape);
  return [
    ['query', query],
    ['key', key],
    ['value', value],
  ];
}

/** Numbers of few bits, which every type holds exactly; queries are large, so that attention falls on few keys. */
function randomSequence(shape: DecoderShape, length: number, sequence: number): AttentionInputs {
  const matrices = widths(shape).map(([name, width], matrix) => {
    const step = name === 'query' ? 1 / 16 : 1 / 64;
    const seed = 3 * sequence + matrix;
    return Float32Array.from(
      { length: length * width },
      (_, i) => (Math.floor(128 * randomAt(seed, i)) - 64) * step,
    );
  });
  return { query: matrices[0]!, key: matrices[1]!, value: matrices[2]! };
}

/** The tokens of each sequence from its length before a step to that after it. */
function tokenFeeds(
  shape: DecoderShape,
  sequences: readonly AttentionInputs[],
  before: readonly number[],
  after: readonly number[],
): GraphInputs {
  const feeds = widths(shape).map(([name, width]) => {
    const rows = sequences.flatMap((inputs, sequence) => [
      ...inputs[name].subarray(before[sequence]! * width, after[sequence]! * width),
    ]);
    const data = Float32Array.from(rows);
    return [name, { type: 'float32', data, dims: [data.length / width, width] }] as const;
  });
  return Object.fromEntries(feeds);
}

/** The step in which the sequences grow from one length to the other; what attention is not told is left empty. */
function batchOf(
  before: readonly number[],
  after: readonly number[],
  tables: readonly (readonly number[])[],
): StepBatch {
  const counts = after.map((length, sequence) => length - before[sequence]!);
  const tokenCount = counts.reduce((sum, count) => sum + count, 0);
  const none = new Int32Array(0);
  return {
    rowCount: counts.length,
    tokenCount,
    tokenIds: none,
    positions: Int32Array.from(
      counts.flatMap((count, row) => Array.from({ length: count }, (_, i) => before[row]! + i)),
    ),
    slots: none,
    rowStart: Int32Array.of(0, counts[0]!, tokenCount),
    pastLength: Int32Array.from(before),
    blockTable: Int32Array.from(tables.flat()),
    blockTableWidth: tables[0]!.length,
    logitsTokens: none,
    logitsRowCount: 0,
  };
}
