/** From text events to OpenAI's completion, whole or in chunks. Pure: no clock, no stream, no HTTP. */

import type { PromptTokenText, RunningUsage } from '../engine/text-generation.ts';
import { characterCount } from '../text/character-count.ts';
import {
  AnswerEncoder,
  type AnswerIdentity,
  type FinishEvent,
  identityOf,
  type PromptEvent,
  type PromptLogprobsEvent,
  type TextDelta,
  textFinishReason,
  usageOf,
} from './answer.ts';
import type { CollectedAnswer, CollectedChoice } from './collected-answer.ts';
import { joinLogprobs, legacyLogprobs, legacyPromptLogprobs, promptLogprobsOf } from './prompt-logprobs.ts';
import type { Completion, CompletionChunk, CompletionLogprobs } from './schema/completion-response.ts';

export type CompletionOptions = {
  readonly promptCount: number;
  /** Choices of each prompt that are generated. */
  readonly choiceCount: number;
  /** Choices of each prompt that are told: the best ones. */
  readonly toldCount: number;
  /** The prompt's text comes before the choice's own; the event `prompt` has to tell it. */
  readonly echo: boolean;
  /** Choices hold the token ids of prompt and output; the events have to tell them. */
  readonly returnTokenIds: boolean;
  /** Alternatives told of each token, `null`: no log probabilities. With `echo` also of the prompt's tokens. */
  readonly logprobCount: number | null;
  /** Alternatives told in each choice's `prompt_logprobs`, `null`: there are none. */
  readonly promptLogprobCount: number | null;
};

/** What is told of a choice's prompt, each only where the request asks for it. */
type Beginning = {
  readonly text: string;
  readonly promptTokenIds: readonly number[] | null;
  readonly logprobs: CompletionLogprobs | null;
};

function beginningOf(
  prompts: CollectedAnswer['prompts'],
  scores: readonly PromptTokenText[] | undefined,
  promptIndex: number,
  { echo, returnTokenIds, logprobCount }: CompletionOptions,
): Beginning {
  const prompt = prompts?.[promptIndex];
  return {
    text: echo ? (prompt?.text ?? '') : '',
    promptTokenIds: returnTokenIds ? (prompt?.tokenIds ?? null) : null,
    logprobs:
      echo && logprobCount !== null && scores !== undefined
        ? legacyPromptLogprobs(scores, logprobCount)
        : null,
  };
}

/** With `echo` the prompt's tokens and the choice's are one list. */
function wholeLogprobs(
  { text, logprobs: ofPrompt }: Beginning,
  { logprobs }: CollectedChoice,
  { logprobCount }: CompletionOptions,
): CompletionLogprobs | null {
  if (logprobCount === null || (logprobs === null && ofPrompt === null)) return null;
  const ofChoice = legacyLogprobs(logprobs ?? [], characterCount(text));
  return ofPrompt === null ? ofChoice : joinLogprobs(ofPrompt, ofChoice);
}

/** The choices of one prompt that are told, best first where not all are. */
function toldChoices(choices: readonly CollectedChoice[], toldCount: number): readonly CollectedChoice[] {
  if (toldCount === choices.length) return choices;
  const mean = ({ meanLogprob }: CollectedChoice): number => meanLogprob ?? Number.NEGATIVE_INFINITY;
  return choices.toSorted((a, b) => mean(b) - mean(a)).slice(0, toldCount);
}

