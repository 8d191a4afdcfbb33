import { afterEach, describe, expect, it, vi } from 'vitest';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import { Scheduler } from '../../src/batching/scheduler.ts';
import { KvCacheManager } from '../../src/kv-cache/kv-cache-manager.ts';
import { aRequest, aScheduler, runStep } from './factories.ts';

const RUNNING_COUNT = 32;

/** Counts how often any waiting request is compared with another: comparing is all that a queue does with them. */
class ComparisonCounter {
  count = 0;

  watch(request: GenerationRequest): GenerationRequest {
    const counter = this;
    return Object.defineProperty({ ...request }, 'priority', {
      get() {
        counter.count++;
        return 0;
      },
    });
  }
}

/** 32 sequences run, one of them ends and one is admitted in most steps; the others wait. */
function comparisonsOfSteps(waitingCount: number, stepCount: number): number {
  const counter = new ComparisonCounter();
  const scheduler = new Scheduler({
    blockCount: 1 + 4 * RUNNING_COUNT,
    blockSize: 16,
    modelLengthMax: 64,
    sequencesPerStepMax: RUNNING_COUNT,
    tokensPerStepMax: 512,
    scoredTokensPerStepMax: 64,
  });
  for (let sequenceId = 1; sequenceId <= RUNNING_COUNT + waitingCount; sequenceId++) {
    const newTokensMax = sequenceId <= RUNNING_COUNT ? sequenceId : RUNNING_COUNT;
    scheduler.enqueue(counter.watch(aRequest({ sequenceId, promptLength: 8, newTokensMax })));
  }
  runStep(scheduler);
  counter.count = 0;
  for (let step = 0; step < stepCount; step++) runStep(scheduler);
  expect(scheduler.waitingCount).toBe(waitingCount - stepCount);
  return counter.count / stepCount;
}

describe('Scheduler', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('does in a step about the same work with 10,000 waiting as with 40', () => {
    const few = comparisonsOfSteps(40, 30);
    const many = comparisonsOfSteps(10_000, 30);
    expect(few).toBeGreaterThan(1);
    // One admission a step: two comparisons a level of the heap, and each reads two priorities.
    expect(many).toBeLessThan(4 * Math.ceil(Math.log2(10_000)) + 4);
    expect(many / few).toBeLessThan(4);
  });

  it('looks up in the cache what waits for blocks only when more have come free, and once in a while', () => {
    const scheduler = aScheduler({
      blockCount: 65,
      blockSize: 4,
      modelLengthMax: 256,
      tokensPerStepMax: 256,
    });
    scheduler.enqueue(aRequest({ sequenceId: 1, promptLength: 80, newTokensMax: 40 }));
    scheduler.enqueue(aRequest({ sequenceId: 2, promptLength: 80, newTokensMax: 30 }));
    runStep(scheduler);
    scheduler.enqueue(aRequest({ sequenceId: 3, promptLength: 100, newTokensMax: 1 }));
    const lookups = vi.spyOn(KvCacheManager.prototype, 'admit');
    const lookupsOfSteps = (count: number): number => {
      lookups.mockClear();
      for (let step = 0; step < count; step++) runStep(scheduler);
      return lookups.mock.calls.length;
    };
    expect(lookupsOfSteps(29)).toBe(2);
    expect(scheduler.runningCount).toBe(1);
    expect(lookupsOfSteps(1)).toBe(1);
    expect(scheduler.waitingCount).toBe(0);
  });
});
