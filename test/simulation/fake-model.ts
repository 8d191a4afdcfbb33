/**
 * The arithmetic of a model without a model: what stands in a KV slot depends on every token before it, and the
 * next token depends on every slot. So a wrong slot, a stale block or a missing token shows in the output.
 */

import type { GenerationRequest } from '../../src/batching/generation-request.ts';

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
  return -Math.min((token - predicted + vocabularySize) % vocabularySize, candidateCount);
}

export type LogitWorld = { readonly vocabularySize: number; readonly candidateCount: number };

/** The output of a request that has the model to itself: no scheduler, no blocks, no cache. */
export function outputAlone(request: GenerationRequest, vocabularySize: number): number[] {
  let slot = BEFORE_FIRST;
  let hash = 0;
  const compute = (token: number): void => {
    slot = slotValue(slot, token);
    hash = foldSlot(hash, slot);
  };
  for (const token of request.promptTokenIds) compute(token);
  const output: number[] = [];
  while (output.length < request.newTokensMax) {
    const token = tokenAfter(hash, vocabularySize);
    output.push(token);
    if (request.stopTokenIds.includes(token)) break;
    compute(token);
  }
  return output;
}
