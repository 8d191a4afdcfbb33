/** Marks around thoughts and calls, in text that arrives in pieces: what may yet become one is held back. */

/** Length of the longest end of `text` that `mark` begins with, short of the whole mark. */
export function beginningLength(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
