/**
 * Keeps text that a client sent from becoming special tokens when it is part of a rendered prompt.
 *
 * A chat template puts its own markers and the client's text into one string. Where a client's text spells a
 * special token, or could complete one together with what stands beside it, a mark (one character that occurs
 * nowhere else) is put inside before rendering. After rendering, the marks are taken out and their places kept:
 * no special token is recognised across one. Text without such spellings passes through a template untouched,
 * so that a template may trim, split and compare it, and the prompt is exactly what it would be without this.
 *
 * The limit: a template that takes pieces out of the middle of a client's text can bring together what was
 * apart, and then no mark stands between.
 */

import { ServerError } from '../base/errors.ts';
import { AddedTokenMatcher } from './added-token-matcher.ts';
import type { AddedToken } from './tokenizer-files.ts';

/** Noncharacters: code points that Unicode keeps for use inside a program. */
const MARKS = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i));

export type RenderedPrompt = {
  readonly text: string;
  /** Ascending indices into `text`; no special token may be recognised across one. */
  readonly breaks: readonly number[];
};

export class SpecialTextGuard {
  readonly #texts: readonly string[];
  readonly #matcher: AddedTokenMatcher;
  /** Beginnings and endings of special tokens, without the whole ones. */
  readonly #beginnings = new Set<string>();
  readonly #endings = new Set<string>();
  readonly #lengthMax: number;

  constructor(specialTokenTexts: readonly string[]) {
    this.#texts = specialTokenTexts;
    this.#matcher = new AddedTokenMatcher(specialTokenTexts.map(asAddedToken));
    this.#lengthMax = Math.max(0, ...specialTokenTexts.map((text) => text.length));
    for (const text of specialTokenTexts) {
      for (let i = 1; i < text.length; i++) {
        this.#beginnings.add(text.slice(0, i));
        this.#endings.add(text.slice(i));
      }
    }
  }

  /** Where marks have to stand in `text`, ascending; almost always nowhere. */
  markPositions(text: string): number[] {
    const positions = new Set<number>();
    this.#addBorders(text, positions);
    // A match hides those that overlap it, so the search goes on one character after its beginning.
    for (let from = 0; from < text.length; ) {
      const match = this.#matcher.findFirst(text, from);
      if (match === null) break;
      from = match.start + (text.codePointAt(match.start)! > 0xffff ? 2 : 1);
      if (from < match.end) positions.add(from);
    }
    return [...positions].sort((a, b) => a - b);
  }

  /** The borders are looked for inside the white space around `text`, because templates trim. */
  #addBorders(text: string, positions: Set<number>): void {
    const end = text.trimEnd().length;
    const start = text.length - text.trimStart().length;
    if (end <= start) return;
    const trimmed = text.slice(start, end);
    if (this.#begins(trimmed) || this.#isInside(trimmed)) positions.add(end);
    if (this.#ends(trimmed)) positions.add(start);
  }

  /** Whether a special token may begin at the end of `text`. */
  #begins(text: string): boolean {
    for (let length = 1; length < this.#lengthMax && length <= text.length; length++) {
      if (this.#beginnings.has(text.slice(-length))) return true;
    }
    return false;
  }

  #ends(text: string): boolean {
    for (let length = 1; length < this.#lengthMax && length <= text.length; length++) {
      if (this.#endings.has(text.slice(0, length))) return true;
    }
    return false;
  }

  #isInside(text: string): boolean {
    return text.length < this.#lengthMax - 1 && this.#texts.some((special) => special.includes(text));
  }
}

function asAddedToken(content: string, index: number): AddedToken {
  return {
    id: index,
    content,
    special: true,
    singleWord: false,
    leftStrip: false,
    rightStrip: false,
    normalized: false,
  };
}

/**
 * A mark that occurs in none of `texts`.
 * @throws ServerError `invalid_request` when a client has used them all up.
 */
export function chooseMark(texts: readonly string[]): string {
  const mark = MARKS.find((each) => !texts.some((text) => text.includes(each)));
  if (mark === undefined) {
    throw new ServerError('invalid_request', 'The messages hold every Unicode noncharacter at once.', {
      param: 'messages',
    });
  }
  return mark;
}

export function insertMarks(text: string, positions: readonly number[], mark: string): string {
  let marked = '';
  let from = 0;
  for (const position of positions) {
    marked += text.slice(from, position) + mark;
    from = position;
  }
  return marked + text.slice(from);
}

export function removeMarks(marked: string, mark: string): RenderedPrompt {
  const breaks: number[] = [];
  let text = '';
  for (const [index, piece] of marked.split(mark).entries()) {
    if (index > 0) breaks.push(text.length);
    text += piece;
  }
  return { text, breaks };
}
