/** Which form a checkpoint's weights are given: what the user said, or the default for what was found. */

import { StartupError } from '../base/errors.ts';
import type { Activations } from './packed-projections.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import type { ElementType, PackedTensors, StoredTensors } from './safetensors.ts';
import { WORD_WEIGHTS } from './weight-packing.ts';

/** `none`: nothing is quantised, here. `auto`: by the size of the checkpoint. */
export const QUANTIZATIONS = ['none', 'w8a8', 'int4', 'auto'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

/**
 * From so many weights on `auto` quantises. Smaller models are fast as they are, and have less to spare: see the tables
 * in docs/performance.md.
 */
const AUTO_WEIGHTS_MIN = 100_000_000;

/**
 * Whether sums of 8-bit products are exact on this processor. On x86 that takes VNNI: without it pairs of products are
 * added up in 16 bits, which they can leave.
 * @param cpuInfo what Linux tells in /proc/cpuinfo; `null` where nothing is told
 */
export function hasExactIntegerProducts(architecture: string, cpuInfo: string | null): boolean {
  return architecture !== 'x64' || (cpuInfo !== null && /\b(avx512_vnni|avx_vnni)\b/.test(cpuInfo));
}

/**
 * @returns `null`: the weights are computed with in float32
 * @throws StartupError for a form that this processor cannot compute with
 */
export function chooseRecipe(
  quantization: Quantization,
  stored: StoredTensors,
  exactIntegerProducts: boolean,
): WeightRecipe | null {
  if (quantization === 'none') return null;
  if (quantization !== 'auto') {
    if (exactIntegerProducts) return quantization;
    throw new StartupError(
      `--quantization ${quantization} needs a processor with VNNI (8-bit products overflow without it); use none`,
    );
  }
  if (!exactIntegerProducts) return null;
  return elementCount(stored) >= AUTO_WEIGHTS_MIN ? 'w8a8' : null;
}

/** What is quantised beside the matrices of a checkpoint that stores these in 4 bits already. */
export type PackedRecipe = {
  readonly activations: Activations;
  /** Embedding and output projection as 8-bit integers. */
  readonly integerVocabulary: boolean;
};

/** @throws StartupError for a form that would quantise the matrices once more */
export function choosePackedRecipe(
  quantization: Quantization,
  { floats, words }: PackedTensors,
  exactIntegerProducts: boolean,
): PackedRecipe {
  if (quantization === 'none') return { activations: 'float', integerVocabulary: false };
  if (quantization !== 'auto') {
    throw new StartupError(
      `--quantization ${quantization}: the checkpoint's weights are quantised already; use auto, or none to leave activations, embedding and output projection in floating point`,
    );
  }
  const weightCount = elementCount(floats) + WORD_WEIGHTS * elementCount(words);
  const integerVocabulary = exactIntegerProducts && weightCount >= AUTO_WEIGHTS_MIN;
  return { activations: 'int8', integerVocabulary };
}

function elementCount(stored: StoredTensors<ElementType>): number {
  let count = 0;
  for (const { shape } of stored.values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}
