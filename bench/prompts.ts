/**
 * Texts to send: different from one another from the first words on, so that no prefix cache helps by accident, and
 * of about the length in tokens that is asked for. Pure.
 */

import { randomAt } from '../src/base/random.ts';

const WORDS = (
  'the sun rises over a small house near river and old bridge where people walk every morning to buy bread milk ' +
  'apples from market they talk about weather birds in trees children play with red ball while dog sleeps under ' +
  'table after lunch we read book drink tea then write letter friend who lives far away by sea green hills'
).split(' ');

/** `wordCount` words drawn by `seed`, any finite number, alone. */
export function wordsOf(seed: number, wordCount: number): string {
  const words = Array.from(
    { length: wordCount },
    (_, position) => WORDS[Math.floor(randomAt(seed, position) * WORDS.length)]!,
  );
  return words.join(' ');
}

/** How many tokens a text of so many words costs: `fixed` for the chat template, `perWord` for each word. */
export type TokenCost = { readonly fixed: number; readonly perWord: number };

/** The line through two measured points (words, tokens). */
export function tokenCostOf(
  short: { readonly wordCount: number; readonly tokenCount: number },
  long: { readonly wordCount: number; readonly tokenCount: number },
): TokenCost {
  const perWord = (long.tokenCount - short.tokenCount) / (long.wordCount - short.wordCount);
  return { fixed: short.tokenCount - perWord * short.wordCount, perWord };
}

/** Words for a prompt of about `tokenCount` tokens, template included; at least one. */
export function wordCountFor(cost: TokenCost, tokenCount: number): number {
  return Math.max(1, Math.round((tokenCount - cost.fixed) / cost.perWord));
}
