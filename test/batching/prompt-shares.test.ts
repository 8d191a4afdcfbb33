import { describe, expect, it } from 'vitest';
import { PARTIAL_PROMPTS_MAX } from '../../src/base/limits.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { aRequest, aScheduler, planStep, rowsOf, runStep, sampledFor } from './factories.ts';

describe('a step that has not room for all prompts', () => {
  it('leaves a quarter of the step to those behind a long prompt, and no more than they can use', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 16, blockCount: 65 });
    const rowsOfStep = () => {
      const plan = planStep(scheduler);
      const rows = rowsOf(plan);
      scheduler.commit(plan, sampledFor(plan));
      return rows;
    };
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 56 }));
    expect(rowsOfStep()).toEqual([[1, 0, 16]]);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 3 }));
    expect(rowsOfStep()).toEqual([
      [1, 16, 13],
      [2, 0, 3],
    ]);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 6 }));
    expect(rowsOf(planStep(scheduler))).toEqual([
      [2, 3, 1],
      [1, 29, 12],
      [3, 0, 3],
    ]);
  });

  it('is shared once: what the first that cannot end leaves is all for the next', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 32, blockCount: 65 });
    for (const [index, promptLength] of [20, 40, 40, 40].entries()) {
      scheduler.enqueue(aRequest({ sequenceId: index + 1, promptLength }));
    }
    expect(rowsOf(planStep(scheduler))).toEqual([
      [1, 0, 20],
      [2, 0, 9],
      [3, 0, 3],
    ]);
  });

  it.each([
    [512, 6, 4],
    [64, 6, 4],
    [16, 3, 6],
    [8, 2, 8],
  ])(
    'has a short prompt wait few steps, with %i tokens a step and %i prompts of 2,000 before it',
    (tokensPerStepMax, longCount, steps) => {
      const options = { sequencesPerStepMax: 8, modelLengthMax: 2001, blockCount: 5000 };
      const scheduler = aScheduler({ ...options, tokensPerStepMax });
      for (let sequenceId = 1; sequenceId <= longCount; sequenceId++) {
        scheduler.enqueue(aRequest({ sequenceId, promptLength: 2000, newTokensMax: 1 }));
      }
      for (let step = 0; step < 6; step++) runStep(scheduler);
      scheduler.enqueue(aRequest({ sequenceId: 99, promptLength: 10, newTokensMax: 1 }));
      let waited = 1;
      while (!runStep(scheduler).some(({ sequenceId }) => sequenceId === 99)) waited++;
      expect(waited).toBeLessThanOrEqual(steps);
    },
  );

  it('admits nobody beside as many prompts as may be computed in part', () => {
    const options = { sequencesPerStepMax: 40, modelLengthMax: 400, blockCount: 4000 };
    const scheduler = aScheduler({ ...options, tokensPerStepMax: 40 });
    for (let sequenceId = 1; sequenceId <= 30; sequenceId++) {
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 399, newTokensMax: 1 }));
    }
    let most = 0;
    while (scheduler.sequenceCount > 0) {
      runStep(scheduler);
      most = Math.max(most, scheduler.snapshot().running.length);
    }
    expect(most).toBe(PARTIAL_PROMPTS_MAX);
  });

  it('admits no prompt in part beyond them, also behind one that has got all scores of the step', () => {
    const options = { sequencesPerStepMax: 40, modelLengthMax: 4000, blockCount: 40_000 };
    const scheduler = aScheduler({ ...options, tokensPerStepMax: 80, scoredTokensPerStepMax: 2 });
    const enqueue = (sequenceId: number, promptLogprobCount: number | null = null) => {
      const sampling = { ...GREEDY, promptLogprobCount };
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 3999, newTokensMax: 1, sampling }));
    };
    for (let sequenceId = 1; sequenceId < PARTIAL_PROMPTS_MAX; sequenceId++) {
      enqueue(sequenceId);
      runStep(scheduler);
    }
    expect(scheduler.snapshot().running).toHaveLength(PARTIAL_PROMPTS_MAX - 1);
    enqueue(98, 1);
    enqueue(99);
    runStep(scheduler);
    expect(scheduler.snapshot().running).toHaveLength(PARTIAL_PROMPTS_MAX);
  });
});
