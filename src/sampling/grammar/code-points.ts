/** Sets of code points as sorted, disjoint, non-adjacent ranges; and how a range is spelled in UTF-8. Pure functions. */

export type CodePointRange = { readonly low: number; readonly high: number };
export type CodePoints = readonly CodePointRange[];

/** Everything that UTF-8 can spell: no halves of surrogate pairs. */
export const ALL_CODE_POINTS: CodePoints = [
  { low: 0, high: 0xd7ff },
  { low: 0xe000, high: 0x10ffff },
];

/** Ranges in any order, overlapping or not, as a set; halves of surrogate pairs are left out. */
export function codePoints(ranges: readonly CodePointRange[]): CodePoints {
  return intersection(merged(ranges), ALL_CODE_POINTS);
}

function merged(ranges: readonly CodePointRange[]): CodePoints {
  const sorted = ranges.filter(({ low, high }) => low <= high).sort((a, b) => a.low - b.low);
  const result: { low: number; high: number }[] = [];
  for (const { low, high } of sorted) {
    const last = result.at(-1);
    if (last !== undefined && low <= last.high + 1) last.high = Math.max(last.high, high);
    else result.push({ low, high });
  }
  return result;
}

export function intersection(a: CodePoints, b: CodePoints): CodePoints {
  const result: CodePointRange[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const low = Math.max(a[i]!.low, b[j]!.low);
    const high = Math.min(a[i]!.high, b[j]!.high);
    if (low <= high) result.push({ low, high });
    if (a[i]!.high < b[j]!.high) i++;
    else j++;
  }
  return result;
}

export function complement(set: CodePoints): CodePoints {
  const gaps: CodePointRange[] = [];
  let next = 0;
  for (const { low, high } of set) {
    gaps.push({ low: next, high: low - 1 });
    next = high + 1;
  }
  gaps.push({ low: next, high: 0x10ffff });
  return codePoints(gaps);
}

export function only(...texts: readonly string[]): CodePoints {
  const points = texts.flatMap((text) => [...text].map((character) => character.codePointAt(0)!));
  return codePoints(points.map((point) => ({ low: point, high: point })));
}

/** A range of bytes, inclusive. */
export type ByteRange = { readonly low: number; readonly high: number };

/** Last code point of each encoded length, 1 to 4. */
const LENGTH_LAST = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/**
 * The UTF-8 spellings of a range, as sequences of byte ranges: every byte is free within its range, so a range is
 * cut wherever a leading byte does not go with all that may follow.
 * @param range without halves of surrogate pairs.
 */
export function utf8Sequences({ low, high }: CodePointRange): readonly (readonly ByteRange[])[] {
  const last = LENGTH_LAST.find((each) => low <= each)!;
  if (high > last) return [...utf8Sequences({ low, high: last }), ...utf8Sequences({ low: last + 1, high })];
  const length = LENGTH_LAST.indexOf(last) + 1;
  for (let bits = 6; bits < 6 * length; bits += 6) {
    const block = 2 ** bits;
    if (Math.floor(low / block) === Math.floor(high / block)) break;
    const cut = cutAt(low, high, block);
    if (cut !== null) return [...utf8Sequences({ low, high: cut }), ...utf8Sequences({ low: cut + 1, high })];
  }
  const first = utf8(low);
  const final = utf8(high);
  return [first.map((byte, index) => ({ low: byte, high: final[index]! }))];
}

/** Where to cut so that both parts begin or end at the border of a block. */
function cutAt(low: number, high: number, block: number): number | null {
  if (low % block !== 0) return low - (low % block) + block - 1;
  if (high % block !== block - 1) return high - (high % block) - 1;
  return null;
}

export function utf8(codePoint: number): readonly number[] {
  if (codePoint < 0x80) return [codePoint];
  const tail = (shift: number): number => 0x80 | ((codePoint >> shift) & 0x3f);
  if (codePoint < 0x800) return [0xc0 | (codePoint >> 6), tail(0)];
  if (codePoint < 0x10000) return [0xe0 | (codePoint >> 12), tail(6), tail(0)];
  return [0xf0 | (codePoint >> 18), tail(12), tail(6), tail(0)];
}
