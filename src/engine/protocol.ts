/**
 * The messages between the main thread and the engine worker, and nothing else. Both sides import this file;
 * it imports types only. Everything is structured-cloneable.
 */

import type { ErrorCode } from '../base/errors.ts';
import type { GenerationRequest, SequenceToken } from '../batching/generation-request.ts';
import type { ComputeType } from '../graph/convert-floats.ts';
import type { KvCacheType } from '../graph/kv-cache-type.ts';
import type { WeightForm } from '../graph/weight-source.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import type { ModelLimits } from './model-runner.ts';

export type EngineLimits = ModelLimits & {
  /** Sequences in one step. */
  readonly sequencesPerStepMax: number;
  /** Tokens in one step. */
  readonly tokensPerStepMax: number;
  /** Memory of the KV cache. */
  readonly cacheBytes: number;
};

/** What a model is computed on, for a person to read. */
export type PlacementReport = {
  readonly device: 'cpu' | 'cuda' | 'webgpu';
  readonly reason: string;
  /** Positions that the model was made for; the context may be shorter. */
  readonly positionsMax: number;
  /** What is computed in. */
  readonly type: ComputeType;
  /** Of weights that are not of that type. */
  readonly weightForm: WeightForm | null;
  /** What keys and values are kept as. */
  readonly cacheType: KvCacheType | ComputeType;
  /** Nodes of the graph that the device has no kernel for. */
  readonly fallbacks: readonly string[];
};

/** Main thread -> worker. */
export type EngineCommand =
  | { readonly kind: 'request-submit'; readonly request: GenerationRequest }
  /** `takenCount`: tokens that its reader took, which are all that it wants; `null`: it has left. */
  | { readonly kind: 'request-abort'; readonly sequenceId: number; readonly takenCount: number | null }
  /** Finish nothing more, release the model, exit. */
  | { readonly kind: 'engine-close' };

export type SequenceFailure = {
  readonly sequenceId: number;
  readonly code: ErrorCode;
  readonly message: string;
};

/** Scores of prompt tokens of one sequence, in order and each once over all steps. */
export type SequenceScores = { readonly sequenceId: number; readonly scores: PromptScores };

/** What a step made of the tokens that a sequence's client predicted. */
export type PredictionUse = {
  readonly sequenceId: number;
  readonly acceptedCount: number;
  /** Computed, and not what was chosen. */
  readonly rejectedCount: number;
};

/** A sequence that ended by itself, at its length, or where its reader wanted no more of it. */
export type EndedSequence = {
  readonly promptTokenCount: number;
  /** Of these, found in the prefix cache. */
  readonly cachedTokenCount: number;
  readonly tokenCount: number;
  /** Until it was taken up for the first time. */
  readonly queueMs: number;
  /** From there to its first token, and from that to its last. */
  readonly prefillMs: number;
  readonly decodeMs: number;
};

/** What is counted while a step goes on; of this step alone. */
export type StepCounts = {
  /** Tokens and rows that were computed; 0 for a step that only took in aborts. */
  tokenCount: number;
  rowCount: number;
  /** Drafts, their tokens that were computed, and those of them that became part of their sequence. */
  draftCount: number;
  draftedCount: number;
  draftAcceptedCount: number;
  /** Drafts of which the token at this place did, for each place. */
  draftAcceptedAt: number[];
  preemptionCount: number;
  /** Prompt tokens looked up in the prefix cache, and those found, of sequences admitted in this step. */
  prefixQueryTokenCount: number;
  prefixHitTokenCount: number;
};

/** What a step did, for metrics. Counts are of this step alone; gauges are as the step left them. */
export type StepReport = Readonly<StepCounts> & {
  /** Tokens that sequences gained. */
  readonly newTokenCount: number;
  /** Milliseconds from each of these sequences' tokens before to the new one; one for each that had one before. */
  readonly tokenGapsMs: readonly number[];
  /** Of sequences whose prompt was computed to its end, so that they have their first token; and what of it was cached. */
  readonly promptTokenCount: number;
  readonly cachedPromptTokenCount: number;
  readonly ended: readonly EndedSequence[];
  readonly runningCount: number;
  readonly waitingCount: number;
  /** Share of the cache's blocks that sequences hold, 0 to 1; cached but unheld blocks count as free. */
  readonly cacheUsage: number;
  /** Whole step, and the part of it inside the model runner. */
  readonly stepMs: number;
  readonly runMs: number;
};

/** How far the preparing of weights is that takes a while, in weights. */
export type LoadingProgress = { readonly doneCount: number; readonly totalCount: number };

/** Worker -> main thread. One `step-result` a step, whatever the number of sequences. */
export type EngineEvent =
  | { readonly kind: 'engine-ready'; readonly limits: EngineLimits; readonly placement?: PlacementReport }
  | { readonly kind: 'engine-loading'; readonly progress: LoadingProgress }
  | {
      readonly kind: 'step-result';
      readonly tokens: readonly SequenceToken[];
      /** Of sequences that asked for them; told before the sequence's first token, or together with it. */
      readonly promptScores: readonly SequenceScores[];
      /** Of sequences that had a draft out of their client's prediction; told with their tokens. */
      readonly predictions: readonly PredictionUse[];
      readonly failures: readonly SequenceFailure[];
      readonly report: StepReport;
    }
  /** The engine has ended for good; every open request fails. */
  | { readonly kind: 'engine-fatal'; readonly fault: EngineFault };

/** An error on its way between threads, which would strip it of its class. */
export type EngineFault = {
  readonly message: string;
  readonly stack: string;
  /** The user can mend it: the message says it all. */
  readonly isStartupError: boolean;
};
