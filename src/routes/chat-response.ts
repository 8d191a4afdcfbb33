/**
 * From text events to OpenAI's chat completion, whole or in chunks. Pure: no clock, no stream, no HTTP.
 *
 * A chunk of text is written by joining a prefix that never changes, the text as JSON, and a suffix: turning
 * a whole object into JSON for every token costs several times as much. Tests hold every chunk against the schema.
 */

import type { TextRequest, TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import {
  AnswerEncoder,
  type AnswerIdentity,
  finiteLogprob,
  hasMoreThanText,
  identityOf,
  type PromptEvent,
  type TextDelta,
  usageOf,
} from './answer.ts';
import type { CollectedAnswer } from './collected-answer.ts';
import { promptLogprobsOf } from './prompt-logprobs.ts';
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

/** The answer to a chat request with one prompt. */
export function chatCompletion(
  answer: CollectedAnswer,
  identity: AnswerIdentity,
  { promptLogprobCount }: Pick<TextRequest, 'promptLogprobCount'>,
): ChatCompletion {
  const promptTokenIds = answer.prompts?.[0]?.tokenIds ?? null;
  return {
    ...identityOf(identity, 'chat.completion'),
    choices: answer.choices.map(({ text, logprobs, tokenIds, reason }, index) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: logprobs === null ? null : { content: logprobs.map(logprobOf), refusal: null },
      finish_reason: reason ?? 'stop',
      ...(tokenIds === null ? {} : { token_ids: tokenIds }),
    })),
    usage: usageOf(answer.usage),
    ...(promptTokenIds === null ? {} : { prompt_token_ids: [...promptTokenIds] }),
    ...(promptLogprobCount !== null && {
      prompt_logprobs: promptLogprobsOf(answer.promptLogprobs[0] ?? [], promptLogprobCount),
    }),
  };
}

export type ChatChunkOptions = {
  readonly choiceCount: number;
  readonly includeUsage: boolean;
};

type ChunkChoices = ChatCompletionChunk['choices'];

/** Turns events into `data:` events of a stream. */
export class ChatChunkEncoder extends AnswerEncoder {
  readonly #choiceCount: number;
  readonly #textHeads: readonly string[];
  readonly #textTail: string;

  constructor(identity: AnswerIdentity, { choiceCount, includeUsage }: ChatChunkOptions) {
    super({ identity, object: 'chat.completion.chunk', includeUsage });
    this.#choiceCount = choiceCount;
    this.#textHeads = Array.from(
      { length: choiceCount },
      (_, index) => `${this.frame.head}[{"index":${index},"delta":{"content":`,
    );
    this.#textTail = `},"logprobs":null,"finish_reason":null}]${this.frame.tail}`;
  }

  /** The first chunk of every choice: who speaks. The very first one tells the prompt, where that was asked for. */
  protected override opening({ prompts }: PromptEvent): string {
    const promptTokenIds = prompts?.[0]?.tokenIds ?? null;
    let events = '';
    for (let index = 0; index < this.#choiceCount; index++) {
      const delta = { role: 'assistant', content: '' } as const;
      const more = index === 0 && promptTokenIds !== null ? { prompt_token_ids: promptTokenIds } : {};
      events += this.#chunk([{ index, delta, logprobs: null, finish_reason: null }], more);
    }
    return events;
  }

  protected override delta(delta: TextDelta): string {
    if (hasMoreThanText(delta)) return this.#wholeDelta(delta);
    return this.#textHeads[delta.choiceIndex]! + JSON.stringify(delta.text) + this.#textTail;
  }

  protected override finish(index: number, reason: 'stop' | 'length'): string {
    return this.#chunk([{ index, delta: {}, logprobs: null, finish_reason: reason }]);
  }

  #wholeDelta({ choiceIndex: index, text, logprobs: tokens, tokenIds }: TextDelta): string {
    const logprobs =
      tokens === null || tokens.length === 0 ? null : { content: tokens.map(logprobOf), refusal: null };
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    return this.#chunk([{ index, delta: { content: text }, logprobs, finish_reason: null, ...ids }]);
  }

  #chunk(choices: ChunkChoices, more: { readonly prompt_token_ids?: readonly number[] } = {}): string {
    return this.frame.chunk(choices, more);
  }
}
