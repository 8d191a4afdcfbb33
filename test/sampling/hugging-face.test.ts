/**
 * The distribution that is drawn from, against Hugging Face's logits processors (see test/fixtures/sampling/make.py,
 * which says where they differ). A draw shows a distribution by its borders: just inside of both ends of
 * the interval that Hugging Face's probabilities give a token, that token must be drawn.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CandidateDraw } from '../../src/sampling/candidate-draw.ts';
import { FullRow } from '../../src/sampling/full-row.ts';
import { RankedHead } from '../../src/sampling/ranked-head.ts';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { TokenEdits } from '../../src/sampling/token-edits.ts';
import { editedLogits } from './reference-sampler.ts';
import { answer } from './row-driver.ts';

type Case = Pick<SamplingParams, 'temperature' | 'topK' | 'topP' | 'minP' | 'repetitionPenalty'> & {
  readonly row: number;
  /** Tokens that are left, by id. */
  readonly kept: readonly number[];
  readonly probabilities: readonly number[];
};

type Fixture = {
  readonly rows: readonly (readonly number[])[];
  readonly tokenIds: readonly number[];
  readonly cases: readonly Case[];
};

const FILE = path.join(import.meta.dirname, '../fixtures/sampling/hugging-face.json');
const fixture = JSON.parse(readFileSync(FILE, 'utf8')) as Fixture;
/** Difference of cumulative probabilities: Hugging Face adds up in float32. */
const TOLERANCE = 1e-5;

type Interval = { readonly tokenId: number; readonly start: number; readonly end: number };

/** Hugging Face's tokens in the order of the draw. */
function intervals({ kept, probabilities }: Case, logits: readonly number[]): Interval[] {
  const order = kept
    .map((tokenId, i) => ({ tokenId, probability: probabilities[i]! }))
    .sort((a, b) => logits[b.tokenId]! - logits[a.tokenId]! || a.tokenId - b.tokenId);
  let end = 0;
  return order.map(({ tokenId, probability }) => {
    const start = end;
    end += probability;
    return { tokenId, start, end };
  });
}

function open({ row, ...given }: Case) {
  const sampling = { ...GREEDY, ...given };
  const logits = Float32Array.from(fixture.rows[row]!);
  const promptTokenIds = Int32Array.from(fixture.tokenIds);
  const edits = new TokenEdits({
    sampling,
    promptTokenIds,
    stopTokenIds: [],
    newTokensMin: 0,
    grammar: null,
    vocabularySize: logits.length,
  });
  const history = { promptTokenIds: fixture.tokenIds, outputTokenIds: [], forbiddenTokenIds: [] };
  return { sampling, row: logits, edits, edited: editedLogits(logits, sampling, history) };
}

function fullRowDraw({ sampling, row, edits }: ReturnType<typeof open>): (uniform: number) => number {
  const fullRow = new FullRow(row.length);
  fullRow.load(row, edits);
  return (uniform) => fullRow.draw(sampling, uniform);
}

/** -1 where the candidates do not decide. */
function candidateDraw({ sampling, row, edits }: ReturnType<typeof open>): (uniform: number) => number {
  const query = new LogitsQuery();
  query.addNormaliser(0, sampling.temperature);
  for (let entry = 0; entry < edits.count; entry++) query.addRead(0, edits.tokenIdAt(entry));
  const logits = answer([row], query);
  const head = new RankedHead();
  const source = { logits, row: 0, edits, readStart: 0, readCount: edits.count, onlyTokenIds: null };
  expect(head.fill(source)).toBe(true);
  const draw = new CandidateDraw();
  return (uniform) => {
    draw.draw(head, { sampling, normaliser: logits.normalisers[0]!, uniform });
    return draw.tokenId;
  };
}

describe.each(fixture.cases)(
  'row $row, repetition $repetitionPenalty, temperature $temperature, min_p $minP, top_k $topK, top_p $topP',
  (given) => {
    it('is drawn from as Hugging Face would', () => {
      const opened = open(given);
      const fromFullRow = fullRowDraw(opened);
      const fromCandidates = candidateDraw(opened);
      const wide = intervals(given, opened.edited).filter(({ start, end }) => end - start > 2.5 * TOLERANCE);
      let decidedCount = 0;
      for (const { tokenId, start, end } of wide) {
        for (const uniform of [start + TOLERANCE, end - TOLERANCE]) {
          expect(fromFullRow(uniform)).toBe(tokenId);
          const drawn = fromCandidates(uniform);
          if (drawn >= 0) decidedCount++;
          expect([tokenId, -1]).toContain(drawn);
        }
      }
      expect(decidedCount).toBeGreaterThan(0);
    });
  },
);
