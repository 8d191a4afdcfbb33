/**
 * From text events to OpenAI's chat completion, whole or in chunks. Pure: no clock, no stream, no HTTP.
 *
 * A chunk of text is written by joining a prefix that never changes, the text as JSON, and a suffix: turning
 * a whole object into JSON for every token costs several times as much. Tests hold every chunk against the schema.
 */

import type { FinishReason, TextRequest, TokenTextLogprobs } from '../engine/text-generation.ts';
import type { MessagePart } from '../text/message/message-part.ts';
import {
  AnswerEncoder,
  type AnswerIdentity,
  type FinishEvent,
  hasMoreThanText,
  identityOf,
  type MessageDelta,
  type PromptEvent,
  type TextDelta,
  usageOf,
} from './answer.ts';
import type { CollectedAnswer, CollectedChoice } from './collected-answer.ts';
import { promptLogprobsOf } from './prompt-logprobs.ts';
import type { ChatCompletion, ChatCompletionChunk } from './schema/chat-completion-response.ts';
import { logprobOf } from './token-logprobs.ts';

type ChatChoice = ChatCompletion['choices'][number];

type CallOptions = {
  /** How a choice ends that has called and ended by itself. */
  readonly endsWith: 'stop' | 'tool_calls';
  /** The answer may consist of calls alone, and then has no content, not an empty one. */
  readonly mayCall: boolean;
};

function finishReasonOf(reason: FinishReason, { endsWith }: Pick<CallOptions, 'endsWith'>) {
  return reason === 'tool-calls' ? endsWith : reason;
}

/** llama-server, SGLang and DeepSeek call them by the first name, vLLM and OpenRouter by the second. */
function thoughts(text: string) {
  return { reasoning_content: text, reasoning: text };
}

function newCallId({ newId }: AnswerIdentity): string {
  return `call_${newId().replaceAll('-', '')}`;
}

/** What is cut off before anything was said may have begun as a call, of which not even the name is known. */
function hasNoContent({ text, calls, reason }: CollectedChoice, { mayCall }: CallOptions): boolean {
  return text === '' && (calls.length > 0 || (mayCall && reason === 'length'));
}

function messageOf(
  choice: CollectedChoice,
  identity: AnswerIdentity,
  options: CallOptions,
): ChatChoice['message'] {
  const { text, reasoning, calls } = choice;
  return {
    role: 'assistant',
    content: hasNoContent(choice, options) ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : thoughts(reasoning)),
    ...(calls.length === 0
      ? {}
      : {
          tool_calls: calls.map(({ name, arguments: json }) => ({
            id: newCallId(identity),
            type: 'function',
            function: { name, arguments: json },
          })),
        }),
  };
}

/** The answer to a chat request with one prompt. */
export function chatCompletion(
  answer: CollectedAnswer,
  identity: AnswerIdentity,
  {
    logprobCount,
    promptLogprobCount,
    ...options
  }: CallOptions & Pick<TextRequest, 'logprobCount' | 'promptLogprobCount'>,
): ChatCompletion {
  const promptTokenIds = answer.prompts?.[0]?.tokenIds ?? null;
  return {
    ...identityOf(identity, 'chat.completion'),
    choices: answer.choices.map((choice, index) => ({
      index,
      message: messageOf(choice, identity, options),
      logprobs: logprobCount === null ? null : toldLogprobs(choice.logprobs ?? []),
      finish_reason: finishReasonOf(choice.reason ?? 'stop', options),
      ...(choice.tokenIds === null ? {} : { token_ids: choice.tokenIds }),
    })),
    usage: usageOf(answer.usage),
    ...(promptTokenIds === null ? {} : { prompt_token_ids: [...promptTokenIds] }),
    ...(promptLogprobCount !== null && {
      prompt_logprobs: promptLogprobsOf(answer.promptLogprobs[0] ?? [], promptLogprobCount),
    }),
  };
}

function toldLogprobs(tokens: readonly TokenTextLogprobs[]): NonNullable<ChatChoice['logprobs']> {
  return { content: tokens.map(logprobOf), refusal: null };
}

export type ChatChunkOptions = CallOptions & {
  readonly choiceCount: number;
  readonly includeUsage: boolean;
  readonly wantsLogprobs: boolean;
};

type ChunkChoices = ChatCompletionChunk['choices'];
type ChunkDelta = ChunkChoices[number]['delta'];

