/** Length of text in code points, as Python counts it, and clients who are told places in a text. */

const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

export function characterCount(text: string): number {
  return text.length - (text.match(SURROGATE_PAIR)?.length ?? 0);
}
