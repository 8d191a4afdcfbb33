/**
 * What the routes ask of the engine in text, and what they are told: requests, events, and the `TextGenerator` that stands
 * between the two. Types, and nothing of HTTP or of OpenAI's shapes; how it is done is in `text-generator.ts`.
 */

import type { Feed, OnReadable } from '../base/feed.ts';
import type { JsonObject } from '../base/json-object.ts';
import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import type { ChatMessage } from '../text/chat-message.ts';
import type { RenderOptions } from '../text/chat-template.ts';
import type { MessagePart } from '../text/message/message-part.ts';
import type { PredictedCounts } from './engine-client.ts';
import type { GenerationDefaults } from './generation-defaults.ts';

export type Prompt =
  | {
      readonly kind: 'messages';
      /** The request's field that complaints name; `messages` unless given. */
      readonly param?: string;
      readonly messages: readonly ChatMessage[];
      readonly rendering: RenderOptions;
      /** Besides those that the template writes. */
      readonly addSpecialTokens: boolean;
    }
  | {
      readonly kind: 'text';
      readonly text: string;
      /** What the tokenizer puts around a text, usually the beginning-of-text token. */
      readonly addSpecialTokens: boolean;
    }
  | { readonly kind: 'tokens'; readonly tokenIds: readonly number[] }
  /** What stands between two texts is written; for models that have the tokens for it. */
  | {
      readonly kind: 'infill';
      readonly prefix: string;
      readonly suffix: string;
      readonly addSpecialTokens: boolean;
    };

/** A function that an answer may call. */
export type CallableTool = {
  readonly name: string;
  /** A JSON Schema of its arguments, and the field that errors name. */
  readonly parameters: JsonObject;
  readonly param: string;
  /** Arguments have to fit the schema. Those of an answer that must call always do. */
  readonly isStrict: boolean;
};

/** How an answer to messages is told apart into what the model says, thinks and calls. */
export type AnswerForm = {
  /** Functions that may be called; empty: none, and nothing is taken for a call. */
  readonly tools: readonly CallableTool[];
  /** At least one call, and nothing else but thoughts. */
  readonly mustCall: boolean;
  /** Calls of one answer, at most. */
  readonly callsMax: number;
  /** Thoughts are told as such, left out, or part of the text with the marks around them. */
  readonly reasoning: 'apart' | 'hidden' | 'inline';
};

/** Everything that a caller may ask for; `null` takes the model's own default. Ranges are checked by the caller. */
export type TextRequest = {
  /** At least one; of kind `messages` only by itself. */
  readonly prompts: readonly Prompt[];
  /** Independent continuations of each prompt; at least 1. Choice i of prompt p has the index p * choiceCount + i. */
  readonly choiceCount: number;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly repetitionPenalty: number | null;
  readonly presencePenalty: number | null;
  readonly frequencyPenalty: number | null;
  readonly logitBias: ReadonlyMap<number, number>;
  /** Only these tokens are chosen, stop tokens too; `null`: all. */
  readonly allowedTokenIds: readonly number[] | null;
  /** Texts whose tokens, as the tokenizer cuts them at a text's beginning and behind a space, never come in a row. */
  readonly badWords: readonly string[];
  /** `null`: drawn anew for this request. */
  readonly seed: number | null;
  readonly logprobCount: number | null;
  /**
   * `null`: the prompts are not scored. Otherwise the events `prompt-logprobs` tell how likely each of their tokens was,
   * and so many most likely ones.
   */
  readonly promptLogprobCount: number | null;
  /** The end of each choice tells the mean of its log probabilities, also where `logprobCount` asks for none of them. */
  readonly wantsMeanLogprob: boolean;
  /** The log probability of a stop token is told too, so that those of prompt and output together are complete. */
  readonly wantsStopLogprobs: boolean;
  /** `null`: as many as the context leaves room for. 0: only the prompt is computed. */
  readonly newTokensMax: number | null;
  /** Of the room that the context leaves no choice takes more, where `newTokensMax` is `null`; `null`: all of it. */
  readonly newTokensRoomMax: number | null;
  readonly newTokensMin: number;
  /** Text that ends a choice; it is not part of the output. */
  readonly stop: readonly string[];
  /** Ends a choice as the model's own end-of-text tokens do. */
  readonly stopTokenIds: readonly number[];
  /** The model's own end-of-text tokens do not end a choice. */
  readonly ignoreEndOfText: boolean;
  /** What every choice has to look like; `null`: anything. */
  readonly grammar: GrammarSource | null;
  /** `null`: the output is text and nothing else. */
  readonly answerForm: AnswerForm | null;
  /** What the answer is expected to be; where it is, it comes sooner. `null`: nothing is expected. */
  readonly prediction: string | null;
  readonly cacheSalt: string;
  readonly priority: number;
  /** The event `prompt` tells what the prompts were. */
  readonly wantsPrompts: boolean;
  /** Deltas carry the ids of their tokens. */
  readonly wantsTokenIds: boolean;
  /** Events tell how far their choice has come. */
  readonly wantsRunningUsage: boolean;
};

/** How many sequences a request runs. */
export function sequenceCountOf({
  prompts,
  choiceCount,
}: Pick<TextRequest, 'prompts' | 'choiceCount'>): number {
  return prompts.length * choiceCount;
}

/** A prompt as the model gets it. */
export type PromptTokens = {
  /** What a client wrote, what the template rendered, or the text of the token ids, special tokens spelled out. */
  readonly text: string;
  readonly tokenIds: readonly number[];
};

/** A token as text. `bytes` are exact also where the token is part of a character. */
export type TokenText = {
  readonly tokenId: number;
  /** The token's bytes as UTF-8, broken parts replaced by U+FFFD. */
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
};

