/**
 * Tokens of one sequence on their way from the engine to their reader. Tokens that arrive faster than they are read
 * are merged into one event, so a slow reader costs no more memory than its own output and never stalls the engine.
 */

import type { ServerError } from '../base/errors.ts';
import type { FinishReason, SequenceToken } from '../batching/generation-request.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import type { GeneratedToken, TokenEvent } from './engine-client.ts';

type End =
  | { readonly kind: 'finished'; readonly reason: FinishReason }
  | { readonly kind: 'failed'; readonly error: ServerError };

export class TokenStream implements AsyncIterable<TokenEvent> {
  #tokens: GeneratedToken[] = [];
  #cachedTokenCount = 0;
  /** Told with the first tokens. */
  #promptScores: PromptScores[] | null = null;
  #end: End | null = null;
  /** Set while the reader waits. */
  #wake: (() => void) | null = null;

  push({ tokenId, logprobs, cachedTokenCount, finishReason }: SequenceToken): void {
    if (this.#end !== null) return;
    this.#tokens.push({ tokenId, logprobs });
    this.#cachedTokenCount = cachedTokenCount;
    if (finishReason !== null) this.#end = { kind: 'finished', reason: finishReason };
    this.#wake?.();
  }

  /** Before the first token. */
  pushScores(scores: PromptScores): void {
    this.#promptScores ??= [];
    this.#promptScores.push(scores);
  }

  /** Ends the stream after what it holds already. Only the first end counts. */
  finish(reason: FinishReason): void {
    this.#end ??= { kind: 'finished', reason };
    this.#wake?.();
  }

  /** Makes the reader's iteration throw after what the stream holds already. */
  fail(error: ServerError): void {
    this.#end ??= { kind: 'failed', error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TokenEvent> {
    for (;;) {
      if (this.#tokens.length > 0) {
        const tokens = this.#tokens;
        const promptScores = this.#promptScores;
        this.#tokens = [];
        this.#promptScores = null;
        yield { kind: 'tokens-delta', tokens, cachedTokenCount: this.#cachedTokenCount, promptScores };
      } else if (this.#end === null) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      } else if (this.#end.kind === 'failed') {
        throw this.#end.error;
      } else {
        yield { kind: 'finish', reason: this.#end.reason };
        return;
      }
    }
  }
}
