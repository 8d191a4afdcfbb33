/**
 * Grammars of the simulation, and an oracle for them that knows nothing of automata: an output is words of a list, one
 * after the other, as many as are allowed.
 */

import { compileGrammar } from '../../src/sampling/grammar/compile-grammar.ts';
import type { CompiledGrammar } from '../../src/sampling/grammar/grammar-cache.ts';
import { buildTokenTrie, type TokenTrie } from '../../src/sampling/grammar/token-trie.ts';
import type { Dice } from './dice.ts';

const encoder = new TextEncoder();

/** `a`, `b`, `aa`, `ab`, `ba`, …: in this order all texts of two letters, so that every text can be spelled. */
export function textOfToken(tokenId: number): string {
  return (tokenId + 2)
    .toString(2)
    .slice(1)
    .replace(/./g, (digit) => 'ab'[Number(digit)]!);
}

/** The first so many tokens are letters. */
export const LETTER_COUNT = 2;

const tries = new Map<number, TokenTrie>();

function trieOf(vocabularySize: number): TokenTrie {
  const known = tries.get(vocabularySize);
  if (known !== undefined) return known;
  const trie = buildTokenTrie({
    size: vocabularySize,
    bytesOf: (tokenId) => encoder.encode(textOfToken(tokenId)),
    isSpecial: () => false,
  });
  tries.set(vocabularySize, trie);
  return trie;
}

export class WordGrammar {
  readonly compiled: CompiledGrammar;
  readonly #words: readonly string[];
  /** Words of a whole output, at most; at least one. */
  readonly #countMax: number;

  /**
   * @param id of the compiled grammar.
   * @param words a few short ones by default
   */
  constructor(id: number, vocabularySize: number, dice: Dice, words: readonly string[] = drawWords(dice)) {
    this.#words = words;
    this.#countMax = dice.chance(0.5) ? dice.between(1, 4) : Number.POSITIVE_INFINITY;
    const max = Number.isFinite(this.#countMax) ? this.#countMax : null;
    const program = compileGrammar(
      { kind: 'repeat', of: { kind: 'choice', choices: words }, min: 1, max },
      { addedTokenId: () => null },
    );
    this.compiled = { id, program, tokens: trieOf(vocabularySize) };
  }

  /** Some whole output begins with the text. */
  isBeginning(text: string): boolean {
    return this.#readings(text).some(
      ({ end, count }) =>
        end === text.length ||
        (count < this.#countMax && this.#words.some((word) => word.startsWith(text.slice(end)))),
    );
  }

  isWhole(text: string): boolean {
    return this.#readings(text).some(({ end, count }) => end === text.length && count > 0);
  }

  /** Nothing can follow. */
  isComplete(text: string): boolean {
    return this.isWhole(text) && !['a', 'b'].some((letter) => this.isBeginning(text + letter));
  }

  /** Ways in which whole words can begin the text. */
  #readings(text: string): { readonly end: number; readonly count: number }[] {
    const readings = new Map([['0:0', { end: 0, count: 0 }]]);
    for (const { end, count } of readings.values()) {
      if (count === this.#countMax) continue;
      for (const word of this.#words) {
        if (!text.startsWith(word, end)) continue;
        const next = { end: end + word.length, count: Number.isFinite(this.#countMax) ? count + 1 : 1 };
        readings.set(`${next.end}:${next.count}`, next);
      }
    }
    return [...readings.values()];
  }
}

function drawWords(dice: Dice): readonly string[] {
  return Array.from({ length: dice.between(1, 3) }, () =>
    Array.from({ length: dice.between(1, 4) }, () => dice.pick(['a', 'b'])).join(''),
  );
}
