/** Frequencies of many draws against the probabilities of the reference. */

import { describe, expect, it } from 'vitest';
import type { SamplingParams } from '../../src/sampling/sampling-params.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { CASES, chiSquarePerDegree, countsOf, drawnTokens, normalRow } from './frequencies.ts';
import { type History, keptTokens, NO_HISTORY } from './reference-sampler.ts';
import { answer } from './row-driver.ts';

async function draw(row: Float32Array, sampling: Partial<SamplingParams>, history: History) {
  const tokens = await drawnTokens(row.length, sampling, history, (query) => answer([row], query));
  return countsOf(tokens, row.length);
}

describe('20,000 draws', () => {
  it.each(CASES)('have the frequencies of the reference with %s', async (_, given, history) => {
    const row = normalRow(1.5);
    const kept = keptTokens(row, { ...GREEDY, ...given }, history);
    const counts = await draw(row, given, history);
    const keptIds = new Set(kept.filter(({ probability }) => probability > 0).map(({ tokenId }) => tokenId));
    expect(counts.flatMap((count, tokenId) => (count > 0 && !keptIds.has(tokenId) ? [tokenId] : []))).toEqual(
      [],
    );
    expect(chiSquarePerDegree(counts, kept)).toBeLessThan(2);
  });

  it('are told from those of a slightly other temperature', async () => {
    const row = normalRow(1.5);
    const counts = await draw(row, { temperature: 1 }, NO_HISTORY);
    const other = keptTokens(row, { ...GREEDY, temperature: 1.1 });
    expect(chiSquarePerDegree(counts, other)).toBeGreaterThan(2);
  });
});
