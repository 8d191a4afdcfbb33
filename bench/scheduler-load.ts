/** A scheduler with made-up requests and no model: every step is planned and committed, and nothing is computed. */

import { type GenerationRequest, PLAIN_GENERATION } from '../src/batching/generation-request.ts';
import { Scheduler } from '../src/batching/scheduler.ts';
import type { StepPlan } from '../src/batching/step-plan.ts';
import type { SampledToken } from '../src/sampling/sampling-params.ts';

/** What the model would have answered; nothing stops at it. */
const SOME_TOKEN: SampledToken = { tokenId: 7, logprobs: null };

export type SchedulerShape = {
  readonly blockCount: number;
  readonly blockSize: number;
  readonly runningMax: number;
  readonly modelLengthMax: number;
};

export function aScheduler({ blockCount, blockSize, runningMax, modelLengthMax }: SchedulerShape): Scheduler {
  return new Scheduler({
    blockCount,
    blockSize,
    modelLengthMax,
    sequencesPerStepMax: runningMax,
    tokensPerStepMax: 512,
    scoredTokensPerStepMax: 64,
  });
}

/** A prompt of its own: no two requests share a block. */
export function aRequest(sequenceId: number, promptLength: number, outputLength: number): GenerationRequest {
  return {
    sequenceId,
    promptTokenIds: Int32Array.from({ length: promptLength }, (_, position) => 4096 * sequenceId + position),
    ...PLAIN_GENERATION,
    newTokensMax: outputLength,
  };
}

/** One step. @returns how many sequences ended in it */
export function runStep(scheduler: Scheduler, sampled: SampledToken[]): number {
  const plan: StepPlan | null = scheduler.plan();
  if (plan === null) return 0;
  sampled.length = plan.sampledCount;
  sampled.fill(SOME_TOKEN);
  const before = scheduler.sequenceCount;
  scheduler.commit(plan, sampled);
  return before - scheduler.sequenceCount;
}
