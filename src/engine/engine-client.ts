/**
 * The engine as everyone above it sees it: tokens in, tokens out. Knows nothing of text, HTTP, ONNX or of
 * which thread the engine lives on.
 */

import type { ServerError } from '../base/errors.ts';
import type { Feed, OnReadable } from '../base/feed.ts';
import type { FinishReason, GenerationRequest } from '../batching/generation-request.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import type { TokenLogprobs } from '../sampling/sampling-params.ts';
import type { EngineLimits, StepReport } from './protocol.ts';

/** A request as its owner writes it; the client numbers the sequence. */
export type GenerationInput = Omit<GenerationRequest, 'sequenceId'>;

export type GeneratedToken = {
  readonly tokenId: number;
  readonly logprobs: TokenLogprobs | null;
};

/** Tokens of a prediction that were computed: those that were right, and those that were not. */
export type PredictedCounts = { readonly acceptedCount: number; readonly rejectedCount: number };

export type TokenEvent =
  /** At least one token. A reader that lags behind finds several steps' tokens merged into one event. */
  | {
      readonly kind: 'tokens-delta';
      readonly tokens: readonly GeneratedToken[];
      readonly cachedTokenCount: number;
      /** Of the whole prompt, in order, with the sequence's first tokens where it asked for them; else `null`. */
      readonly promptScores: readonly PromptScores[] | null;
      /** Since the sequence began, of what its client predicted. */
      readonly predicted: PredictedCounts;
    }
  /** The last event of a sequence that ended as asked. */
  | { readonly kind: 'finish'; readonly reason: FinishReason };

/** `loading` -> `ready` -> `draining`; `dead` from anywhere, for good. */
export type EngineState = 'loading' | 'ready' | 'draining' | 'dead';

export type EngineHealth = {
  readonly state: EngineState;
  /** Choices of all requests in flight, waiting or running: places of the queue that are taken. */
  readonly inFlightCount: number;
  /** Milliseconds since a step last finished or work last arrived at an idle engine; 0 while there is no work. */
  readonly withoutProgressMs: number;
};

/** A place in the bounded queue, taken before any work is done for a request and given back exactly once. */
export interface Admission {
  /** Gives the place back. Harmless when called again. */
  leave(): void;
}

export interface TokenFeed extends Feed<TokenEvent> {
  /**
   * The reader has all that it wants of the sequence, which ends here: like `cancel`, and counts as an end of its own.
   * @param takenCount tokens that are of use to it
   */
  finish(takenCount: number): void;
}

export interface EngineClient {
  /** @throws ServerError `not_ready` before the engine has loaded. */
  readonly limits: EngineLimits;
  readonly health: EngineHealth;
  /** Resolves when the model is loaded; rejects with the reason when it cannot be. */
  readonly ready: Promise<EngineLimits>;
  /** Resolves with the reason when the engine ends by itself; never when it is closed. */
  readonly died: Promise<ServerError>;

  /**
   * Takes `count` places (one a sequence) of the bounded queue.
   * @param param the field that asks for so many; `n` where none is named.
   * @throws ServerError `queue_full`, `shutting_down`, `not_ready` or `engine_dead`, and `invalid_request` for more
   *   places than there are; then no place is taken.
   */
  admit(count: number, param?: string): Admission;

  /**
   * Runs one sequence. The feed's last event is `finish`; cancelling it before cancels the sequence, and its blocks
   * are free by the next step.
   * @throws ServerError `context_length_exceeded`, `not_ready` or `engine_dead`; the feed throws `step_failed`,
   *   `invalid_request` where the request leaves no token to choose, `engine_dead` or `shutting_down`.
   */
  generate(input: GenerationInput, onReadable: OnReadable): TokenFeed;

  /**
   * For requests that have no feed yet: called with what open feeds throw, when the engine ends. Must not throw.
   * @returns to be called when it is no longer wanted.
   */
  onEnd(listener: (error: ServerError) => void): () => void;

  /** Called once for every step. Must not throw. */
  onStep(listener: (report: StepReport) => void): void;

  /** Refuses new requests from now on; resolves when those in flight have ended. */
  drain(): Promise<void>;
  /**
   * Ends the engine at once; open sequences fail with `shutting_down`.
   * @returns whether it is gone: what it computes cannot be interrupted, and is not waited for without end.
   */
  close(): Promise<boolean>;
}
