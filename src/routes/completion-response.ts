/** From text events to OpenAI's completion, whole or in chunks. Pure: no clock, no stream, no HTTP. */

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

function addLogprobs(logprobs: CompletionLogprobs, tokens: readonly TokenTextLogprobs[]): void {
  for (const token of tokens) {
    logprobs.tokens.push(tokenName(token));
    logprobs.token_logprobs.push(finiteLogprob(token.logprob));
    logprobs.top_logprobs.push(topLogprobsOf(token));
    logprobs.text_offset.push(token.textStart);
  }
}

function noLogprobs(): CompletionLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
}

type Choice = {
  text: string;
  logprobs: CompletionLogprobs | null;
  reason: 'stop' | 'length' | null;
  /** Null unless asked for. */
  ids: { readonly prompt: readonly number[]; readonly output: number[] } | null;
};

/** What a choice begins with: its prompt's text and ids, each only where the request asks for it. */
type Beginning = { readonly text: string; readonly promptTokenIds: readonly number[] | null };

function beginningsOf(
  event: Extract<TextEvent, { kind: 'prompt' }>,
  options: CompletionOptions,
): Beginning[] {
  const { promptCount, choiceCount, echo, returnTokenIds } = options;
  return Array.from({ length: promptCount * choiceCount }, (_, index) => {
    const prompt = event.prompts?.[Math.floor(index / choiceCount)];
    return {
      text: echo ? (prompt?.text ?? '') : '',
      promptTokenIds: returnTokenIds ? (prompt?.tokenIds ?? null) : null,
    };
  });
}

/** Collects the events of one request into one answer. */
export class TextCompletionBuilder implements AnswerBuilder {
  readonly #options: CompletionOptions;
  readonly #choices: readonly Choice[];
  #usage: TextUsage | null = null;

  constructor(options: CompletionOptions) {
    this.#options = options;
    const length = options.promptCount * options.choiceCount;
    this.#choices = Array.from({ length }, () => ({
      text: '',
      logprobs: null,
      reason: null,
      ids: null,
    }));
  }

  add(event: TextEvent): void {
    switch (event.kind) {
      case 'prompt':
        for (const [index, { text, promptTokenIds }] of beginningsOf(event, this.#options).entries()) {
          const ids = promptTokenIds && { prompt: promptTokenIds, output: [] };
          Object.assign(this.#choices[index]!, { text, ids } satisfies Partial<Choice>);
        }
        return;
      case 'text-delta': {
        const choice = this.#choices[event.choiceIndex]!;
        choice.text += event.text;
        choice.ids?.output.push(...(event.tokenIds ?? []));
        if (event.logprobs === null) return;
        choice.logprobs ??= noLogprobs();
        addLogprobs(choice.logprobs, event.logprobs);
        return;
      }
      case 'choice-finish':
        this.#choices[event.choiceIndex]!.reason = event.reason;
        return;
      case 'usage':
        this.#usage = event.usage;
    }
  }

  build(identity: AnswerIdentity): Completion | null {
    if (this.#usage === null) return null;
    return {
      id: identity.id,
      object: 'text_completion',
      created: identity.created,
      model: identity.model,
      system_fingerprint: identity.systemFingerprint,
      choices: this.#choices.map((choice, index) => ({
        index,
        text: choice.text,
        logprobs: choice.logprobs,
        finish_reason: choice.reason ?? 'stop',
        ...(choice.ids && { token_ids: choice.ids.output, prompt_token_ids: [...choice.ids.prompt] }),
      })),
      usage: usageOf(this.#usage),
    };
  }
}

/** Turns events into `data:` events of a stream. */
export class TextCompletionEncoder implements AnswerEncoder {
  readonly #options: CompletionOptions;
  readonly #frame: ChunkFrame;

  constructor(identity: AnswerIdentity, options: CompletionOptions & { readonly includeUsage: boolean }) {
    const { includeUsage } = options;
    this.#options = options;
    this.#frame = new ChunkFrame({ identity, object: 'text_completion', includeUsage });
  }

  encode(event: TextEvent): string {
    switch (event.kind) {
      case 'prompt':
        return beginningsOf(event, this.#options)
          .map((beginning, index) => this.#opening(index, beginning))
          .join('');
      case 'text-delta':
        return event.text === '' && !hasMoreThanText(event) ? '' : this.#delta(event);
      case 'choice-finish':
        return this.#chunk({ index: event.choiceIndex, text: '', finish_reason: event.reason });
      case 'usage':
        return this.#frame.closing(event.usage);
    }
  }

  #opening(index: number, { text, promptTokenIds }: Beginning): string {
    if (promptTokenIds !== null) return this.#chunk({ index, text, prompt_token_ids: [...promptTokenIds] });
    return text === '' ? '' : this.#chunk({ index, text });
  }

  #delta({ choiceIndex: index, text, logprobs: tokens, tokenIds }: TextDelta): string {
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    if (tokens === null || tokens.length === 0) return this.#chunk({ index, text, ...ids });
    const logprobs = noLogprobs();
    addLogprobs(logprobs, tokens);
    return this.#chunk({ index, text, logprobs, ...ids });
  }

  #chunk(choice: Pick<ChunkChoice, 'index' | 'text'> & Partial<ChunkChoice>): string {
    const { index, text, logprobs = null, finish_reason = null, ...ids } = choice;
    return this.#frame.chunk([{ index, text, logprobs, finish_reason, ...ids }]);
  }
}

type ChunkChoice = CompletionChunk['choices'][number];
