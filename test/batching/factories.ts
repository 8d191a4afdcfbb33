/** Requests and schedulers with defaults, so that a new field touches one file. */

import {
  type GenerationRequest,
  PLAIN_GENERATION,
  type SequenceToken,
} from '../../src/batching/generation-request.ts';
import { Scheduler, type SchedulerLimits } from '../../src/batching/scheduler.ts';
import { Sequence } from '../../src/batching/sequence.ts';
import type { StepPace } from '../../src/batching/step-pace.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';

export type RequestChanges = Partial<GenerationRequest> & { readonly promptLength?: number };

/** A prompt of its own: token p of sequence s is 1000 s + p. */
export function aRequest({ promptLength = 4, ...changes }: RequestChanges = {}): GenerationRequest {
  const sequenceId = changes.sequenceId ?? 1;
  return {
    sequenceId,
    promptTokenIds: Int32Array.from({ length: promptLength }, (_, position) => 1000 * sequenceId + position),
    ...PLAIN_GENERATION,
    newTokensMax: 8,
    ...changes,
  };
}

export function aSequence(changes: RequestChanges & { readonly arrival?: number } = {}): Sequence {
  const request = aRequest(changes);
  return new Sequence(request, changes.arrival ?? request.sequenceId, 4);
}

/** Blocks of 4 tokens, 16 of them usable. */
export function aScheduler(changes: Partial<SchedulerLimits> = {}, pace?: StepPace): Scheduler {
  const limits = {
    blockCount: 17,
    blockSize: 4,
    modelLengthMax: 64,
    sequencesPerStepMax: 4,
    tokensPerStepMax: 16,
    scoredTokensPerStepMax: 16,
    ...changes,
  };
  return new Scheduler(limits, undefined, pace);
}

/** What the model would have answered; any token that no test stops at. */
export const SOME_TOKEN: SampledToken = { tokenId: 7, logprobs: null };

export function sampledFor(plan: StepPlan, token: SampledToken = SOME_TOKEN): SampledToken[] {
  return Array.from({ length: plan.sampledCount }, () => token);
}

/** Plans; there must be something to plan. */
export function planStep(scheduler: Scheduler): StepPlan {
  const plan = scheduler.plan();
  if (plan === null) throw new Error('nothing to plan');
  return plan;
}

/** Plans and commits one step. */
export function runStep(scheduler: Scheduler, token: SampledToken = SOME_TOKEN): SequenceToken[] {
  const plan = planStep(scheduler);
  return scheduler.commit(plan, sampledFor(plan, token));
}

/** Rows of a plan as [sequence id, first position, tokens]. */
export function rowsOf(plan: StepPlan): [number, number, number][] {
  return plan.rows
    .slice(0, plan.rowCount)
    .map(({ sequence, firstPosition, tokenCount }) => [sequence.sequenceId, firstPosition, tokenCount]);
}
