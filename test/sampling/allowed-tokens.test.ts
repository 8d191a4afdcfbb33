/** Lists of allowed tokens, short and long: what a row is asked for, and that the candidates decide where they can. */

import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/base/random.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { aRow, Dice } from './random-rows.ts';
import { drawnToken, keptTokens } from './reference-sampler.ts';
import { aSampler, chooseOnce, type SamplerOptions } from './row-driver.ts';

const VOCABULARY = 2000;
/** Descending by id, so that the candidates are tokens 0 to 63. */
const STEEP = Float32Array.from({ length: VOCABULARY }, (_, tokenId) => -0.5 * tokenId);
const EVEN = Int32Array.from({ length: VOCABULARY / 2 }, (_, index) => 2 * index);
const FAR = Int32Array.of(1500, 1000, 1999);

function queryOf(sampling: SamplerOptions['sampling']): LogitsQuery {
  const query = new LogitsQuery();
  aSampler({ sampling, vocabularySize: VOCABULARY }).prepare(0, query, { wholeRow: false });
  return query;
}

const chosenFromCandidates = (sampling: SamplerOptions['sampling']) =>
  chooseOnce(aSampler({ sampling, vocabularySize: VOCABULARY }), STEEP, { wholeRow: false })?.tokenId ?? null;

describe('a long list of allowed tokens', () => {
  it('asks for nothing of a row but its candidates', () => {
    for (const sampling of [{}, { temperature: 1 }, { temperature: 1, topK: 5 }]) {
      const query = queryOf({ ...sampling, allowedTokenIds: EVEN });
      expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([0, 0, 0]);
    }
  });

  it('is decided by the candidates where they hold the mass', () => {
    const odd = EVEN.map((tokenId) => tokenId + 1);
    expect(chosenFromCandidates({ allowedTokenIds: odd })).toBe(1);
    for (let seed = 0; seed < 50; seed++) {
      expect(chosenFromCandidates({ temperature: 1, seed, allowedTokenIds: odd })! % 2).toBe(1);
    }
  });

  it('is left to the whole row where no candidate is allowed', () => {
    const far = Int32Array.from({ length: 1500 }, (_, index) => 500 + index);
    expect(chosenFromCandidates({ allowedTokenIds: far })).toBeNull();
    const sampler = aSampler({ sampling: { allowedTokenIds: far }, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, STEEP, { wholeRow: true })!.tokenId).toBe(500);
  });

  it('gives the token that sorting everything gives', () => {
    let decidedCount = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const dice = new Dice(seed);
      const row = aRow(dice, VOCABULARY);
      const share = dice.number(0.3, 0.95);
      const all = Array.from(row.keys());
      const allowedTokenIds = Int32Array.from(all.filter((tokenId) => tokenId === 0 || dice.chance(share)));
      row[0] = 1;
      const { temperature, topP } = { temperature: dice.pick([0.3, 1]), topP: dice.pick([1, 0.8]) };
      const sampling = { ...GREEDY, temperature, topP, seed, allowedTokenIds };
      const expected = drawnToken(keptTokens(row, sampling), randomAt(seed, 1));
      const sampler = aSampler({ sampling, vocabularySize: VOCABULARY });
      expect(chooseOnce(sampler, row, { wholeRow: true })!.tokenId, `whole row, seed ${seed}`).toBe(expected);
      const token = chooseOnce(sampler, row, { wholeRow: false });
      if (token === null) continue;
      decidedCount++;
      expect(token.tokenId, `candidates, seed ${seed}`).toBe(expected);
    }
    expect(decidedCount).toBeGreaterThan(100);
  });
});

describe('a short list of allowed tokens', () => {
  it('asks for their logits alone', () => {
    const query = queryOf({ temperature: 1, allowedTokenIds: FAR });
    expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([0, 3, 0]);
  });

  it('is decided without the whole row, also where no candidate is allowed', () => {
    expect(chosenFromCandidates({ allowedTokenIds: FAR })).toBe(1000);
    const flat = { temperature: 2, logitBias: new Map([[1999, 500]]), allowedTokenIds: FAR };
    const drawn = Array.from({ length: 200 }, (_, seed) => chosenFromCandidates({ ...flat, seed }));
    expect(new Set(drawn)).toEqual(new Set([1999, 1000]));
  });

  it('leaves a bias of other tokens without effect', () => {
    expect(chosenFromCandidates({ allowedTokenIds: FAR, logitBias: new Map([[3, 100]]) })).toBe(1000);
  });

  it('gives the log probability of the token in the model own distribution', () => {
    const sampler = aSampler({
      sampling: { allowedTokenIds: FAR, logprobCount: 1 },
      vocabularySize: VOCABULARY,
    });
    const { logprobs } = chooseOnce(sampler, STEEP, { wholeRow: false })!;
    expect(logprobs!.logprob).toBeCloseTo(-500 - Math.log(1 / (1 - Math.exp(-0.5))), 2);
    expect(logprobs!.top[0]!.tokenId).toBe(0);
  });
});
