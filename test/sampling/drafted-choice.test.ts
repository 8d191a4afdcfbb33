/** Whatever is drafted, the chosen tokens are those that would have been chosen one by one. */

import { describe, expect, it } from 'vitest';
import { DRAFT_TOKENS_MAX } from '../../src/base/limits.ts';
import { type Draft, emptyDraft } from '../../src/sampling/draft-lookup.ts';
import { GrammarCursor } from '../../src/sampling/grammar/grammar-cursor.ts';
import { GREEDY, type SampledToken, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import type { SequenceSampler } from '../../src/sampling/sequence-sampler.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { automatonOf, type TestToken } from './grammar/grammar-driver.ts';
import { aRow, Dice } from './random-rows.ts';
import { answer, aSampler, choose, chooseOnce, type SamplerOptions } from './row-driver.ts';

const LETTERS: readonly TestToken[] = [...Array.from('abcdefghij'), ...Array.from('abcde', (a) => `${a}b`)];
const LENGTH = DRAFT_TOKENS_MAX + 1;

const WAYS: readonly (readonly [way: string, options: Partial<SamplerOptions>])[] = [
  ['greedy', {}],
  ['sampled', { sampling: { temperature: 1, seed: 3 } }],
  ['with nucleus and log probabilities', { sampling: { temperature: 0.7, topP: 0.8, logprobCount: 2 } }],
  ['with penalties', { sampling: { repetitionPenalty: 1.4, frequencyPenalty: 0.5, presencePenalty: 0.2 } }],
  ['with penalties that raise', { sampling: { temperature: 1, repetitionPenalty: 0.8 } }],
  ['without stop tokens at first', { stopTokenIds: [1, 2, 3], newTokensMin: 4 }],
];

function samplersOf(options: Partial<SamplerOptions>, isHeld: boolean): [SequenceSampler, SequenceSampler] {
  const make = () => {
    const sampling: Partial<SamplingParams> = { ...GREEDY, ...options.sampling };
    const grammar = () =>
      new GrammarCursor(automatonOf({ kind: 'regex', pattern: '([a-e]b?[f-j]?)*' }, LETTERS), []);
    return aSampler({
      vocabularySize: LETTERS.length,
      speculation: 'ngram',
      ...options,
      sampling,
      ...(isHeld ? { grammar: grammar() } : {}),
    });
  };
  return [make(), make()];
}

/** One by one. */
function chooseInTurns(sampler: SequenceSampler, rows: readonly Float32Array[]): SampledToken[] {
  return rows.map((row) => {
    const token = choose(sampler, row);
    sampler.accept(token.tokenId);
    return token;
  });
}

/** As the engine does it, or null where the first row does not decide. */
function chooseWithDraft(
  sampler: SequenceSampler,
  rows: readonly Float32Array[],
  draft: Draft,
): SampledToken[] | null {
  const query = new LogitsQuery();
  sampler.prepare(0, query, { wholeRow: false }, draft);
  const logits = answer(rows, query);
  const first = sampler.choose(0, logits);
  if (first === null) return null;
  const tokens = [first];
  if (first.tokenId === draft.tokenIds[0]) sampler.chooseBehind(0, logits, tokens);
  return tokens;
}

describe.each(WAYS)('choosing with a draft, %s', (_, options) => {
  it.each([false, true])('gives what choosing one by one gives, held to a grammar: %s', (isHeld) => {
    let rightCount = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const dice = new Dice(seed);
      const rows = Array.from({ length: LENGTH }, () => aRow(dice, LETTERS.length));
      const [alone, drafting] = samplersOf(options, isHeld);
      const expected = chooseInTurns(alone, rows);
      const wrongAt = dice.integer(0, LENGTH + 2);
      const count = expected.length - 1;
      const tokenIds = Int32Array.from(expected.slice(0, count), ({ tokenId }) => tokenId);
      if (wrongAt < count && !isHeld) tokenIds[wrongAt] = (tokenIds[wrongAt]! + 1) % LETTERS.length;
      const tokens = chooseWithDraft(drafting, rows, { tokenIds, count, isPredicted: false });
      if (tokens === null) continue;
      rightCount += tokens.length - 1;
      expect(tokens, `seed ${seed}`).toEqual(expected.slice(0, tokens.length));
      // Nothing is left of the draft: the history is the one of the tokens that were accepted.
      for (const { tokenId } of tokens) drafting.accept(tokenId);
      if (tokens.length === LENGTH) continue;
      const next = chooseOnce(drafting, rows[tokens.length]!, { wholeRow: true });
      expect(next?.tokenId, `seed ${seed}`).toBe(expected[tokens.length]!.tokenId);
    }
    expect(rightCount).toBeGreaterThan(60);
  });
});

describe('a draft that is guessed', () => {
  const guess = (options: Partial<SamplerOptions>, tokenIds: readonly number[]): number[] => {
    const promptTokenIds = tokenIds;
    const sampler = aSampler({
      vocabularySize: 15,
      sampling: {},
      speculation: 'ngram',
      promptTokenIds,
      ...options,
    });
    const draft = emptyDraft(DRAFT_TOKENS_MAX);
    sampler.guess(Int32Array.from(tokenIds), DRAFT_TOKENS_MAX, draft);
    return [...draft.tokenIds.subarray(0, draft.count)];
  };
  const repeated = [1, 2, 3, 4, 5, 1, 2, 3];

  it('goes on until it would end the output', () => {
    expect(guess({}, repeated)).toEqual([4, 5, 1, 2, 3, 4, 5]);
    expect(guess({ stopTokenIds: [5] }, repeated)).toEqual([4]);
  });

  it('holds no token that may not be chosen', () => {
    expect(guess({ sampling: { allowedTokenIds: Int32Array.of(1, 4, 5) } }, repeated)).toEqual([4, 5, 1]);
  });

  it('is none beside banned words, whose history cannot be taken back', () => {
    expect(guess({ sampling: { bannedSequences: [Int32Array.of(7, 8)] } }, repeated)).toEqual([]);
  });

  it('goes on as far as the grammar, and no further than its end', () => {
    // The tokens 3 and 4 are d and e.
    const grammarOf = (pattern: string) => ({
      grammar: new GrammarCursor(automatonOf({ kind: 'regex', pattern }, LETTERS), []),
    });
    expect(guess(grammarOf('[de]*f'), [1, 2, 0, 3, 4, 8, 1, 2, 0])).toEqual([3, 4]);
    expect(guess(grammarOf('de'), [1, 2, 0, 3, 4, 8, 1, 2, 0])).toEqual([3]);
  });
});
