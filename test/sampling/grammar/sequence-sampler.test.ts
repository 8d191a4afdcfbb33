/** A sequence with a grammar: what its rows are asked for, that both ways choose the same token, where it ends. */

import { describe, expect, it, vi } from 'vitest';
import { CANDIDATE_COUNT } from '../../../src/base/limits.ts';
import { randomAt } from '../../../src/base/random.ts';
import { GrammarCursor } from '../../../src/sampling/grammar/grammar-cursor.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import { GREEDY, type SamplingParams } from '../../../src/sampling/sampling-params.ts';
import type { SequenceSampler } from '../../../src/sampling/sequence-sampler.ts';
import { LogitsQuery } from '../../../src/sampling/step-logits.ts';
import { aRow, Dice } from '../random-rows.ts';
import { drawnToken, keptTokens } from '../reference-sampler.ts';
import { aSampler, choose, chooseOnce, type SamplerOptions } from '../row-driver.ts';
import { automatonOf, type TestToken } from './grammar-driver.ts';
import { maskedTokens } from './random-walk.ts';

/** a0 to a999, b0 to b999, then a control token that ends the text. */
const TOKENS: readonly TestToken[] = [
  ...Array.from({ length: 1000 }, (_, index) => `a${index} `),
  ...Array.from({ length: 1000 }, (_, index) => `b${index} `),
  { special: '<end>' },
];
const END = 2000;
const VOCABULARY = TOKENS.length;
const MANY: GrammarSource = { kind: 'regex', pattern: '(a\\d+ )+' };
const FEW: GrammarSource = { kind: 'regex', pattern: 'b99\\d (a[12] )?' };

type Options = Omit<SamplerOptions, 'vocabularySize' | 'grammar' | 'sampling'> & {
  sampling?: Partial<SamplingParams>;
};

function samplerOf(source: GrammarSource, options: Options = {}) {
  const grammar = new GrammarCursor(automatonOf(source, TOKENS), options.stopTokenIds ?? [END]);
  return aSampler({ stopTokenIds: [END], sampling: {}, ...options, grammar, vocabularySize: VOCABULARY });
}

function queryOf(source: GrammarSource, options: Options = {}) {
  const query = new LogitsQuery();
  samplerOf(source, options).prepare(0, query, { wholeRow: false });
  return { normalisers: query.normaliserCount, reads: query.readCount, fullRows: query.fullRowCount };
}

/** Descending by id from `first` on, then from 0. */
const steepFrom = (first: number): Float32Array =>
  Float32Array.from({ length: VOCABULARY }, (_, id) => -0.5 * ((id - first + VOCABULARY) % VOCABULARY));

describe('a grammar that few tokens fit', () => {
  it('asks for their logits alone', () => {
    expect(queryOf(FEW, { sampling: { temperature: 1 } })).toEqual({
      normalisers: 0,
      reads: 10,
      fullRows: 0,
    });
  });

  it('is decided without the whole row, however unlikely they are', () => {
    const token = chooseOnce(samplerOf(FEW), steepFrom(0), { wholeRow: false });
    expect(token).toEqual({ tokenId: 1990, logprobs: null });
  });

  it('gives the log probability of the token in the distribution of the model', () => {
    const sampler = samplerOf(FEW, { sampling: { logprobCount: 1 } });
    const { logprobs } = chooseOnce(sampler, steepFrom(0), { wholeRow: false })!;
    expect(logprobs!.logprob).toBeCloseTo(-995 - Math.log(1 / (1 - Math.exp(-0.5))), 2);
    expect(logprobs!.top[0]!.tokenId).toBe(0);
  });

  it('knows bias, penalties and banned words', () => {
    const chosen = (sampling: Partial<SamplingParams>, outputTokenIds: readonly number[] = []) =>
      choose(samplerOf({ kind: 'regex', pattern: '(b99\\d )*' }, { sampling, outputTokenIds }), steepFrom(0))
        .tokenId;
    expect(chosen({ logitBias: new Map([[1995, 50]]) })).toBe(1995);
    expect(chosen({ logitBias: new Map([[3, 100]]) })).toBe(1990);
    expect(chosen({ presencePenalty: 2 }, [1990])).toBe(1991);
    expect(chosen({ bannedSequences: [Int32Array.of(1990)] })).toBe(1991);
    expect(chosen({ allowedTokenIds: Int32Array.of(5, 1997) })).toBe(1997);
  });
});

