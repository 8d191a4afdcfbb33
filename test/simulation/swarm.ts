/** Many seeds, one after the other, and what they add up to. */

import { MarkCounts } from './marks.ts';
import { type Parts, REAL_PARTS, simulate } from './simulator.ts';

export type SwarmTotals = {
  seedCount: number;
  stepCount: number;
  preemptionCount: number;
  prefixHitTokenCount: number;
  readonly marks: MarkCounts;
};

/** @throws SimulationFailure of the first seed that fails. */
export async function simulateSwarm(
  fromSeed: number,
  seedCount: number,
  parts: Parts = REAL_PARTS,
): Promise<SwarmTotals> {
  const totals: SwarmTotals = {
    seedCount,
    stepCount: 0,
    preemptionCount: 0,
    prefixHitTokenCount: 0,
    marks: new MarkCounts(),
  };
  for (let seed = fromSeed; seed < fromSeed + seedCount; seed++) {
    const result = await simulate(seed, parts);
    totals.stepCount += result.stepCount;
    totals.preemptionCount += result.preemptionCount;
    totals.prefixHitTokenCount += result.prefixHitTokenCount;
    totals.marks.add(result.marks);
  }
  return totals;
}
