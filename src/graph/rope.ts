/**
 * Rotary position embedding (Su et al. 2021): the tables of cosines and sines that the graph looks positions up
 * in. Computed with float32 roundings where transformers has them, because an angle at position 4,000 keeps
 * no more than four decimal places in float32, and the table must agree with the one that the model was trained on.
 */

import type { DecoderShape, RopeScaling } from './decoder-shape.ts';

export type RopeTables = {
  /** [positions x headSize / 2] */
  readonly cos: Float32Array<ArrayBuffer>;
  readonly sin: Float32Array<ArrayBuffer>;
};

const { fround } = Math;

/** Tables for positions 0 to `positionCount` - 1. */
export function ropeTables(
  shape: Pick<DecoderShape, 'headSize' | 'ropeTheta' | 'ropeScaling'>,
  positionCount: number,
): RopeTables {
  const frequencies = inverseFrequencies(shape.headSize, shape.ropeTheta, shape.ropeScaling);
  const factor = shape.ropeScaling.kind === 'yarn' ? shape.ropeScaling.attentionFactor : 1;
  const half = frequencies.length;
  const cos = new Float32Array(positionCount * half);
  const sin = new Float32Array(positionCount * half);
  for (let position = 0; position < positionCount; position++) {
    for (let i = 0; i < half; i++) {
      const angle = fround(position * frequencies[i]!);
      cos[position * half + i] = fround(Math.cos(angle)) * factor;
      sin[position * half + i] = fround(Math.sin(angle)) * factor;
    }
  }
  return { cos, sin };
}

/** Radians a position for each pair of elements, [headSize / 2]. */
function inverseFrequencies(headSize: number, theta: number, scaling: RopeScaling): Float32Array {
  const base = Float32Array.from({ length: headSize / 2 }, (_, i) => {
    const exponent = fround((2 * i) / headSize);
    return 1 / fround(theta ** exponent);
  });
  switch (scaling.kind) {
    case 'default':
      return base;
    case 'linear':
      return base.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return base.map((frequency) => llama3Frequency(frequency, scaling));
    case 'yarn':
      return yarnFrequencies(base, headSize, theta, scaling);
  }
}

/** Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended. */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { kind: 'llama3' }>): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalPositionsMax } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalPositionsMax / highFrequencyFactor) return frequency;
  if (wavelength > originalPositionsMax / lowFrequencyFactor) return frequency / factor;
  const smooth =
    (originalPositionsMax / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** YaRN (Peng et al. 2023), section 3.2: a ramp over the dimensions between extrapolation and interpolation. */
function yarnFrequencies(
  base: Float32Array,
  headSize: number,
  theta: number,
  scaling: Extract<RopeScaling, { kind: 'yarn' }>,
): Float32Array {
  const { factor, originalPositionsMax, betaFast, betaSlow, truncate } = scaling;
  const dimensionAt = (rotations: number): number =>
    (headSize * Math.log(originalPositionsMax / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [dimensionAt(betaFast), dimensionAt(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low;
  return base.map((frequency, i) => {
    const ramp = Math.min(Math.max((i - low) / width, 0), 1);
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
}
