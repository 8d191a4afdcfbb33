/** A grammar that sleeps until a token announces what it holds: where it holds, and that it leaves all else alone. */

import { describe, expect, it } from 'vitest';
import { GrammarCursor } from '../../../src/sampling/grammar/grammar-cursor.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import { type GrammarTrigger, TriggerWatch } from '../../../src/sampling/grammar/grammar-trigger.ts';
import type { SamplingParams } from '../../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../../src/sampling/step-logits.ts';
import { aSampler, choose, chooseOnce } from '../row-driver.ts';
import { automatonOf, type TestToken } from './grammar-driver.ts';

/** a0 to a199, then control tokens. */
const TOKENS: readonly TestToken[] = [
  ...Array.from({ length: 200 }, (_, index) => `a${index} `),
  ...['call', 'think', 'answer', 'end'].map((special) => ({ special })),
];
const [CALL, THINK, ANSWER, END] = [200, 201, 202, 203];
const PAIR: GrammarSource = { kind: 'regex', pattern: '(a1 |a2 )a3 ' };
const TRIGGER: GrammarTrigger = { tokenId: CALL, thoughts: null };
const THINKING: GrammarTrigger = {
  tokenId: CALL,
  thoughts: { openingId: THINK, closingId: ANSWER, isOpen: false },
};

function samplerOf(
  outputTokenIds: readonly number[],
  trigger = TRIGGER,
  sampling: Partial<SamplingParams> = {},
) {
  const grammar = new GrammarCursor(automatonOf(PAIR, TOKENS), [END], { trigger });
  return aSampler({ sampling, vocabularySize: TOKENS.length, stopTokenIds: [END], outputTokenIds, grammar });
}

/** Descending by id from `first` on, then from 0. */
const steepFrom = (first: number): Float32Array =>
  Float32Array.from(TOKENS, (_, id) => -0.5 * ((id - first + TOKENS.length) % TOKENS.length));

const chosen = (outputTokenIds: readonly number[], first: number, trigger = TRIGGER): number =>
  choose(samplerOf(outputTokenIds, trigger), steepFrom(first)).tokenId;

describe('a grammar with a trigger', () => {
  it('lets anything come before it', () => {
    for (const first of [7, CALL, END]) expect(chosen([5, 1], first)).toBe(first);
  });

  it('holds what follows it, up to the end of the grammar', () => {
    expect(chosen([5, CALL], 7)).toBe(1);
    expect(chosen([5, CALL], END)).toBe(1);
    expect(chosen([5, CALL, 2], 7)).toBe(3);
  });

  it('then sleeps, and does not end the output', () => {
    const last = choose(samplerOf([CALL, 2]), steepFrom(7));
    expect(last).toEqual({ tokenId: 3, logprobs: null });
    for (const first of [7, CALL, END]) expect(chosen([CALL, 2, 3], first)).toBe(first);
  });

  it('holds again behind the next one', () => {
    expect(chosen([CALL, 2, 3, 9, CALL], 7)).toBe(1);
    expect(chosen([CALL, 2, 3, CALL, 1], 7)).toBe(3);
  });

  it('asks for no more than a free output while it sleeps', () => {
    const asked = (outputTokenIds: readonly number[], sampling: Partial<SamplingParams>) => {
      const query = new LogitsQuery();
      samplerOf(outputTokenIds, TRIGGER, sampling).prepare(0, query, { wholeRow: false });
      return { normalisers: query.normaliserCount, reads: query.readCount, fullRows: query.fullRowCount };
    };
    const bias = new Map([[4, -1]]);
    expect(asked([5], { temperature: 1, logitBias: bias })).toEqual({
      normalisers: 1,
      reads: 1,
      fullRows: 0,
    });
    expect(asked([CALL], { temperature: 1, logitBias: bias })).toEqual({
      normalisers: 0,
      reads: 2,
      fullRows: 0,
    });
    expect(asked([CALL, 1, 3], { temperature: 1, logitBias: bias })).toEqual(
      asked([5], { temperature: 1, logitBias: bias }),
    );
  });

  it('changes no draw while it sleeps', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const sampling = { temperature: 1, topP: 0.9, seed };
      const free = aSampler({
        sampling,
        vocabularySize: TOKENS.length,
        stopTokenIds: [END],
        outputTokenIds: [5],
      });
      const row = steepFrom(seed);
      for (const wholeRow of [true, false]) {
        const expected = chooseOnce(free, row, { wholeRow });
        expect(chooseOnce(samplerOf([5], TRIGGER, sampling), row, { wholeRow }), `seed ${seed}`).toEqual(
          expected,
        );
      }
    }
  });

  it('sleeps on where the trigger is only thought of', () => {
    expect(chosen([THINK, CALL], 7, THINKING)).toBe(7);
    expect(chosen([THINK, 5, ANSWER, CALL], 7, THINKING)).toBe(1);
    const open = { ...THINKING, thoughts: { ...THINKING.thoughts!, isOpen: true } };
    expect(chosen([CALL], 7, open)).toBe(7);
    expect(chosen([ANSWER, CALL], 7, open)).toBe(1);
  });
});

describe('who watches the same tokens', () => {
  it('knows behind which of them the grammar holds', () => {
    const begins = (tokenIds: readonly number[], trigger: GrammarTrigger): number[] => {
      const watch = new TriggerWatch(trigger);
      return [...tokenIds.keys()].filter((index) => watch.accept(tokenIds[index]!));
    };
    expect(begins([CALL, 5, CALL], TRIGGER)).toEqual([0, 2]);
    expect(begins([THINK, CALL, ANSWER, CALL, THINK, CALL], THINKING)).toEqual([3, 5]);
    expect(begins([CALL, THINK, CALL], THINKING)).toEqual([0, 2]);
  });
});
