import { describe, expect, it } from 'vitest';
import { wasteOf } from '../../bench/scenarios/kv-waste.ts';
import { gapsBetween } from '../../bench/scenarios/long-prompt.ts';
import { aRequest, aScheduler, runStep } from '../../bench/scheduler-load.ts';

describe('wasteOf', () => {
  it('counts the empty rest of last blocks, and blocks of prompts that wait for their turn', () => {
    // 600 tokens in blocks of 16: a step computes 512 of them, which leaves 6 of 38 blocks untouched.
    const scheduler = aScheduler({ blockCount: 100, blockSize: 16, runningMax: 4, modelLengthMax: 700 });
    scheduler.enqueue(aRequest(1, 600, 10));
    runStep(scheduler, []);
    expect(wasteOf(scheduler)).toEqual({ heldSlots: 38 * 16, emptyInPrompts: 6 * 16, emptyInLastBlocks: 0 });
    runStep(scheduler, []);
    expect(wasteOf(scheduler)).toEqual({ heldSlots: 38 * 16, emptyInPrompts: 0, emptyInLastBlocks: 8 });
  });
});

describe('runStep', () => {
  it('tells how many sequences ended', () => {
    const scheduler = aScheduler({ blockCount: 100, blockSize: 16, runningMax: 4, modelLengthMax: 64 });
    for (const [id, outputLength] of [1, 2, 2].entries())
      scheduler.enqueue(aRequest(id + 1, 8, outputLength));
    expect([runStep(scheduler, []), runStep(scheduler, []), runStep(scheduler, [])]).toEqual([1, 2, 0]);
  });
});

describe('gapsBetween', () => {
  it('takes the gaps of every stream that lie between two moments whole', () => {
    const times = [
      [0, 10, 25, 45],
      [5, 12, 30],
    ];
    expect(gapsBetween(times, 5, 30)).toEqual([15, 7, 18]);
  });
});