/** Between the text of a delta and the frame's tail. */
const TEXT_TAIL = '},"logprobs":null,"finish_reason":null}]';

/** Turns events into `data:` events of a stream. */
export class ChatChunkEncoder extends AnswerEncoder {
  readonly #identity: AnswerIdentity;
  readonly #options: ChatChunkOptions;
  readonly #textHeads: readonly string[];
  /** Choices that have said or called something. */
  readonly #begun = new Set<number>();

  constructor(identity: AnswerIdentity, options: ChatChunkOptions) {
    super({ identity, object: 'chat.completion.chunk', includeUsage: options.includeUsage });
    this.#identity = identity;
    this.#options = options;
    this.#textHeads = Array.from(
      { length: options.choiceCount },
      (_, index) => `${this.frame.head}[{"index":${index},"delta":{"content":`,
    );
  }

  /**
   * The first chunk of every choice: who speaks, and, as OpenAI has it, no log probabilities yet, so that a list comes of them
   * whatever follows. The very first one tells the prompt, where that was asked for.
   */
  protected override opening({ prompts, runningUsages }: PromptEvent): string {
    const promptTokenIds = prompts?.[0]?.tokenIds ?? null;
    let events = '';
    for (let index = 0; index < this.#options.choiceCount; index++) {
      const delta: ChunkDelta = { role: 'assistant', ...(this.#options.mayCall ? {} : { content: '' }) };
      const more = index === 0 && promptTokenIds !== null ? { prompt_token_ids: promptTokenIds } : {};
      const logprobs = this.#options.wantsLogprobs ? toldLogprobs([]) : null;
      const choices = [{ index, delta, logprobs, finish_reason: null }];
      events += this.frame.chunk(choices, runningUsages?.[0], more);
    }
    return events;
  }

  protected override delta(delta: TextDelta): string {
    if (delta.text !== '') this.#begun.add(delta.choiceIndex);
    if (hasMoreThanText(delta)) {
      return this.#deltaWithTokens(delta, delta.text === '' ? {} : { content: delta.text });
    }
    const tail = this.frame.tail(delta.runningUsage);
    return this.#textHeads[delta.choiceIndex]! + JSON.stringify(delta.text) + TEXT_TAIL + tail;
  }

  /** A chunk for each part; the first one tells of the tokens of all. */
  protected override message(event: MessageDelta): string {
    const { choiceIndex: index, parts, runningUsage } = event;
    if (parts.some(({ kind }) => kind !== 'reasoning')) this.#begun.add(index);
    const [first, ...others] = parts.map((part) => this.#deltaOf(part));
    let events = this.#deltaWithTokens(event, first ?? {});
    for (const delta of others) events += this.frame.chunk(chunkChoice(index, delta), runningUsage);
    return events;
  }

  protected override finish({ choiceIndex: index, reason, runningUsage }: FinishEvent): string {
    const finish_reason = finishReasonOf(reason, this.#options);
    // Where the whole answer has an empty content and not none.
    const isEmpty = this.#options.mayCall && reason === 'stop' && !this.#begun.has(index);
    const delta: ChunkDelta = isEmpty ? { content: '' } : {};
    return this.frame.chunk([{ index, delta, logprobs: null, finish_reason }], runningUsage);
  }

  /** Id, type and name of a call come once; clients join what comes twice, and take null for another value. */
  #deltaOf(part: MessagePart): ChunkDelta {
    switch (part.kind) {
      case 'content':
        return { content: part.text };
      case 'reasoning':
        return thoughts(part.text);
      case 'tool-call': {
        const { index, name } = part;
        const id = newCallId(this.#identity);
        return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] };
      }
      case 'tool-arguments':
        return { tool_calls: [{ index: part.index, function: { arguments: part.text } }] };
    }
  }

  #deltaWithTokens(event: TextDelta | MessageDelta, delta: ChunkDelta): string {
    const { choiceIndex: index, logprobs: tokens, tokenIds } = event;
    const logprobs = tokens === null || tokens.length === 0 ? null : toldLogprobs(tokens);
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    return this.frame.chunk([{ index, delta, logprobs, finish_reason: null, ...ids }], event.runningUsage);
  }
}

function chunkChoice(index: number, delta: ChunkDelta): ChunkChoices {
  return [{ index, delta, logprobs: null, finish_reason: null }];
}
