import { describe, expect, it } from 'vitest';
import type { Scheduler } from '../../src/batching/scheduler.ts';
import { StepPace, type StepWork } from '../../src/batching/step-pace.ts';
import { aRequest, aScheduler, planStep, sampledFor } from './factories.ts';

/** @param position of the prompt tokens, all of them */
function work(decodeCount: number, promptTokenCount: number, position = 0): StepWork {
  return { decodeCount, promptTokenCount, promptPositionSum: promptTokenCount * position };
}

/** Many such steps, and after them one of decoding alone, which takes 20 ms. */
function learn(pace: StepPace, seen: StepWork, ms: number): void {
  for (let step = 0; step < 100; step++) pace.observe(seen, ms);
  pace.observe(work(8, 0), 20);
}

/** A machine on which a step takes 20 ms and every prompt token 0.5 ms more. */
function aPace(slowdownMax: number): StepPace {
  const pace = new StepPace(slowdownMax);
  pace.observe(work(8, 0), 20);
  pace.observe(work(8, 100), 70);
  return pace;
}

describe('StepPace', () => {
  it('gives prompts so many tokens that the step lasts so many times longer', () => {
    expect(aPace(1.5).promptTokensMax(8, 1, 0)).toBe(20);
    expect(aPace(2).promptTokensMax(8, 1, 0)).toBe(40);
  });

  it('holds nobody back while it does not know how long steps take', () => {
    expect(new StepPace(1.5).promptTokensMax(8, 1, 0)).toBe(Infinity);
    const pace = new StepPace(1.5);
    pace.observe(work(0, 512), 500);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(Infinity);
  });

  it('holds prompts back only while decoding sequences are more', () => {
    const pace = aPace(1.5);
    expect(pace.promptTokensMax(4, 4, 0)).toBe(Infinity);
    expect(pace.promptTokensMax(1, 8, 0)).toBe(Infinity);
    expect(pace.promptTokensMax(5, 4, 0)).toBe(4 * 20);
  });

  it('gives every prompt that waits as much again', () => {
    expect(aPace(1.5).promptTokensMax(8, 3, 0)).toBe(3 * 20);
    expect(aPace(2).promptTokensMax(8, 4, 0)).toBe(4 * 40);
  });

  it('leaves out of the room what a step with a prompt takes by itself', () => {
    const pace = aPace(2);
    learn(pace, work(8, 20), 20 + 4 + 10);
    expect(pace.promptTokensMax(8, 1, 0)).toBe((20 - 4) / 0.5);
  });

  it('computes as many tokens as cost what such a step takes by itself, where that fills the room', () => {
    const pace = aPace(1.5);
    learn(pace, work(8, 20), 20 + 30 + 10);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(30 / 0.5);
  });

  it('takes nothing for the price of such a step before it knows that of a token', () => {
    const pace = new StepPace(2);
    learn(pace, work(8, 20), 20 + 10);
    pace.observe(work(8, 100), 20 + 50);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(20 / 0.5);
  });

  it('gives a prompt fewer tokens the more there is for each to attend to', () => {
    const pace = aPace(2);
    learn(pace, work(8, 10, 2000), 20 + 5 + 10 * 2000 * 0.001);
    expect(pace.promptTokensMax(8, 1, 2000)).toBe(20 / (0.5 + 2));
    expect(pace.promptTokensMax(8, 1, 4000)).toBe(Math.floor(20 / (0.5 + 4)));
    expect(pace.promptTokensMax(8, 1, 0)).toBe(40);
  });

  it('learns that from steps with many tokens too, and does not take it for the price of a token', () => {
    const pace = aPace(2);
    for (let step = 0; step < 100; step++) pace.observe(work(0, 400, 1000), 400 * (0.5 + 1));
    expect(pace.promptTokensMax(8, 1, 0)).toBe(40);
    expect(pace.promptTokensMax(8, 1, 1000)).toBe(Math.floor(20 / (0.5 + 1)));
  });

  it('forgets what was', () => {
    const pace = aPace(1.5);
    for (let step = 0; step < 100; step++) pace.observe(work(8, 0), 80);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(79);
  });

  it('has a step without prompts after 32 with them, so that it sees decoding become longer', () => {
    const pace = aPace(1.5);
    for (let step = 0; step < 31; step++) pace.observe(work(8, 20, 2000), 110);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(0);
    pace.observe(work(8, 0), 100);
    expect(pace.promptTokensMax(8, 1, 0)).toBeGreaterThan(20);
  });

  it('does not take what one odd step shows for the price of all', () => {
    const pace = aPace(2);
    learn(pace, work(8, 20, 2000), 20 + 10);
    pace.observe(work(8, 4, 300), 20 + 2 + 100);
    expect(pace.promptTokensMax(8, 1, 300)).toBeGreaterThan(4);
  });

  it('finds out that a token costs less than one stalled step made it seem', () => {
    const pace = new StepPace(1.5);
    pace.observe(work(8, 0), 20);
    pace.observe(work(0, 400), 5000);
    for (let step = 0; step < 300; step++) {
      const tokenCount = pace.promptTokensMax(8, 1, 0);
      if (tokenCount === 0) pace.observe(work(8, 0), 20);
      else pace.observe(work(8, tokenCount), 20 + tokenCount * 0.5);
    }
    pace.observe(work(8, 0), 20);
    expect(pace.promptTokensMax(8, 1, 0)).toBeGreaterThanOrEqual(18);
  });

  it('lets a step take 16 ms in any case', () => {
    const pace = new StepPace(1.5);
    pace.observe(work(8, 0), 4);
    pace.observe(work(8, 100), 14);
    expect(pace.promptTokensMax(8, 1, 0)).toBe((16 - 4) / 0.1);
  });

  it('lets a prompt move, however dear its tokens are', () => {
    const pace = new StepPace(1.01);
    pace.observe(work(1, 0), 100);
    pace.observe(work(1, 100), 10_000);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(4);
  });

  it('never holds back without a bound, and counts a prompt that cost nothing as free', () => {
    expect(aPace(Number.POSITIVE_INFINITY).promptTokensMax(8, 1, 0)).toBe(Infinity);
    const pace = new StepPace(1.5);
    pace.observe(work(1, 0), 10);
    pace.observe(work(1, 100), 9);
    expect(pace.promptTokensMax(8, 1, 0)).toBe(Infinity);
  });
});

