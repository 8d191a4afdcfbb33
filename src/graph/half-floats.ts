/**
 * 16-bit floats. Widening to float32 is exact for every value, subnormals, infinities and NaN included; narrowing
 * rounds to nearest, ties to even, as hardware and torch do.
 */

/** bfloat16 is the upper half of a float32. */
export function widenBfloat16(from: Uint16Array, to: Uint32Array): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]! << 16;
}

/** IEEE binary16, through a table of all 65,536 values. */
export function widenFloat16(from: Uint16Array, to: Uint32Array): void {
  const table = float16Table();
  for (let i = 0; i < from.length; i++) to[i] = table[from[i]!]!;
}

/** @param start place in `to` of the first one @returns how many finite values became infinite. */
export function narrowToFloat16(from: Uint32Array, to: Uint16Array, start = 0): number {
  let overflowCount = 0;
  for (let i = 0; i < from.length; i++) {
    const bits = from[i]!;
    const half = float16Bits(bits);
    if ((half & 0x7fff) === FLOAT16_INFINITY && (bits & 0x7fffffff) !== FLOAT32_INFINITY) overflowCount++;
    to[start + i] = half;
  }
  return overflowCount;
}

/** @returns how many finite values became infinite. */
export function narrowToBfloat16(from: Uint32Array, to: Uint16Array): number {
  let overflowCount = 0;
  for (let i = 0; i < from.length; i++) {
    const bits = from[i]!;
    const magnitude = bits & 0x7fffffff;
    if (magnitude > FLOAT32_INFINITY) {
      to[i] = (bits >>> 16) | 0x40; // A NaN stays one, whatever its lower bits were.
      continue;
    }
    const rounded = bits + 0x7fff + ((bits >>> 16) & 1);
    to[i] = rounded >>> 16;
    if ((rounded & 0x7fffffff) >= FLOAT32_INFINITY && magnitude !== FLOAT32_INFINITY) overflowCount++;
  }
  return overflowCount;
}

const FLOAT16_INFINITY = 0x7c00;
const FLOAT32_INFINITY = 0x7f800000;
/** Exponent biases: 127 - 15. */
const BIAS_DIFFERENCE = 112;

function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > FLOAT32_INFINITY) return sign | 0x7e00;
  const exponent = (magnitude >>> 23) - BIAS_DIFFERENCE;
  if (exponent >= 31) return sign | FLOAT16_INFINITY;
  if (exponent > 0) {
    // Adding just under half of what is cut off, or half where the kept part is odd, carries into the exponent rightly.
    const kept = magnitude - (BIAS_DIFFERENCE << 23);
    return sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13);
  }
  if (exponent < -10) return sign;
  // Subnormal: the implicit bit becomes visible, shifted right by what the exponent lacks.
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 14 - exponent;
  const half = 1 << (shift - 1);
  return sign | ((mantissa + half - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

let table: Uint32Array | null = null;

function float16Table(): Uint32Array {
  table ??= Uint32Array.from({ length: 65_536 }, (_, bits) => float32Bits(bits));
  return table;
}

const float = new Float32Array(1);
const bitsOf = new Uint32Array(float.buffer);

function float32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  float[0] = mantissa * 2 ** -24;
  return sign | bitsOf[0]!;
}
