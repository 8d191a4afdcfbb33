/** The grammars of one model: those that are known at once, others from the thread that compiles them. */

import { type CompiledGrammar, GrammarCache } from '../sampling/grammar/grammar-cache.ts';
import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import { buildTokenTrie, type TokenTrie } from '../sampling/grammar/token-trie.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { GrammarThread } from './grammar-thread.ts';

/** Takes 0.5 s for 150,000 tokens on a machine with other load. */
export function vocabularyTrie(vocabulary: Vocabulary): TokenTrie {
  return buildTokenTrie({
    size: vocabulary.size,
    bytesOf: (tokenId) => vocabulary.bytesOf(tokenId),
    isSpecial: (tokenId) => vocabulary.isSpecial(tokenId),
  });
}

export function addedTokenIds({ addedTokens }: Pick<Tokenizer, 'addedTokens'>): ReadonlyMap<string, number> {
  return new Map(addedTokens.map(({ content, id }) => [content, id]));
}

type Compiling = {
  readonly grammar: Promise<CompiledGrammar>;
  /** Of everybody who waits for it. */
  readonly areWanted: (() => boolean)[];
};

export class ModelGrammars {
  readonly #cache: GrammarCache;
  readonly #thread: Pick<GrammarThread, 'compile'>;
  /** Sources as JSON: several prompts of a request have the same one. */
  readonly #texts = new WeakMap<GrammarSource, string>();
  /** By source as JSON. */
  readonly #compiling = new Map<string, Compiling>();

  constructor(tokens: TokenTrie, thread: Pick<GrammarThread, 'compile'>) {
    this.#cache = new GrammarCache(tokens);
    this.#thread = thread;
  }

  /**
   * @param isWanted a grammar that nobody wants any more is not compiled; what is returned then rejects.
   * @throws (rejects with) ServerError as `compileGrammar`; any other error when the thread fails.
   */
  compile(source: GrammarSource, isWanted: () => boolean): CompiledGrammar | Promise<CompiledGrammar> {
    const text = this.#texts.get(source) ?? JSON.stringify(source);
    this.#texts.set(source, text);
    const known = this.#cache.find(text);
    if (known !== null) return known;
    const compiling = this.#compiling.get(text);
    if (compiling === undefined) return this.#start(text, isWanted);
    compiling.areWanted.push(isWanted);
    return compiling.grammar;
  }

  #start(text: string, isFirstWanted: () => boolean): Promise<CompiledGrammar> {
    const areWanted = [isFirstWanted];
    const grammar = this.#thread
      .compile(text, () => areWanted.some((isWanted) => isWanted()))
      .then((program) => this.#cache.add(text, program))
      .finally(() => this.#compiling.delete(text));
    this.#compiling.set(text, { grammar, areWanted });
    return grammar;
  }
}
