/** Code points of a Unicode property, asked of the JavaScript engine's own tables; each property once a process. */

import { type CodePointRange, type CodePoints, codePoints } from './code-points.ts';

/** All code points of a range, one after the other; halves of surrogate pairs are in no text. */
type Stretch = {
  readonly first: number;
  /** UTF-16 units of each. */
  readonly width: 1 | 2;
  readonly text: string;
};

const known = new Map<string, CodePoints>();
/** Properties and scripts that there are; each takes some KB. */
const KNOWN_MAX = 512;
/** Made when first needed: 4 MB. */
let stretches: readonly Stretch[] | null = null;

/**
 * A run of members is found in one go: an expression may name a hundred properties, and to try each code point by itself
 * takes 40 to 100 ms a property.
 * @param notation such as `\p{Letter}`, known to be valid.
 */
export function propertyCodePoints(notation: string): CodePoints {
  const found = known.get(notation);
  if (found !== undefined) return found;
  stretches ??= [stretch(0, 0xd7ff), stretch(0xe000, 0xffff), stretch(0x10000, 0x10ffff)];
  const members = new RegExp(`${notation}+`, 'gu');
  const ranges: CodePointRange[] = [];
  for (const { first, width, text } of stretches) {
    for (let match = members.exec(text); match !== null; match = members.exec(text)) {
      const low = first + match.index / width;
      ranges.push({ low, high: low + match[0].length / width - 1 });
    }
  }
  const set = codePoints(ranges);
  if (known.size < KNOWN_MAX) known.set(notation, set);
  return set;
}

/** Code points that one call of `String.fromCodePoint` is given. */
const CHUNK_LENGTH = 4096;

function stretch(first: number, last: number): Stretch {
  let text = '';
  for (let chunk = first; chunk <= last; chunk += CHUNK_LENGTH) {
    const length = Math.min(CHUNK_LENGTH, last - chunk + 1);
    text += String.fromCodePoint(...Array.from({ length }, (_, index) => chunk + index));
  }
  return { first, width: first < 0x10000 ? 1 : 2, text };
}
