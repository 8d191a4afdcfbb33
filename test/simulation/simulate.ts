/**
 * Long runs and replays: `npm run simulate -- --seeds 100000 --from 1`. Ends with code 1 at the first seed that
 * fails, with its stack.
 */

import { parseArgs } from 'node:util';
import { MARKS } from './marks.ts';
import { SimulationFailure } from './simulator.ts';
import { simulateSwarm } from './swarm.ts';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '0' } },
});
const seedCount = Number(values.seeds);
const fromSeed = Number(values.from);
const startMs = performance.now();
try {
  const totals = await simulateSwarm(fromSeed, seedCount);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const { stepCount, preemptionCount, prefixHitTokenCount, marks } = totals;
  console.log(`${seedCount} seeds from ${fromSeed}: ${stepCount} steps in ${seconds} s`);
  console.log(`${preemptionCount} preemptions, ${prefixHitTokenCount} prompt tokens from the cache`);
  for (const mark of MARKS) console.log(`${String(marks.count(mark)).padStart(8)}  ${mark}`);
} catch (error) {
  if (!(error instanceof SimulationFailure)) throw error;
  console.error(error.message);
  console.error((error.cause as Error).stack);
  process.exitCode = 1;
}
