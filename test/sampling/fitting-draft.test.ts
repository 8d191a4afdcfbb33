import { describe, expect, it } from 'vitest';
import { emptyDraft } from '../../src/sampling/draft-lookup.ts';
import { fittingCount } from '../../src/sampling/fitting-draft.ts';
import { GrammarAutomaton } from '../../src/sampling/grammar/grammar-automaton.ts';
import { GrammarCursor } from '../../src/sampling/grammar/grammar-cursor.ts';
import { compiledHere } from '../support/grammars.ts';
import { trieOf } from './grammar/grammar-driver.ts';

const [A, B, C, END] = [0, 1, 2, 3];

function aCursor(pattern: string): GrammarCursor {
  const trie = trieOf(['a', 'b', 'c', { special: 'end' }]);
  const compiled = compiledHere(trie, { addedTokenId: () => null }).compile({ kind: 'regex', pattern });
  return new GrammarCursor(new GrammarAutomaton(compiled, { vocabularySize: 4 }), [END]);
}

function countOf(grammar: GrammarCursor, ...tokenIds: readonly number[]): number {
  const draft = emptyDraft(tokenIds.length);
  draft.tokenIds.set(tokenIds);
  draft.count = tokenIds.length;
  const edits = { allows: (tokenId: number) => grammar.allows(tokenId) };
  return fittingCount(draft, { edits, grammar, stopTokenIds: [END] });
}

describe('what fits of a draft', () => {
  it('is followed token by token through the grammar, which stays where it is', () => {
    const grammar = aCursor('ab[bc]c{9}');
    expect(countOf(grammar, A, B, B, B)).toBe(3);
    expect(countOf(grammar, A, B, C, C)).toBe(4);
    expect(countOf(grammar, B)).toBe(0);
    expect([A, B].map((tokenId) => grammar.allows(tokenId))).toEqual([true, false]);
  });

  it('ends in front of the token that completes the grammar, and of a stop token', () => {
    expect(countOf(aCursor('abc'), A, B, C)).toBe(2);
    expect(countOf(aCursor('ab*'), A, B, END, B)).toBe(2);
  });
});
