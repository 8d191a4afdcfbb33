/** How the scheduler gives away the scores of a step. */

import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../src/batching/invariants.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { aRequest, aScheduler, planStep, rowsOf, runStep, sampledFor } from './factories.ts';

const SCORED = { sampling: { ...GREEDY, promptLogprobCount: 0 } };

/** Rows as [sequence id, first scored position, scores]. */
function scoresOf(plan: StepPlan): [number, number, number][] {
  return plan.rows
    .slice(0, plan.rowCount)
    .filter(({ scoredCount }) => scoredCount > 0)
    .map(({ sequence, firstScored, scoredCount }) => [sequence.sequenceId, firstScored, scoredCount]);
}

describe('a prompt that is scored', () => {
  it('moves on by as many tokens as a step scores; the last token is not one of them', () => {
    const scheduler = aScheduler({ scoredTokensPerStepMax: 4 });
    scheduler.enqueue(aRequest({ promptLength: 10, ...SCORED }));
    const steps: unknown[] = [];
    for (let step = 0; step < 4; step++) {
      const plan = planStep(scheduler);
      steps.push([rowsOf(plan), scoresOf(plan)]);
      scheduler.commit(plan, sampledFor(plan));
    }
    // All but one score go to a prompt that runs.
    expect(steps).toEqual([
      [[[1, 0, 4]], [[1, 0, 4]]],
      [[[1, 4, 3]], [[1, 4, 3]]],
      [[[1, 7, 3]], [[1, 7, 2]]],
      [[[1, 10, 1]], []],
    ]);
  });

  it('leaves one score to the next that is admitted, so that nobody waits behind that one', () => {
    const scheduler = aScheduler({ scoredTokensPerStepMax: 3, blockCount: 65 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 12, ...SCORED }));
    runStep(scheduler);
    for (const sequenceId of [2, 3]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 12, ...SCORED }));
    scheduler.enqueue(aRequest({ sequenceId: 4 }));
    const first = planStep(scheduler);
    expect(scoresOf(first)).toEqual([
      [1, 3, 2],
      [2, 0, 1],
    ]);
    scheduler.commit(first, sampledFor(first));
    const second = planStep(scheduler);
    expect(rowsOf(second)).toEqual([
      [1, 5, 2],
      [3, 0, 1],
      [4, 0, 4],
    ]);
  });

  it('does not keep running prompts that are not scored from their tokens', () => {
    const scheduler = aScheduler({ scoredTokensPerStepMax: 2, tokensPerStepMax: 8, blockCount: 65 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 20, ...SCORED }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 20, ...SCORED }));
    runStep(scheduler);
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 20 }));
    runStep(scheduler);
    expect(rowsOf(planStep(scheduler)).at(-1)).toEqual([3, 7, 7]);
  });

  it('is scored on where it was, when it is computed again', () => {
    const scheduler = aScheduler({ scoredTokensPerStepMax: 6 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 14, ...SCORED }));
    runStep(scheduler);
    scheduler.preempt(1);
    const plan = planStep(scheduler);
    // Its one full block is taken from the cache; tokens 4 and 5 are computed again and have been scored.
    expect(rowsOf(plan)).toEqual([[1, 4, 8]]);
    expect(scoresOf(plan)).toEqual([[1, 6, 6]]);
    scheduler.rollback(plan);
    expect(scoresOf(planStep(scheduler))).toEqual([[1, 6, 6]]);
    expect(checkInvariants(scheduler.snapshot())).toEqual([]);
  });

  it('takes nothing from the cache that is not scored yet, and gives to it like any other', () => {
    const scheduler = aScheduler();
    const promptTokenIds = () => Int32Array.from({ length: 9 }, (_, position) => position);
    scheduler.enqueue(aRequest({ sequenceId: 1, promptTokenIds: promptTokenIds(), ...SCORED }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptTokenIds: promptTokenIds(), ...SCORED }));
    scheduler.enqueue(aRequest({ sequenceId: 3, promptTokenIds: promptTokenIds() }));
    const plan = planStep(scheduler);
    expect(rowsOf(plan).slice(1)).toEqual([
      [2, 0, 9],
      [3, 8, 1],
    ]);
  });

  it('of one token has nothing to score', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ promptLength: 1, ...SCORED }));
    expect(scoresOf(planStep(scheduler))).toEqual([]);
  });
});
