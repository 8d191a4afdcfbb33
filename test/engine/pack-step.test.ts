import { describe, expect, it } from 'vitest';
import { StepPlan } from '../../src/batching/step-plan.ts';
import { StepPacker } from '../../src/engine/pack-step.ts';
import { aSequence } from '../batching/factories.ts';

/** Blocks of 4. Sequence 1 decodes its 6th token; sequence 2 computes tokens 3 and 4 of a prompt of 9. */
function aPlan(): StepPlan {
  const decoding = aSequence({ sequenceId: 1, promptLength: 6 });
  for (const id of [5, 3]) decoding.blockTable.append(id);
  decoding.computedLength = 5;
  const prompt = aSequence({ sequenceId: 2, promptLength: 9 });
  for (const id of [2, 8, 6]) prompt.blockTable.append(id);
  prompt.computedLength = 3;
  const plan = new StepPlan();
  plan.addRow(decoding, 1, 2);
  plan.addRow(prompt, 2, 3);
  return plan;
}

const LIMITS = { sequencesPerStepMax: 4, tokensPerStepMax: 8, scoredTokensPerStepMax: 4 };

describe('StepPacker', () => {
  it('packs rows end to end, with their slots and block tables', () => {
    expect(new StepPacker(LIMITS).pack(aPlan())).toEqual({
      rowCount: 2,
      tokenCount: 3,
      tokenIds: Int32Array.of(1005, 2003, 2004),
      positions: Int32Array.of(5, 3, 4),
      slots: Int32Array.of(3 * 4 + 1, 2 * 4 + 3, 8 * 4),
      rowStart: Int32Array.of(0, 1, 3),
      pastLength: Int32Array.of(5, 3),
      blockTable: Int32Array.of(5, 3, 0, 2, 8, 6),
      blockTableWidth: 3,
      logitsTokens: Int32Array.of(0),
      logitsRowCount: 1,
    });
  });

  it('packs a draft behind its row, every token of it sampled', () => {
    const plan = aPlan();
    const { draft } = plan.rows[0]!;
    draft.tokenIds.set([71, 72]);
    draft.count = 2;
    plan.countDraft(plan.rows[0]!);
    expect(new StepPacker(LIMITS).pack(plan)).toMatchObject({
      tokenCount: 5,
      tokenIds: Int32Array.of(1005, 71, 72, 2003, 2004),
      positions: Int32Array.of(5, 6, 7, 3, 4),
      slots: Int32Array.of(3 * 4 + 1, 3 * 4 + 2, 3 * 4 + 3, 2 * 4 + 3, 8 * 4),
      rowStart: Int32Array.of(0, 3, 5),
      logitsTokens: Int32Array.of(0, 1, 2),
    });
  });

  it('packs the last tokens of rows that are computed once more', () => {
    const [decoding, prompt] = aPlan().rows.map(({ sequence }) => sequence);
    expect(new StepPacker(LIMITS).packLastTokens([prompt!, decoding!])).toEqual({
      rowCount: 2,
      tokenCount: 2,
      tokenIds: Int32Array.of(2008, 1005),
      positions: Int32Array.of(8, 5),
      slots: Int32Array.of(6 * 4, 3 * 4 + 1),
      rowStart: Int32Array.of(0, 1, 2),
      pastLength: Int32Array.of(8, 5),
      blockTable: Int32Array.of(2, 8, 6, 5, 3, 0),
      blockTableWidth: 3,
      logitsTokens: Int32Array.of(0, 1),
      logitsRowCount: 2,
    });
  });

  it('leaves nothing of one batch in the next', () => {
    const packer = new StepPacker(LIMITS);
    const plan = aPlan();
    packer.pack(plan);
    const swapped = plan.rows.map(({ sequence }) => sequence).reverse();
    expect(packer.packLastTokens(swapped)).toEqual(new StepPacker(LIMITS).packLastTokens(swapped));
  });

  it('uses its arrays again', () => {
    const packer = new StepPacker(LIMITS);
    const plan = aPlan();
    const { tokenIds, blockTable } = packer.pack(plan);
    const again = packer.pack(plan);
    expect(again.tokenIds.buffer).toBe(tokenIds.buffer);
    expect(again.blockTable.buffer).toBe(blockTable.buffer);
  });
});
