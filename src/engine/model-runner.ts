/** The engine's view of whatever computes a step: ONNX Runtime in production, a fake in the simulation. */

import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import type { StepBatch } from './step-batch.ts';

export type ModelLimits = {
  /** Blocks of the cache, the null block (id 0) included. */
  readonly blockCount: number;
  /** Tokens a block holds. */
  readonly blockSize: number;
  /** Prompt and output of one sequence, in tokens: no more than the cache has room for. */
  readonly modelLengthMax: number;
  readonly vocabularySize: number;
};

/**
 * `retryable`: nothing is known to be broken, the same step may be tried again.
 * `fatal`: native state cannot be trusted any more; the engine ends.
 */
export type RunnerErrorKind = 'retryable' | 'fatal';

export class RunnerError extends Error {
  override readonly name = 'RunnerError';
  readonly kind: RunnerErrorKind;
  constructor(kind: RunnerErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export type StepOutcome = StepLogits & {
  /**
   * Tokens (index in the batch) whose keys or values are not finite numbers; what was stored in their place is not
   * to be relied on. Almost always empty.
   */
  readonly brokenTokens: readonly number[];
};

export interface ModelRunner {
  readonly limits: ModelLimits;
  /**
   * Computes every token of the batch, writes their K and V into their slots, and answers the query for its
   * rows of logits. Running the same batch again is harmless: it writes the same values to the same slots.
   * @throws RunnerError
   */
  run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome>;
  close(): Promise<void>;
}
