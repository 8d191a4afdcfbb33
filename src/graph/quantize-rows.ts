/**
 * Quantises the rows of weight matrices. A row is one output of a projection: it has a scale of its own, so that the
 * integer product of the row is one number times that scale. Pure arithmetic over typed arrays.
 *
 * Two recipes. `w8a8`: integers from -127 to 127. `int4`: progressive groups in the manner of QServe (Lin et al. 2024):
 * the row's integers are a 4-bit level, -8 to 7, times its group's step, a whole number up to 15. So the same weights
 * are, exactly, 8-bit integers for the integer product and 4-bit groups for the product of few rows.
 */

export type WeightRecipe = 'w8a8' | 'int4';

/**
 * Weights that share a step. A block of the 4-bit product is 128 wide and one place of it is taken: see
 * `group-projections.ts`.
 */
export const GROUP_SIZE = 127;

const LEVEL_MIN = -8;
const LEVEL_MAX = 7;
/** 15 * -8 is the lowest integer; 16 would leave the range of int8 where its sign is negative. */
const STEP_MAX = 15;

/**
 * @param weights [rows x columns]
 * @param integers [rows x columns], filled
 * @param scales [rows], filled: weight = integer * scale
 */
export function quantizeRows8(
  weights: Float32Array,
  columns: number,
  integers: Int8Array,
  scales: Float32Array,
): void {
  for (let row = 0; row < scales.length; row++) {
    const start = row * columns;
    const scale = Math.fround(largestOf(weights, start, start + columns) / 127);
    scales[row] = scale;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = start; i < start + columns; i++) integers[i] = rounded(weights[i]! * inverse);
  }
}

/** Groups of one row. */
export function groupCount(columns: number): number {
  return Math.ceil(columns / GROUP_SIZE);
}

/**
 * @param weights [rows x columns]
 * @param levels [rows x columns], filled with -8 to 7
 * @param steps [rows x groups], filled with -15 to 15
 * @param scales [rows], filled: weight = level * step * scale
 */
export function quantizeRows4(
  weights: Float32Array,
  columns: number,
  levels: Int8Array,
  steps: Int8Array,
  scales: Float32Array,
): void {
  const groups = groupCount(columns);
  for (let row = 0; row < scales.length; row++) {
    const start = row * columns;
    // The group with the largest weight gets the largest step, and that weight the lowest level.
    const scale = Math.fround(largestOf(weights, start, start + columns) / (-LEVEL_MIN * STEP_MAX));
    scales[row] = scale;
    for (let group = 0; group < groups; group++) {
      const from = start + group * GROUP_SIZE;
      const to = Math.min(from + GROUP_SIZE, start + columns);
      const step = scale === 0 ? 0 : bestStep(weights, from, to, scale);
      steps[row * groups + group] = step;
      roundToLevels(weights, from, to, step * scale, levels);
    }
  }
}

function largestOf(weights: Float32Array, from: number, to: number): number {
  let largest = 0;
  for (let i = from; i < to; i++) {
    const weight = weights[i]!;
    if (weight > largest) largest = weight;
    else if (-weight > largest) largest = -weight;
  }
  return largest;
}

/** The nearest integer of a number from -1024 up. `Math.round` takes ten times as long. */
function rounded(value: number): number {
  return ((value + 1024.5) | 0) - 1024;
}

/**
 * The step of least squared error among those around the two natural ones: the weight that is largest in magnitude
 * becomes level -8 (with a negative step, if it is positive), or 7.
 */
function bestStep(weights: Float32Array, from: number, to: number, scale: number): number {
  const extreme = extremeOf(weights, from, to);
  if (extreme === 0) return 0;
  const sign = Math.sign(extreme);
  const lowest = Math.round(extreme / (LEVEL_MIN * scale));
  const highest = Math.round(extreme / (LEVEL_MAX * scale));
  // A group of weights far below the row's largest: the smallest step is too large, and still the best there is.
  let best = -sign;
  let leastError = Number.POSITIVE_INFINITY;
  for (let candidate = 0; candidate < 4; candidate++) {
    const step = candidate === 3 ? highest : lowest + (candidate - 1) * sign;
    if (step === 0 || step > STEP_MAX || step < -STEP_MAX) continue;
    const error = squaredError(weights, from, to, step * scale);
    if (error >= leastError) continue;
    leastError = error;
    best = step;
  }
  return best;
}

/** The weight of largest magnitude. */
function extremeOf(weights: Float32Array, from: number, to: number): number {
  let [lowest, highest] = [0, 0];
  for (let i = from; i < to; i++) {
    const weight = weights[i]!;
    if (weight < lowest) lowest = weight;
    else if (weight > highest) highest = weight;
  }
  return -lowest > highest ? lowest : highest;
}

function squaredError(weights: Float32Array, from: number, to: number, unit: number): number {
  const inverse = 1 / unit;
  let error = 0;
  for (let i = from; i < to; i++) {
    const weight = weights[i]!;
    const difference = weight - levelOf(weight * inverse) * unit;
    error += difference * difference;
  }
  return error;
}

function roundToLevels(weights: Float32Array, from: number, to: number, unit: number, levels: Int8Array) {
  const inverse = unit === 0 ? 0 : 1 / unit;
  for (let i = from; i < to; i++) levels[i] = levelOf(weights[i]! * inverse);
}

function levelOf(value: number): number {
  if (value <= LEVEL_MIN) return LEVEL_MIN;
  return value >= LEVEL_MAX ? LEVEL_MAX : rounded(value);
}
