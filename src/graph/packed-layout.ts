/**
 * What a file of repacked 4-bit matrices holds: which products the decoder has with them, of which modules of the
 * checkpoint each is made, and where its parts lie. Modules are what the checkpoint stores: a matrix and its bias. Those
 * that read the same activations become one product where they can. Pure; bytes are moved in `repack-matrix.ts`.
 */

import { StartupError } from '../base/errors.ts';
import { COMPUTE_TYPE_BYTES } from './convert-floats.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { FileLayout, type WeightTensor } from './file-layout.ts';
import { sameOrder } from './group-order.ts';
import type { FloatPlan, IntegerType, MatrixPlan } from './quantized-layout.ts';
import {
  elementsOf,
  embeddingPlan,
  headPlans,
  matrixName,
  normPlans,
  placeMatrix,
} from './quantized-layout.ts';
import { findTensor, type PackedTensors, type StoredTensor } from './safetensors.ts';
import { type WeightPacking, WORD_WEIGHTS } from './weight-packing.ts';

/** A module's matrix as the checkpoint stores it. */
export type PackedSource = {
  /** Of the module. */
  readonly name: string;
  readonly rows: number;
  /** Levels, by inputs in words of eight for GPTQ, by outputs for AWQ. */
  readonly words: StoredTensor<'I32'>;
  /** Zero points, [groups x rows / 8]. */
  readonly zeroWords: StoredTensor<'I32'>;
  /** [groups x rows] */
  readonly scales: StoredTensor;
};

/** Matrices of 4-bit groups, the rows of one below those of the other. */
export type PackedMatrix = {
  readonly kind: 'packed';
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
  readonly sources: readonly PackedSource[];
  /** The inputs that its columns are for; `null`: each in its place. */
  readonly order: Int32Array | null;
  readonly hasBias: boolean;
};

/** A module that the checkpoint left in floating point. */
export type FloatMatrix = {
  readonly kind: 'float';
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
  readonly hasBias: boolean;
};

export type Matrix = PackedMatrix | FloatMatrix;

/** By what they are applied to: the outputs of a list's matrices, one after the other, are those of its modules. */
export type LayerMatrices = {
  readonly queryKeyValue: readonly Matrix[];
  readonly attentionOutput: readonly Matrix[];
  readonly gate: readonly Matrix[];
  readonly up: readonly Matrix[];
  readonly down: readonly Matrix[];
};

export type PackedLayout = {
  readonly layers: readonly LayerMatrices[];
  /** The output projection where it is packed too. */
  readonly head: PackedMatrix | null;
  /** Embedding, and output projection unless it is packed, where they are kept as 8-bit integers. */
  readonly vocabulary: readonly MatrixPlan[];
  readonly floats: readonly FloatPlan[];
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly byteLength: number;
};

export type PackedLayoutOptions = {
  readonly packing: WeightPacking;
  readonly shape: DecoderShape;
  readonly stored: PackedTensors;
  /** Of modules by name, where inputs are not in their places. */
  readonly orders: ReadonlyMap<string, Int32Array>;
  /** Of everything that is not packed. */
  readonly type: 'float32' | 'float16';
  /** Of embedding and output projection; `null`: they stay floats. */
  readonly integerVocabulary: IntegerType | null;
  /** Name of the file that is laid out. */
  readonly file: string;
};

/** Names of the parts of a packed matrix [N outputs x K inputs]. */
export const packedPart = {
  /** uint8 [N x blocks x blockSize / 2]: two levels a byte, the lower first */
  levels: (name: string): string => `${name}.levels`,
  /** [N * blocks] */
  scales: (name: string): string => `${name}.scales`,
  /** uint8 [N * ceil(blocks / 2)]: two a byte */
  zeroPoints: (name: string): string => `${name}.zero_points`,
} as const;

/** Of a product whose scale is the same down the whole column: it is repeated. */
const WHOLE_COLUMN_BLOCK = 128;

/** Inputs in a block of the 4-bit product. */
export function blockSize({ groupSize }: WeightPacking): number {
  return groupSize ?? WHOLE_COLUMN_BLOCK;
}

export function blockCount(packing: WeightPacking, columns: number): number {
  return Math.ceil(columns / blockSize(packing));
}