/** The answer to a completion request. */
export function textCompletion(
  answer: CollectedAnswer,
  identity: AnswerIdentity,
  options: CompletionOptions,
): Completion {
  const { promptCount, choiceCount, toldCount, promptLogprobCount } = options;
  const choices: Completion['choices'] = [];
  for (let promptIndex = 0; promptIndex < promptCount; promptIndex++) {
    const scores = answer.promptLogprobs[promptIndex];
    const beginning = beginningOf(answer.prompts, scores, promptIndex, options);
    const { promptTokenIds } = beginning;
    const promptLogprobs =
      promptLogprobCount === null ? null : promptLogprobsOf(scores ?? [], promptLogprobCount);
    const generated = answer.choices.slice(promptIndex * choiceCount, (promptIndex + 1) * choiceCount);
    for (const choice of toldChoices(generated, toldCount)) {
      choices.push({
        index: choices.length,
        text: beginning.text + choice.text,
        logprobs: wholeLogprobs(beginning, choice, options),
        finish_reason: textFinishReason(choice.reason ?? 'stop'),
        ...(promptTokenIds && { token_ids: choice.tokenIds ?? [], prompt_token_ids: [...promptTokenIds] }),
        ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
      });
    }
  }
  return { ...identityOf(identity, 'text_completion'), choices, usage: usageOf(answer.usage) };
}

/** Turns events into `data:` events of a stream. */
export class TextCompletionEncoder extends AnswerEncoder {
  readonly #options: CompletionOptions;
  #prompts: CollectedAnswer['prompts'] = null;
  #runningUsages: PromptEvent['runningUsages'];
  /** [promptCount] characters of the prompt in the choices' text. */
  readonly #echoedCounts: number[] = [];

  constructor(identity: AnswerIdentity, options: CompletionOptions & { readonly includeUsage: boolean }) {
    const { includeUsage } = options;
    super({ identity, object: 'text_completion', includeUsage });
    this.#options = options;
  }

  /** Prompts that are told with their log probabilities wait for these. */
  protected override opening({ prompts, runningUsages }: PromptEvent): string {
    const { promptCount, echo, logprobCount } = this.#options;
    this.#prompts = prompts;
    this.#runningUsages = runningUsages;
    let events = '';
    for (let promptIndex = 0; promptIndex < promptCount; promptIndex++) {
      const beginning = beginningOf(prompts, undefined, promptIndex, this.#options);
      this.#echoedCounts.push(characterCount(beginning.text));
      if (!echo || logprobCount === null) events += this.#beginnings(promptIndex, beginning);
    }
    return events;
  }

  protected override promptLogprobs({ promptIndex, tokens }: PromptLogprobsEvent): string {
    const { echo, logprobCount } = this.#options;
    if (!echo || logprobCount === null) return '';
    return this.#beginnings(promptIndex, beginningOf(this.#prompts, tokens, promptIndex, this.#options));
  }

  protected override finish({ choiceIndex: index, reason, runningUsage }: FinishEvent): string {
    return this.#chunk({ index, text: '', finish_reason: textFinishReason(reason) }, runningUsage);
  }

  protected override delta(event: TextDelta): string {
    const { choiceIndex: index, text, logprobs: tokens, tokenIds, runningUsage } = event;
    const ids = tokenIds === null ? {} : { token_ids: [...tokenIds] };
    if (tokens === null || tokens.length === 0) return this.#chunk({ index, text, ...ids }, runningUsage);
    const start = this.#echoedCounts[Math.floor(index / this.#options.choiceCount)] ?? 0;
    return this.#chunk({ index, text, logprobs: legacyLogprobs(tokens, start), ...ids }, runningUsage);
  }

  /** The first chunk of each choice of a prompt, where there is something to tell. */
  #beginnings(promptIndex: number, { text, promptTokenIds, logprobs }: Beginning): string {
    if (text === '' && promptTokenIds === null) return '';
    const { choiceCount } = this.#options;
    const ids = promptTokenIds && { token_ids: [], prompt_token_ids: [...promptTokenIds] };
    let events = '';
    for (let index = promptIndex * choiceCount; index < (promptIndex + 1) * choiceCount; index++) {
      events += this.#chunk({ index, text, logprobs, ...ids }, this.#runningUsages?.[promptIndex]);
    }
    return events;
  }

  #chunk(choice: Pick<ChunkChoice, 'index' | 'text'> & Partial<ChunkChoice>, usage?: RunningUsage): string {
    const { index, text, logprobs = null, finish_reason = null, ...ids } = choice;
    return this.frame.chunk([{ index, text, logprobs, finish_reason, ...ids }], usage);
  }
}

type ChunkChoice = CompletionChunk['choices'][number];
