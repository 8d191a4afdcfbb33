/** The requests of one simulation, what each must answer, and how far each has come. */

import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { GrammarTrigger } from '../../src/sampling/grammar/grammar-trigger.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import type { Dice } from './dice.ts';
import { answerAlone } from './fake-model.ts';
import { lengthMaxOf, type SimulationOptions } from './options.ts';
import { LETTER_COUNT, WordGrammar } from './word-grammars.ts';

export type TrackedRequest = {
  readonly request: GenerationRequest;
  /** What the request answers when it is alone. */
  readonly output: readonly number[];
  readonly endsBy: 'stop' | 'length';
  /** What the output is held to; null when it is free. */
  readonly grammar: WordGrammar | null;
  /** Prompt and output. */
  readonly conversation: readonly number[];
  receivedCount: number;
  /** Prompt tokens whose scores were told. */
  scoredCount: number;
  state: 'open' | 'finished' | 'aborted' | 'failed' | 'refused';
  /** Prompt tokens found in the cache, as far as known. */
  cachedTokenCount: number | null;
};

export class Workload {
  readonly requests = new Map<number, TrackedRequest>();
  readonly #options: SimulationOptions;
  readonly #dice: Dice;
  readonly #grammars: readonly WordGrammar[];

  constructor(options: SimulationOptions, dice: Dice) {
    this.#options = options;
    this.#dice = dice;
    const { grammarRate, grammarCount, vocabularySize } = options;
    this.#grammars =
      grammarRate === 0
        ? []
        : Array.from(
            { length: grammarCount },
            (_, index) => new WordGrammar(index + 1, vocabularySize, dice),
          );
  }

  get isComplete(): boolean {
    return this.requests.size >= this.#options.requestCount;
  }

  get open(): TrackedRequest[] {
    return [...this.requests.values()].filter(({ state }) => state === 'open');
  }

  /** The tracked request; it must exist. */
  at(sequenceId: number): TrackedRequest {
    const tracked = this.requests.get(sequenceId);
    if (tracked === undefined) throw new Error(`sequence ${sequenceId} was never submitted`);
    return tracked;
  }

  next(): GenerationRequest {
    const dice = this.#dice;
    const options = this.#options;
    const isOversize = dice.chance(options.oversizeRate);
    const grammar =
      this.#grammars.length > 0 && dice.chance(options.grammarRate) ? dice.pick(this.#grammars) : null;
    const prompt = this.#drawPrompt();
    const drawn: GenerationRequest = {
      sequenceId: this.requests.size + 1,
      promptTokenIds: Int32Array.from(prompt),
      sampling: GREEDY,
      newTokensMax: this.#drawOutput(prompt.length, isOversize),
      newTokensMin: 0,
      stopTokenIds: this.#drawStopTokens(grammar !== null),
      grammar: grammar && { compiled: grammar.compiled, trigger: this.#drawTrigger(), begun: '' },
      predictedTokenIds: null,
      cacheSalt: `salt ${dice.below(options.saltCount)}`,
      priority: dice.below(options.priorityCount),
    };
    const isScored = options.scoreRate > 0 && dice.chance(options.scoreRate);
    const scored = isScored ? { ...drawn, sampling: { ...GREEDY, promptLogprobCount: 1 } } : drawn;
    const alone = isOversize ? null : answerAlone(scored, grammar, options);
    const output = alone?.tokenIds ?? [];
    const request = { ...scored, predictedTokenIds: this.#drawPrediction(output) };
    this.requests.set(request.sequenceId, {
      request,
      output,
      endsBy: alone?.reason ?? 'length',
      grammar,
      conversation: [...request.promptTokenIds, ...output],
      receivedCount: 0,
      scoredCount: 0,
      state: 'open',
      cachedTokenCount: null,
    });
    return request;
  }

  /** Most prompt tokens that the cache can rightly hold for a request: whole blocks of another's tokens. */
  shareableLength({ request }: TrackedRequest): number {
    const { blockSize } = this.#options.limits;
    if (request.sampling.promptLogprobCount !== null && request.promptTokenIds.length > 1) return 0;
    let longest = 0;
    for (const other of this.requests.values()) {
      if (other.request === request || other.request.cacheSalt !== request.cacheSalt) continue;
      longest = Math.max(longest, sharedLength(request.promptTokenIds, other.conversation));
    }
    longest = Math.min(longest, request.promptTokenIds.length - 1);
    return this.#options.usesPrefixCache ? longest - (longest % blockSize) : 0;
  }

  #drawTrigger(): GrammarTrigger | null {
    const { triggerRate, vocabularySize } = this.#options;
    const dice = this.#dice;
    if (triggerRate === 0 || !dice.chance(triggerRate)) return null;
    const tokenId = dice.below(vocabularySize);
    if (dice.chance(0.7)) return { tokenId, thoughts: null };
    const [openingId, closingId] = [1, 2].map((step) => (tokenId + step) % vocabularySize) as [
      number,
      number,
    ];
    return { tokenId, thoughts: { openingId, closingId, isOpen: dice.chance(0.5) } };
  }

  /** The output with a part left out, or put in. */
  #drawPrediction(output: readonly number[]): Int32Array | null {
    const { predictionRate, vocabularySize } = this.#options;
    const dice = this.#dice;
    if (predictionRate === 0 || output.length === 0 || !dice.chance(predictionRate)) return null;
    const at = dice.below(output.length);
    const put = Array.from({ length: dice.below(3) }, () => dice.below(vocabularySize));
    return Int32Array.of(...output.slice(0, at), ...put, ...output.slice(at + dice.below(3)));
  }

  /** Every other output of one token is asked for as none at all: the token behind the prompt is told all the same. */
  #drawOutput(promptLength: number, isOversize: boolean): number {
    const { fillsContext, limits } = this.#options;
    if (fillsContext) {
      const room = lengthMaxOf(limits) - promptLength;
      return isOversize ? room + 1 : this.#dice.pick([0, room, this.#dice.below(room + 1)]);
    }
    if (isOversize) return 1_000;
    const wanted = this.#dice.between(1, this.#options.newTokensMax);
    return wanted === 1 && this.requests.size % 2 === 0 ? 0 : wanted;
  }

  /** Where a grammar needs letters, none of them ends the output: there would be no way to write it. */
  #drawStopTokens(needsLetters: boolean): number[] {
    const { vocabularySize } = this.#options;
    if (!this.#dice.chance(0.2)) return [];
    const tokenId = this.#dice.below(vocabularySize);
    return needsLetters && tokenId < LETTER_COUNT ? [] : [tokenId];
  }

  /** Often the beginning of an earlier conversation, output included, with something new at its end. */
  #drawPrompt(): number[] {
    const { promptLengthMax, vocabularySize, sharedPrefixRate } = this.#options;
    const dice = this.#dice;
    const prompt: number[] = [];
    if (this.requests.size > 0 && dice.chance(sharedPrefixRate)) {
      const earlier = this.at(1 + dice.below(this.requests.size)).conversation;
      prompt.push(...earlier.slice(0, dice.chance(0.5) ? earlier.length : dice.below(earlier.length)));
    }
    const tailLength = dice.below(1 + promptLengthMax - Math.min(prompt.length, promptLengthMax));
    for (let index = 0; index < tailLength; index++) prompt.push(dice.below(vocabularySize));
    if (prompt.length === 0) prompt.push(dice.below(vocabularySize));
    return prompt.slice(0, promptLengthMax);
  }
}

function sharedLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
