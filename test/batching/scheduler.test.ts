import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { ServerError } from '../../src/base/errors.ts';
import { checkInvariants } from '../../src/batching/invariants.ts';
import type { Scheduler } from '../../src/batching/scheduler.ts';
import { aRequest, aScheduler, planStep, rowsOf, runStep, SOME_TOKEN, sampledFor } from './factories.ts';

const SHARED_PROMPT = Int32Array.from({ length: 9 }, (_, position) => position);

function runningIds(scheduler: Scheduler): number[] {
  return scheduler.snapshot().running.map(({ sequenceId }) => sequenceId);
}

function waitingIds(scheduler: Scheduler): number[] {
  return scheduler.snapshot().waiting.map(({ sequenceId }) => sequenceId);
}

describe('Scheduler.enqueue', () => {
  it('refuses what can never fit, and names both numbers', () => {
    const scheduler = aScheduler({ modelLengthMax: 20 });
    const tooLong = aRequest({ promptLength: 15, newTokensMax: 6 });
    expect(() => scheduler.enqueue(tooLong)).toThrow(ServerError);
    expect(() => scheduler.enqueue(tooLong)).toThrow(/ 20 tokens.* 21 tokens/);
    scheduler.enqueue(aRequest({ promptLength: 15, newTokensMax: 5 }));
    expect(scheduler.waitingCount).toBe(1);
  });

  it('takes a prompt of all that fits where only the prompt is wanted, which ends with the token behind it', () => {
    const scheduler = aScheduler({ modelLengthMax: 8, blockCount: 3 });
    expect(() => scheduler.enqueue(aRequest({ promptLength: 9, newTokensMax: 0 }))).toThrow(ServerError);
    scheduler.enqueue(aRequest({ promptLength: 8, newTokensMax: 0 }));
    expect(runStep(scheduler)).toMatchObject([{ finishReason: 'length' }]);
    expect(scheduler.sequenceCount).toBe(0);
    expect(checkInvariants(scheduler.snapshot())).toEqual([]);
  });

  it('refuses what the whole cache has no room for', () => {
    const scheduler = aScheduler({ blockCount: 3, modelLengthMax: 64 });
    expect(() => scheduler.enqueue(aRequest({ promptLength: 4, newTokensMax: 5 }))).toThrow(ServerError);
    scheduler.enqueue(aRequest({ promptLength: 4, newTokensMax: 4 }));
    expect(scheduler.waitingCount).toBe(1);
  });

  it('takes no sequence id twice', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    expect(() => scheduler.enqueue(aRequest())).toThrow(AssertionError);
  });

  it('asks for a token of the step for every running sequence', () => {
    expect(() => aScheduler({ sequencesPerStepMax: 4, tokensPerStepMax: 3 })).toThrow(AssertionError);
  });
});

