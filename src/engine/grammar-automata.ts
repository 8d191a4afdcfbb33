/**
 * The automata of the grammars that open sequences use, one for all sequences of a grammar; and of some that were used
 * last, because what an automaton has found out is worth keeping for the next request.
 */

import { assert } from '../base/assert.ts';
import { GRAMMARS_IDLE_MAX } from '../base/grammar-limits.ts';
import { GrammarAutomaton } from '../sampling/grammar/grammar-automaton.ts';
import type { CompiledGrammar } from '../sampling/grammar/grammar-cache.ts';

type Entry = { readonly automaton: GrammarAutomaton; userCount: number };

export class GrammarAutomata {
  readonly #vocabularySize: number;
  readonly #used = new Map<number, Entry>();
  /** Nobody uses them now; the one used last at the end. */
  readonly #idle = new Map<number, Entry>();

  constructor({ vocabularySize }: { readonly vocabularySize: number }) {
    this.#vocabularySize = vocabularySize;
  }

  /** For one more sequence, which gives it back by `release`. */
  use(grammar: CompiledGrammar): GrammarAutomaton {
    const entry = this.#used.get(grammar.id) ??
      this.#idle.get(grammar.id) ?? {
        automaton: new GrammarAutomaton(grammar, { vocabularySize: this.#vocabularySize }),
        userCount: 0,
      };
    entry.userCount++;
    this.#idle.delete(grammar.id);
    this.#used.set(grammar.id, entry);
    return entry.automaton;
  }

  release(grammarId: number): void {
    const entry = this.#used.get(grammarId);
    assert(entry !== undefined, `grammar ${grammarId} is in use`);
    if (--entry.userCount > 0) return;
    this.#used.delete(grammarId);
    this.#idle.set(grammarId, entry);
    if (this.#idle.size <= GRAMMARS_IDLE_MAX) return;
    const [oldest] = this.#idle.keys();
    this.#idle.delete(oldest!);
  }
}