/** Plans a step and commits it. */
function runStep(scheduler: Scheduler): void {
  const plan = planStep(scheduler);
  scheduler.commit(plan, sampledFor(plan));
}

describe('a scheduler with a pace', () => {
  it('counts one that waits for blocks, so that it is held back when they come free', () => {
    const asked: number[] = [];
    const pace = aPace(1.5);
    pace.promptTokensMax = (_, promptCount) => {
      asked.push(promptCount);
      return Infinity;
    };
    const scheduler = aScheduler({ tokensPerStepMax: 512, blockCount: 4 }, pace);
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 2, newTokensMax: 4 }));
    runStep(scheduler);
    for (const sequenceId of [2, 3]) {
      scheduler.enqueue(aRequest({ sequenceId, promptLength: scheduler.lengthMax - 4, newTokensMax: 2 }));
    }
    for (let count = 0; count < 4; count++) runStep(scheduler);
    expect(asked).toEqual([1, 2, 0, 0, 1]);
  });

  it('counts as waiting what could be computed: sequences for which there are places', () => {
    const asked: number[] = [];
    const pace = aPace(1.5);
    pace.promptTokensMax = (_, promptCount) => {
      asked.push(promptCount);
      return Infinity;
    };
    const scheduler = aScheduler({ sequencesPerStepMax: 3, tokensPerStepMax: 32, blockCount: 65 }, pace);
    for (const sequenceId of [1, 2])
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2, newTokensMax: 9 }));
    runStep(scheduler);
    for (const sequenceId of [3, 4, 5]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 8 }));
    runStep(scheduler);
    expect(asked).toEqual([2, 1]);
  });

  it('computes a long prompt in pieces beside the answers that stream, and at once when they have ended', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 32, blockCount: 65 }, aPace(1.5));
    const step = () => {
      const plan = planStep(scheduler);
      scheduler.commit(plan, sampledFor(plan));
      return plan.tokenCount;
    };
    for (const sequenceId of [1, 2])
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2, newTokensMax: 2 }));
    expect(step()).toBe(4);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 56 }));
    expect(step()).toBe(2 + 20);
    expect(step()).toBe(32);
    expect(step()).toBe(56 - 20 - 32);
  });

  it('asks its pace with the position where the first prompt goes on', () => {
    const asked: number[] = [];
    const pace = aPace(1.5);
    const { promptTokensMax } = StepPace.prototype;
    pace.promptTokensMax = (decodeCount, promptCount, position) => {
      asked.push(position);
      return promptTokensMax.call(pace, decodeCount, promptCount, position);
    };
    const scheduler = aScheduler({ tokensPerStepMax: 32, blockCount: 65 }, pace);
    for (const sequenceId of [1, 2])
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2, newTokensMax: 9 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 56 }));
    for (let count = 0; count < 3; count++) runStep(scheduler);
    expect(asked).toEqual([0, 0, 20, 40]);
  });

  it('lets a short prompt come beside the streams while a long one is computed', () => {
    const scheduler = aScheduler(
      { sequencesPerStepMax: 8, tokensPerStepMax: 64, blockCount: 400, modelLengthMax: 1024 },
      aPace(1.5),
    );
    for (const sequenceId of [1, 2, 3, 4])
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2, newTokensMax: 200 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 5, promptLength: 1000 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 6, promptLength: 9 }));
    runStep(scheduler);
    expect(scheduler.snapshot().running.find(({ sequenceId }) => sequenceId === 6)?.computedLength).toBe(9);
  });

  it('does not learn from steps that score what prompts cost that are not scored', () => {
    const observed: unknown[] = [];
    const pace = new StepPace(1.5);
    pace.observe = (work) => observed.push(work);
    const scheduler = aScheduler({ tokensPerStepMax: 32 }, pace);
    const sampling = { ...aRequest({ sequenceId: 1 }).sampling, promptLogprobCount: 0 };
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 3, newTokensMax: 2, sampling }));
    for (let step = 0; step < 2; step++) {
      const plan = planStep(scheduler);
      scheduler.commit(plan, sampledFor(plan));
      scheduler.observe(plan, 5);
    }
    expect(observed).toEqual([{ decodeCount: 1, promptTokenCount: 0, promptPositionSum: 0 }]);
  });

  it('does not learn from steps with drafts what ordinary ones cost', () => {
    const observed: unknown[] = [];
    const pace = new StepPace(1.5);
    pace.observe = (_, ms) => observed.push(ms);
    const scheduler = aScheduler({ tokensPerStepMax: 32 }, pace);
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 1 }));
    for (const [ms, draftLength] of [
      [5, 0],
      [6, 2],
      [7, 0],
    ] as const) {
      const plan = scheduler.plan((_sequence, _countMax, draft) => {
        draft.count = draftLength;
      })!;
      scheduler.commit(plan, sampledFor(plan));
      scheduler.observe(plan, ms);
    }
    expect(observed).toEqual([5, 7]);
  });

  it('tells its pace what a step was made of', () => {
    const observed: unknown[] = [];
    const pace = new StepPace(1.5);
    pace.observe = (work, ms) => observed.push([work, ms]);
    const scheduler = aScheduler({ tokensPerStepMax: 32 }, pace);
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 3 }));
    for (const ms of [5, 6]) {
      const plan = planStep(scheduler);
      scheduler.commit(plan, sampledFor(plan));
      scheduler.observe(plan, ms);
      if (ms === 5) scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 7 }));
    }
    expect(observed).toEqual([
      [{ decodeCount: 0, promptTokenCount: 3, promptPositionSum: 0 + 1 + 2 }, 5],
      [{ decodeCount: 1, promptTokenCount: 7, promptPositionSum: 21 }, 6],
    ]);
  });
});
