/**
 * What a file of quantised weights holds: which matrices, made from which tensors of the checkpoint, and where each of
 * their parts lies. Pure; the bytes are made in `quantize-matrix.ts`.
 */

import type { DecoderShape } from './decoder-shape.ts';
import { FileLayout, type WeightTensor } from './file-layout.ts';
import { GROUP_SIZE, groupCount, type WeightRecipe } from './quantize-rows.ts';
import { findTensor, type StoredTensor, type StoredTensors } from './safetensors.ts';

/** Width of a block of the 4-bit product: a group and the place that holds the row's largest activation. */
export const BLOCK_WIDTH = GROUP_SIZE + 1;
const BLOCK_BYTES = BLOCK_WIDTH / 2;

/** Columns of one product with the vocabulary: in parts, its quantising is spread over threads. */
const HEAD_PART_COLUMNS = 9_500;

/** Length of a row of `length` elements that is spread over whole blocks, see `group-projections.ts`. */
export function spreadLength(length: number): number {
  return groupCount(length) * BLOCK_WIDTH;
}

/** How the integers of a product are stored: as they are, or each 128 more. */
export type IntegerType = 'int8' | 'uint8';
/** What stands for 0 among unsigned integers, of weights and of activations. */
export const ZERO_POINT = 128;

/** Names of the parts of a matrix [N outputs x K inputs]. */
export const matrixPart = {
  /** {@link IntegerType} [K x N] */
  integers: (name: string): string => `${name}.integers`,
  /** float32 [N] */
  scales: (name: string): string => `${name}.scales`,
  /** uint8 [N' x blocks x 64], of recipe int4: two levels a byte. */
  levels: (name: string): string => `${name}.levels`,
  /** float32 [N' * blocks], of recipe int4. */
  blockScales: (name: string): string => `${name}.block_scales`,
} as const;

/** int8 [vocabulary x hidden], and float32 [vocabulary]. */
export const EMBEDDING = { integers: 'embedding.integers', scales: 'embedding.scales' } as const;

export const matrixName = {
  queryKeyValue: (layer: number): string => `layers.${layer}.query_key_value`,
  attentionOutput: (layer: number): string => `layers.${layer}.attention_output`,
  gate: (layer: number): string => `layers.${layer}.gate`,
  up: (layer: number): string => `layers.${layer}.up`,
  down: (layer: number): string => `layers.${layer}.down`,
  head: (part: number): string => `head.${part}`,
} as const;

/** A matrix to quantise: rows of the checkpoint's tensors, one below the other. */
export type MatrixPlan = {
  readonly name: string;
  readonly columns: number;
  readonly rows: number;
  readonly sources: readonly StoredTensor[];
  /** `embedding`: rows stay rows, 8 bits. Rows of both this and `head` are tokens'. */
  readonly kind: 'projection' | 'head' | 'embedding';
  /** The 4-bit form's outputs are spread over whole blocks: they are what a next 4-bit product reads. */
  readonly spread: boolean;
};

/** A tensor that is kept in float32: norms and biases; those of several tensors follow on one another. */
export type FloatPlan = { readonly name: string; readonly sources: readonly StoredTensor[] };

export type QuantizedLayout = {
  readonly matrices: readonly MatrixPlan[];
  readonly floats: readonly FloatPlan[];
  readonly tensors: ReadonlyMap<string, WeightTensor>;
  readonly byteLength: number;
};

export function headPartCount(shape: Pick<DecoderShape, 'vocabularySize'>): number {
  return Math.ceil(shape.vocabularySize / HEAD_PART_COLUMNS);
}

/** Columns [from, to) of the vocabulary in a part of the head. */
function headPart(shape: Pick<DecoderShape, 'vocabularySize'>, part: number): [number, number] {
  const size = Math.ceil(shape.vocabularySize / headPartCount(shape));
  return [part * size, Math.min((part + 1) * size, shape.vocabularySize)];
}

/** @throws StartupError when a tensor is missing or misshapen. */
export function quantizedLayout(
  recipe: WeightRecipe,
  shape: DecoderShape,
  stored: StoredTensors,
  file: string,
): QuantizedLayout {
  const matrices = matrixPlans(shape, stored);
  const floats = [...normPlans(shape, stored), ...biasPlans(shape, stored)];
  const layout = new FileLayout(file);
  for (const { name, sources } of floats) layout.place(name, [elementsOf(sources)], 4);
  for (const plan of matrices) placeMatrix(layout, plan, recipe);
  return { matrices, floats, tensors: layout.tensors, byteLength: layout.byteLength };
}

export function placeMatrix(
  layout: FileLayout,
  { name, columns, rows, kind, spread }: MatrixPlan,
  recipe: WeightRecipe,
): void {
  layout.place(matrixPart.scales(name), [rows], 4);
  layout.place(matrixPart.integers(name), kind === 'embedding' ? [rows, columns] : [columns, rows], 1);
  if (recipe !== 'int4' || kind === 'embedding') return;
  const outputs = spread ? spreadLength(rows) : rows;
  layout.place(matrixPart.levels(name), [outputs, groupCount(columns), BLOCK_BYTES], 1);
  layout.place(matrixPart.blockScales(name), [outputs * groupCount(columns)], 4);
}

