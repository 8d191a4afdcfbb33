/** White space of JSON (RFC 8259, section 2), which is what stands around marks and calls. */

export function isBlank(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r';
}

/** Length of the white space that `text` begins with. */
export function leadingBlanks(text: string): number {
  let length = 0;
  while (length < text.length && isBlank(text.charAt(length))) length++;
  return length;
}

/** Length of `text` without the white space that it ends with. */
export function solidLength(text: string): number {
  let length = text.length;
  while (length > 0 && isBlank(text.charAt(length - 1))) length--;
  return length;
}
