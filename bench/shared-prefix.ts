/**
 * What the prefix cache is worth: the same long beginning sent twice with different endings, the first time cold,
 * the second time warm. Every pair has a beginning of its own.
 */

import { type ChatTarget, streamChatOrThrow } from './chat-client.ts';
import { firstTokenMs } from './closed-loop.ts';
import { type TokenCost, wordsOf } from './prompts.ts';
import { overRepeats, type RepeatedFigure, ratioOverRepeats } from './statistics.ts';

export type SharedPrefixFigures = {
  /** Of the whole prompt, template and ending included, by the server's count. */
  readonly promptTokenCount: RepeatedFigure | null;
  readonly coldCachedTokenCount: RepeatedFigure | null;
  readonly warmCachedTokenCount: RepeatedFigure | null;
  readonly coldFirstTokenMs: RepeatedFigure | null;
  readonly warmFirstTokenMs: RepeatedFigure | null;
  /** Cold over warm time to the first token, pair by pair. */
  readonly ratio: RepeatedFigure | null;
};

const ENDING_WORDS = 12;
const OUTPUT_TOKENS = 4;
/** Seeds of endings lie apart from those of beginnings. */
const ENDING_SEEDS = 1_000_000_000;

export type SharedPrefixPlan = {
  /** The shared beginning is at least about this long. */
  readonly prefixTokenCount: number;
  readonly pairCount: number;
  readonly cost: TokenCost;
  /** Seeds from here on are free. */
  readonly firstSeed: number;
};

/** One request at a time, after a pair that is not counted. @throws Error when a request fails. */
export async function measureSharedPrefix(
  chat: ChatTarget,
  plan: SharedPrefixPlan,
): Promise<SharedPrefixFigures> {
  const wordCount = Math.ceil((plan.prefixTokenCount / plan.cost.perWord) * 1.05);
  const cold = [];
  const warm = [];
  for (let pair = 0; pair <= plan.pairCount; pair++) {
    const seed = plan.firstSeed + pair;
    const beginning = wordsOf(seed, wordCount);
    const ending = (which: number) => wordsOf(ENDING_SEEDS + 2 * seed + which, ENDING_WORDS);
    const first = await streamChatOrThrow(chat, `${beginning}. ${ending(0)}`, OUTPUT_TOKENS);
    const second = await streamChatOrThrow(chat, `${beginning}. ${ending(1)}`, OUTPUT_TOKENS);
    if (pair === 0) continue;
    cold.push(first);
    warm.push(second);
  }
  return {
    promptTokenCount: overRepeats(warm.map((record) => record.promptTokenCount)),
    coldCachedTokenCount: overRepeats(cold.map((record) => record.cachedTokenCount)),
    warmCachedTokenCount: overRepeats(warm.map((record) => record.cachedTokenCount)),
    coldFirstTokenMs: overRepeats(cold.map(firstTokenMs)),
    warmFirstTokenMs: overRepeats(warm.map(firstTokenMs)),
    ratio: ratioOverRepeats(cold.map(firstTokenMs), warm.map(firstTokenMs)),
  };
}
