/** The events of one request, collected: what a whole answer is written from, whatever its shape. */

import { assert } from '../base/assert.ts';
import type {
  FinishReason,
  PromptTokens,
  PromptTokenText,
  TextEvent,
  TextUsage,
  TokenTextLogprobs,
} from '../engine/text-generation.ts';
import type { MessagePart } from '../text/message/message-part.ts';

/** `arguments` is JSON text. */
export type CollectedCall = { readonly name: string; arguments: string };

export type CollectedChoice = {
  text: string;
  /** What the model thought. */
  reasoning: string;
  readonly calls: CollectedCall[];
  /** `null` while no event has told any. */
  logprobs: TokenTextLogprobs[] | null;
  /** `null` while no event has told any. */
  tokenIds: number[] | null;
  /** `null` until the choice has ended. */
  reason: FinishReason | null;
  /** `null` unless log probabilities were asked for. */
  meanLogprob: number | null;
};

/** Takes the events of one request, in their order, until its answer is whole. */
export interface AnswerCollector {
  /** False while the last event is missing: the generation was cut short. */
  readonly isWhole: boolean;
  add(event: TextEvent): void;
  /** The body of a whole answer. */
  toBody(): object;
}

export class CollectedAnswer implements AnswerCollector {
  /** By index of choice. */
  readonly choices: readonly CollectedChoice[];
  /** `null` unless asked for. */
  prompts: readonly PromptTokens[] | null = null;
  /** By index of prompt; empty unless asked for. */
  readonly promptLogprobs: (readonly PromptTokenText[])[] = [];
  readonly #write: (answer: CollectedAnswer) => object;
  #usage: TextUsage | null = null;

  /**
   * @param sequenceCount choices of all prompts together.
   * @param write how the endpoint writes it, once it is whole
   */
  constructor(sequenceCount: number, write: (answer: CollectedAnswer) => object) {
    this.#write = write;
    this.choices = Array.from({ length: sequenceCount }, () => ({
      text: '',
      reasoning: '',
      calls: [],
      logprobs: null,
      tokenIds: null,
      reason: null,
      meanLogprob: null,
    }));
  }

  get isWhole(): boolean {
    return this.#usage !== null;
  }

  /** Of a whole answer. */
  get usage(): TextUsage {
    assert(this.#usage !== null, 'a whole answer has its usage');
    return this.#usage;
  }

  toBody(): object {
    return this.#write(this);
  }

  add(event: TextEvent): void {
    switch (event.kind) {
      case 'prompt':
        this.prompts = event.prompts;
        return;
      case 'prompt-logprobs':
        this.promptLogprobs[event.promptIndex] = event.tokens;
        return;
      case 'text-delta':
        this.choices[event.choiceIndex]!.text += event.text;
        addTokens(this.choices[event.choiceIndex]!, event);
        return;
      case 'message-delta':
        for (const part of event.parts) addPart(this.choices[event.choiceIndex]!, part);
        addTokens(this.choices[event.choiceIndex]!, event);
        return;
      case 'choice-finish':
        endChoice(this.choices[event.choiceIndex]!, event);
        return;
      case 'usage':
        this.#usage = event.usage;
    }
  }
}

function endChoice(choice: CollectedChoice, end: Extract<TextEvent, { kind: 'choice-finish' }>): void {
  choice.reason = end.reason;
  choice.meanLogprob = end.meanLogprob ?? null;
}

function addPart(choice: CollectedChoice, part: MessagePart): void {
  switch (part.kind) {
    case 'content':
      choice.text += part.text;
      return;
    case 'reasoning':
      choice.reasoning += part.text;
      return;
    case 'tool-call':
      choice.calls.push({ name: part.name, arguments: '' });
      return;
    case 'tool-arguments':
      choice.calls[part.index]!.arguments += part.text;
  }
}

function addTokens(
  choice: CollectedChoice,
  delta: Extract<TextEvent, { kind: 'text-delta' | 'message-delta' }>,
): void {
  if (delta.tokenIds !== null) {
    choice.tokenIds ??= [];
    choice.tokenIds.push(...delta.tokenIds);
  }
  if (delta.logprobs !== null) {
    choice.logprobs ??= [];
    choice.logprobs.push(...delta.logprobs);
  }
}
