/**
 * Tokens of one sequence on their way from the engine to their reader. Tokens that arrive faster than they are read
 * are merged into one event, so a slow reader costs no more memory than its own output and never stalls the engine.
 */

import type { ServerError } from '../base/errors.ts';
import type { OnReadable } from '../base/feed.ts';
import type { FinishReason, SequenceToken } from '../batching/generation-request.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import type { GeneratedToken, PredictedCounts, TokenEvent, TokenFeed } from './engine-client.ts';

type End =
  | { readonly kind: 'finished'; readonly reason: FinishReason }
  | { readonly kind: 'failed'; readonly error: ServerError };

export type TokenStreamOptions = {
  readonly onReadable: OnReadable;
  /** The reader wants no more before the end: so many tokens are all it wants, or it has left (`null`). */
  readonly onEnd: (takenCount: number | null) => void;
};

const NOTHING_PREDICTED: PredictedCounts = { acceptedCount: 0, rejectedCount: 0 };

export class TokenStream implements TokenFeed {
  readonly #options: TokenStreamOptions;
  #tokens: GeneratedToken[] = [];
  #cachedTokenCount = 0;
  /** Told with the first tokens. */
  #promptScores: PromptScores[] | null = null;
  #predicted: PredictedCounts = NOTHING_PREDICTED;
  #end: End | null = null;
  /** The end has been given, or the reader has left. */
  #isOver = false;

  constructor(options: TokenStreamOptions) {
    this.#options = options;
  }

  push({ tokenId, logprobs, cachedTokenCount, finishReason }: SequenceToken): void {
    if (this.#end !== null) return;
    this.#tokens.push({ tokenId, logprobs });
    this.#cachedTokenCount = cachedTokenCount;
    if (finishReason !== null) this.#end = { kind: 'finished', reason: finishReason };
    this.#tell();
  }

  /** Told with the first token, which comes in the same step or later. */
  pushScores(scores: PromptScores): void {
    this.#promptScores ??= [];
    this.#promptScores.push(scores);
  }

  /** Told with the next tokens, which come in the same step. */
  pushPrediction({ acceptedCount, rejectedCount }: PredictedCounts): void {
    const before = this.#predicted;
    this.#predicted = {
      acceptedCount: before.acceptedCount + acceptedCount,
      rejectedCount: before.rejectedCount + rejectedCount,
    };
  }

  /** Makes `take` throw after what the stream holds already. Only the first end counts. */
  fail(error: ServerError): void {
    if (this.#end !== null) return;
    this.#end = { kind: 'failed', error };
    this.#tell();
  }

  take(): TokenEvent | null {
    if (this.#isOver) return null;
    if (this.#tokens.length > 0) {
      const tokens = this.#tokens;
      const promptScores = this.#promptScores;
      this.#tokens = [];
      this.#promptScores = null;
      return {
        kind: 'tokens-delta',
        tokens,
        cachedTokenCount: this.#cachedTokenCount,
        promptScores,
        predicted: this.#predicted,
      };
    }
    if (this.#end === null) return null;
    this.#isOver = true;
    if (this.#end.kind === 'failed') throw this.#end.error;
    return { kind: 'finish', reason: this.#end.reason };
  }

  cancel(): void {
    this.#leave(null);
  }

  finish(takenCount: number): void {
    this.#leave(takenCount);
  }

  #leave(takenCount: number | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onEnd(takenCount);
  }

  #tell(): void {
    if (!this.#isOver) this.#options.onReadable(this.#end !== null);
  }
}
