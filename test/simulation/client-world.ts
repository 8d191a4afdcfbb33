/** The choices that readers ask for in the simulation of the engine's client, and what each of them has to get. */

import type { GenerationInput } from '../../src/engine/engine-client.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import type { Dice } from './dice.ts';
import { answerAlone } from './fake-model.ts';
import { lengthMaxOf, type SimulationOptions } from './options.ts';

export type Choice = {
  readonly input: GenerationInput;
  /** What it answers when it is alone. */
  readonly output: readonly number[];
  readonly endsBy: 'stop' | 'length';
  /** Its reader ends it at so many tokens, if it has not ended by then. */
  readonly wantedCount: number;
  /** Its client says what it expects, and may be told what came of that. */
  readonly isPredicted: boolean;
  takenCount: number;
  isOver: boolean;
};

/** Draws prompts, and choices of each: alike in their prompt, and else as different as requests are. */
export class ClientWorld {
  readonly #options: SimulationOptions;
  readonly #dice: Dice;
  readonly #conversations: (readonly number[])[] = [];

  constructor(options: SimulationOptions, dice: Dice) {
    this.#options = options;
    this.#dice = dice;
  }

  /** The choices of one prompt. */
  drawChoices(choiceCount: number): readonly Choice[] {
    const prompt = this.#drawPrompt();
    const { scoreRate } = this.#options;
    const isScored = scoreRate > 0 && this.#dice.chance(0.5);
    const choices = Array.from({ length: choiceCount }, (_, index) =>
      this.#drawChoice(prompt, isScored && index === 0),
    );
    this.#conversations.push([...prompt, ...choices[0]!.output]);
    return choices;
  }

  /** Often the beginning of an earlier conversation. */
  #drawPrompt(): readonly number[] {
    const { promptLengthMax, vocabularySize, sharedPrefixRate } = this.#options;
    const dice = this.#dice;
    const isShared = this.#conversations.length > 0 && dice.chance(sharedPrefixRate);
    const kept = isShared ? dice.pick(this.#conversations).slice(0, dice.below(promptLengthMax + 1)) : [];
    const freshCount = Math.max(kept.length === 0 ? 1 : 0, dice.below(promptLengthMax + 1 - kept.length));
    return [...kept, ...Array.from({ length: freshCount }, () => dice.below(vocabularySize))];
  }

  #drawChoice(prompt: readonly number[], isScored: boolean): Choice {
    const { vocabularySize, newTokensMax, priorityCount, limits, speculation } = this.#options;
    const dice = this.#dice;
    const room = lengthMaxOf(limits) - prompt.length;
    const drawn: GenerationInput = {
      promptTokenIds: Int32Array.from(prompt),
      sampling: isScored ? { ...GREEDY, promptLogprobCount: 1 } : GREEDY,
      newTokensMax: dice.chance(0.3) ? room : dice.below(Math.min(room, newTokensMax) + 1),
      newTokensMin: 0,
      stopTokenIds: dice.chance(0.2) ? [dice.below(vocabularySize)] : [],
      grammar: null,
      predictedTokenIds: null,
      cacheSalt: '',
      priority: dice.below(priorityCount),
    };
    const { tokenIds: output, reason } = answerAlone({ ...drawn, sequenceId: 0 }, null, this.#options);
    const isPredicted = dice.chance(0.3);
    return {
      input: isPredicted ? { ...drawn, predictedTokenIds: Int32Array.from(output) } : drawn,
      output,
      endsBy: reason,
      wantedCount: dice.chance(0.2) ? dice.between(1, output.length) : Number.POSITIVE_INFINITY,
      isPredicted: isPredicted && speculation !== 'off',
      takenCount: 0,
      isOver: false,
    };
  }
}