/** A matrix of the checkpoint and its bias, by the name that both begin with. */
type Module = {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly hasBias: boolean;
};

/** @throws StartupError when a tensor is missing or misshapen. */
export function packedLayout(options: PackedLayoutOptions): PackedLayout {
  const { shape, stored, type, integerVocabulary, packing, file } = options;
  const layers = Array.from({ length: shape.layerCount }, (_, layer) => layerMatrices(layer, options));
  const head = packedHead(options);
  if (!layers.some(hasPacked)) {
    throw new StartupError(
      'config.json has a quantization_config, but no matrix of the checkpoint is packed',
    );
  }
  const all = [...layers.flatMap((layer) => Object.values(layer).flat()), ...(head === null ? [] : [head])];
  const floats = [...normPlans(shape, stored.floats), ...all.flatMap((matrix) => floatPlans(matrix, stored))];
  const vocabulary: MatrixPlan[] = [];
  if (integerVocabulary === null) {
    floats.push(...vocabularyFloats(options, head));
  } else {
    if (head === null) vocabulary.push(...headPlans(shape, stored.floats));
    vocabulary.push(embeddingPlan(shape, stored.floats));
  }
  const layout = new FileLayout(file);
  for (const { name, sources } of floats) layout.place(name, dimsOf(sources), COMPUTE_TYPE_BYTES[type]);
  for (const plan of vocabulary) placeMatrix(layout, plan, 'w8a8');
  for (const matrix of all) if (matrix.kind === 'packed') placePacked(layout, matrix, packing, type);
  return { layers, head, vocabulary, floats, tensors: layout.tensors, byteLength: layout.byteLength };
}

export function matricesOf({ layers, head }: PackedLayout): readonly PackedMatrix[] {
  const all: readonly Matrix[] = layers.flatMap((layer) => Object.values(layer).flat());
  return [...all.filter((matrix) => matrix.kind === 'packed'), ...(head === null ? [] : [head])];
}

function hasPacked(layer: LayerMatrices): boolean {
  return Object.values(layer)
    .flat()
    .some((matrix) => matrix.kind === 'packed');
}

function layerMatrices(layer: number, options: PackedLayoutOptions): LayerMatrices {
  const { shape } = options;
  const { hiddenSize, feedForwardSize, headCount, kvHeadCount, headSize } = shape;
  const attention = (letter: string, rows: number, columns: number, hasBias: boolean): Module => {
    return { name: `model.layers.${layer}.self_attn.${letter}_proj`, rows, columns, hasBias };
  };
  const feedForward = (part: string, rows: number, columns: number): readonly Matrix[] => {
    const name = `model.layers.${layer}.mlp.${part}_proj`;
    return matrices([{ name, rows, columns, hasBias: shape.feedForwardBias }], name, options);
  };
  const [queries, keys] = [headCount * headSize, kvHeadCount * headSize];
  const output = attention('o', hiddenSize, queries, shape.attentionOutputBias);
  const inputs = [
    attention('q', queries, hiddenSize, shape.queryKeyValueBias),
    attention('k', keys, hiddenSize, shape.queryKeyValueBias),
    attention('v', keys, hiddenSize, shape.queryKeyValueBias),
  ];
  return {
    queryKeyValue: matrices(inputs, matrixName.queryKeyValue(layer), options),
    attentionOutput: matrices([output], output.name, options),
    gate: feedForward('gate', feedForwardSize, hiddenSize),
    up: feedForward('up', feedForwardSize, hiddenSize),
    down: feedForward('down', hiddenSize, feedForwardSize),
  };
}

/** One matrix of all modules, under `name`, if all are packed and their inputs in one order; else one of each. */
function matrices(modules: readonly Module[], name: string, options: PackedLayoutOptions): readonly Matrix[] {
  const orders = modules.map((module) => options.orders.get(module.name) ?? null);
  const canJoin =
    modules.every((module) => isPacked(module.name, options)) &&
    orders.every((order) => sameOrder(order, orders[0]!));
  if (canJoin) return [packedMatrix(name, modules, orders[0]!, options)];
  return modules.map((module, i) =>
    isPacked(module.name, options)
      ? packedMatrix(module.name, [module], orders[i]!, options)
      : { kind: 'float', ...module },
  );
}

