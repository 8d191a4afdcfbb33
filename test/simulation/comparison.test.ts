import { beforeAll, describe, expect, it } from 'vitest';
import { DrawsByNeighbours, KeepsToItsDraft } from './canaries.ts';
import { type ComparisonTotals, compareSeeds, NO_TOTALS } from './comparison.ts';
import { SeedFailure } from './seeds.ts';

/** More by `npm run simulate -- --compare --seeds 10000`. */
const SEED_COUNT = 60;

describe('requests of every kind together', () => {
  let totals: ComparisonTotals;
  beforeAll(async () => {
    totals = await compareSeeds(0, SEED_COUNT);
  });

  it('each get the tokens, log probabilities and end that they get alone', () => {
    expect(totals.tokenCount).toBeGreaterThan(60 * SEED_COUNT);
  });

  it.each(Object.keys(NO_TOTALS) as (keyof ComparisonTotals)[])('meet what there is to meet: %s', (name) => {
    expect(totals[name]).toBeGreaterThan(0);
  });

  it.each([
    ['a sampler goes on behind its draft', KeepsToItsDraft],
    ['a draw depends on who else is there', DrawsByNeighbours],
  ])('show it when %s', async (_bug, samplers) => {
    const failure = await compareSeeds(0, SEED_COUNT, samplers).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SeedFailure);
    expect((failure as Error).message).toMatch(/^seed \d+: sequence \d+/);
    expect((failure as Error).message).toMatch(
      /\nreplay: npm run simulate -- --compare --seeds 1 --from \d+$/,
    );
  });
});
