import { describe, expect, it } from 'vitest';
import { DRAFTED_STEP_TOKENS_MAX } from '../../src/base/limits.ts';
import { checkInvariants } from '../../src/batching/invariants.ts';
import type { Scheduler } from '../../src/batching/scheduler.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import type { Drafter } from '../../src/batching/step-planner.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import { aRequest, aScheduler, runStep, sampledFor } from './factories.ts';

/** 100, 101, … behind whatever there is; keeps what it was asked for. */
class CountingDrafter {
  readonly asked: [sequenceId: number, countMax: number][] = [];
  readonly draft: Drafter = ({ sequenceId }, countMax, draft) => {
    this.asked.push([sequenceId, countMax]);
    for (draft.count = 0; draft.count < countMax; draft.count++)
      draft.tokenIds[draft.count] = 100 + draft.count;
  };
}

const BLOCK_SIZE = 16;

function aDecodingScheduler(sequenceCount: number, promptLength: number, newTokensMax = 60): Scheduler {
  const scheduler = aScheduler({ blockSize: BLOCK_SIZE, modelLengthMax: 128, tokensPerStepMax: 64 });
  for (let sequenceId = 1; sequenceId <= sequenceCount; sequenceId++) {
    scheduler.enqueue(aRequest({ sequenceId, promptLength, newTokensMax }));
  }
  runStep(scheduler);
  return scheduler;
}

function planWith(scheduler: Scheduler, drafter: Drafter): StepPlan {
  const plan = scheduler.plan(drafter);
  if (plan === null) throw new Error('nothing to plan');
  return plan;
}

const tokens = (...ids: readonly number[]): SampledToken[] =>
  ids.map((tokenId) => ({ tokenId, logprobs: null }));

function violationsOf(scheduler: Scheduler): readonly string[] {
  return checkInvariants(scheduler.snapshot());
}

describe('planning drafts', () => {
  it.each([
    [1, [7]],
    [2, [3, 3]],
    [3, [1, 2, 2]],
    [4, [1, 1, 1, 1]],
  ])('shares what a step of little has to spare among %i sequences', (count, shares) => {
    const scheduler = aDecodingScheduler(count, 4);
    const drafter = new CountingDrafter();
    const plan = planWith(scheduler, drafter.draft);
    expect(drafter.asked.map(([, countMax]) => countMax)).toEqual(shares);
    expect(plan).toMatchObject({ decodeCount: count, tokenCount: DRAFTED_STEP_TOKENS_MAX });
  });

  it('gives what one does not use to those behind it', () => {
    const asked: number[] = [];
    planWith(aDecodingScheduler(3, 4), (_, countMax) => asked.push(countMax));
    expect(asked).toEqual([1, 2, 5]);
  });

  it.each([1, 2, 3, 4])(
    'gives sequences with a prediction their share first, wherever they stand: place %i',
    (place) => {
      const scheduler = aScheduler({ blockSize: BLOCK_SIZE, modelLengthMax: 128, tokensPerStepMax: 64 });
      for (let sequenceId = 1; sequenceId <= 4; sequenceId++) {
        const predictedTokenIds = sequenceId === place ? Int32Array.of(1, 2, 3) : null;
        scheduler.enqueue(aRequest({ sequenceId, promptLength: 4, newTokensMax: 60, predictedTokenIds }));
      }
      runStep(scheduler);
      const asked = new Map<number, number>();
      planWith(scheduler, ({ sequenceId }, countMax) => asked.set(sequenceId, countMax));
      expect([...asked][0]).toEqual([place, 4]);
    },
  );

  it('asks for none where so many sequences decode that they use it up', () => {
    const scheduler = aScheduler({ sequencesPerStepMax: 8, blockCount: 33, tokensPerStepMax: 64 });
    for (let sequenceId = 1; sequenceId <= 8; sequenceId++) {
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2 }));
    }
    runStep(scheduler);
    const drafter = new CountingDrafter();
    planWith(scheduler, drafter.draft);
    expect(drafter.asked).toEqual([]);
  });

  it('takes no block for them', () => {
    // 13 tokens and the one that was chosen: two places are left in the block.
    const scheduler = aDecodingScheduler(1, 13);
    const drafter = new CountingDrafter();
    planWith(scheduler, drafter.draft);
    expect(drafter.asked).toEqual([[1, 2]]);
    expect(scheduler.snapshot().running[0]!.blockIds).toHaveLength(1);
  });

  it.each([
    ['the last block is full', 15, 60],
    ['the next token is the last', 4, 2],
  ])('asks for none where %s', (_, promptLength, newTokensMax) => {
    const drafter = new CountingDrafter();
    planWith(aDecodingScheduler(1, promptLength, newTokensMax), drafter.draft);
    expect(drafter.asked).toEqual([]);
  });

  it('asks for no more than the output may still gain behind its next token', () => {
    const drafter = new CountingDrafter();
    planWith(aDecodingScheduler(1, 4, 4), drafter.draft);
    expect(drafter.asked).toEqual([[1, 2]]);
  });

  it('asks for drafts although others wait that cannot be admitted', () => {
    const scheduler = aDecodingScheduler(4, 4);
    scheduler.enqueue(aRequest({ sequenceId: 5 }));
    const drafter = new CountingDrafter();
    planWith(scheduler, drafter.draft);
    expect(drafter.asked).toHaveLength(4);
  });

  /** Steps of one sequence, of 10 ms without a draft and 25 ms with one. @returns which of them had one. */
  function draftedSteps(right: readonly number[]): boolean[] {
    const scheduler = aDecodingScheduler(1, 4, 100);
    const drafter = new CountingDrafter();
    return [1, 2, 3, 4].map(() => {
      const plan = planWith(scheduler, drafter.draft);
      const isDrafted = plan.draftTokenCount > 0;
      const chosen = isDrafted ? right : right.slice(0, 1);
      scheduler.commit(plan, tokens(...chosen), [chosen.length]);
      scheduler.observe(plan, isDrafted ? 25 : 10);
      return isDrafted;
    });
  }

  it('asks for none while they do not pay', () => {
    expect(draftedSteps([7])).toEqual([true, false, true, false]);
  });

  it('asks for them where steps with them choose more tokens than they take longer', () => {
    expect(draftedSteps([100, 101, 7])).toEqual([true, false, true, true]);
  });

  it('judges them by other steps where one of the sequences has a prediction', () => {
    const scheduler = aDecodingScheduler(2, 4);
    const drafter = new CountingDrafter();
    const draftedOfStep = () => {
      const plan = planWith(scheduler, drafter.draft);
      const ends = Array.from({ length: plan.sampledCount }, (_, row) => row + 1);
      scheduler.commit(plan, sampledFor(plan), ends);
      scheduler.observe(plan, 10);
      return plan.draftTokenCount;
    };
    // The next step of two such sequences would go without, to be compared with it.
    expect(draftedOfStep()).toBe(6);
    scheduler.abort(2);
    scheduler.enqueue(aRequest({ sequenceId: 3, newTokensMax: 60, predictedTokenIds: Int32Array.of(1) }));
    expect([draftedOfStep(), draftedOfStep()]).toEqual([0, 6]);
  });

  it('does not compare them with a step that has a prompt too', () => {
    const scheduler = aDecodingScheduler(1, 4);
    scheduler.enqueue(aRequest({ sequenceId: 2 }));
    const drafter = new CountingDrafter();
    const draftedOfStep = (ms: number) => {
      const plan = planWith(scheduler, drafter.draft);
      scheduler.commit(plan, sampledFor(plan));
      scheduler.observe(plan, ms);
      return plan.draftTokenCount;
    };
    expect([draftedOfStep(1_000), draftedOfStep(25), draftedOfStep(10)]).toEqual([0, 6, 0]);
  });

  it('leaves nothing of a draft to the row of a later step', () => {
    const scheduler = aDecodingScheduler(1, 4);
    const drafted = planWith(scheduler, new CountingDrafter().draft);
    scheduler.commit(drafted, tokens(100, 50), [2]);
    const plan = planWith(scheduler, () => {});
    expect(plan.rows[0]!.draft.count).toBe(0);
  });

  it('asks for none beside a prompt, be it running or waiting', () => {
    const scheduler = aDecodingScheduler(1, 4);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 100, newTokensMax: 1 }));
    const drafter = new CountingDrafter();
    scheduler.commit(planWith(scheduler, drafter.draft), tokens(7));
    const plan = planWith(scheduler, drafter.draft);
    expect(plan.rowCount).toBe(2);
    expect(drafter.asked).toEqual([]);
  });
});