export type TokenTextLogprobs = TokenText & {
  readonly top: readonly TokenText[];
  /** Characters (code points) of the choice's text before the one that this token begins or continues. */
  readonly textStart: number;
  /** It begins in what is said: not in thoughts or a call, nor in the marks and blanks around these. */
  readonly isSaid: boolean;
};

/** One token of a prompt as text, scored by those before it. */
export type PromptTokenText = Omit<TokenText, 'logprob'> & {
  /** Characters (code points) of the prompt's text before the one that this token begins or continues. */
  readonly textStart: number;
  /** `null` of the first token: nothing comes before it. */
  readonly score: PromptTokenScore | null;
};

export type PromptTokenScore = {
  readonly logprob: number;
  /** Tokens that were at least as likely, itself included; `null` beyond those that are looked at. */
  readonly rank: number | null;
  /** The most likely tokens, best first. */
  readonly top: readonly TokenText[];
};

export type TextEvent =
  /** Once, before anything else. */
  | {
      readonly kind: 'prompt';
      /** Of all prompts together. */
      readonly promptTokenCount: number;
      /** In the request's order; `null` when not asked for. */
      readonly prompts: readonly PromptTokens[] | null;
      /** Of each prompt; where asked for, as in the events of choices. */
      readonly runningUsages?: readonly RunningUsage[];
    }
  /** Of every prompt once, where asked for: before any delta of its choices. */
  | {
      readonly kind: 'prompt-logprobs';
      readonly promptIndex: number;
      readonly tokens: readonly PromptTokenText[];
    }
  | {
      readonly kind: 'text-delta';
      readonly choiceIndex: number;
      /** May be empty: tokens arrived whose text is still held back. */
      readonly text: string;
      /** Of the tokens behind this delta; `null` when not asked for. */
      readonly logprobs: readonly TokenTextLogprobs[] | null;
      /** Tokens that arrived, also those whose text is held back, and stop tokens; `null` when not asked for. */
      readonly tokenIds: readonly number[] | null;
      readonly runningUsage?: RunningUsage;
    }
  /** In the place of a `text-delta` that would not be text alone. */
  | {
      readonly kind: 'message-delta';
      readonly choiceIndex: number;
      /** In their order; at least one. */
      readonly parts: readonly MessagePart[];
      /** As of a `text-delta`. */
      readonly logprobs: readonly TokenTextLogprobs[] | null;
      readonly tokenIds: readonly number[] | null;
      readonly runningUsage?: RunningUsage;
    }
  | {
      readonly kind: 'choice-finish';
      readonly choiceIndex: number;
      readonly reason: FinishReason;
      /** Mean log probability of the choice's tokens, stop tokens included; there with `wantsMeanLogprob` only. */
      readonly meanLogprob?: number;
      readonly runningUsage?: RunningUsage;
    }
  /** Once, last. */
  | { readonly kind: 'usage'; readonly usage: TextUsage };

/** `tool-calls`: the choice ended by itself, and it has called. */
export type FinishReason = 'stop' | 'length' | 'tool-calls';

/** Tokens of one choice so far, and of its prompt alone. */
export type RunningUsage = { readonly promptTokenCount: number; readonly completionTokenCount: number };

export type TextUsage = {
  readonly promptTokenCount: number;
  /** Prompt tokens that were taken from the prefix cache (of the first choice of every prompt). */
  readonly cachedTokenCount: number;
  /** Tokens of all choices. */
  readonly completionTokenCount: number;
  /** Of the longest choice; there where there are several. */
  readonly longestTokenCount?: number;
  /** Those of them in which models think; `null` where thoughts are not told apart. */
  readonly reasoningTokenCount: number | null;
  /** Of all choices, where the request says what they will be. */
  readonly predicted?: PredictedCounts;
};

export interface TextGenerator {
  /** What stands where a request says nothing. */
  readonly defaults: GenerationDefaults;

  /**
   * Checks the request, encodes its first prompt and starts it, so that a request which cannot run fails here and not
   * in a stream. Long prompts are encoded in a thread of their own, further ones one a turn of the event loop, both
   * before the first event, so that they keep nobody waiting; nothing runs until all of them are known to be right.
   * The feed's last event is `usage`; cancelling it before cancels every choice.
   * @throws ServerError `context_length_exceeded`, `invalid_request`, or any of `EngineClient`; for long and further
   *   prompts, and for what fails later, the feed throws.
   */
  generate(request: TextRequest, onReadable: OnReadable): Feed<TextEvent>;

  /**
   * A prompt as the model would get it. Its length is not held against the context, but a prompt of several
   * contexts is refused, because tokenising keeps the thread busy. A long one that is no longer wanted when its turn
   * comes is passed over.
   * @throws ServerError `context_length_exceeded` or `invalid_request`; any other error for what is passed over.
   */
  tokenize(prompt: Prompt, isWanted: () => boolean): Promise<PromptTokens>;

  /** The text of token ids, special tokens spelled out. @throws ServerError `invalid_request` for unknown ids. */
  detokenize(tokenIds: readonly number[]): string;

  /** One token's bytes as text; broken parts of characters are replaced by U+FFFD. */
  tokenText(tokenId: number): string;

  /** Whether the chat template, if there is one, looks at a variable of this name. */
  templateReads(variable: string): boolean;

  /** Whether the chat template, if there is one, shows the name of a message of this role. */
  templateShowsName(role: string): boolean;

  /** Whether the chat template, if there is one, looks at thoughts of earlier answers. */
  templateReadsThoughts(): boolean;
}
