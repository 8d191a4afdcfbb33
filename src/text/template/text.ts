/** What Python takes for white space, and its ways of splitting and stripping texts. */

/** One character of white space, for regular expressions: not quite JavaScript's. */
export const SPACE =
  '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const IS_SPACE = new RegExp(`^${SPACE}$`);
const WORD = new RegExp(`(?:(?!${SPACE}).)+`, 'gs');
const LINE_BREAKS = '\\r\\n|[\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029]';
const LINE_BREAK = new RegExp(LINE_BREAKS, 'g');

export function pythonTrimEnd(text: string): string {
  return stripped(text, null, 'end');
}

/** Python's `text.strip(characters)`, in time that grows with the text. */
export function stripped(text: string, characters: string | null, side: 'both' | 'start' | 'end'): string {
  const set = new Set(characters ?? '');
  const drops = (character: string) => (characters === null ? IS_SPACE.test(character) : set.has(character));
  let start = 0;
  let end = text.length;
  while (side !== 'end' && start < end) {
    const character = String.fromCodePoint(text.codePointAt(start)!);
    if (!drops(character)) break;
    start += character.length;
  }
  while (side !== 'start' && start < end) {
    const pair = text.slice(Math.max(start, end - 2), end);
    const character = pair.codePointAt(0)! > 0xffff ? pair : pair.slice(-1);
    if (!drops(character)) break;
    end -= character.length;
  }
  return text.slice(start, end);
}

/** Python's `text.split()`. @param most splits; the rest stays whole. Negative: no bound. */
export function splitAtSpace(text: string, most: number): string[] {
  const words: string[] = [];
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (words.length === most) return [...words, text.slice(index)];
    words.push(word);
  }
  return words;
}

/** Python's `text.rsplit()`. */
export function splitAtSpaceFromEnd(text: string, most: number): string[] {
  const words = [...text.matchAll(WORD)];
  if (most < 0 || words.length <= most) return words.map(([word]) => word);
  const kept = words.slice(words.length - most);
  const last = words[words.length - most - 1]!;
  return [text.slice(0, last.index + last[0].length), ...kept.map(([word]) => word)];
}

/** Python's `text.split(separator)`. @throws Error for an empty separator. */
export function splitAt(text: string, separator: string, most: number): string[] {
  if (separator === '') throw new Error('empty separator');
  const parts = text.split(separator);
  if (most < 0 || parts.length <= most + 1) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

/** Python's `text.rsplit(separator)`: looks from the end. */
export function splitAtFromEnd(text: string, separator: string, most: number): string[] {
  if (separator === '') throw new Error('empty separator');
  const parts: string[] = [];
  let end = text.length;
  while (most < 0 || parts.length < most) {
    const at = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length);
    if (at === -1) break;
    parts.push(text.slice(at + separator.length, end));
    end = at;
  }
  return [...parts, text.slice(0, end)].reverse();
}

export function splitLines(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: mark, index } of text.matchAll(LINE_BREAK)) {
    lines.push(text.slice(start, index + (keepEnds ? mark.length : 0)));
    start = index + mark.length;
  }
  return start < text.length ? [...lines, text.slice(start)] : lines;
}

/** Python's `text.replace(old, new, count)`. @param most replacements. Negative: no bound. */
export function replaced(text: string, old: string, by: string, most: number): string {
  if (most < 0) return old === '' ? betweenAll(text, by) : text.replaceAll(old, () => by);
  const parts = old === '' ? ['', ...text, ''] : text.split(old);
  const count = Math.min(most, parts.length - 1);
  if (count === 0) return text;
  return parts.slice(0, count).join(by) + by + parts.slice(count).join(old);
}

function betweenAll(text: string, by: string): string {
  return ['', ...text, ''].join(by);
}

export function capitalized(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** Python's `text.title()`: words begin behind whatever is no letter. */
export function titled(text: string): string {
  return text.replace(/\p{L}[\p{L}\p{M}]*/gu, capitalized);
}

/** Whether all letters that have a case are in the one that `change` gives, and there is one. */
export function isInCase(text: string, change: (text: string) => string): boolean {
  return text === change(text) && text.toUpperCase() !== text.toLowerCase();
}

/** By code points, as Python orders texts. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at++;
  const [a = -1, b = -1] = [left.codePointAt(at), right.codePointAt(at)];
  return a - b;
}
