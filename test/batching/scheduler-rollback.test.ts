import { describe, expect, it } from 'vitest';
import { checkInvariants } from '../../src/batching/invariants.ts';
import type { Scheduler, SchedulerSnapshot } from '../../src/batching/scheduler.ts';
import { Dice } from '../simulation/dice.ts';
import { aRequest, aScheduler, planStep, rowsOf, sampledFor } from './factories.ts';

/** A few requests arrive, often with a beginning in common; now and then one goes, or loses its blocks. */
function disturb(scheduler: Scheduler, dice: Dice, nextId: number): number {
  let sequenceId = nextId;
  while (dice.chance(0.4)) {
    const promptTokenIds = Int32Array.from({ length: dice.between(1, 20) }, () => dice.below(2));
    const changes = { sequenceId: sequenceId++, promptTokenIds, priority: dice.below(2) };
    scheduler.enqueue(aRequest({ ...changes, newTokensMax: dice.between(1, 12) }));
  }
  if (dice.chance(0.1)) scheduler.abort(dice.between(1, sequenceId));
  if (dice.chance(0.05)) scheduler.preempt(dice.between(1, sequenceId));
  return sequenceId;
}

function aBusyScheduler(dice: Dice): Scheduler {
  return aScheduler({ blockCount: dice.between(9, 20), tokensPerStepMax: dice.pick([4, 8, 24]) });
}

/** Plans and rolls back. @returns the state that the rollback must restore, given the state before. */
function planAndRollBack(scheduler: Scheduler, before: SchedulerSnapshot): SchedulerSnapshot {
  const plan = planStep(scheduler);
  const { digests, blockByDigest } = scheduler.snapshot().pool;
  scheduler.rollback(plan);
  // Content that the plan evicted stays forgotten.
  return { ...before, pool: { ...before.pool, digests, blockByDigest } };
}

/** A step during which a request arrives and others go, and which may be rolled back. */
function stepInterrupted(scheduler: Scheduler, dice: Dice, nextId: number): number {
  const plan = scheduler.plan();
  if (plan === null) return nextId;
  scheduler.enqueue(aRequest({ sequenceId: nextId, promptLength: 2, newTokensMax: 2 }));
  while (dice.chance(0.4)) scheduler.abort(dice.between(1, nextId));
  if (dice.chance(0.3)) scheduler.rollback(plan);
  else scheduler.commit(plan, sampledFor(plan));
  return nextId + 1;
}

describe('Scheduler.rollback', () => {
  it('restores the state before the plan, save evicted content and preemptions', () => {
    for (let seed = 0; seed < 40; seed++) {
      const dice = new Dice(seed);
      const scheduler = aBusyScheduler(dice);
      for (let step = 0, nextId = 1; step < 20; step++) {
        nextId = disturb(scheduler, dice, nextId);
        if (scheduler.sequenceCount === 0) continue;
        // The first plan preempts what has to be preempted; the second starts from there.
        scheduler.rollback(planStep(scheduler));
        const before = scheduler.snapshot();
        const expected = planAndRollBack(scheduler, before);
        expect(scheduler.snapshot(), `seed ${seed}, step ${step}`).toEqual(expected);
        const plan = planStep(scheduler);
        scheduler.commit(plan, sampledFor(plan));
      }
    }
  });

  it('is followed by the same plan again', () => {
    const scheduler = aScheduler();
    for (const sequenceId of [1, 2, 3]) scheduler.enqueue(aRequest({ sequenceId, promptLength: 7 }));
    const plan = planStep(scheduler);
    const rows = rowsOf(plan);
    const blockIds = plan.rows.map(({ sequence }) => [...sequence.blockTable.blockIds]);
    scheduler.rollback(plan);
    const again = planStep(scheduler);
    expect(rowsOf(again)).toEqual(rows);
    expect(again.rows.map(({ sequence }) => [...sequence.blockTable.blockIds])).toEqual(blockIds);
  });

  it('keeps the invariants with aborts and arrivals between plan and its end', () => {
    for (let seed = 0; seed < 150; seed++) {
      const dice = new Dice(seed);
      const scheduler = aBusyScheduler(dice);
      for (let step = 0, nextId = 1; step < 30; step++) {
        nextId = stepInterrupted(scheduler, dice, disturb(scheduler, dice, nextId));
        const violations = checkInvariants(scheduler.snapshot());
        if (violations.length > 0) expect.fail(`seed ${seed}, step ${step}: ${violations.join('; ')}`);
      }
    }
  });
});
