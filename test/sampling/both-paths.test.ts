/** Candidates, the whole row and a plain reference must choose the same token for the same draw. */

import { describe, expect, it } from 'vitest';
import { randomAt } from '../../src/base/random.ts';
import { aHistory, aRow, Dice, someParams } from './random-rows.ts';
import { drawnToken, keptTokens } from './reference-sampler.ts';
import { aSampler, chooseOnce } from './row-driver.ts';

const CASES = 4000;

function runCase(seed: number) {
  const dice = new Dice(seed);
  const vocabularySize = dice.pick([2, 20, 64, 65, 80, 150, 400, 1200]);
  const row = aRow(dice, vocabularySize);
  row[0] = dice.normal(); // Something is always left to choose.
  const params = someParams(dice, vocabularySize);
  const history = aHistory(dice, vocabularySize);
  const sampler = aSampler({
    sampling: params,
    vocabularySize,
    promptTokenIds: history.promptTokenIds,
    outputTokenIds: history.outputTokenIds,
    stopTokenIds: history.forbiddenTokenIds,
    newTokensMin: 1000,
  });
  const position = history.promptTokenIds.length + history.outputTokenIds.length;
  const normaliserError = dice.number(-1, 1);
  return {
    fromCandidates: chooseOnce(sampler, row, { wholeRow: false, normaliserError }),
    fromFullRow: chooseOnce(sampler, row, { wholeRow: true }),
    expected: drawnToken(keptTokens(row, params, history), randomAt(params.seed, position)),
    params,
  };
}

describe('choosing from candidates and from the whole row', () => {
  it('gives the same token as sorting everything', () => {
    let decidedCount = 0;
    for (let seed = 1; seed <= CASES; seed++) {
      const { fromCandidates, fromFullRow, expected, params } = runCase(seed);
      expect(fromFullRow?.tokenId, `whole row, seed ${seed} ${JSON.stringify(params)}`).toBe(expected);
      if (fromCandidates === null) continue;
      decidedCount++;
      expect(fromCandidates.tokenId, `candidates, seed ${seed}`).toBe(expected);
    }
    expect(decidedCount / CASES).toBeGreaterThan(0.8);
  });
});
