/** What one step of the engine has done so far, and the report that is made of it. Decides nothing. */

import type { SequenceToken } from '../batching/generation-request.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import type {
  EndedSequence,
  PredictionUse,
  SequenceFailure,
  SequenceScores,
  StepCounts,
  StepReport,
} from './protocol.ts';
import type { TokenTimes } from './sequence-times.ts';

export type StepRecord = {
  readonly startMs: number;
  tokens: SequenceToken[];
  promptScores: SequenceScores[];
  readonly predictions: PredictionUse[];
  readonly failures: SequenceFailure[];
  /** Ended by their readers. */
  readonly ended: EndedSequence[];
  readonly counts: StepCounts;
  runMs: number;
};

export function emptyRecord(startMs: number): StepRecord {
  return {
    startMs,
    tokens: [],
    promptScores: [],
    predictions: [],
    failures: [],
    ended: [],
    counts: {
      tokenCount: 0,
      rowCount: 0,
      draftCount: 0,
      draftedCount: 0,
      draftAcceptedCount: 0,
      draftAcceptedAt: [],
      preemptionCount: 0,
      prefixQueryTokenCount: 0,
      prefixHitTokenCount: 0,
    },
    runMs: 0,
  };
}

/** What is only known when the step has ended. */
export type StepEnd = {
  readonly scheduler: Pick<Scheduler, 'runningCount' | 'waitingCount' | 'cacheUsage'>;
  readonly times: TokenTimes;
  readonly stepMs: number;
};

export function stepReport(record: StepRecord, { scheduler, times, stepMs }: StepEnd): StepReport {
  return {
    ...record.counts,
    newTokenCount: record.tokens.length,
    tokenGapsMs: times.gapsMs,
    promptTokenCount: times.promptTokenCount,
    cachedPromptTokenCount: times.cachedPromptTokenCount,
    ended: [...record.ended, ...times.ended],
    runningCount: scheduler.runningCount,
    waitingCount: scheduler.waitingCount,
    cacheUsage: scheduler.cacheUsage,
    stepMs,
    runMs: record.runMs,
  };
}
