/**
 * The oracle of the sampler's tests: the pipeline as its definition reads, over the whole vocabulary, sorted outright,
 * renormalised after every restriction, in float64. Shares no code with `src/sampling` but the types.
 */

import type { SamplingParams } from '../../src/sampling/sampling-params.ts';

export type History = {
  readonly promptTokenIds: readonly number[];
  readonly outputTokenIds: readonly number[];
  readonly forbiddenTokenIds: readonly number[];
};

export const NO_HISTORY: History = { promptTokenIds: [], outputTokenIds: [], forbiddenTokenIds: [] };

export type Ranked = { readonly tokenId: number; readonly logit: number; readonly probability: number };

export function editedLogits(row: Float32Array, params: SamplingParams, history: History): number[] {
  const counts = new Map<number, number>();
  for (const tokenId of history.outputTokenIds) counts.set(tokenId, (counts.get(tokenId) ?? 0) + 1);
  return Array.from(row, (raw, tokenId) => {
    if (isForbidden(tokenId, params, history)) return -Infinity;
    const bias = params.logitBias.get(tokenId) ?? 0;
    const count = counts.get(tokenId) ?? 0;
    const isRepeated = count > 0 || history.promptTokenIds.includes(tokenId);
    if (!isRepeated && bias === 0) return raw;
    let logit = raw + bias;
    if (isRepeated) logit = logit < 0 ? logit * params.repetitionPenalty : logit / params.repetitionPenalty;
    if (count > 0) logit -= params.frequencyPenalty * count + params.presencePenalty;
    return Math.fround(logit);
  });
}

function isForbidden(tokenId: number, params: SamplingParams, history: History): boolean {
  if (history.forbiddenTokenIds.includes(tokenId)) return true;
  if (params.allowedTokenIds?.includes(tokenId) === false) return true;
  const text = ` ${[...history.outputTokenIds, tokenId].join(' ')}`;
  return params.bannedSequences.some((sequence) => text.endsWith(` ${sequence.join(' ')}`));
}

/** What is left to draw from, most likely first; the probabilities add up to 1. */
export function keptTokens(
  row: Float32Array,
  params: SamplingParams,
  history: History = NO_HISTORY,
): Ranked[] {
  const sorted = editedLogits(row, params, history)
    .map((logit, tokenId) => ({ tokenId, logit }))
    .sort((a, b) => (a.logit === b.logit ? a.tokenId - b.tokenId : b.logit > a.logit ? 1 : -1));
  if (params.temperature === 0) return [{ ...sorted[0]!, probability: 1 }];
  const top = sorted[0]!.logit;
  let kept = normalised(
    sorted.map((entry) => ({ ...entry, probability: Math.exp((entry.logit - top) / params.temperature) })),
  );
  if (params.minP > 0) {
    const smallest = kept[0]!.probability * params.minP;
    kept = normalised(kept.filter(({ probability }) => probability >= smallest));
  }
  if (params.topK > 0) kept = normalised(kept.slice(0, params.topK));
  if (params.topP < 1) {
    // In units of the best token, so that equal probabilities add up without rounding.
    const unit = kept[0]!.probability;
    const wanted = params.topP * kept.reduce((sum, { probability }) => sum + probability / unit, 0);
    let before = 0;
    kept = normalised(
      kept.filter(({ probability }) => {
        const isKept = before < wanted;
        before += probability / unit;
        return isKept;
      }),
    );
  }
  return kept;
}

export function drawnToken(kept: readonly Ranked[], uniform: number): number {
  let sum = 0;
  for (const { tokenId, probability } of kept) {
    sum += probability;
    if (sum > uniform) return tokenId;
  }
  return kept.findLast(({ probability }) => probability > 0)!.tokenId;
}

function normalised(kept: readonly Ranked[]): Ranked[] {
  const sum = kept.reduce((total, { probability }) => total + probability, 0);
  return kept.map((entry) => ({ ...entry, probability: entry.probability / sum }));
}
