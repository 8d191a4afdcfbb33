/**
 * What the answers of all generating endpoints share: who they are, their usage, and the frame of a chunk. Pure: no
 * clock, no stream, no HTTP.
 */

import type { FinishReason, RunningUsage, TextEvent, TextUsage } from '../engine/text-generation.ts';
import type { ErrorBody } from './api-error.ts';
import type { ChatCompletionUsage } from './schema/chat-completion-response.ts';
import { SSE_DONE, sseData } from './sse.ts';

/** What is the same in the whole answer to one request. */
export type AnswerIdentity = {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly systemFingerprint: string;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** A new name on every call, for parts of the answer that are named themselves. */
  readonly newId: () => string;
};

/** The keys that every answer begins with, and every chunk of one. */
export function identityOf<Kind extends string>(
  { id, created, model, systemFingerprint }: AnswerIdentity,
  object: Kind,
) {
  return { id, object, created, model, system_fingerprint: systemFingerprint };
}

export type PromptEvent = Extract<TextEvent, { kind: 'prompt' }>;
export type PromptLogprobsEvent = Extract<TextEvent, { kind: 'prompt-logprobs' }>;
export type TextDelta = Extract<TextEvent, { kind: 'text-delta' }>;
export type MessageDelta = Extract<TextEvent, { kind: 'message-delta' }>;
export type FinishEvent = Extract<TextEvent, { kind: 'choice-finish' }>;

/** Whether a delta says something besides its text, which may then be empty. */
export function hasMoreThanText({ logprobs, tokenIds }: TextDelta | MessageDelta): boolean {
  return (logprobs !== null && logprobs.length > 0) || (tokenIds !== null && tokenIds.length > 0);
}

/** What OpenAI sends for a token without any probability; JSON has no minus infinity. */
const LOGPROB_MIN = -9999;

export function finiteLogprob(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : LOGPROB_MIN;
}

function tokenCountsOf({ promptTokenCount, completionTokenCount }: RunningUsage) {
  return {
    prompt_tokens: promptTokenCount,
    completion_tokens: completionTokenCount,
    total_tokens: promptTokenCount + completionTokenCount,
  };
}

/** Without details that nobody looked for: a zero would claim that there were none. */
export function usageOf(usage: TextUsage): ChatCompletionUsage {
  const { reasoningTokenCount, predicted } = usage;
  const details = {
    ...(reasoningTokenCount !== null && { reasoning_tokens: reasoningTokenCount }),
    ...(predicted !== undefined && {
      accepted_prediction_tokens: predicted.acceptedCount,
      rejected_prediction_tokens: predicted.rejectedCount,
    }),
  };
  return {
    ...tokenCountsOf(usage),
    prompt_tokens_details: { cached_tokens: usage.cachedTokenCount },
    ...(Object.keys(details).length > 0 && { completion_tokens_details: details }),
  };
}

export type ChunkFrameOptions = {
  readonly identity: AnswerIdentity;
  readonly object: string;
  /** Every chunk has `usage`: null unless a running usage is told, and the numbers in a last one without choices. */
  readonly includeUsage: boolean;
};

/** What stands around the choices of a chunk, written once. */
export class ChunkFrame {
  /** `data: {"id":…,` up to and including `"choices":` */
  readonly head: string;
  readonly #includeUsage: boolean;
  readonly #tail: string;

  constructor({ identity, object, includeUsage }: ChunkFrameOptions) {
    const common = identityOf(identity, object);
    this.#includeUsage = includeUsage;
    this.head = `data: ${JSON.stringify(common).slice(0, -1)},"choices":`;
    this.#tail = includeUsage ? ',"usage":null}\n\n' : '}\n\n';
  }

  /** What follows the list of choices, to the end of the event. */
  tail(usage?: RunningUsage): string {
    return usage === undefined ? this.#tail : `,"usage":${JSON.stringify(tokenCountsOf(usage))}}\n\n`;
  }

  /** @param more further keys of the chunk itself. */
  chunk(
    choices: readonly unknown[],
    usage?: RunningUsage,
    more: Readonly<Record<string, unknown>> = {},
  ): string {
    const isPlain = Object.keys(more).length === 0;
    const middle = isPlain ? '' : `,${JSON.stringify(more).slice(1, -1)}`;
    return this.head + JSON.stringify(choices) + middle + this.tail(usage);
  }

  /** The end of the stream. */
  closing(usage: TextUsage): string {
    if (!this.#includeUsage) return SSE_DONE;
    return `${this.head}[],"usage":${JSON.stringify(usageOf(usage))}}\n\n${SSE_DONE}`;
  }
}

/** Turns the events of one request into those of a stream. */
export interface StreamEncoder {
  /** Events to send, empty when there is nothing to say. The event `usage` closes the stream. */
  encode(event: TextEvent): string;
  /** What ends the stream where the generation fails. */
  failed(body: ErrorBody): string;
}

/** Streams of chunks, each a `data:` event; each endpoint says how its choices look. */
export abstract class AnswerEncoder implements StreamEncoder {
  protected readonly frame: ChunkFrame;

  constructor(options: ChunkFrameOptions) {
    this.frame = new ChunkFrame(options);
  }

  encode(event: TextEvent): string {
    switch (event.kind) {
      case 'prompt':
        return this.opening(event);
      case 'prompt-logprobs':
        return this.promptLogprobs(event);
      case 'text-delta':
        return event.text === '' && !hasMoreThanText(event) ? '' : this.delta(event);
      case 'message-delta':
        return this.message(event);
      case 'choice-finish':
        return this.finish(event);
      case 'usage':
        return this.frame.closing(event.usage);
    }
  }

  /** Not followed by `[DONE]`, which says that the answer is whole. */
  failed(body: ErrorBody): string {
    return sseData(JSON.stringify(body));
  }

  /** What opens the choices, where the shape has something to open. */
  protected abstract opening(event: PromptEvent): string;
  /** How likely a prompt's tokens were, where the shape has a place for it. */
  protected promptLogprobs(_event: PromptLogprobsEvent): string {
    return '';
  }

  /** @param delta says something. */
  protected abstract delta(delta: TextDelta): string;
  /** Thoughts and calls; only where the request has a form for them. */
  protected message(_delta: MessageDelta): string {
    throw new Error('this endpoint answers with text alone');
  }
  protected abstract finish(event: FinishEvent): string;
}

/** Of an answer that is text alone, which calls nothing. */
export function textFinishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === 'length' ? 'length' : 'stop';
}
