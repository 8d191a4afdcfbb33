/** The events of one request, collected: what a whole answer is written from, whatever its shape. */

import { assert } from '../base/assert.ts';
import type {
  PromptTokens,
  PromptTokenText,
  TextEvent,
  TextUsage,
  TokenTextLogprobs,
} from '../engine/text-generation.ts';

export type CollectedChoice = {
  text: string;
  /** `null` while no event has told any. */
  logprobs: TokenTextLogprobs[] | null;
  /** `null` while no event has told any. */
  tokenIds: number[] | null;
  /** `null` until the choice has ended. */
  reason: 'stop' | 'length' | null;
  /** `null` unless log probabilities were asked for. */
  meanLogprob: number | null;
};

export class CollectedAnswer {
  /** By index of choice. */
  readonly choices: readonly CollectedChoice[];
  /** `null` unless asked for. */
  prompts: readonly PromptTokens[] | null = null;
  /** By index of prompt; empty unless asked for. */
  readonly promptLogprobs: (readonly PromptTokenText[])[] = [];
  #usage: TextUsage | null = null;

  /** @param sequenceCount choices of all prompts together. */
  constructor(sequenceCount: number) {
    this.choices = Array.from({ length: sequenceCount }, () => ({
      text: '',
      logprobs: null,
      tokenIds: null,
      reason: null,
      meanLogprob: null,
    }));
  }

  /** False while the last event is missing: the generation was cut short. */
  get isWhole(): boolean {
    return this.#usage !== null;
  }

  /** Of a whole answer. */
  get usage(): TextUsage {
    assert(this.#usage !== null, 'a whole answer has its usage');
    return this.#usage;
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
        addDelta(this.choices[event.choiceIndex]!, event);
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

function addDelta(choice: CollectedChoice, delta: Extract<TextEvent, { kind: 'text-delta' }>): void {
  choice.text += delta.text;
  if (delta.tokenIds !== null) {
    choice.tokenIds ??= [];
    choice.tokenIds.push(...delta.tokenIds);
  }
  if (delta.logprobs !== null) {
    choice.logprobs ??= [];
    choice.logprobs.push(...delta.logprobs);
  }
}
