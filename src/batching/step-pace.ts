/**
 * How many prompt tokens a step may compute beside sequences that decode, from how long steps took: so many that beside
 * one prompt the step lasts `slowdownMax` times as long as one without. What a prompt's work takes from the others is the
 * same either way; this decides whether it comes as one long pause or as a slower pace.
 *
 * Each further prompt that waits may take as much again, so that under a load that goes on they are computed as fast as
 * they come, and places in the batch do not stay empty. Prompts go at full speed while they are the majority: then more
 * would wait for a first token than for a next one.
 * And a step of a small model may take its time: what comes sixty times a second nobody sees come slower, while prompts
 * that are let in a few tokens a step leave places in the batch empty.
 *
 * The model that is fitted, in milliseconds: `step = decode + [prompt tokens > 0] promptStep + tokens promptToken +
 * (sum of their positions) promptPosition`. Steps without prompts tell `decode`, those with many prompt tokens at the beginning of
 * prompts `promptToken`, those with few there `promptStep`, and those far into a prompt `promptPosition`.
 *
 * Pure: the caller measures. Knows no sequence.
 */

import { assert } from '../base/assert.ts';

/** What a step was made of. */
export type StepWork = {
  /** Sequences that computed one token and chose their next. */
  readonly decodeCount: number;
  /** Tokens of prompts, and of sequences that are computed again. */
  readonly promptTokenCount: number;
  /** Sum of their positions: what each of them attends to. */
  readonly promptPositionSum: number;
};

/** Weight of the newest step in a running mean: what ten steps ago was half forgotten. */
const NEWEST_WEIGHT = 0.07;
/** Enough that what a step takes by itself hardly counts, and fewer than a step's budget leaves to prompts. */
const MANY_PROMPT_TOKENS = 64;
/** A step that is no longer than this, in milliseconds, is not shortened: the time between two pictures on a screen. */
const STEP_MS_UNNOTICED = 16;
/** Up to this mean position, what prompt tokens attend to hardly counts; beyond, it tells what attending costs. */
const NEAR_POSITION = 256;
/** A prompt always moves. */
const PROMPT_TOKENS_MIN = 4;
/**
 * After so many steps with prompts one is without, beside a prompt that lasts: else nobody would see that decoding has
 * become longer, and the prompt would be held back for it.
 */
const STEPS_UNTIL_REFRESH = 32;

export class StepPace {
  readonly #slowdownMax: number;
  readonly #manyPromptTokens: number;
  /** Running means, in milliseconds; null while nothing has been seen. */
  #decodeStepMs: number | null = null;
  #promptTokenMs: number | null = null;
  /** What a step with a prompt takes besides its decoding and its prompt tokens. */
  #promptStepMs: number | null = null;
  /** What a prompt token takes besides, for each position before it. */
  #promptPositionMs: number | null = null;
  /** Steps with decoding and prompts since the last one of decoding alone. */
  #mixedCount = 0;

  /**
   * @param slowdownMax above 1; `Infinity` never holds prompts back
   * @param manyPromptTokens from so many on, a step tells what one of them costs; with fewer, what any prompt costs it
   */
  constructor(slowdownMax: number, manyPromptTokens = MANY_PROMPT_TOKENS) {
    assert(slowdownMax > 1, 'a step with a prompt takes longer than one without');
    this.#slowdownMax = slowdownMax;
    this.#manyPromptTokens = manyPromptTokens;
  }

  /** A step took so long. */
  observe(work: StepWork, ms: number): void {
    const isDecoding = work.decodeCount > 0;
    if (work.promptTokenCount === 0) {
      this.#decodeStepMs = mean(this.#decodeStepMs, ms);
      this.#mixedCount = 0;
      return;
    }
    if (isDecoding) this.#mixedCount++;
    this.#observePrompt(work, ms - (isDecoding ? (this.#decodeStepMs ?? 0) : 0));
  }

  /** One step tells one of the prices, given the others. */
  #observePrompt({ promptTokenCount, promptPositionSum }: StepWork, ms: number): void {
    const isMany = promptTokenCount >= this.#manyPromptTokens;
    const isNear = promptPositionSum <= promptTokenCount * NEAR_POSITION;
    if (isMany && (isNear || this.#promptTokenMs === null)) {
      this.#promptTokenMs = mean(this.#promptTokenMs, ms / promptTokenCount);
      return;
    }
    if (this.#promptTokenMs === null) return;
    const restMs = ms - promptTokenCount * price(this.#promptTokenMs);
    if (isNear) {
      this.#promptStepMs = mean(this.#promptStepMs, restMs);
      // Less than nothing is left for the step: a token costs less than it seemed, and steps with many may not come soon.
      if (this.#promptStepMs < 0) {
        this.#promptTokenMs += this.#promptStepMs / promptTokenCount;
        this.#promptStepMs = 0;
      }
    } else {
      const positionsMs = restMs - price(this.#promptStepMs);
      this.#promptPositionMs = mean(this.#promptPositionMs, positionsMs / promptPositionSum);
    }
  }

  /**
   * As many as the slowdown allows. Where a step with a prompt takes so long by itself that it allows hardly any, as
   * many as cost as much again: fewer would make the prompt last for ever and the steps hardly shorter. Once in a while
   * none, to see what decoding takes.
   * @param decodeCount sequences that decode in the step that is being planned
   * @param promptCount sequences that wait for their first token and could be computed
   * @param position of the first prompt token that is to be computed
   */
  promptTokensMax(decodeCount: number, promptCount: number, position: number): number {
    if (this.#slowdownMax === Infinity || decodeCount <= promptCount || promptCount === 0) return Infinity;
    if (this.#decodeStepMs === null || this.#promptTokenMs === null) return Infinity;
    if (this.#mixedCount >= STEPS_UNTIL_REFRESH) return 0;
    const slowdown = 1 + (this.#slowdownMax - 1) * promptCount;
    const stepMsMax = Math.max(this.#decodeStepMs * slowdown, STEP_MS_UNNOTICED);
    const promptStepMs = price(this.#promptStepMs);
    const tokensMs = Math.max(stepMsMax - this.#decodeStepMs - promptStepMs, promptStepMs);
    const tokenMs = price(this.#promptTokenMs) + position * price(this.#promptPositionMs);
    return Math.max(PROMPT_TOKENS_MIN, Math.floor(tokensMs / tokenMs));
  }
}

function mean(before: number | null, newest: number): number {
  return before === null ? newest : before + NEWEST_WEIGHT * (newest - before);
}

/** Single steps may seem to have taken less than nothing; a mean that does costs nothing. */
function price(ms: number | null): number {
  return Math.max(0, ms ?? 0);
}
