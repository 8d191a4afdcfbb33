/**
 * `npm run bench -- --scenario NAME`: runs one scenario; the table goes to standard output, progress to standard error,
 * everything measured to a JSON file. Only the command is here: what is measured is in `scenarios/`.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandLineError, type Invocation, parseCommandLine } from './command-line.ts';
import { machineFacts } from './machine.ts';
import { ROOT } from './options.ts';
import { PRESET, SCENARIOS } from './registry.ts';
import type { Bench } from './scenario.ts';
import { renderMachine } from './table.ts';

type Run = Extract<Invocation, { kind: 'run' }>;

/** What has to be ended again, whatever happens; the last one first. */
class Releases {
  readonly #waiting: (() => void | Promise<void>)[] = [];

  add(release: () => void | Promise<void>): void {
    this.#waiting.push(release);
  }

  async run(): Promise<void> {
    for (let release = this.#waiting.pop(); release !== undefined; release = this.#waiting.pop()) {
      await release();
    }
  }
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  console.error(`written to ${path.relative(process.cwd(), file)}`);
}

async function run({ scenario, flags, out }: Run, releases: Releases): Promise<void> {
  const machine = machineFacts();
  const bench: Bench = {
    progress: (line) => console.error(line),
    atEnd: (release) => releases.add(release),
  };
  const { figures, text, failureCount, chart } = await scenario.run(flags, bench);
  console.log(`${scenario.name}: ${scenario.summary}\n${renderMachine(machine)}\n\n${text}`);
  const name = `${scenario.name}-${machine.startedAt.replaceAll(':', '-')}.json`;
  const result = { scenario: scenario.name, machine, options: flags, figures };
  await write(
    path.resolve(out ?? path.join(ROOT, 'bench', 'results', name)),
    `${JSON.stringify(result, null, 2)}\n`,
  );
  const { chart: chartFile } = flags;
  if (chart !== undefined && typeof chartFile === 'string') await write(path.resolve(chartFile), chart);
  if (failureCount > 0) process.exitCode = 1;
}

async function main(): Promise<void> {
  const invocation = parseCommandLine(SCENARIOS, process.argv.slice(2), PRESET);
  if (invocation.kind === 'help') {
    console.log(invocation.text);
    return;
  }
  const releases = new Releases();
  // A server is in a process group of its own, which the terminal's Ctrl-C does not reach.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => releases.run().finally(() => process.exit(1)));
  }
  try {
    await run(invocation, releases);
  } finally {
    await releases.run();
  }
}

await main().catch((error: Error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = error instanceof CommandLineError ? 2 : 1;
});
