/**
 * Finds added tokens in text: leftmost, then longest, as Hugging Face tokenizers do. Owned here and not left to
 * the tokenizer library because only here can a special token be refused where a client's text spells it.
 */

import type { AddedToken } from './tokenizer-files.ts';

type TrieNode = { readonly next: Map<number, TrieNode>; token: AddedToken | null };

/** `[start, end)` in UTF-16 units, white space that the token takes with it included. */
export type AddedTokenMatch = { readonly start: number; readonly end: number; readonly token: AddedToken };

export type MatchOptions = {
  readonly parseSpecialTokens: boolean;
  /** Ascending indices into the text; a special token that would span one is not recognised. */
  readonly breaks: readonly number[];
};

const ANY_TOKEN: MatchOptions = { parseSpecialTokens: true, breaks: [] };

/** `\w` and `\s` of Rust's regular expressions, which are not JavaScript's. */
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200C\u200D]`;
const WORD_BEFORE = new RegExp(`${WORD}$`, 'u');
const WORD_AFTER = new RegExp(`^${WORD}`, 'u');
const WHITE_SPACE = /\p{White_Space}/u;

export class AddedTokenMatcher {
  readonly #root: TrieNode = { next: new Map(), token: null };

  /** `textOf`: what to look for in place of a token's content, for tokens that are matched after normalising. */
  constructor(
    tokens: readonly AddedToken[],
    textOf: (token: AddedToken) => string = (token) => token.content,
  ) {
    for (const token of tokens) this.#insert(textOf(token), token);
  }

  #insert(text: string, token: AddedToken): void {
    let node = this.#root;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let child = node.next.get(unit);
      if (child === undefined) {
        child = { next: new Map(), token: null };
        node.next.set(unit, child);
      }
      node = child;
    }
    if (node !== this.#root) node.token ??= token;
  }

  /** All matches, ascending, without overlap. Time grows with text length times the longest token's length. */
  find(text: string, options: MatchOptions): AddedTokenMatch[] {
    const matches: AddedTokenMatch[] = [];
    if (this.#root.next.size === 0) return matches;
    let breakIndex = 0;
    let previousEnd = 0;
    for (let start = 0; start < text.length; ) {
      while (options.breaks[breakIndex] !== undefined && options.breaks[breakIndex]! <= start) breakIndex++;
      const match = this.#longestAt(text, start, options, options.breaks[breakIndex] ?? text.length);
      if (match === null) {
        start++;
        continue;
      }
      const grown = withWhiteSpace(text, match, previousEnd);
      matches.push(grown);
      previousEnd = grown.end;
      start = grown.end;
    }
    return matches;
  }

  /** The first match that begins at `from` or later, special tokens included; `null` when there is none. */
  findFirst(text: string, from: number): AddedTokenMatch | null {
    for (let start = from; start < text.length; start++) {
      const match = this.#longestAt(text, start, ANY_TOKEN, text.length);
      if (match !== null) return match;
    }
    return null;
  }

  #longestAt(
    text: string,
    start: number,
    options: MatchOptions,
    specialEndMax: number,
  ): AddedTokenMatch | null {
    let best: AddedTokenMatch | null = null;
    let node = this.#root.next.get(text.charCodeAt(start));
    for (let end = start + 1; node !== undefined; end++) {
      const token = node.token;
      if (token !== null && (!token.special || (options.parseSpecialTokens && end <= specialEndMax))) {
        if (!token.singleWord || standsAlone(text, start, end)) best = { start, end, token };
      }
      node = end < text.length ? node.next.get(text.charCodeAt(end)) : undefined;
    }
    return best;
  }
}

function standsAlone(text: string, start: number, end: number): boolean {
  return (
    !WORD_BEFORE.test(text.slice(Math.max(0, start - 2), start)) && !WORD_AFTER.test(text.slice(end, end + 2))
  );
}

function withWhiteSpace(text: string, match: AddedTokenMatch, startMin: number): AddedTokenMatch {
  let { start, end } = match;
  if (match.token.leftStrip) {
    while (start > startMin && WHITE_SPACE.test(text.charAt(start - 1))) start--;
  }
  if (match.token.rightStrip) {
    while (end < text.length && WHITE_SPACE.test(text.charAt(end))) end++;
  }
  return { start, end, token: match.token };
}
