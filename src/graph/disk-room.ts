/**
 * How much can still be written to a file system, asked before the work of writing it. What is not sure to be too little counts
 * as not told: who writes then finds out, as they would without asking, and nothing is refused that fits.
 */

import type { StatsFs } from 'node:fs';

/** Of Linux: btrfs, ZFS, bcachefs. They may compress, and 16-bit weights in float32 are half zeros. */
const COMPRESSING: ReadonlySet<number> = new Set([0x9123683e, 0x2fc12fc1, 0xca451a4e]);

/**
 * @param isRoot may write what is kept back from others
 * @returns bytes; `null` where that is not told
 */
export function diskRoom({ type, bsize, bfree, bavail }: StatsFs, isRoot: boolean): number | null {
  if (COMPRESSING.has(type)) return null;
  const room = (isRoot ? bfree : bavail) * bsize;
  // A full one looks like one that does not tell, and is found out by the first write.
  return room > 0 ? room : null;
}