describe('committing a draft', () => {
  it('appends what was right of it and the token behind that', () => {
    const scheduler = aDecodingScheduler(1, 4);
    const plan = planWith(scheduler, new CountingDrafter().draft);
    const committed = scheduler.commit(plan, tokens(100, 101, 50), [3]);
    expect(committed.map(({ tokenId }) => tokenId)).toEqual([100, 101, 50]);
    // The newest of 4 + 1 + 3 tokens is yet to be computed; what was wrong counts for nothing.
    expect(scheduler.snapshot().running[0]).toMatchObject({ length: 8, computedLength: 7 });
    expect(violationsOf(scheduler)).toEqual([]);
  });

  it('ends the sequence where a token of it does', () => {
    const scheduler = aScheduler({ blockSize: BLOCK_SIZE });
    scheduler.enqueue(aRequest({ newTokensMax: 20, stopTokenIds: [101] }));
    runStep(scheduler);
    const plan = planWith(scheduler, new CountingDrafter().draft);
    const committed = scheduler.commit(plan, tokens(100, 101, 102), [3]);
    expect(committed.map(({ tokenId, finishReason }) => [tokenId, finishReason])).toEqual([
      [100, null],
      [101, 'stop'],
    ]);
    expect(scheduler.sequenceCount).toBe(0);
  });

  it('computes nothing more for a sequence that was aborted meanwhile', () => {
    const scheduler = aDecodingScheduler(2, 4);
    const plan = planWith(scheduler, new CountingDrafter().draft);
    scheduler.abort(1);
    const committed = scheduler.commit(plan, tokens(100, 101, 100, 50), [2, 4]);
    expect(committed.map(({ sequenceId, tokenId }) => [sequenceId, tokenId])).toEqual([
      [2, 100],
      [2, 50],
    ]);
    expect(violationsOf(scheduler)).toEqual([]);
  });

  it('leaves everything as it was when it is rolled back', () => {
    const scheduler = aDecodingScheduler(2, 4);
    const before = scheduler.snapshot();
    scheduler.rollback(planWith(scheduler, new CountingDrafter().draft));
    expect(scheduler.snapshot()).toEqual(before);
  });

  it('refuses more tokens than the draft has, and one behind it', () => {
    const scheduler = aDecodingScheduler(4, 4);
    const plan = planWith(scheduler, new CountingDrafter().draft);
    expect(() => scheduler.commit(plan, tokens(1, 2, 3, 1, 1, 1), [3, 4, 5, 6])).toThrow(/of its draft/);
  });
});
