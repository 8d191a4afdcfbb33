/**
 * From text events to OpenAI's chat completion, whole or in chunks. Pure: no clock, no stream, no HTTP.
 *
 * A chunk of text is written by joining a prefix that never changes, the text as JSON, and a suffix: turning
 * a whole object into JSON for every token costs several times as much. Tests hold every chunk against the schema.
 */

import type { TextEvent, TextUsage, TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionUsage,
  ChatTokenLogprob,
} from './schema/chat-completion-response.ts';
import { SSE_DONE, sseData } from './sse.ts';

/** What is the same in the whole answer to one request. */
export type CompletionIdentity = {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly systemFingerprint: string;
};

/** What OpenAI sends for a token without any probability; JSON has no minus infinity. */
const LOGPROB_MIN = -9999;

function finiteLogprob(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : LOGPROB_MIN;
}

function tokenOf({ text, logprob, bytes }: TokenText) {
  return { token: text, logprob: finiteLogprob(logprob), bytes: [...bytes] };
}

function logprobOf(token: TokenTextLogprobs): ChatTokenLogprob {
  return { ...tokenOf(token), top_logprobs: token.top.map(tokenOf) };
}

/**
 * `completion_tokens_details` is left out: reasoning is not told apart from the answer here, and a zero would
 * claim that there was none.
 */
export function usageOf(usage: TextUsage): ChatCompletionUsage {
  return {
    prompt_tokens: usage.promptTokenCount,
    completion_tokens: usage.completionTokenCount,
    total_tokens: usage.promptTokenCount + usage.completionTokenCount,
    prompt_tokens_details: { cached_tokens: usage.cachedTokenCount },
  };
}

type Choice = { text: string; logprobs: ChatTokenLogprob[] | null; reason: 'stop' | 'length' | null };

/** Collects the events of one request into one answer. */
export class CompletionBuilder {
  readonly #choices: readonly Choice[];
  #usage: TextUsage | null = null;

  constructor(choiceCount: number) {
    this.#choices = Array.from({ length: choiceCount }, () => ({ text: '', logprobs: null, reason: null }));
  }

  add(event: TextEvent): void {
    switch (event.kind) {
      case 'prompt':
        return;
      case 'text-delta': {
        const choice = this.#choices[event.choiceIndex]!;
        choice.text += event.text;
        if (event.logprobs === null) return;
        choice.logprobs ??= [];
        for (const token of event.logprobs) choice.logprobs.push(logprobOf(token));
        return;
      }
      case 'choice-finish':
        this.#choices[event.choiceIndex]!.reason = event.reason;
        return;
      case 'usage':
        this.#usage = event.usage;
    }
  }

  /** @returns null while the last event is missing: the generation was cut short. */
  build(identity: CompletionIdentity): ChatCompletion | null {
    if (this.#usage === null) return null;
    return {
      id: identity.id,
      object: 'chat.completion',
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
      choices: this.#choices.map((choice, index) => ({
        index,
        message: { role: 'assistant', content: choice.text, refusal: null },
        logprobs: choice.logprobs === null ? null : { content: choice.logprobs, refusal: null },
        finish_reason: choice.reason ?? 'stop',
      })),
      usage: usageOf(this.#usage),
    };
  }
}

export type ChunkEncoderOptions = CompletionIdentity & {
  readonly choiceCount: number;
  /** Every chunk has `usage`: null, and the numbers in a last one without choices. */
  readonly includeUsage: boolean;
};

/** Turns events into `data:` events of a stream. */
export class ChunkEncoder {
  /** `data: {"id":…,` up to and including `"choices":` */
  readonly #head: string;
  /** What follows the list of choices, to the end of the event. */
  readonly #tail: string;
  readonly #textHeads: readonly string[];
  readonly #textTail: string;
  readonly #includeUsage: boolean;
  readonly #choiceCount: number;

  constructor({ includeUsage, choiceCount, ...identity }: ChunkEncoderOptions) {
    const common: Omit<ChatCompletionChunk, 'choices'> = {
      id: identity.id,
      object: 'chat.completion.chunk',
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
    };
    this.#includeUsage = includeUsage;
    this.#choiceCount = choiceCount;
    this.#head = `data: ${JSON.stringify(common).slice(0, -1)},"choices":`;
    this.#tail = includeUsage ? ',"usage":null}\n\n' : '}\n\n';
    this.#textHeads = Array.from(
      { length: choiceCount },
      (_, index) => `${this.#head}[{"index":${index},"delta":{"content":`,
    );
    this.#textTail = `},"logprobs":null,"finish_reason":null}]${this.#tail}`;
  }

  /** The first chunk of every choice: who speaks. */
  opening(): string {
    let events = '';
    for (let index = 0; index < this.#choiceCount; index++) {
      const delta = { role: 'assistant', content: '' } as const;
      events += this.#chunk([{ index, delta, logprobs: null, finish_reason: null }]);
    }
    return events;
  }

  /** Events to send, empty when there is nothing to say. The event `usage` also closes the stream. */
  encode(event: TextEvent): string {
    switch (event.kind) {
      case 'prompt':
        return '';
      case 'text-delta':
        if (event.logprobs !== null && event.logprobs.length > 0) {
          return this.#textWithLogprobs(event.choiceIndex, event.text, event.logprobs);
        }
        if (event.text === '') return '';
        return this.#textHeads[event.choiceIndex]! + JSON.stringify(event.text) + this.#textTail;
      case 'choice-finish':
        return this.#chunk([
          { index: event.choiceIndex, delta: {}, logprobs: null, finish_reason: event.reason },
        ]);
      case 'usage':
        return this.#closing(event.usage);
    }
  }

  #textWithLogprobs(index: number, text: string, tokens: readonly TokenTextLogprobs[]): string {
    const logprobs = { content: tokens.map(logprobOf), refusal: null };
    return this.#chunk([{ index, delta: { content: text }, logprobs, finish_reason: null }]);
  }

  #chunk(choices: ChatCompletionChunk['choices']): string {
    return this.#head + JSON.stringify(choices) + this.#tail;
  }

  #closing(usage: TextUsage): string {
    if (!this.#includeUsage) return SSE_DONE;
    return `${this.#head}[],"usage":${JSON.stringify(usageOf(usage))}}\n\n${SSE_DONE}`;
  }
}

/** An error inside a stream. Not followed by `[DONE]`, which says that the answer is whole. */
export function errorEvent(body: unknown): string {
  return sseData(JSON.stringify(body));
}