describe('a grammar that many tokens fit', () => {
  it('asks for candidates, and for the whole mass as a bound where the draw depends on it', () => {
    expect(queryOf(MANY)).toEqual({ normalisers: 0, reads: 0, fullRows: 0 });
    expect(queryOf(MANY, { sampling: { temperature: 1 } })).toEqual({
      normalisers: 1,
      reads: 0,
      fullRows: 0,
    });
    expect(queryOf(MANY, { sampling: { temperature: 1, topK: 5 } })).toEqual({
      normalisers: 0,
      reads: 0,
      fullRows: 0,
    });
  });

  it('is decided by the candidates that fit', () => {
    const row = steepFrom(1000 - CANDIDATE_COUNT / 2);
    row.set(
      row.subarray(1000, 1000 + CANDIDATE_COUNT / 2).map((logit) => logit + 30),
      1000,
    );
    const token = chooseOnce(samplerOf(MANY), row, { wholeRow: false });
    expect(token?.tokenId).toBe(1000 - CANDIDATE_COUNT / 2);
  });

  it('is asked about candidates up to the first that fits, where the best one is taken', () => {
    const grammar = new GrammarCursor(automatonOf(MANY, TOKENS), [END]);
    const asked = vi.spyOn(grammar, 'allows');
    const sampler = aSampler({ stopTokenIds: [END], sampling: {}, grammar, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, steepFrom(1999), { wholeRow: false })?.tokenId).toBe(0);
    expect(asked.mock.calls).toEqual([[1999], [END], [0]]);
  });

  it('is asked about all candidates where the best one may have been lowered', () => {
    const row = steepFrom(0);
    const chosen = (options: Options) =>
      chooseOnce(samplerOf(MANY, options), row, { wholeRow: false })?.tokenId;
    expect(chosen({ sampling: { presencePenalty: 1 }, outputTokenIds: [0] })).toBe(1);
    expect(chosen({ sampling: { logitBias: new Map([[0, -1]]) } })).toBe(1);
    expect(chosen({ sampling: { bannedSequences: [Int32Array.of(0)] } })).toBe(1);
    expect(chosen({ stopTokenIds: [0], newTokensMin: 1 })).toBe(1);
    expect(chosen({ sampling: { allowedTokenIds: Int32Array.of(5, 3) } })).toBe(3);
  });

  it('is left to the whole row where no candidate fits', () => {
    expect(chooseOnce(samplerOf(MANY), steepFrom(1000), { wholeRow: false })).toBeNull();
    expect(chooseOnce(samplerOf(MANY), steepFrom(1000), { wholeRow: true })!.tokenId).toBe(0);
  });
});

describe('a grammar whose tokens are no candidates', () => {
  const unlikely = steepFrom(1000);
  const rowsAskedWhole = (sampler: SequenceSampler) => {
    const query = new LogitsQuery();
    sampler.prepare(0, query, { wholeRow: false });
    return query.fullRowCount;
  };
  const goOn = (sampler: SequenceSampler, row: Float32Array, count: number) => {
    for (let i = 0; i < count; i++) sampler.accept(choose(sampler, row).tokenId);
  };

  it('has whole rows asked for at once, also where the best one is taken', () => {
    const sampler = samplerOf(MANY, { stopTokenIds: [] });
    expect(rowsAskedWhole(sampler)).toBe(0);
    goOn(sampler, unlikely, 4);
    expect(rowsAskedWhole(sampler)).toBe(1);
  });

  it('has candidates asked again once they fit, or would be read', () => {
    for (const [sampling, row] of [
      [{}, steepFrom(0)],
      [{ logitBias: new Map([[999, 1]]) }, unlikely.with(999, -32)],
    ] as const) {
      const sampler = samplerOf(MANY, { sampling, stopTokenIds: [] });
      goOn(sampler, unlikely, 4);
      expect(rowsAskedWhole(sampler)).toBe(1);
      goOn(sampler, row, 20);
      expect(rowsAskedWhole(sampler)).toBe(0);
    }
  });
});

describe('a draw within a grammar', () => {
  it('is the token that sorting everything gives, by either way', () => {
    let decidedCount = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const dice = new Dice(seed);
      const source = dice.pick([MANY, FEW, { kind: 'regex', pattern: '([ab]\\d+ )+' } as const]);
      const automaton = automatonOf(source, TOKENS);
      const row = aRow(dice, VOCABULARY).map((logit) => Math.max(logit, -40));
      const { temperature, topP, minP } = {
        temperature: dice.pick([0, 0.3, 1]),
        topP: dice.pick([1, 0.8]),
        minP: dice.pick([0, 0.1]),
      };
      const sampling = { ...GREEDY, temperature, topP, minP, seed };
      const allowedTokenIds = Int32Array.from(maskedTokens(automaton.mask(automaton.start)));
      const expected = drawnToken(keptTokens(row, { ...sampling, allowedTokenIds }), randomAt(seed, 1));
      const sampler = samplerOf(source, { sampling });
      expect(chooseOnce(sampler, row, { wholeRow: true })!.tokenId, `whole row, seed ${seed}`).toBe(expected);
      const token = chooseOnce(sampler, row, { wholeRow: false, normaliserError: dice.number(-1, 1) });
      if (token === null) continue;
      decidedCount++;
      expect(token.tokenId, `candidates, seed ${seed}`).toBe(expected);
    }
    expect(decidedCount).toBeGreaterThan(150);
  });
});