describe('Scheduler.plan', () => {
  it('has no plan without sequences', () => {
    expect(aScheduler().plan()).toBeNull();
  });

  it('makes no second plan while one is open', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    scheduler.plan();
    expect(() => scheduler.plan()).toThrow(AssertionError);
  });

  it('admits in order of arrival, within the tokens of a step', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 10 });
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 6 }));
    expect(rowsOf(planStep(scheduler))).toEqual([
      [1, 0, 6],
      [2, 0, 3],
      [3, 0, 1],
    ]);
  });

  it('admits no more sequences than a step may hold', () => {
    const scheduler = aScheduler({ sequencesPerStepMax: 2 });
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId }));
    expect(planStep(scheduler).rowCount).toBe(2);
  });

  it('admits a higher priority first', () => {
    const scheduler = aScheduler({ sequencesPerStepMax: 1 });
    scheduler.enqueue(aRequest({ sequenceId: 1 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, priority: 1 }));
    expect(rowsOf(planStep(scheduler))).toEqual([[2, 0, 4]]);
  });

  it('serves decoding sequences first, then running prompts, then admits', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 8 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 14 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 2 }));
    runStep(scheduler);
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 14 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 4, promptLength: 4 }));
    runStep(scheduler);
    expect(rowsOf(planStep(scheduler))).toEqual([
      [1, 15, 1],
      [2, 5, 1],
      [3, 11, 3],
      [4, 1, 3],
    ]);
  });

  it('holds on to no sequence of an earlier step', () => {
    const scheduler = aScheduler();
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId, newTokensMax: 1 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 4, newTokensMax: 3 }));
    runStep(scheduler);
    const held = planStep(scheduler).rows.map(({ sequence }) => sequence.sequenceId);
    expect(held).toEqual([4]);
  });

  it('lets nobody overtake one that does not fit', () => {
    const scheduler = aScheduler({ blockCount: 9 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 14 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 20, newTokensMax: 1 }));
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 1 }));
    runStep(scheduler);
    expect(waitingIds(scheduler)).toEqual([2, 3]);
  });

  it('admits when a whole prompt fits and leaves a block for each that runs and may need one', () => {
    const scheduler = aScheduler({ blockCount: 8 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 13 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 9 }));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1]);
    scheduler.abort(2);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 8 }));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1, 3]);
  });

  it('leaves a block also for one that the same plan admits', () => {
    const scheduler = aScheduler({ blockCount: 8 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 7 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 17, newTokensMax: 1 }));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1]);
  });

  it('leaves no block for those that end within the blocks they have', () => {
    const scheduler = aScheduler({ blockCount: 5, modelLengthMax: 8 });
    const short = { promptLength: 3, newTokensMax: 2 };
    const rowsOfStep = (...sequenceIds: readonly number[]) => {
      for (const sequenceId of sequenceIds) scheduler.enqueue(aRequest({ sequenceId, ...short }));
      return runStep(scheduler).map(({ sequenceId, finishReason }) => [sequenceId, finishReason]);
    };
    expect(rowsOfStep(1, 2)).toHaveLength(2);
    expect(rowsOfStep(3, 4)).toEqual([
      [1, 'length'],
      [2, 'length'],
      [3, null],
      [4, null],
    ]);
  });

  it('moves an old prompt forward in every step, whatever decodes beside it', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 4, sequencesPerStepMax: 4, blockCount: 65 });
    for (const sequenceId of [1, 2, 3]) {
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 1, newTokensMax: 40 }));
    }
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 4, promptLength: 20 }));
    for (let step = 1; step <= 19; step++) {
      runStep(scheduler);
      expect(scheduler.snapshot().running[3]?.computedLength).toBe(step);
    }
  });

  it('preempts the last in order of service when a decoding sequence needs a block', () => {
    const scheduler = aScheduler({ blockCount: 6 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 4 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 4 }));
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 4 }));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1, 2, 3]);
    const plan = planStep(scheduler);
    expect(plan.preemptedIds).toEqual([3]);
    expect(rowsOf(plan)).toEqual([
      [1, 4, 1],
      [2, 4, 1],
    ]);
    scheduler.commit(plan, sampledFor(plan));
    expect(scheduler.snapshot().waiting).toMatchObject([
      { sequenceId: 3, length: 5, computedLength: 0, preemptionCount: 1, blockIds: [] },
    ]);
    expect(checkInvariants(scheduler.snapshot())).toEqual([]);
  });

  it('preempts a lower priority although it has run longer', () => {
    const scheduler = aScheduler({ blockCount: 5 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 4 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 3, priority: 1 }));
    for (let step = 2; step <= 5; step++) runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1, 2]);
    expect(planStep(scheduler).preemptedIds).toEqual([1]);
  });

  it('preempts no more than it must', () => {
    const scheduler = aScheduler({ blockCount: 7 });
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 4 }));
    for (let step = 1; step <= 5; step++) runStep(scheduler);
    // All three have filled two blocks and nothing is free; the two that one frees are enough for the others.
    expect(planStep(scheduler).preemptedIds).toEqual([3]);
  });

  it('admits nobody in a plan that preempted', () => {
    const scheduler = aScheduler({ blockCount: 7 });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 7 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 11 }));
    for (let step = 1; step <= 3; step++) runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 1, priority: 1 }));
    const plan = planStep(scheduler);
    expect(plan.preemptedIds).toEqual([2]);
    expect(rowsOf(plan)).toEqual([[1, 9, 1]]);
    scheduler.commit(plan, sampledFor(plan));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1, 3]);
  });

  it('resumes a preempted sequence from the blocks that the cache still holds', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 9 }));
    runStep(scheduler);
    expect(scheduler.preempt(1)).toBe(true);
    expect(rowsOf(planStep(scheduler))).toEqual([[1, 8, 2]]);
  });

  it('computes at least one token of a prompt that is cached whole', () => {
    const scheduler = aScheduler();
    const promptTokenIds = SHARED_PROMPT.slice(0, 8);
    scheduler.enqueue(aRequest({ sequenceId: 1, promptTokenIds }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptTokenIds }));
    expect(rowsOf(planStep(scheduler))).toEqual([
      [1, 8, 1],
      [2, 4, 4],
    ]);
  });

  it('does not find a prefix that another row of the same step computes', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 32 });
    for (const sequenceId of [1, 2]) {
      scheduler.enqueue(aRequest({ sequenceId, promptTokenIds: SHARED_PROMPT }));
    }
    expect(planStep(scheduler).prefixHitTokenCount).toBe(0);
  });
});

