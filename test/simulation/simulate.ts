/**
 * Long runs and replays: `npm run simulate -- --seeds 100000 --from 1`. Ends with code 1 at the first seed that
 * fails, with its stack.
 */

import { CommandLineError, type Invocation, parseCommandLine } from './command-line.ts';
import { MARKS } from './marks.ts';
import { SimulationFailure } from './simulator.ts';
import { simulateSwarm } from './swarm.ts';

type Run = Extract<Invocation, { kind: 'run' }>;

async function run({ from, seeds }: Run): Promise<void> {
  const startMs = performance.now();
  const totals = await simulateSwarm(from, seeds);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const { stepCount, preemptionCount, prefixHitTokenCount, marks } = totals;
  console.log(`${seeds} seeds from ${from}: ${stepCount} steps in ${seconds} s`);
  console.log(`${preemptionCount} preemptions, ${prefixHitTokenCount} prompt tokens from the cache`);
  for (const mark of MARKS) console.log(`${String(marks.count(mark)).padStart(8)}  ${mark}`);
}

try {
  const invocation = parseCommandLine(process.argv.slice(2));
  if (invocation.kind === 'help') console.log(invocation.text);
  else await run(invocation);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommandLineError)
    console.error(`simulate: ${error.message} (--help lists the options)`);
  else if (error instanceof SimulationFailure) {
    console.error(error.message);
    console.error((error.cause as Error).stack);
  } else throw error;
}
