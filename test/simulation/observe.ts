/** Watches pool and scheduler from outside, for the marks and for the poison; changes nothing that they do. */

import type { Scheduler, SchedulerSnapshot } from '../../src/batching/scheduler.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import type { BlockPool } from '../../src/kv-cache/block-pool.ts';
import type { MarkCounts } from './marks.ts';

/** @param onAllocate called with every block whose content is gone. */
export function observePool(pool: BlockPool, marks: MarkCounts, onAllocate: (blockId: number) => void): void {
  const hits = new Set<number>();
  const published = new Set<number>();
  let evictedInPlan = false;
  const { allocate, retain, publish, openReservation, undoReservation } = pool;

  pool.allocate = () => {
    const id = allocate.call(pool);
    if (hits.delete(id)) marks.hit('hit-then-evicted');
    if (published.delete(id)) evictedInPlan = true;
    onAllocate(id);
    return id;
  };
  pool.retain = (blockIds) => {
    for (const id of blockIds) {
      marks.hit(pool.isHeld(id) ? 'hit-of-held-block' : 'hit-of-free-block');
      hits.add(id);
    }
    retain.call(pool, blockIds);
  };
  pool.publish = (blockId, digest) => {
    if (pool.find(digest) === null) published.add(blockId);
    else marks.hit('equal-block-published-twice');
    publish.call(pool, blockId, digest);
  };
  pool.openReservation = () => {
    evictedInPlan = false;
    openReservation.call(pool);
  };
  pool.undoReservation = () => {
    if (evictedInPlan) marks.hit('rollback-after-eviction');
    undoReservation.call(pool);
  };
}

/** @param before the state after the last step. */
export function observeScheduler(
  scheduler: Scheduler,
  marks: MarkCounts,
  before: () => SchedulerSnapshot,
): void {
  const { plan, rollback } = scheduler;
  scheduler.plan = (drafter) => {
    const planned = plan.call(scheduler, drafter);
    if (planned !== null) markPlan(planned, scheduler, marks, before());
    return planned;
  };
  scheduler.rollback = (planned) => {
    if (planned.draftTokenCount > 0) marks.hit('rollback-with-draft');
    if (planned.admissionCount > 0) marks.hit('rollback-with-new-admission');
    rollback.call(scheduler, planned);
  };
}

function markPlan(plan: StepPlan, scheduler: Scheduler, marks: MarkCounts, before: SchedulerSnapshot): void {
  for (const id of plan.preemptedIds) markPreemption(id, marks, before);
  const admittedFrom = plan.rowCount - plan.admissionCount;
  let oneTokenRowCount = 0;
  for (let index = 0; index < plan.rowCount; index++) {
    const { tokenCount, samples } = plan.rows[index]!;
    if (tokenCount === 1) oneTokenRowCount++;
    if (index >= admittedFrom) markAdmission(plan, index, marks, before);
    else if (!samples) marks.hit('prompt-in-many-chunks');
  }
  if (oneTokenRowCount > 0 && oneTokenRowCount < plan.rowCount) marks.hit('prompts-and-decodes-mixed');
  const { sequencesPerStepMax, tokensPerStepMax } = scheduler.stepLimits;
  if (plan.tokenCount === plan.tokenCountMax && plan.tokenCountMax < tokensPerStepMax) {
    marks.hit('prompt-held-back');
  }
  const hasRoom = scheduler.runningCount < sequencesPerStepMax && plan.tokenCount < plan.tokenCountMax;
  if (hasRoom && scheduler.waitingCount > 0 && plan.preemptedIds.length === 0) {
    marks.hit('admission-refused-for-blocks');
  }
}

function markPreemption(id: number, marks: MarkCounts, { running }: SchedulerSnapshot): void {
  marks.hit('preempted-for-blocks');
  const victim = running.find(({ sequenceId }) => sequenceId === id);
  if (victim === undefined) return;
  const isDecoding = victim.length === victim.computedLength + 1;
  marks.hit(isDecoding ? 'preempted-while-decoding' : 'preempted-during-prompt');
}

function markAdmission(
  plan: StepPlan,
  index: number,
  marks: MarkCounts,
  { waiting }: SchedulerSnapshot,
): void {
  const { sequence, firstPosition } = plan.rows[index]!;
  if (sequence.preemptionCount > 0 && firstPosition > 0) marks.hit('resumed-from-cache');
  if (waiting.some((other) => isOvertaken(other.sequenceId, plan, index))) {
    marks.hit('served-before-earlier-arrival');
  }
}

/** The waiting sequence came before the one in row `index`, and no row up to that one is its own. */
function isOvertaken(waitingId: number, plan: StepPlan, index: number): boolean {
  if (waitingId >= plan.rows[index]!.sequence.sequenceId) return false;
  for (let row = 0; row < index; row++) {
    if (plan.rows[row]!.sequence.sequenceId === waitingId) return false;
  }
  return true;
}
