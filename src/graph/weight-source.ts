/**
 * Prepares a checkpoint's weights for a device, in the form that was asked for, and says how the decoder multiplies with
 * them. The one place that knows all forms.
 */

import { StartupError } from '../base/errors.ts';
import { COMPUTE_TYPE_BYTES, type ComputeType } from './convert-floats.ts';
import type { DecoderShape } from './decoder-shape.ts';
import { DecoderWeights } from './decoder-weights.ts';
import { FEW_TOKENS_MAX, GroupProjections } from './group-projections.ts';
import { IntegerProjections } from './integer-projections.ts';
import { packedLayout } from './packed-layout.ts';
import { PackedProjections } from './packed-projections.ts';
import { packedWeights, type RepackOptions } from './packed-weights.ts';
import type { PagedType } from './paged-attention.ts';
import { FloatProjections, type Projections } from './projections.ts';
import { choosePackedRecipe, chooseRecipe, type PackedRecipe, type Quantization } from './quantization.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import { EMBEDDING, type IntegerType, quantizedLayout } from './quantized-layout.ts';
import { type QuantizeOptions, quantizedWeights } from './quantized-weights.ts';
import {
  ELEMENT_BYTES,
  openPackedSafetensors,
  openSafetensors,
  type PackedTensors,
  type StoredTensors,
} from './safetensors.ts';
import { type Weights, weightsOf } from './weight-cache.ts';
import type { WeightPacking } from './weight-packing.ts';
import type { OnProgress } from './weight-pool.ts';

export type WeightsChoice = {
  readonly quantization: Quantization;
  /** With which this processor's products are exact; unsigned ones are on every processor. */
  readonly integerType: IntegerType;
  /** Threads that prepare weights. */
  readonly threadCount: number;
  readonly onProgress: OnProgress;
};

/** How weights that are not floats were quantised, here or by whoever made the checkpoint. */
export type WeightForm = WeightRecipe | WeightPacking['method'];

export type WeightSource = {
  readonly weights: Weights;
  /** @param weights the same, whatever folder they are relative to */
  readonly projections: (weights: Weights) => Projections;
  /** Where steps of up to so many tokens have a faster form, over the same cache. */
  readonly fewTokens?: Pick<WeightSource, 'projections'> & { readonly tokensMax: number };
  readonly form?: WeightForm;
  /** What a step reads, whatever it computes. */
  readonly weightBytes: number;
};

/** Weights as they are, and nobody who waits. */
const AS_THEY_ARE: WeightsChoice = {
  quantization: 'none',
  integerType: 'uint8',
  threadCount: 1,
  onProgress: () => {},
};

type CpuForm =
  | { readonly kind: 'packed'; readonly stored: PackedTensors; readonly recipe: PackedRecipe }
  | { readonly kind: 'integers'; readonly stored: StoredTensors; readonly recipe: WeightRecipe }
  | { readonly kind: 'floats'; readonly stored: StoredTensors };

/** @throws StartupError */
async function cpuForm(
  directory: string,
  { weightPacking }: DecoderShape,
  { quantization, integerType }: Pick<WeightsChoice, 'quantization' | 'integerType'>,
): Promise<CpuForm> {
  if (weightPacking !== null) {
    const stored = await openPackedSafetensors(directory);
    return { kind: 'packed', stored, recipe: choosePackedRecipe(quantization, stored, integerType) };
  }
  const stored = await openSafetensors(directory);
  const recipe = chooseRecipe(quantization, stored);
  return recipe === null ? { kind: 'floats', stored } : { kind: 'integers', stored, recipe };
}

/**
 * Bytes of memory that the weights will take in the gathered form, which are those of what is prepared; by the headers of
 * their files alone.
 * @throws StartupError
 */
export async function cpuWeightBytes(
  directory: string,
  shape: DecoderShape,
  quantization: Quantization,
): Promise<number> {
  // Of which type integers are changes no size.
  const form = await cpuForm(directory, shape, { quantization, integerType: 'uint8' });
  if (form.kind === 'packed') {
    const { stored, recipe } = form;
    const options = { ...recipe, shape, stored, packing: shape.weightPacking!, type: 'float32' } as const;
    // In which order inputs lie changes no size.
    return packedLayout({ ...options, orders: new Map(), file: '' }).byteLength;
  }
  if (form.kind === 'integers') return quantizedLayout(form.recipe, shape, form.stored, '').byteLength;
  return floatBytes(form.stored, 'float32');
}

