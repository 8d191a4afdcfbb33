/** Code points of a Unicode property, asked of the JavaScript engine's own tables; each property once a process. */

import { type CodePointRange, type CodePoints, codePoints } from './code-points.ts';

const LAST = 0x10ffff;
const known = new Map<string, CodePoints>();
/** Properties and scripts that there are; each takes some KB. */
const KNOWN_MAX = 512;

/** @param notation such as `\p{Letter}`, known to be valid. Takes about 30 ms the first time. */
export function propertyCodePoints(notation: string): CodePoints {
  const found = known.get(notation);
  if (found !== undefined) return found;
  const test = new RegExp(`^${notation}$`, 'u');
  const ranges: CodePointRange[] = [];
  let low = -1;
  for (let point = 0; point <= LAST + 1; point++) {
    const isMember = point <= LAST && test.test(String.fromCodePoint(point));
    if (isMember && low < 0) low = point;
    if (isMember || low < 0) continue;
    ranges.push({ low, high: point - 1 });
    low = -1;
  }
  const set = codePoints(ranges);
  if (known.size < KNOWN_MAX) known.set(notation, set);
  return set;
}
