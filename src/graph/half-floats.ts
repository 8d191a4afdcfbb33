/** Widening of 16-bit floats to float32: exact for every value, subnormals, infinities and NaN included. */

/** bfloat16 is the upper half of a float32. */
export function widenBfloat16(from: Uint16Array, to: Uint32Array): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]! << 16;
}

/** IEEE binary16, through a table of all 65,536 values. */
export function widenFloat16(from: Uint16Array, to: Uint32Array): void {
  const table = float16Table();
  for (let i = 0; i < from.length; i++) to[i] = table[from[i]!]!;
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
