/**
 * Compiled grammars of one model, kept for the next request that asks for the same: agents send one schema a thousand
 * times. Bounded by states; what was not asked for longest goes first.
 */

import { GRAMMAR_CACHE_STATES_MAX } from '../../base/limits.ts';
import { type CompileOptions, compileGrammar } from './compile-grammar.ts';
import type { GrammarProgram } from './grammar-program.ts';
import type { GrammarSource } from './grammar-source.ts';
import type { TokenTrie } from './token-trie.ts';

/** All that the engine needs to hold an output to a grammar. In shared memory: sending it copies nothing. */
export type CompiledGrammar = {
  /** Unique for the life of the process; the same for the same source, as long as it is kept. */
  readonly id: number;
  readonly program: GrammarProgram;
  readonly tokens: TokenTrie;
};

export class GrammarCompiler {
  readonly #tokens: TokenTrie;
  readonly #options: CompileOptions;
  readonly #statesMax: number;
  /** Source as JSON -> grammar, the one asked for last at the end. */
  readonly #known = new Map<string, CompiledGrammar>();
  #stateCount = 0;
  #nextId = 1;

  /** @param statesMax of all grammars that are kept. */
  constructor(tokens: TokenTrie, options: CompileOptions, statesMax = GRAMMAR_CACHE_STATES_MAX) {
    this.#tokens = tokens;
    this.#options = options;
    this.#statesMax = statesMax;
  }

  /** Synchronous. @throws ServerError as `compileGrammar`. */
  compile(source: GrammarSource): CompiledGrammar {
    const key = JSON.stringify(source);
    const known = this.#known.get(key);
    if (known !== undefined) {
      this.#known.delete(key);
      this.#known.set(key, known);
      return known;
    }
    const grammar = {
      id: this.#nextId++,
      program: compileGrammar(source, this.#options),
      tokens: this.#tokens,
    };
    this.#known.set(key, grammar);
    this.#stateCount += grammar.program.stateCount;
    for (const [oldKey, old] of this.#known) {
      if (this.#stateCount <= this.#statesMax) break;
      this.#known.delete(oldKey);
      this.#stateCount -= old.program.stateCount;
    }
    return grammar;
  }
}
