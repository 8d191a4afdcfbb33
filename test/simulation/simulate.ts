/**
 * Long runs and replays: `npm run simulate -- --seeds 100000 --from 1`, and with `--compare` of requests that choose in every
 * way, with `--clients` of readers across the channel. Ends with code 1 at the first seed that fails, with its stack.
 */

import { simulateClients } from './client-simulator.ts';
import { CommandLineError, type Invocation, parseCommandLine } from './command-line.ts';
import { compareSeeds } from './comparison.ts';
import { MARKS } from './marks.ts';
import { SeedFailure } from './seeds.ts';
import { SimulationFailure } from './simulator.ts';
import { simulateSwarm } from './swarm.ts';

type Run = Extract<Invocation, { kind: 'run' }>;

const startMs = performance.now();
const seconds = (): string => ((performance.now() - startMs) / 1000).toFixed(1);
const printCount = (count: number, what: string): void =>
  console.log(`${String(count).padStart(8)}  ${what}`);

async function swarm({ from, seeds }: Run): Promise<void> {
  const { stepCount, preemptionCount, prefixHitTokenCount, marks } = await simulateSwarm(from, seeds);
  console.log(`${seeds} seeds from ${from}: ${stepCount} steps in ${seconds()} s`);
  console.log(`${preemptionCount} preemptions, ${prefixHitTokenCount} prompt tokens from the cache`);
  for (const mark of MARKS) printCount(marks.count(mark), mark);
}

async function compare({ from, seeds }: Run): Promise<void> {
  printTotals({ from, seeds }, await compareSeeds(from, seeds));
}

async function clients({ from, seeds }: Run): Promise<void> {
  printTotals({ from, seeds }, await simulateClients(from, seeds));
}

function printTotals({ from, seeds }: Pick<Run, 'from' | 'seeds'>, totals: Record<string, number>): void {
  console.log(`${seeds} seeds from ${from} in ${seconds()} s`);
  for (const [name, count] of Object.entries(totals)) printCount(count, name);
}

try {
  const invocation = parseCommandLine(process.argv.slice(2));
  if (invocation.kind === 'help') console.log(invocation.text);
  else if (invocation.clients) await clients(invocation);
  else await (invocation.compare ? compare : swarm)(invocation);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommandLineError)
    console.error(`simulate: ${error.message} (--help lists the options)`);
  else if (error instanceof SimulationFailure || error instanceof SeedFailure) {
    console.error(error.message);
    console.error((error.cause as Error).stack);
  } else throw error;
}
