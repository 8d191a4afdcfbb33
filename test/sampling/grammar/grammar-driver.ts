/** Compiles grammars over small made-up vocabularies, and asks them about texts. */

import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import type { GrammarState } from '../../../src/sampling/grammar/grammar-state.ts';
import { buildTokenTrie, type TokenTrie } from '../../../src/sampling/grammar/token-trie.ts';

const encoder = new TextEncoder();

/** A token's text, its bytes, or, as a control token, its name. */
export type TestToken = string | Uint8Array | { readonly special: string };

const bytesOf = (token: TestToken): Uint8Array =>
  token instanceof Uint8Array ? token : encoder.encode(typeof token === 'string' ? token : token.special);

export function trieOf(tokens: readonly TestToken[]): TokenTrie {
  const isSpecial = (token: TestToken): boolean =>
    !(typeof token === 'string' || token instanceof Uint8Array);
  return buildTokenTrie({
    size: tokens.length,
    bytesOf: (tokenId) => bytesOf(tokens[tokenId]!),
    isSpecial: (tokenId) => isSpecial(tokens[tokenId]!),
  });
}

/** Every byte is a token of its own: token id and byte are the same number. */
export const BYTE_TOKENS: readonly TestToken[] = Array.from({ length: 256 }, (_, byte) =>
  Uint8Array.of(byte),
);

export function automatonOf(
  source: GrammarSource,
  tokens: readonly TestToken[] = BYTE_TOKENS,
): GrammarAutomaton {
  const addedTokenId = (text: string): number | null => {
    const tokenId = tokens.findIndex(
      (token) =>
        token === text ||
        (!(token instanceof Uint8Array) && typeof token === 'object' && token.special === text),
    );
    return tokenId < 0 ? null : tokenId;
  };
  const program = compileGrammar(source, { addedTokenId });
  return new GrammarAutomaton({ id: 1, program, tokens: trieOf(tokens) }, { vocabularySize: tokens.length });
}

export function stateAfter(automaton: GrammarAutomaton, text: string): GrammarState | null {
  return stateFrom(automaton, automaton.start, text);
}

export function stateFrom(
  automaton: GrammarAutomaton,
  from: GrammarState,
  text: string,
): GrammarState | null {
  let state: GrammarState | null = from;
  for (const byte of encoder.encode(text)) {
    if (state === null) return null;
    state = automaton.afterByte(state, byte);
  }
  return state;
}

export type Fit = 'whole' | 'beginning' | 'no';

/** Whether the text fits as it is, could be gone on with, or does not fit. */
export function fitOf(source: GrammarSource, text: string): Fit {
  const state = stateAfter(automatonOf(source), text);
  if (state === null) return 'no';
  return state.isFinal ? 'whole' : 'beginning';
}

export const schemaSource = (schema: unknown, isCompact = false): GrammarSource => ({
  kind: 'json-schema',
  schema,
  isCompact,
});

/** Whether the schema's grammar takes the JSON text. */
export const takesJson = (schema: unknown, text: string): boolean =>
  fitOf(schemaSource(schema), text) === 'whole';