function isPacked(name: string, { stored }: PackedLayoutOptions): boolean {
  return stored.words.has(`${name}.qweight`);
}

function packedMatrix(
  name: string,
  modules: readonly Module[],
  order: Int32Array | null,
  options: PackedLayoutOptions,
): PackedMatrix {
  const { columns, hasBias } = modules[0]!;
  const sources = modules.map((module) => packedSource(module, options));
  const rows = modules.reduce((sum, module) => sum + module.rows, 0);
  return { kind: 'packed', name, columns, rows, sources, order, hasBias };
}

function packedSource({ name, rows, columns }: Module, options: PackedLayoutOptions): PackedSource {
  const { packing, stored, type } = options;
  if (rows % WORD_WEIGHTS !== 0 || columns % WORD_WEIGHTS !== 0) {
    throw new StartupError(`"${name}" is ${columns} x ${rows}, which words of 8 weights do not divide`);
  }
  const groups = packing.groupSize === null ? 1 : Math.ceil(columns / packing.groupSize);
  const dims = packing.method === 'gptq' ? [columns / WORD_WEIGHTS, rows] : [columns, rows / WORD_WEIGHTS];
  const scales = findTensor(stored.floats, `${name}.scales`, [groups, rows]);
  if (type === 'float16' && scales.elementType !== 'F16') {
    throw new StartupError(
      `tensor "${name}.scales" has type ${scales.elementType}, a GPU needs F16; use --device cpu`,
    );
  }
  return {
    name,
    rows,
    words: findTensor(stored.words, `${name}.qweight`, dims),
    zeroWords: findTensor(stored.words, `${name}.qzeros`, [groups, rows / WORD_WEIGHTS]),
    scales,
  };
}

function packedHead(options: PackedLayoutOptions): PackedMatrix | null {
  const { vocabularySize, hiddenSize, tiedEmbeddings } = options.shape;
  const name = 'lm_head';
  if (tiedEmbeddings || !isPacked(name, options)) return null;
  const module = { name, rows: vocabularySize, columns: hiddenSize, hasBias: false };
  return packedMatrix(name, [module], options.orders.get(name) ?? null, options);
}

/** The matrix itself where it is not packed, and the bias. */
function floatPlans(matrix: Matrix, { floats }: PackedTensors): readonly FloatPlan[] {
  const { name, rows, columns, hasBias } = matrix;
  const plans: FloatPlan[] = [];
  if (matrix.kind === 'float') {
    plans.push({ name: `${name}.weight`, sources: [findTensor(floats, `${name}.weight`, [rows, columns])] });
  }
  if (hasBias) {
    const modules = matrix.kind === 'float' ? [matrix] : matrix.sources;
    const sources = modules.map((module) => findTensor(floats, `${module.name}.bias`, [module.rows]));
    plans.push({ name: `${name}.bias`, sources });
  }
  return plans;
}

/** By the names of `DecoderWeights`. */
function vocabularyFloats(
  { shape, stored }: PackedLayoutOptions,
  head: PackedMatrix | null,
): readonly FloatPlan[] {
  const { vocabularySize, hiddenSize, tiedEmbeddings } = shape;
  const names = ['model.embed_tokens.weight'];
  if (head === null && !tiedEmbeddings) names.push('lm_head.weight');
  return names.map((name) => ({
    name,
    sources: [findTensor(stored.floats, name, [vocabularySize, hiddenSize])],
  }));
}

function placePacked(
  layout: FileLayout,
  { name, rows, columns }: PackedMatrix,
  packing: WeightPacking,
  type: PackedLayoutOptions['type'],
): void {
  const blocks = blockCount(packing, columns);
  layout.place(packedPart.levels(name), [rows, blocks, blockSize(packing) / 2], 1);
  layout.place(packedPart.scales(name), [rows * blocks], COMPUTE_TYPE_BYTES[type]);
  layout.place(packedPart.zeroPoints(name), [rows * Math.ceil(blocks / 2)], 1);
}

/** A single tensor keeps its shape, several follow on one another. */
function dimsOf(sources: readonly StoredTensor[]): readonly number[] {
  return sources.length === 1 ? sources[0]!.shape : [elementsOf(sources)];
}
