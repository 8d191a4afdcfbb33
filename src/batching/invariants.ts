/** What must hold of the scheduler between any two steps; extends the cache's own invariants. */

import { checkInvariants as checkCacheInvariants } from '../kv-cache/invariants.ts';
import type { SchedulerSnapshot } from './scheduler.ts';
import type { SequenceSnapshot } from './sequence.ts';

/** @returns one sentence for each violation; empty when all is well. */
export function checkInvariants(snapshot: SchedulerSnapshot): string[] {
  const { pool, running, waiting, stepLimits } = snapshot;
  const violations = checkCacheInvariants({ pool, tables: [...running, ...waiting] });
  if (running.length > stepLimits.sequencesPerStepMax) {
    violations.push(`${running.length} sequences run, at most ${stepLimits.sequencesPerStepMax} may`);
  }
  for (const sequence of running) checkRunning(sequence, snapshot, violations);
  for (const sequence of waiting) checkWaiting(sequence, violations);
  return violations;
}

/** A running sequence has something left to compute, and its blocks were reserved whole when it was admitted. */
function checkRunning(
  sequence: SequenceSnapshot,
  { pool, lengthMax }: SchedulerSnapshot,
  violations: string[],
): void {
  const { status, length, computedLength, blockIds } = sequence;
  const who = `running sequence ${sequence.sequenceId}`;
  if (status !== 'running') violations.push(`${who} is ${status}`);
  if (computedLength >= length) violations.push(`${who} has nothing to compute`);
  if (computedLength === 0) violations.push(`${who} made no progress in the step that admitted it`);
  if (length > lengthMax) violations.push(`${who} has ${length} tokens, at most ${lengthMax} fit`);
  // Room for a token that has just been chosen is reserved by the next plan.
  const reservedLength = computedLength + 1 === length ? computedLength : length;
  if (blockIds.length * pool.blockSize < reservedLength) violations.push(`${who} lacks blocks`);
}

function checkWaiting(sequence: SequenceSnapshot, violations: string[]): void {
  const { status, computedLength, blockIds } = sequence;
  const who = `waiting sequence ${sequence.sequenceId}`;
  if (status !== 'waiting') violations.push(`${who} is ${status}`);
  if (computedLength !== 0) violations.push(`${who} has computed ${computedLength} tokens`);
  if (blockIds.length !== 0) violations.push(`${who} holds ${blockIds.length} blocks`);
}