describe('the end of a grammar', () => {
  const row = steepFrom(END);

  it('is told with the token after which nothing may follow', () => {
    const source: GrammarSource = { kind: 'choice', choices: ['b990 a1 ', 'b990 '] };
    const sampler = samplerOf(source, { sampling: { allowedTokenIds: Int32Array.of(1, 1990) } });
    expect(choose(sampler, row)).toEqual({ tokenId: 1990, logprobs: null });
    sampler.accept(1990);
    expect(choose(sampler, row)).toEqual({ tokenId: 1, logprobs: null, completesGrammar: true });
  });

  it('allows the tokens that end the text there, and nowhere else', () => {
    expect(choose(samplerOf(FEW), row).tokenId).toBe(1990);
    const sampler = samplerOf(FEW, { outputTokenIds: [1990] });
    expect(choose(sampler, row)).toEqual({ tokenId: END, logprobs: null, completesGrammar: true });
    expect(choose(samplerOf(MANY), row).tokenId).toBe(0);
    for (const wholeRow of [true, false]) {
      expect(chooseOnce(samplerOf(MANY, { outputTokenIds: [5] }), row, { wholeRow })?.tokenId).toBe(END);
    }
  });

  it('counts a stop token by that alone, whatever its text', () => {
    const options = { stopTokenIds: [1990, END] };
    expect(choose(samplerOf(FEW, options), row).tokenId).toBe(1991);
    expect(choose(samplerOf(FEW, { ...options, outputTokenIds: [1991] }), steepFrom(1990)).tokenId).toBe(
      1990,
    );
  });

  it('is put off by a least number of tokens as long as the grammar can go on', () => {
    const sampler = samplerOf(MANY, { newTokensMin: 3, outputTokenIds: [1] });
    expect(choose(sampler, row).tokenId).toBe(0);
    expect(choose(samplerOf(FEW, { newTokensMin: 3, outputTokenIds: [1990] }), row).tokenId).toBe(1);
  });

  it('is not chosen where end of text is ignored, as long as the grammar can go on', () => {
    const chosen = (source: GrammarSource, outputTokenIds: readonly number[]) =>
      [true, false].map((wholeRow) =>
        chooseOnce(samplerOf(source, { stopTokenIds: [], outputTokenIds }), row, { wholeRow }),
      );
    const goesOn = { tokenId: 0, logprobs: null };
    expect(chosen(MANY, [5])).toEqual([goesOn, goesOn]);
    const ends = { tokenId: 1, logprobs: null, completesGrammar: true };
    expect(chosen(FEW, [1990])).toEqual([ends, ends]);
  });

  it('cannot be reached where no token may be chosen, which fails the sequence', () => {
    const dead = samplerOf({ kind: 'literal', text: 'c' });
    expect(() => chooseOnce(dead, row, { wholeRow: false })).toThrow('cannot go on');
    expect(() => chooseOnce(dead, row, { wholeRow: true })).toThrow('cannot go on');
    const banned = samplerOf(FEW, { sampling: { allowedTokenIds: Int32Array.of(5) } });
    expect(() => choose(banned, row)).toThrow('cannot go on');
  });
});

describe('the place in a grammar', () => {
  it('moves with accepted tokens alone', () => {
    const sampler = samplerOf(FEW);
    const row = steepFrom(1995);
    const first = choose(sampler, row);
    expect(choose(sampler, row)).toEqual(first);
    sampler.accept(first.tokenId);
    expect(choose(sampler, row).tokenId).not.toBe(first.tokenId);
  });

  it('that cannot be told fails when a token is chosen, not before', () => {
    const source: GrammarSource = {
      kind: 'ebnf',
      text: 'root ::= "a1 " root x root y | "a1 " root y root x | "b1 "\nx ::= "a3 "?\ny ::= "a2 "?',
    };
    const sampler = samplerOf(source);
    const query = new LogitsQuery();
    const run = (): void => {
      for (let count = 0; count < 60; count++) {
        sampler.prepare(0, query, { wholeRow: false });
        sampler.accept(choose(sampler, steepFrom(1)).tokenId);
      }
    };
    expect(run).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining('too ambiguous'),
      }),
    );
  });
});
