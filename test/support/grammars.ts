/** What stands in for the thread that compiles grammars, in tests of what goes on around it. */

import { addedTokenIds, type ModelGrammars, vocabularyTrie } from '../../src/engine/model-grammars.ts';
import { type CompileOptions, compileGrammar } from '../../src/sampling/grammar/compile-grammar.ts';
import { type CompiledGrammar, GrammarCache } from '../../src/sampling/grammar/grammar-cache.ts';
import type { GrammarProgram } from '../../src/sampling/grammar/grammar-program.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import type { TokenTrie } from '../../src/sampling/grammar/token-trie.ts';
import type { Tokenizer } from '../../src/text/tokenizer.ts';
import type { Vocabulary } from '../../src/text/vocabulary.ts';

/** Compiled at once, and kept. */
export function compiledHere(tokens: TokenTrie, options: CompileOptions) {
  const cache = new GrammarCache(tokens);
  const compile = (source: GrammarSource): CompiledGrammar => {
    const text = JSON.stringify(source);
    return cache.find(text) ?? cache.add(text, compileGrammar(source, options));
  };
  return { compile } satisfies Pick<ModelGrammars, 'compile'>;
}

export function grammarsHere(tokenizer: Tokenizer, vocabulary: Vocabulary) {
  const added = addedTokenIds(tokenizer);
  return compiledHere(vocabularyTrie(vocabulary), { addedTokenId: (text) => added.get(text) ?? null });
}

/** A thread that compiles when it is told to. */
export class HeldThread {
  readonly sources: string[] = [];
  readonly #waiting: (() => void)[] = [];

  compile(source: string, isWanted: () => boolean): Promise<GrammarProgram> {
    this.sources.push(source);
    const released = new Promise<void>((resolve) => this.#waiting.push(resolve));
    return released.then(() => {
      if (!isWanted()) throw new Error('unwanted');
      return compileGrammar(JSON.parse(source), { addedTokenId: () => null });
    });
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