describe('Scheduler.commit', () => {
  it('ends a sequence with the stop token, which is part of the output', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ stopTokenIds: [3, 7], newTokensMax: 1 }));
    expect(runStep(scheduler)).toEqual([
      { sequenceId: 1, tokenId: 7, logprobs: null, finishReason: 'stop', cachedTokenCount: 0 },
    ]);
    expect(scheduler.sequenceCount).toBe(0);
    expect(scheduler.cacheUsage).toBe(0);
  });

  it('ends a sequence with the token that completes its grammar, also where it is the last allowed one', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ newTokensMax: 1 }));
    const token = { tokenId: 5, logprobs: null, completesGrammar: true } as const;
    expect(runStep(scheduler, token)[0]).toMatchObject({ tokenId: 5, finishReason: 'stop' });
    expect(scheduler.sequenceCount).toBe(0);
  });

  it('ends a sequence at its number of new tokens', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ newTokensMax: 2 }));
    expect(runStep(scheduler)[0]?.finishReason).toBeNull();
    expect(runStep(scheduler)[0]?.finishReason).toBe('length');
    expect(scheduler.plan()).toBeNull();
  });

  it('runs a sequence to the last place that the cache has', () => {
    const scheduler = aScheduler({ blockCount: 3 });
    scheduler.enqueue(aRequest({ promptLength: 1, newTokensMax: 7 }));
    for (let step = 1; step <= 7; step++) runStep(scheduler);
    expect(scheduler.sequenceCount).toBe(0);
  });

  it('hands on log probabilities with their token', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    const logprobs = { logprob: -0.5, top: [] };
    expect(runStep(scheduler, { tokenId: 9, logprobs })[0]).toMatchObject({ tokenId: 9, logprobs });
  });

  it('chooses no token for a prompt that is not computed to its end', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 4 });
    scheduler.enqueue(aRequest({ promptLength: 6 }));
    expect(runStep(scheduler)).toEqual([]);
    expect(runStep(scheduler)).toHaveLength(1);
  });

  it('tells the prompt tokens found at first admission, also after a preemption', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest({ sequenceId: 1, promptTokenIds: SHARED_PROMPT, newTokensMax: 1 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2, promptTokenIds: SHARED_PROMPT.slice(0, 6) }));
    const first = planStep(scheduler);
    expect([first.prefixQueryTokenCount, first.prefixHitTokenCount]).toEqual([6, 4]);
    expect(scheduler.commit(first, sampledFor(first))[0]?.cachedTokenCount).toBe(4);
    for (let step = 0; step < 4; step++) runStep(scheduler);
    scheduler.preempt(2);
    const resumed = planStep(scheduler);
    expect(resumed.rows[0]?.firstPosition).toBe(8);
    expect([resumed.prefixQueryTokenCount, resumed.prefixHitTokenCount]).toEqual([0, 0]);
    expect(scheduler.commit(resumed, sampledFor(resumed))[0]?.cachedTokenCount).toBe(4);
  });

  it('keeps running sequences in order of admission', () => {
    const scheduler = aScheduler();
    for (const sequenceId of [1, 2, 3]) {
      scheduler.enqueue(aRequest({ sequenceId, promptLength: 2, newTokensMax: sequenceId === 2 ? 1 : 8 }));
    }
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 4, promptLength: 2, priority: 9 }));
    runStep(scheduler);
    expect(runningIds(scheduler)).toEqual([1, 3, 4]);
  });

  it('demands a token for every sampled row', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    const plan = planStep(scheduler);
    expect(() => scheduler.commit(plan, [])).toThrow(AssertionError);
    expect(() => scheduler.commit(plan, [SOME_TOKEN, SOME_TOKEN])).toThrow(AssertionError);
  });
});

describe('Scheduler.abort', () => {
  it('knows whether there was anything to abort', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    expect(scheduler.abort(1)).toBe(true);
    expect(scheduler.abort(1)).toBe(false);
    expect(scheduler.abort(99)).toBe(false);
  });

  it('takes a waiting sequence out of the queue', () => {
    const scheduler = aScheduler();
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId }));
    scheduler.abort(2);
    expect(waitingIds(scheduler)).toEqual([1, 3]);
  });

  it('frees the blocks of a running sequence at once', () => {
    const scheduler = aScheduler();
    scheduler.enqueue(aRequest());
    runStep(scheduler);
    scheduler.abort(1);
    expect(scheduler.cacheUsage).toBe(0);
    expect(scheduler.plan()).toBeNull();
  });

  it('leaves its blocks to a sequence of an open step until the commit, and drops its token', () => {
    const scheduler = aScheduler();
    for (const sequenceId of [1, 2]) scheduler.enqueue(aRequest({ sequenceId }));
    const plan = planStep(scheduler);
    scheduler.abort(1);
    expect(scheduler.snapshot().pool.freeBlockIds).toHaveLength(14);
    const tokens = scheduler.commit(plan, sampledFor(plan));
    expect(tokens.map(({ sequenceId }) => sequenceId)).toEqual([2]);
    expect(scheduler.snapshot().pool.freeBlockIds).toHaveLength(15);
    expect(checkInvariants(scheduler.snapshot())).toEqual([]);
  });

  it('takes effect when the open step is rolled back', () => {
    const scheduler = aScheduler({ tokensPerStepMax: 4 });
    scheduler.enqueue(aRequest({ sequenceId: 1 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 2 }));
    const plan = planStep(scheduler);
    scheduler.abort(1);
    scheduler.abort(2);
    scheduler.rollback(plan);
    expect(scheduler.sequenceCount).toBe(0);
    expect(scheduler.cacheUsage).toBe(0);
  });
});
