import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../src/batching/invariants.ts';
import type { SchedulerSnapshot } from '../../src/batching/scheduler.ts';
import type { SequenceSnapshot } from '../../src/batching/sequence.ts';
import { aRequest, aScheduler, runStep } from './factories.ts';

/** Sequence 1 runs and has chosen a token, sequence 2 waits. */
function aSnapshot(): SchedulerSnapshot {
  const scheduler = aScheduler({ sequencesPerStepMax: 1 });
  for (const sequenceId of [1, 2]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 6 }));
  runStep(scheduler);
  return scheduler.snapshot();
}

function withRunning(changes: Partial<SequenceSnapshot>): SchedulerSnapshot {
  const snapshot = aSnapshot();
  return { ...snapshot, running: [{ ...snapshot.running[0]!, ...changes }] };
}

function withWaiting(changes: Partial<SequenceSnapshot>): SchedulerSnapshot {
  const snapshot = aSnapshot();
  return { ...snapshot, waiting: [{ ...snapshot.waiting[0]!, ...changes }] };
}

describe('checkInvariants of the scheduler', () => {
  it('finds nothing wrong between two steps', () => {
    expect(checkInvariants(aSnapshot())).toEqual([]);
  });

  it('looks at the cache too', () => {
    expect(checkInvariants(withRunning({ blockIds: [] })).join()).toContain('0 tables hold it');
  });

  it.each<[violation: string, snapshot: SchedulerSnapshot]>([
    [
      '2 sequences run, at most 1 may',
      { ...aSnapshot(), running: [...aSnapshot().running, ...aSnapshot().running] },
    ],
    ['running sequence 1 is waiting', withRunning({ status: 'waiting' })],
    ['running sequence 1 has nothing to compute', withRunning({ computedLength: 7 })],
    ['running sequence 1 made no progress in the step that admitted it', withRunning({ computedLength: 0 })],
    ['running sequence 1 has 65 tokens, at most 64 fit', withRunning({ length: 65 })],
    ['running sequence 1 lacks blocks', withRunning({ length: 10 })],
    ['waiting sequence 2 is running', withWaiting({ status: 'running' })],
    ['waiting sequence 2 has computed 1 tokens', withWaiting({ computedLength: 1 })],
    ['waiting sequence 2 holds 1 blocks', withWaiting({ blockIds: [9] })],
  ])('says that %s', (violation, snapshot) => {
    expect(checkInvariants(snapshot)).toContain(violation);
  });
});