/** For the gathered form. @throws StartupError */
export async function cpuWeights(
  directory: string,
  shape: DecoderShape,
  cacheDirectory: string,
  choice: WeightsChoice = AS_THEY_ARE,
): Promise<WeightSource> {
  const form = await cpuForm(directory, shape, choice);
  if (form.kind === 'packed') {
    const { stored, recipe } = form;
    const options = { ...choice, ...recipe, cacheDirectory, stored, type: 'float32' } as const;
    return packedSource(directory, shape, { ...options, packing: shape.weightPacking! });
  }
  const { stored } = form;
  if (form.kind === 'floats') {
    return floatSource(await weightsOf('float32', directory, stored, cacheDirectory), shape);
  }
  return integerSource(directory, shape, { ...choice, stored, cacheDirectory, recipe: form.recipe });
}

async function integerSource(
  directory: string,
  shape: DecoderShape,
  options: QuantizeOptions,
): Promise<WeightSource> {
  const { recipe, integerType } = options;
  const weights = await quantizedWeights(directory, shape, options);
  return {
    weights,
    form: recipe,
    weightBytes: bytesOf(weights, (name) => name.endsWith('.integers')),
    projections: (found) => new IntegerProjections(found, shape, integerType),
    ...(recipe === 'int4' && {
      fewTokens: {
        projections: (found: Weights) => new GroupProjections(found, shape),
        tokensMax: FEW_TOKENS_MAX[integerType],
      },
    }),
  };
}

/** For the paged form, computing in `type`. @throws StartupError */
export async function gpuWeights(
  directory: string,
  shape: DecoderShape,
  cacheDirectory: string,
  type: PagedType,
): Promise<WeightSource> {
  if (shape.weightPacking === null) {
    return floatSource(
      await weightsOf(type, directory, await openSafetensors(directory), cacheDirectory),
      shape,
    );
  }
  if (type !== 'float16') {
    throw new StartupError(
      `--dtype ${type}: a checkpoint in ${shape.weightPacking.method} is computed in float16`,
    );
  }
  return packedSource(directory, shape, {
    ...AS_THEY_ARE,
    packing: shape.weightPacking,
    stored: await openPackedSafetensors(directory),
    type,
    activations: 'float',
    integerVocabulary: null,
    cacheDirectory,
  });
}

/** Bytes of tensors once their floats are of `type`. */
export function floatBytes(stored: StoredTensors, type: ComputeType): number {
  let bytes = 0;
  for (const { byteLength, elementType } of stored.values()) {
    bytes += (byteLength / ELEMENT_BYTES[elementType]) * COMPUTE_TYPE_BYTES[type];
  }
  return bytes;
}

function floatSource(weights: Weights, shape: DecoderShape): WeightSource {
  const projections = (found: Weights) => new FloatProjections(new DecoderWeights(found, shape));
  return { weights, weightBytes: bytesOf(weights, () => true), projections };
}

/** A checkpoint that stores its matrices in 4 bits, with these as they are. @throws StartupError */
export async function packedSource(
  directory: string,
  shape: DecoderShape,
  options: RepackOptions & PackedRecipe,
): Promise<WeightSource> {
  const { packing, activations, integerVocabulary } = options;
  const { weights, layout } = await packedWeights(directory, shape, options);
  const readByRow = integerVocabulary !== null || !shape.tiedEmbeddings ? ROWS_READ : [];
  return {
    weights,
    form: packing.method,
    weightBytes: bytesOf(weights, (name) => !readByRow.includes(name)),
    projections: (found) => {
      const vocabulary =
        integerVocabulary === null
          ? new FloatProjections(new DecoderWeights(found, shape))
          : new IntegerProjections(found, shape, integerVocabulary);
      return new PackedProjections({ weights: found, layout, packing, activations, vocabulary });
    },
  };
}

/** Tables of which a step reads the rows of its tokens alone. */
const ROWS_READ: readonly string[] = [EMBEDDING.integers, EMBEDDING.scales, 'model.embed_tokens.weight'];

function bytesOf({ tensors }: Weights, counts: (name: string) => boolean): number {
  let bytes = 0;
  for (const [name, { byteLength }] of tensors) if (counts(name)) bytes += byteLength;
  return bytes;
}
