/**
 * From a conversation to text and back, over an `EngineClient`: renders the template, tokenises, fans out the
 * choices, detokenises, watches stop strings. Knows nothing of HTTP or of OpenAI's shapes.
 */

import type { ChatMessage } from '../text/chat-template.ts';

export type Prompt =
  | { readonly kind: 'messages'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokenIds: readonly number[] };

/** Everything that a caller may ask for; `null` takes the model's own default. Ranges are checked by the caller. */
export type TextRequest = {
  readonly prompt: Prompt;
  /** Independent continuations of the one prompt; at least 1. */
  readonly choiceCount: number;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly repetitionPenalty: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
  readonly logitBias: ReadonlyMap<number, number>;
  /** `null`: drawn anew for this request. */
  readonly seed: number | null;
  readonly logprobCount: number | null;
  /** `null`: as many as the context leaves room for. */
  readonly newTokensMax: number | null;
  readonly newTokensMin: number;
  /** Text that ends a choice; it is not part of the output. */
  readonly stop: readonly string[];
  /** Ends a choice as the model's own end-of-text tokens do. */
  readonly stopTokenIds: readonly number[];
  /** The model's own end-of-text tokens do not end a choice. */
  readonly ignoreEndOfText: boolean;
  readonly cacheSalt: string;
  readonly priority: number;
};

/** A token as text. `bytes` are exact also where the token is part of a character. */
export type TokenText = {
  readonly tokenId: number;
  /** The token's bytes as UTF-8, broken parts replaced by U+FFFD. */
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
};

export type TokenTextLogprobs = TokenText & { readonly top: readonly TokenText[] };

export type TextEvent =
  /** Once, before anything else. */
  | { readonly kind: 'prompt'; readonly promptTokenCount: number }
  | {
      readonly kind: 'text-delta';
      readonly choiceIndex: number;
      /** May be empty: tokens arrived whose text is still held back. */
      readonly text: string;
      /** Of the tokens behind this delta; `null` when not asked for. */
      readonly logprobs: readonly TokenTextLogprobs[] | null;
    }
  | {
      readonly kind: 'choice-finish';
      readonly choiceIndex: number;
      readonly reason: 'stop' | 'length';
    }
  /** Once, last. */
  | { readonly kind: 'usage'; readonly usage: TextUsage };

export type TextUsage = {
  readonly promptTokenCount: number;
  /** Prompt tokens that were taken from the prefix cache (of the first choice). */
  readonly cachedTokenCount: number;
  /** Tokens of all choices. */
  readonly completionTokenCount: number;
};

export interface TextGenerator {
  /**
   * Checks and tokenises before it returns, so that a request which cannot run fails here and not in a stream.
   * The iteration cancels every choice when it is ended early or `signal` aborts.
   * @throws ServerError `context_length_exceeded`, `invalid_request`, or any of `EngineClient`.
   */
  generate(request: TextRequest, signal: AbortSignal): AsyncIterable<TextEvent>;
}
