/**
 * `npm run bench`: load on a server, its own or one that runs already, and the figures as a table and as JSON.
 * Only the command line and the order of starting and stopping are here.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type BareEngine, startBareEngine } from './bare-engine.ts';
import { firstModelOf, streamChatOrThrow } from './chat-client.ts';
import { closeTarget, createTarget, type Target } from './http-exchange.ts';
import { machineFacts } from './machine.ts';
import { renderReport, type StartFigures } from './report.ts';
import { type BenchFigures, type BenchPlan, runBench } from './scenarios.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PREFIX_TOKENS_DEFAULT = 1000;

type Flags = {
  readonly url?: string;
  readonly model?: string;
  readonly apiKey?: string;
  readonly launch: 'node' | 'npm';
  readonly concurrency: readonly number[];
  readonly requests?: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly repeats: number;
  readonly sharedPrefix?: number | true;
  readonly prefixPairs: number;
  readonly engine?: true;
  readonly seed: number;
  readonly out?: string;
};

/** What has to be ended again, whatever happens. */
type Running = { server: ServerProcess | null; engine: BareEngine | null };

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
}

function commandLine(): Flags {
  return new Command('bench')
    .description('Puts load on an OpenAI-compatible server and measures it.')
    .option('--url <url>', 'server that runs already, http://host:port; without it one is started and ended')
    .option('--model <directory>', 'checkpoint for the started server and the bare engine')
    .option('--api-key <key>', 'sent as bearer token')
    .addOption(
      new Option('--launch <how>', 'how the server is started: node (dist/cli.js) or npm (npm start)')
        .choices(['node', 'npm'])
        .default('node'),
    )
    .option(
      '--concurrency <list>',
      'streams at once',
      (text) => text.split(',').map(positiveInteger),
      [1, 4, 16],
    )
    .option('--requests <n>', 'requests in one run (default: four for each stream)', positiveInteger)
    .option('--prompt-tokens <n>', 'about so many, chat template included', positiveInteger, 64)
    .option('--output-tokens <n>', 'exactly so many', positiveInteger, 64)
    .option('--repeats <n>', 'runs of each kind, interleaved', positiveInteger, 3)
    .option(
      '--shared-prefix [n]',
      `first tokens with a cold and a warm prefix (${PREFIX_TOKENS_DEFAULT})`,
      positiveInteger,
    )
    .option('--prefix-pairs <n>', 'pairs of a cold and a warm request', positiveInteger, 7)
    .option('--engine', 'measure the bare engine too, taking turns with the server')
    .option('--seed <n>', 'decides the prompts (default: the time)', positiveInteger, Date.now())
    .option('--out <file>', 'JSON file (default: bench/results/<time>.json)')
    .parse()
    .opts<Flags>();
}

function planOf(flags: Flags): BenchPlan {
  const { sharedPrefix = 0 } = flags;
  return {
    concurrencies: flags.concurrency,
    requestCount: flags.requests ?? null,
    promptTokenCount: flags.promptTokens,
    outputTokenCount: flags.outputTokens,
    repeatCount: flags.repeats,
    prefixTokenCount: sharedPrefix === true ? PREFIX_TOKENS_DEFAULT : sharedPrefix,
    prefixPairCount: flags.prefixPairs,
    seed: flags.seed,
  };
}

function launchOf(flags: Flags) {
  const node = [process.execPath, path.join(ROOT, 'dist', 'cli.js'), 'serve'];
  const npm = ['npm', 'start', '--prefix', ROOT, '--'];
  const serverArguments = flags.model === undefined ? [] : ['--model', flags.model];
  return { command: flags.launch === 'npm' ? npm : node, serverArguments };
}

/** The first request to a server that we started: how long its user would have waited. */
async function measureStart(server: ServerProcess, target: Target, model: string): Promise<StartFigures> {
  const record = await streamChatOrThrow({ target, model }, 'Hello', 1);
  return { readyMs: server.readyAfterMs, firstTokenMs: record.firstTokenAtMs - server.spawnedAtMs };
}

async function measure(
  flags: Flags,
  running: Running,
): Promise<{ start: StartFigures | null; figures: BenchFigures }> {
  if (flags.url === undefined) running.server = await startServer(launchOf(flags));
  const apiKey = flags.apiKey ?? process.env['OCTAVO_API_KEY']?.split(',')[0] ?? null;
  const target = createTarget(flags.url ?? running.server!.url, apiKey);
  try {
    const model = await firstModelOf(target);
    const start = running.server === null ? null : await measureStart(running.server, target, model);
    if (flags.engine) running.engine = await startBareEngine(flags.model);
    const figures = await runBench(planOf(flags), {
      chat: { target, model },
      engine: running.engine?.client ?? null,
      onProgress: (line) => console.error(line),
    });
    return { start, figures };
  } finally {
    closeTarget(target);
  }
}

async function writeResult(file: string, result: unknown): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  console.error(`written to ${path.relative(process.cwd(), file)}`);
}

async function main(): Promise<void> {
  const flags = commandLine();
  const machine = machineFacts();
  const running: Running = { server: null, engine: null };
  const stop = async () => {
    await running.engine?.close();
    await running.server?.stop();
  };
  // The server is in a process group of its own, which the terminal's Ctrl-C does not reach.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop().finally(() => process.exit(1)));
  }
  try {
    const { start, figures } = await measure(flags, running);
    console.log(renderReport(machine, start, figures));
    const name = `${machine.startedAt.replaceAll(':', '-')}.json`;
    const file = path.resolve(flags.out ?? path.join(ROOT, 'bench', 'results', name));
    await writeResult(file, { machine, plan: planOf(flags), start, ...figures });
    const failed = figures.levels.some(
      (level) => level.server.failureCount + (level.engine?.failureCount ?? 0) > 0,
    );
    if (failed) process.exitCode = 1;
  } finally {
    await stop();
  }
}

await main().catch((error: Error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
