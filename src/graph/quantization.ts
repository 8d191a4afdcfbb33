/** Which form a checkpoint's weights are given: what the user said, or the default for what was found. */

import { StartupError } from '../base/errors.ts';
import type { Activations } from './packed-projections.ts';
import type { WeightRecipe } from './quantize-rows.ts';
import type { IntegerType } from './quantized-layout.ts';
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

/** @returns `null`: the weights are computed with in float32 */
export function chooseRecipe(quantization: Quantization, stored: StoredTensors): WeightRecipe | null {
  if (quantization === 'none') return null;
  if (quantization !== 'auto') return quantization;
  return elementCount(stored) >= AUTO_WEIGHTS_MIN ? 'w8a8' : null;
}

/** What is quantised beside the matrices of a checkpoint that stores these in 4 bits already. */
export type PackedRecipe = {
  readonly activations: Activations;
  /** Of embedding and output projection; `null`: they stay floats. */
  readonly integerVocabulary: IntegerType | null;
};

/** @throws StartupError for a form that would quantise the matrices once more */
export function choosePackedRecipe(
  quantization: Quantization,
  { floats, words }: PackedTensors,
  integerType: IntegerType,
): PackedRecipe {
  if (quantization === 'none') return { activations: 'float', integerVocabulary: null };
  if (quantization !== 'auto') {
    throw new StartupError(
      `--quantization ${quantization}: the checkpoint's weights are quantised already; use auto, or none to leave activations, embedding and output projection in floating point`,
    );
  }
  const weightCount = elementCount(floats) + WORD_WEIGHTS * elementCount(words);
  return { activations: 'int8', integerVocabulary: weightCount >= AUTO_WEIGHTS_MIN ? integerType : null };
}

function elementCount(stored: StoredTensors<ElementType>): number {
  let count = 0;
  for (const { shape } of stored.values()) count += shape.reduce((product, size) => product * size, 1);
  return count;
}
