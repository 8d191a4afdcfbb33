/**
 * From text events to OpenAI's chat completion, whole or in chunks. Pure: no clock, no stream, no HTTP.
 *
 * A chunk of text is written by joining a prefix that never changes, the text as JSON, and a suffix: turning
 * a whole object into JSON for every token costs several times as much. Tests hold every chunk against the schema.
 */

import type { TextEvent, TextUsage, TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import {
  type AnswerBuilder,
  type AnswerEncoder,
  type AnswerIdentity,
  ChunkFrame,
  finiteLogprob,
  hasMoreThanText,
  type TextDelta,
  usageOf,
} from './answer.ts';
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatTokenLogprob,
} from './schema/chat-completion-response.ts';

function tokenOf({ text, logprob, bytes }: TokenText) {
  return { token: text, logprob: finiteLogprob(logprob), bytes: [...bytes] };
}

function logprobOf(token: TokenTextLogprobs): ChatTokenLogprob {
  return { ...tokenOf(token), top_logprobs: token.top.map(tokenOf) };
}

type Choice = {
  text: string;
  logprobs: ChatTokenLogprob[] | null;
  tokenIds: number[] | null;
  reason: 'stop' | 'length' | null;
};

/** Collects the events of one request into one answer. */
export class ChatCompletionBuilder implements AnswerBuilder {
  readonly #choices: readonly Choice[];
  #promptTokenIds: readonly number[] | null = null;
  #usage: TextUsage | null = null;

  constructor(choiceCount: number) {
    this.#choices = Array.from({ length: choiceCount }, () => ({
      text: '',
      logprobs: null,
      tokenIds: null,
      reason: null,
    }));
  }

  add(event: TextEvent): void {
    switch (event.kind) {
      case 'prompt':
        this.#promptTokenIds = event.prompts?.[0]?.tokenIds ?? null;
        return;
      case 'text-delta': {
        const choice = this.#choices[event.choiceIndex]!;
        choice.text += event.text;
        if (event.tokenIds !== null) {
          choice.tokenIds ??= [];
          choice.tokenIds.push(...event.tokenIds);
        }
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

  build(identity: AnswerIdentity): ChatCompletion | null {
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
        ...(choice.tokenIds === null ? {} : { token_ids: choice.tokenIds }),
      })),
      usage: usageOf(this.#usage),
      ...(this.#promptTokenIds === null ? {} : { prompt_token_ids: [...this.#promptTokenIds] }),
    };
  }
}

export type ChatChunkOptions = {
  readonly choiceCount: number;
  readonly includeUsage: boolean;
};

type ChunkChoices = ChatCompletionChunk['choices'];

/** Turns events into `data:` events of a stream. */
export class ChatChunkEncoder implements AnswerEncoder {
  readonly #frame: ChunkFrame;
  readonly #choiceCount: number;
  readonly #textHeads: readonly string[];
  readonly #textTail: string;

  constructor(identity: AnswerIdentity, { choiceCount, includeUsage }: ChatChunkOptions) {
    this.#frame = new ChunkFrame({ identity, object: 'chat.completion.chunk', includeUsage });
    this.#choiceCount = choiceCount;
    this.#textHeads = Array.from(
      { length: choiceCount },
      (_, index) => `${this.#frame.head}[{"index":${index},"delta":{"content":`,
    );
    this.#textTail = `},"logprobs":null,"finish_reason":null}]${this.#frame.tail}`;
  }

  encode(event: TextEvent): string {
    switch (event.kind) {
      case 'prompt':
        return this.#opening(event.prompts?.[0]?.tokenIds ?? null);
      case 'text-delta':
        if (hasMoreThanText(event)) return this.#wholeDelta(event);
        if (event.text === '') return '';
        return this.#textHeads[event.choiceIndex]! + JSON.stringify(event.text) + this.#textTail;
      case 'choice-finish':
        return this.#chunk([
          { index: event.choiceIndex, delta: {}, logprobs: null, finish_reason: event.reason },
        ]);
      case 'usage':
        return this.#frame.closing(event.usage);
    }
  }

  /** The first chunk of every choice: who speaks. The very first one tells the prompt, where that was asked for. */
  #opening(promptTokenIds: readonly number[] | null): string {
    let events = '';
    for (let index = 0; index < this.#choiceCount; index++) {
      const delta = { role: 'assistant', content: '' } as const;
      const more = index === 0 && promptTokenIds !== null ? { prompt_token_ids: promptTokenIds } : {};
      events += this.#chunk([{ index, delta, logprobs: null, finish_reason: null }], more);
    }
    return events;
  }

  #wholeDelta({ choiceIndex: index, text, logprobs: tokens, tokenIds }: TextDelta): string {
    const logprobs =
      tokens === null || tokens.length === 0 ? null : { content: tokens.map(logprobOf), refusal: null };
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    return this.#chunk([{ index, delta: { content: text }, logprobs, finish_reason: null, ...ids }]);
  }

  #chunk(choices: ChunkChoices, more: { readonly prompt_token_ids?: readonly number[] } = {}): string {
    return this.#frame.chunk(choices, more);
  }
}
