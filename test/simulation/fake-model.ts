/**
 * The arithmetic of a model without a model: what stands in a KV slot depends on every token before it, and the
 * next token depends on every slot. So a wrong slot, a stale block or a missing token shows in the output.
 */

import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { GrammarTrigger } from '../../src/sampling/grammar/grammar-trigger.ts';
import { textOfToken, type WordGrammar } from './word-grammars.ts';

/** Stands before position 0. */
export const BEFORE_FIRST = 0x0c7a70;

/** What a slot holds for `token` after a slot that holds `previous`. */
export function slotValue(previous: number, token: number): number {
  const mixed = Math.imul(previous ^ Math.imul(token + 1, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** Folds one more slot into the hash of a history; begins with 0. */
export function foldSlot(hash: number, slot: number): number {
  const mixed = Math.imul(hash + slot, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The token that follows a history with this hash. */
export function tokenAfter(hash: number, vocabularySize: number): number {
  return (hash >>> 0) % vocabularySize;
}

/** The token that the model would have chosen in the place of each prompt token but the first. */
export function predictionsAlone({ promptTokenIds }: GenerationRequest, vocabularySize: number): number[] {
  let slot = BEFORE_FIRST;
  let hash = 0;
  return Array.from(promptTokenIds.subarray(0, -1), (token) => {
    slot = slotValue(slot, token);
    hash = foldSlot(hash, slot);
    return tokenAfter(hash, vocabularySize);
  });
}

/** The logit of a token where `predicted` is the best: so many steps behind it, and no more than that. */
export function logitOf(token: number, predicted: number, world: LogitWorld): number {
  const { vocabularySize, candidateCount } = world;
  return 0 - Math.min((token - predicted + vocabularySize) % vocabularySize, candidateCount);
}

export type LogitWorld = { readonly vocabularySize: number; readonly candidateCount: number };

export type AnswerAlone = { readonly tokenIds: readonly number[]; readonly reason: 'stop' | 'length' };

/** The output of a request without a grammar that has the model to itself. */
export function outputAlone(request: GenerationRequest, vocabularySize: number): readonly number[] {
  return answerAlone(request, null, { vocabularySize, candidateCount: 1 }).tokenIds;
}

/** What a request answers that has the model to itself, one token at least: no scheduler, no blocks, no cache, no automaton. */
export function answerAlone(
  request: GenerationRequest,
  grammar: WordGrammar | null,
  world: LogitWorld,
): AnswerAlone {
  let slot = BEFORE_FIRST;
  let hash = 0;
  const compute = (token: number): void => {
    slot = slotValue(slot, token);
    hash = foldSlot(hash, slot);
  };
  for (const token of request.promptTokenIds) compute(token);
  const tokenIds: number[] = [];
  do {
    const predicted = tokenAfter(hash, world.vocabularySize);
    const text = heldText(request, grammar, tokenIds);
    const token =
      grammar === null || text === null
        ? predicted
        : bestAllowed(predicted, text, { request, grammar, world });
    tokenIds.push(token);
    if (request.stopTokenIds.includes(token)) return { tokenIds, reason: 'stop' };
    const isWholeOutput = request.grammar?.trigger === null;
    if (isWholeOutput && grammar?.isComplete(text + textOfToken(token))) return { tokenIds, reason: 'stop' };
    compute(token);
  } while (tokenIds.length < request.newTokensMax);
  return { tokenIds, reason: 'length' };
}

/**
 * The part of an output that its grammar holds at its end, looked for from the beginning each time.
 * @returns null where it holds nothing.
 */
export function heldText(
  { grammar: held }: GenerationRequest,
  grammar: WordGrammar | null,
  tokenIds: readonly number[],
): string | null {
  if (held === null || grammar === null) return null;
  const { trigger } = held;
  if (trigger === null) return tokenIds.map(textOfToken).join('');
  let text: string | null = null;
  for (const [index, token] of tokenIds.entries()) {
    if (text !== null) {
      text += textOfToken(token);
      if (grammar.isComplete(text)) text = null;
    } else if (token === trigger.tokenId && !isThinking(trigger, tokenIds.slice(0, index))) {
      text = '';
    }
  }
  return text;
}

function isThinking({ tokenId, thoughts }: GrammarTrigger, tokenIds: readonly number[]): boolean {
  if (thoughts === null) return false;
  let isInside = thoughts.isOpen;
  for (const each of tokenIds) {
    const isTrigger = each === tokenId;
    if (isTrigger ? !isInside : each === thoughts.closingId) return false;
    if (!isTrigger && each === thoughts.openingId) isInside = true;
  }
  return isInside;
}

type Choosing = {
  readonly request: GenerationRequest;
  readonly grammar: WordGrammar;
  readonly world: LogitWorld;
};

/** Of the tokens that fit behind the text the one with the largest logit; of equal ones the first. */
function bestAllowed(predicted: number, text: string, { request, grammar, world }: Choosing): number {
  let best = -1;
  for (let token = 0; token < world.vocabularySize; token++) {
    const isAllowed = request.stopTokenIds.includes(token)
      ? grammar.isWhole(text)
      : grammar.isBeginning(text + textOfToken(token));
    if (!isAllowed) continue;
    if (best < 0 || logitOf(token, predicted, world) > logitOf(best, predicted, world)) best = token;
  }
  return best;
}