function matrixPlans(shape: DecoderShape, stored: StoredTensors): readonly MatrixPlan[] {
  const { hiddenSize, feedForwardSize, headCount, kvHeadCount, headSize } = shape;
  const plan = (
    name: string,
    columns: number,
    sources: readonly [name: string, rows: number][],
    spread = false,
  ): MatrixPlan => ({
    name,
    columns,
    rows: sources.reduce((sum, [, rows]) => sum + rows, 0),
    sources: sources.map(([tensor, rows]) => findTensor(stored, tensor, [rows, columns])),
    kind: 'projection',
    spread,
  });
  const plans: MatrixPlan[] = [];
  for (let layer = 0; layer < shape.layerCount; layer++) {
    const attention = (letter: string) => `model.layers.${layer}.self_attn.${letter}_proj.weight`;
    const feedForward = (part: string) => `model.layers.${layer}.mlp.${part}_proj.weight`;
    const [queries, keys] = [headCount * headSize, kvHeadCount * headSize];
    plans.push(
      plan(matrixName.queryKeyValue(layer), hiddenSize, [
        [attention('q'), queries],
        [attention('k'), keys],
        [attention('v'), keys],
      ]),
      plan(matrixName.attentionOutput(layer), queries, [[attention('o'), hiddenSize]]),
      plan(matrixName.gate(layer), hiddenSize, [[feedForward('gate'), feedForwardSize]], true),
      plan(matrixName.up(layer), hiddenSize, [[feedForward('up'), feedForwardSize]], true),
      plan(matrixName.down(layer), feedForwardSize, [[feedForward('down'), hiddenSize]]),
    );
  }
  return [...plans, ...headPlans(shape, stored), embeddingPlan(shape, stored)];
}

/** The output projection, in parts. */
export function headPlans(shape: DecoderShape, stored: StoredTensors): readonly MatrixPlan[] {
  const { hiddenSize, vocabularySize, tiedEmbeddings } = shape;
  const tensor = tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const head = findTensor(stored, tensor, [vocabularySize, hiddenSize]);
  return Array.from({ length: headPartCount(shape) }, (_, part) => {
    const [from, to] = headPart(shape, part);
    return {
      name: matrixName.head(part),
      columns: hiddenSize,
      rows: to - from,
      sources: [rowsOf(head, from, to)],
      kind: 'head',
      spread: false,
    };
  });
}

export function embeddingPlan(shape: DecoderShape, stored: StoredTensors): MatrixPlan {
  const { hiddenSize, vocabularySize } = shape;
  return {
    name: 'embedding',
    columns: hiddenSize,
    rows: vocabularySize,
    sources: [findTensor(stored, 'model.embed_tokens.weight', [vocabularySize, hiddenSize])],
    kind: 'embedding',
    spread: false,
  };
}

/** By the names of `DecoderWeights`. */
export function normPlans(shape: DecoderShape, stored: StoredTensors): readonly FloatPlan[] {
  const plans: FloatPlan[] = [];
  const one = (name: string, size: number): void => {
    plans.push({ name, sources: [findTensor(stored, name, [size])] });
  };
  for (let layer = 0; layer < shape.layerCount; layer++) {
    one(`model.layers.${layer}.input_layernorm.weight`, shape.hiddenSize);
    one(`model.layers.${layer}.post_attention_layernorm.weight`, shape.hiddenSize);
    if (!shape.queryKeyNorm) continue;
    for (const name of ['q_norm', 'k_norm'])
      one(`model.layers.${layer}.self_attn.${name}.weight`, shape.headSize);
  }
  one('model.norm.weight', shape.hiddenSize);
  return plans;
}

/** By the names of `DecoderWeights`, but for those of Q, K and V, which are one tensor here. */
function biasPlans(shape: DecoderShape, stored: StoredTensors): readonly FloatPlan[] {
  const { hiddenSize, headCount, kvHeadCount, headSize, feedForwardSize } = shape;
  const plans: FloatPlan[] = [];
  const one = (name: string, size: number): void => {
    plans.push({ name, sources: [findTensor(stored, name, [size])] });
  };
  for (let layer = 0; layer < shape.layerCount; layer++) {
    const attention = (name: string) => `model.layers.${layer}.self_attn.${name}`;
    if (shape.queryKeyValueBias) {
      plans.push({
        name: `${matrixName.queryKeyValue(layer)}.bias`,
        sources: [
          findTensor(stored, attention('q_proj.bias'), [headCount * headSize]),
          findTensor(stored, attention('k_proj.bias'), [kvHeadCount * headSize]),
          findTensor(stored, attention('v_proj.bias'), [kvHeadCount * headSize]),
        ],
      });
    }
    if (shape.attentionOutputBias) one(attention('o_proj.bias'), hiddenSize);
    if (shape.feedForwardBias) {
      for (const name of ['gate', 'up']) one(`model.layers.${layer}.mlp.${name}_proj.bias`, feedForwardSize);
      one(`model.layers.${layer}.mlp.down_proj.bias`, hiddenSize);
    }
  }
  return plans;
}

/** Rows [from, to) of a matrix, which lie end to end. */
export function rowsOf(tensor: StoredTensor, from: number, to: number): StoredTensor {
  const [rows, columns] = tensor.shape as [number, number];
  const rowBytes = tensor.byteLength / rows;
  return {
    ...tensor,
    shape: [to - from, columns],
    offset: tensor.offset + from * rowBytes,
    byteLength: (to - from) * rowBytes,
  };
}

export function elementsOf(sources: readonly StoredTensor[]): number {
  return sources.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
}
