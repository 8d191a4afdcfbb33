/**
 * Compiled grammars of one model, kept for the next request that asks for the same: agents send one schema a thousand
 * times. Bounded by memory; what was not asked for longest goes first. Does not know how grammars are compiled.
 */

import { GRAMMAR_CACHE_BYTES_MAX } from '../../base/grammar-limits.ts';
import type { GrammarProgram } from './grammar-program.ts';
import type { TokenTrie } from './token-trie.ts';

/** All that the engine needs to hold an output to a grammar. In shared memory: sending it copies nothing. */
export type CompiledGrammar = {
  /** Unique for the life of the process; the same for the same source, as long as it is kept. */
  readonly id: number;
  readonly program: GrammarProgram;
  readonly tokens: TokenTrie;
};

export class GrammarCache {
  readonly #tokens: TokenTrie;
  readonly #bytesMax: number;
  /** By the source's text; the one asked for last at the end. */
  readonly #known = new Map<string, CompiledGrammar>();
  #byteCount = 0;
  #nextId = 1;

  /** @param bytesMax of all grammars that are kept, with their sources. */
  constructor(tokens: TokenTrie, bytesMax = GRAMMAR_CACHE_BYTES_MAX) {
    this.#tokens = tokens;
    this.#bytesMax = bytesMax;
  }

  /** @param source the grammar's `GrammarSource` as JSON. */
  find(source: string): CompiledGrammar | null {
    const known = this.#known.get(source);
    if (known === undefined) return null;
    this.#known.delete(source);
    this.#known.set(source, known);
    return known;
  }

  /** @param source as JSON, not known yet. One that is larger than the cache is not kept. */
  add(source: string, program: GrammarProgram): CompiledGrammar {
    const grammar = { id: this.#nextId++, program, tokens: this.#tokens };
    this.#known.set(source, grammar);
    this.#byteCount += bytesOf(source, program);
    for (const [oldSource, old] of this.#known) {
      if (this.#byteCount <= this.#bytesMax) break;
      this.#known.delete(oldSource);
      this.#byteCount -= bytesOf(oldSource, old.program);
    }
    return grammar;
  }
}

function bytesOf(source: string, { edgeStart, edges, flags, levels, byteClass }: GrammarProgram): number {
  const ofStates = edgeStart.byteLength + flags.byteLength + levels.byteLength;
  return 2 * source.length + edges.byteLength + ofStates + byteClass.byteLength;
}
