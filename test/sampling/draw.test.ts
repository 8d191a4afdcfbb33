/** Both ways of drawing, on a distribution that can be worked out by hand: 1/2, 1/4, 1/8, 1/16, 1/16. */

import { describe, expect, it } from 'vitest';
import { CandidateDraw } from '../../src/sampling/candidate-draw.ts';
import { FullRow } from '../../src/sampling/full-row.ts';
import { UNIFORM_MAX } from '../../src/sampling/masses.ts';
import { RankedHead } from '../../src/sampling/ranked-head.ts';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { TokenEdits } from '../../src/sampling/token-edits.ts';
import { answer } from './row-driver.ts';

/** Token ids by falling probability: 3, 1, 4, 0, 2; the last two are tied. */
const ROW = Float32Array.from([1, 4, 1, 8, 2], (weight) => Math.log(weight));

function fromFullRow(sampling: Partial<SamplingParams>, uniform: number, row = ROW): number {
  const fullRow = new FullRow(row.length);
  fullRow.load(row, null);
  return fullRow.draw({ ...GREEDY, temperature: 1, ...sampling }, uniform);
}

function fromCandidates(sampling: Partial<SamplingParams>, uniform: number, row = ROW): number {
  const head = new RankedHead();
  const logits = answer([row], new LogitsQuery());
  head.fill({ logits, row: 0, edits: null, readStart: 0, readCount: 0, onlyTokenIds: null });
  const draw = new CandidateDraw();
  draw.draw(head, { sampling: { ...GREEDY, temperature: 1, ...sampling }, normaliser: null, uniform });
  return draw.tokenId;
}

describe.each([
  ['whole row', fromFullRow],
  ['candidates', fromCandidates],
])('a draw from the %s', (_, draw) => {
  it.each([
    [0, 3],
    [0.499, 3],
    [0.501, 1],
    [0.749, 1],
    [0.751, 4],
    [0.874, 4],
    [0.876, 0],
    [0.937, 0],
    [0.938, 2],
    [UNIFORM_MAX, 2],
  ])('gives %d of the unit interval to token %d', (uniform, tokenId) => {
    expect(draw({}, uniform)).toBe(tokenId);
  });

  it.each([
    ['temperature 0.5, masses 64 16 4 1 1', { temperature: 0.5 }, 64 / 86],
    ['top_k 3', { topK: 3 }, 8 / 14],
    ['min_p 0.2, which keeps 8, 4 and 2', { minP: 0.2 }, 8 / 14],
    ['top_p 0.7, which keeps 8 and 4', { topP: 0.7 }, 8 / 12],
    ['top_p 0.85 of the 14 that top_k keeps, which keeps 8 and 4', { topK: 3, topP: 0.85 }, 8 / 12],
    ['top_p 0.86 of the 14 that min_p keeps, which keeps all', { minP: 0.2, topP: 0.86 }, 8 / 14],
  ])('shares the first border of %s', (_name, sampling, border) => {
    expect(draw(sampling, border - 1e-6)).toBe(3);
    expect(draw(sampling, border + 1e-6)).toBe(1);
  });

  it.each([
    [{ topK: 1 }, 3],
    [{ topK: 3 }, 4],
    [{ topK: 4 }, 0],
    [{ minP: 0.49 }, 1],
    [{ minP: 1 }, 3],
    [{ topP: 0.49 }, 3],
    [{ topP: 0.76 }, 4],
    [{ topP: 1e-300 }, 3],
  ])('ends with %o at token %d', (sampling, tokenId) => {
    expect(draw(sampling, UNIFORM_MAX)).toBe(tokenId);
  });
});

describe('a top_p that the first token reaches exactly', () => {
  it('keeps that token alone, and only the whole row says so', () => {
    const row = Float32Array.of(2, 2);
    expect(fromFullRow({ topP: 0.5 }, UNIFORM_MAX, row)).toBe(0);
    expect(fromCandidates({ topP: 0.5 }, UNIFORM_MAX, row)).toBe(-1);
  });
});

describe('a whole row', () => {
  it('is held to a grammar at once, and not token by token', () => {
    const edits = new TokenEdits({
      sampling: { ...GREEDY, repetitionPenalty: 2 },
      promptTokenIds: Int32Array.of(1, 3, 4),
      stopTokenIds: [],
      newTokensMin: 0,
      grammar: {
        isHolding: true,
        allows: () => {
          throw new Error('no single token is asked for');
        },
        forbidOthers: (logits) => logits.fill(-Infinity, 3, 4),
      },
      vocabularySize: ROW.length,
    });
    const fullRow = new FullRow(ROW.length);
    fullRow.load(ROW, edits);
    expect(fullRow.logitOf(3)).toBe(-Infinity);
    expect(fullRow.logitOf(1)).toBe(Math.fround(ROW[1]! / 2));
  });
});
