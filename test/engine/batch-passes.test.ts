import { describe, expect, it } from 'vitest';
import {
  decodeArea,
  joinOutcomes,
  planPasses,
  prefillArea,
  takePass,
} from '../../src/engine/batch-passes.ts';
import type { StepOutcome } from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { Dice } from '../simulation/dice.ts';

const NOTHING_FREE = { decodeCells: 0, prefillCells: 0 };

/** A batch of rows given as [past, new tokens]; token ids count up, every row samples its last token. */
function aBatch(rows: readonly (readonly [past: number, length: number])[]): StepBatch {
  const rowStart = [0];
  for (const [, length] of rows) rowStart.push(rowStart.at(-1)! + length);
  const tokenCount = rowStart.at(-1)!;
  const counting = Int32Array.from({ length: tokenCount }, (_, token) => token);
  return {
    rowCount: rows.length,
    tokenCount,
    tokenIds: counting,
    positions: counting,
    slots: counting,
    rowStart: Int32Array.from(rowStart),
    pastLength: Int32Array.from(rows, ([past]) => past),
    blockTable: Int32Array.from(rows, (_, row) => row),
    blockTableWidth: 1,
    sampledTokens: Int32Array.from(rows, (_, row) => rowStart[row + 1]! - 1),
    sampledCount: rows.length,
  };
}

describe('planPasses', () => {
  it('leaves an even step whole', () => {
    expect(
      planPasses(
        aBatch([
          [100, 1],
          [120, 1],
          [0, 64],
          [0, 60],
        ]),
        NOTHING_FREE,
      ),
    ).toBeNull();
  });

  it('takes one long sequence out from among many short ones', () => {
    const short = Array.from({ length: 63 }, () => [20, 1] as const);
    const passes = planPasses(aBatch([...short, [1900, 1]]), NOTHING_FREE)!;
    expect(passes.length).toBe(2);
    expect(passes[0]).toContain(63);
    expect(passes[1]!.length).toBeGreaterThanOrEqual(60);
  });

  it('keeps together what another walk through the weights would cost more than', () => {
    const short = Array.from({ length: 63 }, () => [20, 1] as const);
    const free = { decodeCells: 64 * 1900, prefillCells: 0 };
    expect(planPasses(aBatch([...short, [1900, 1]]), free)).toBeNull();
  });

  it('computes at most twice the cells that are needed, and every row once, whatever the rows', () => {
    for (let seed = 0; seed < 300; seed++) {
      const dice = new Dice(seed);
      const rows = Array.from({ length: dice.between(1, 24) }, () => {
        const past = dice.chance(0.5) ? dice.below(40) : dice.below(2000);
        return [past, dice.chance(0.5) ? 1 : dice.between(2, 200)] as const;
      });
      const batch = aBatch(rows);
      const passes = planPasses(batch, NOTHING_FREE) ?? [rows.map((_, row) => row)];
      expect(
        passes.flat().toSorted((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(rows.map((_, row) => row));
      for (const pass of passes) {
        const decodes = pass.filter((row) => rows[row]![1] === 1);
        const prefills = pass.filter((row) => rows[row]![1] > 1);
        const decode = decodeArea(batch, decodes);
        expect(decode.computed, `seed ${seed}`).toBeLessThanOrEqual(2 * decode.needed);
        // A row alone cannot be cut further; its last tile may be nearly empty.
        if (prefills.length < 2) continue;
        const prefill = prefillArea(batch, prefills);
        expect(prefill.computed, `seed ${seed}`).toBeLessThanOrEqual(2 * prefill.needed);
      }
    }
  });
});

describe('passes of a step', () => {
  const batch = aBatch([
    [5, 1],
    [900, 1],
    [0, 3],
    [7, 1],
  ]);
  const query = new LogitsQuery();
  query.addNormaliser(3, 0.7);
  query.addNormaliser(1, 1);
  query.addRead(2, 40);
  query.addRead(3, 50);
  query.addFullRow(3);

  it('hold the rows that were asked for, as they were', () => {
    const { batch: taken, query: asked, sampledOfStep } = takePass(batch, query, [2, 3]);
    expect([...taken.tokenIds]).toEqual([2, 3, 4, 5]);
    expect([...taken.rowStart]).toEqual([0, 3, 4]);
    expect([...taken.pastLength]).toEqual([0, 7]);
    expect([...taken.blockTable]).toEqual([2, 3]);
    expect([...taken.sampledTokens]).toEqual([2, 3]);
    expect(sampledOfStep).toEqual([2, 3]);
    expect([asked.normaliserCount, asked.readCount, asked.fullRowCount]).toEqual([1, 2, 1]);
    expect(asked.normaliserInverseTemperature[0]).toBe(query.normaliserInverseTemperature[0]);
    expect([...asked.readRowAndToken.subarray(0, 4)]).toEqual([0, 40, 1, 50]);
  });

  it('give the answers of the whole step', () => {
    /** Says of everything which row of the step it is about. */
    const answer = (rows: readonly number[]) => {
      const pass = takePass(batch, query, rows);
      const of = (row: number) => pass.sampledOfStep[row]!;
      const outcome: StepOutcome = {
        vocabularySize: 2,
        candidateCount: 1,
        candidateLogits: Float32Array.from(pass.sampledOfStep),
        candidateIds: Int32Array.from(pass.sampledOfStep),
        normalisers: Float32Array.from({ length: pass.query.normaliserCount }, (_, i) =>
          of(pass.query.normaliserRow[i]!),
        ),
        reads: Float32Array.from({ length: pass.query.readCount }, (_, i) =>
          of(pass.query.readRowAndToken[2 * i]!),
        ),
        fullRows: Float32Array.from({ length: 2 * pass.query.fullRowCount }, (_, i) =>
          of(pass.query.fullRow[i >> 1]!),
        ),
        // The last token of each pass.
        brokenTokens: [pass.batch.tokenCount - 1],
      };
      return { pass, outcome };
    };
    const joined = joinOutcomes({ batch, query }, [answer([1]), answer([0, 2, 3])]);
    expect([...joined.candidateIds]).toEqual([0, 1, 2, 3]);
    expect([...joined.candidateLogits]).toEqual([0, 1, 2, 3]);
    expect([...joined.normalisers]).toEqual([3, 1]);
    expect([...joined.reads]).toEqual([2, 3]);
    expect([...joined.fullRows]).toEqual([3, 3]);
    expect(joined.brokenTokens).toEqual([1, 5]);
  });
});
