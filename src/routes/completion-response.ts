/** From text events to OpenAI's completion, whole or in chunks. Pure: no clock, no stream, no HTTP. */

import type { TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import {
  AnswerEncoder,
  type AnswerIdentity,
  finiteLogprob,
  identityOf,
  type PromptEvent,
  type TextDelta,
  usageOf,
} from './answer.ts';
import type { CollectedAnswer } from './collected-answer.ts';
import type { Completion, CompletionChunk, CompletionLogprobs } from './schema/completion-response.ts';

export type CompletionOptions = {
  readonly promptCount: number;
  /** Choices of each prompt. */
  readonly choiceCount: number;
  /** The prompt's text comes before the choice's own; the event `prompt` has to tell it. */
  readonly echo: boolean;
  /** Choices hold the token ids of prompt and output; the events have to tell them. */
  readonly returnTokenIds: boolean;
};

const REPLACEMENT = '\uFFFD';

/** As OpenAI writes it: the text, or the bytes where they are no text by themselves, so that keys do not collide. */
function tokenName({ text, bytes }: TokenText): string {
  if (!text.includes(REPLACEMENT)) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}

function topLogprobsOf(token: TokenTextLogprobs): Record<string, number> {
  const entries = [...token.top, token].map((each) => [tokenName(each), finiteLogprob(each.logprob)]);
  return Object.fromEntries(entries) as Record<string, number>;
}

function logprobsOf(tokens: readonly TokenTextLogprobs[]): CompletionLogprobs {
  return {
    tokens: tokens.map(tokenName),
    token_logprobs: tokens.map(({ logprob }) => finiteLogprob(logprob)),
    top_logprobs: tokens.map(topLogprobsOf),
    text_offset: tokens.map(({ textStart }) => textStart),
  };
}

/** What a choice begins with: its prompt's text and ids, each only where the request asks for it. */
type Beginning = { readonly text: string; readonly promptTokenIds: readonly number[] | null };

function beginningsOf(prompts: CollectedAnswer['prompts'], options: CompletionOptions): Beginning[] {
  const { promptCount, choiceCount, echo, returnTokenIds } = options;
  return Array.from({ length: promptCount * choiceCount }, (_, index) => {
    const prompt = prompts?.[Math.floor(index / choiceCount)];
    return {
      text: echo ? (prompt?.text ?? '') : '',
      promptTokenIds: returnTokenIds ? (prompt?.tokenIds ?? null) : null,
    };
  });
}

/** The answer to a completion request. */
export function textCompletion(
  answer: CollectedAnswer,
  identity: AnswerIdentity,
  options: CompletionOptions,
): Completion {
  const beginnings = beginningsOf(answer.prompts, options);
  return {
    ...identityOf(identity, 'text_completion'),
    choices: answer.choices.map(({ text, logprobs, tokenIds, reason }, index) => {
      const { text: start, promptTokenIds } = beginnings[index]!;
      const ids = promptTokenIds && { token_ids: tokenIds ?? [], prompt_token_ids: [...promptTokenIds] };
      return {
        index,
        text: start + text,
        logprobs: logprobs && logprobsOf(logprobs),
        finish_reason: reason ?? 'stop',
        ...ids,
      };
    }),
    usage: usageOf(answer.usage),
  };
}

/** Turns events into `data:` events of a stream. */
export class TextCompletionEncoder extends AnswerEncoder {
  readonly #options: CompletionOptions;

  constructor(identity: AnswerIdentity, options: CompletionOptions & { readonly includeUsage: boolean }) {
    const { includeUsage } = options;
    super({ identity, object: 'text_completion', includeUsage });
    this.#options = options;
  }

  protected override opening({ prompts }: PromptEvent): string {
    return beginningsOf(prompts, this.#options)
      .map((beginning, index) => this.#beginning(index, beginning))
      .join('');
  }

  protected override finish(index: number, reason: 'stop' | 'length'): string {
    return this.#chunk({ index, text: '', finish_reason: reason });
  }

  #beginning(index: number, { text, promptTokenIds }: Beginning): string {
    if (promptTokenIds !== null) return this.#chunk({ index, text, prompt_token_ids: [...promptTokenIds] });
    return text === '' ? '' : this.#chunk({ index, text });
  }

  protected override delta({ choiceIndex: index, text, logprobs: tokens, tokenIds }: TextDelta): string {
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    if (tokens === null || tokens.length === 0) return this.#chunk({ index, text, ...ids });
    return this.#chunk({ index, text, logprobs: logprobsOf(tokens), ...ids });
  }

  #chunk(choice: Pick<ChunkChoice, 'index' | 'text'> & Partial<ChunkChoice>): string {
    const { index, text, logprobs = null, finish_reason = null, ...ids } = choice;
    return this.frame.chunk([{ index, text, logprobs, finish_reason, ...ids }]);
  }
}

type ChunkChoice = CompletionChunk['choices'][number];
