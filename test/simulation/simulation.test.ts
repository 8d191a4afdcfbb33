import { beforeAll, describe, expect, it } from 'vitest';
import { MARKS } from './marks.ts';
import { REGRESSIONS } from './regressions.ts';
import { simulate } from './simulator.ts';
import { type SwarmTotals, simulateSwarm } from './swarm.ts';

const SEED_COUNT = 1_000;

describe('simulation', () => {
  let totals: SwarmTotals;
  beforeAll(async () => {
    totals = await simulateSwarm(0, SEED_COUNT);
  });

  it('keeps every invariant and every output in 1,000 worlds', () => {
    expect(totals.seedCount).toBe(SEED_COUNT);
    expect(totals.stepCount).toBeGreaterThan(30 * SEED_COUNT);
  });

  it.each(MARKS)('takes the rare path: %s', (mark) => {
    expect(totals.marks.count(mark)).toBeGreaterThan(0);
  });

  // A worse policy gives right answers, later. These figures change with the policy or the swarm, and only then:
  // look at what changed them before writing down new ones.
  it.each([
    ['preemptionCount', 532],
    ['prefixHitTokenCount', 8_068],
  ] as const)('stays within 3 %% of the known %s', (name, known) => {
    expect(totals[name]).toBeGreaterThan(0.97 * known);
    expect(totals[name]).toBeLessThan(1.03 * known);
  });

  it.each(REGRESSIONS)('passes seed $seed: $shows', async ({ seed }) => {
    await expect(simulate(seed)).resolves.toBeDefined();
  });

  it('does the same again for the same seed', async () => {
    expect(await simulate(3)).toEqual(await simulate(3));
  });
});
