/**
 * Filling in the middle: models for code are trained to write what stands between two texts. Each family marks the
 * parts with special tokens of its own, in the same order: prefix, suffix, then the middle, which the model writes.
 * Nobody says in a file that a model can do it; its added tokens show it.
 */

import type { AddedToken } from './tokenizer-files.ts';

export type InfillMarkers = {
  readonly prefixId: number;
  readonly suffixId: number;
  readonly middleId: number;
  /** Ends the middle, besides the model's own end of text; null where there is no such token. */
  readonly endId: number | null;
};

type Family = {
  readonly prefix: string;
  readonly suffix: string;
  readonly middle: string;
  readonly end?: string;
};

const FAMILIES: readonly Family[] = [
  // Qwen 2.5 Coder and later, CodeGemma
  { prefix: '<|fim_prefix|>', suffix: '<|fim_suffix|>', middle: '<|fim_middle|>' },
  // StarCoder, StarCoder 2, Granite Code
  { prefix: '<fim_prefix>', suffix: '<fim_suffix>', middle: '<fim_middle>' },
  // SantaCoder
  { prefix: '<fim-prefix>', suffix: '<fim-suffix>', middle: '<fim-middle>' },
  // DeepSeek Coder: begin, hole, end
  { prefix: '<｜fim▁begin｜>', suffix: '<｜fim▁hole｜>', middle: '<｜fim▁end｜>' },
  // CodeLlama
  { prefix: '▁<PRE>', suffix: '▁<SUF>', middle: '▁<MID>', end: '▁<EOT>' },
];

/** The markers of the first family all of whose tokens are there. */
export function findInfillMarkers(addedTokens: readonly AddedToken[]): InfillMarkers | null {
  const idOf = new Map(addedTokens.map(({ content, id }) => [content, id]));
  for (const { prefix, suffix, middle, end } of FAMILIES) {
    const [prefixId, suffixId, middleId] = [idOf.get(prefix), idOf.get(suffix), idOf.get(middle)];
    if (prefixId === undefined || suffixId === undefined || middleId === undefined) continue;
    const endId = end === undefined ? null : (idOf.get(end) ?? null);
    return { prefixId, suffixId, middleId, endId };
  }
  return null;
}
