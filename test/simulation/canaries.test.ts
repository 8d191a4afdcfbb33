import { describe, expect, it } from 'vitest';
import { CANARIES, ReleasesHeadFirst } from './canaries.ts';
import { type Parts, REAL_PARTS, SimulationFailure, simulate } from './simulator.ts';
import { simulateSwarm } from './swarm.ts';

const SEED_COUNT = 1_000;

/** Stops at the first seed that fails. */
async function findFailure(parts: Parts): Promise<SimulationFailure | null> {
  for (let seed = 0; seed < SEED_COUNT; seed++) {
    try {
      await simulate(seed, parts);
    } catch (error) {
      if (error instanceof SimulationFailure) return error;
      throw error;
    }
  }
  return null;
}

describe('simulation with a planted bug', () => {
  it.each(CANARIES)('finds that %s', async (_bug, parts) => {
    const failure = await findFailure({ ...REAL_PARTS, ...parts });
    expect(failure).toBeInstanceOf(SimulationFailure);
    expect(failure?.message).toMatch(/^seed \d+, step \d+: /);
    expect(failure?.message).toMatch(/\nreplay: npm run simulate -- --seeds 1 --from \d+$/);
  });

  it('shows in the prefix hits that blocks are released head first', async () => {
    const real = await simulateSwarm(0, 200);
    const headFirst = await simulateSwarm(0, 200, { ...REAL_PARTS, BlockPool: ReleasesHeadFirst });
    expect(headFirst.prefixHitTokenCount).toBeLessThan(0.95 * real.prefixHitTokenCount);
  });
});
