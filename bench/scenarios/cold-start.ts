/**
 * From the start of the process to a ready server and to the first token, with the weights that a first start left in
 * the cache directory; and the memory that the process then has, against the bytes of its weights and of its KV cache.
 */

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import { runClosedLoop } from '../closed-loop.ts';
import { bodyText, exchange, type Target } from '../http-exchange.ts';
import {
  countOption,
  type FormFlags,
  formOption,
  type LaunchFlags,
  launchOf,
  launchOptions,
  ROOT,
  repeatsOption,
  seedOption,
} from '../options.ts';
import { type Bench, scenario } from '../scenario.ts';
import { overRepeats } from '../statistics.ts';
import { apiKeyOf, connect, launch, measureStart, serverSubject } from '../subjects.ts';
import { rangeCell, renderTable, round } from '../table.ts';

type Flags = LaunchFlags &
  FormFlags & {
    readonly kvCacheMib: number;
    readonly cacheDir?: string;
    readonly streams: number;
    readonly repeats: number;
    readonly seed: number;
  };

type Start = {
  readonly readyMs: number;
  readonly firstTokenMs: number;
  readonly residentReadyMib: number;
  /** After a load that fills the cache. */
  readonly residentLoadedMib: number;
};

const MIB = 2 ** 20;
const PROMPT_TOKENS = 128;
const OUTPUT_TOKENS = 128;

/** Resident memory of the server's process, as it says itself. */
async function residentMib(target: Target): Promise<number> {
  const answer = await exchange(target, '/metrics');
  const found = /^process_resident_memory_bytes(?:\{[^}]*\})? (\S+)/m.exec(bodyText(answer));
  if (found === null) throw new Error('GET /metrics tells no process_resident_memory_bytes');
  return Number(found[1]) / MIB;
}

async function bytesUnder(directory: string, suffixes: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true })) {
    const file = path.join(directory, name);
    const facts = await stat(file);
    if (facts.isFile() && suffixes.some((suffix) => name.endsWith(suffix))) bytes += facts.size;
  }
  return bytes;
}

/** What the first start wrote, or the checkpoint's own files where nothing had to be converted. */
async function weightsMib(flags: Flags, cacheDirectory: string): Promise<number> {
  const converted = await bytesUnder(cacheDirectory, ['']);
  if (converted > 0) return converted / MIB;
  const model = flags.model ?? path.join(ROOT, 'models', 'octavo-mini');
  return (await bytesUnder(model, ['.safetensors'])) / MIB;
}

async function start(bench: Bench, flags: Flags, cacheDirectory: string): Promise<Start> {
  const serverArguments = [
    ...['--quantization', flags.quantization, '--cache-dir', cacheDirectory],
    ...['--kv-cache-memory', `${flags.kvCacheMib}MiB`, '--max-num-seqs', String(flags.streams)],
  ];
  const server = await launch(bench, launchOf(flags, serverArguments));
  const chat = await connect(bench, server.url, { apiKey: apiKeyOf(undefined), keepsAlive: true });
  const { readyMs, firstTokenMs } = await measureStart(server, chat);
  const residentReadyMib = await residentMib(chat.target);
  const subject = await serverSubject('server', chat, { promptTokens: PROMPT_TOKENS, seed: flags.seed });
  const load = await runClosedLoop({
    concurrency: flags.streams,
    requestCount: flags.streams,
    send: (index) => subject.send(flags.seed + index, OUTPUT_TOKENS),
  });
  if (load.failures[0] !== undefined) throw new Error(load.failures[0]);
  const residentLoadedMib = await residentMib(chat.target);
  await server.stop();
  return { readyMs, firstTokenMs, residentReadyMib, residentLoadedMib };
}

async function measure(bench: Bench, flags: Flags, cacheDirectory: string) {
  const starts: Start[] = [];
  // The first start fills the cache directory, and is not counted.
  for (let repeat = 0; repeat <= flags.repeats; repeat++) {
    bench.progress(repeat === 0 ? 'a first start, which makes the weights' : `start ${repeat}`);
    const figures = await start(bench, flags, cacheDirectory);
    if (repeat > 0) starts.push(figures);
  }
  const weights = await weightsMib(flags, cacheDirectory);
  const rest = starts.map(({ residentLoadedMib }) => residentLoadedMib - weights - flags.kvCacheMib);
  return {
    readyMs: overRepeats(starts.map(({ readyMs }) => readyMs)),
    firstTokenMs: overRepeats(starts.map(({ firstTokenMs }) => firstTokenMs)),
    weightsMib: weights,
    kvCacheMib: flags.kvCacheMib,
    residentReadyMib: overRepeats(starts.map(({ residentReadyMib }) => residentReadyMib)),
    residentLoadedMib: overRepeats(starts.map(({ residentLoadedMib }) => residentLoadedMib)),
    /** Resident under load less weights and KV cache. */
    restMib: overRepeats(rest),
  };
}

function render(figures: Awaited<ReturnType<typeof measure>>): string {
  return renderTable(
    ['', 'median (min..max)'],
    [
      ['ready after, ms', rangeCell(figures.readyMs)],
      ['first token after, ms', rangeCell(figures.firstTokenMs)],
      ['resident when ready, MiB', rangeCell(figures.residentReadyMib)],
      ['resident after load, MiB', rangeCell(figures.residentLoadedMib)],
      ['files of weights, MiB', round(figures.weightsMib)],
      ['KV cache, MiB', round(figures.kvCacheMib)],
      ['resident less weights and cache, MiB', rangeCell(figures.restMib)],
    ],
  );
}

export const coldStart = scenario<Flags>({
  name: 'cold-start',
  summary: 'time to ready with converted weights in the cache directory, and resident memory',
  options: [
    ...launchOptions(),
    formOption(),
    countOption(
      'kv-cache-mib',
      'size of the KV cache; the load fills so much with the shape of Qwen2.5-0.5B',
      192,
    ),
    countOption('streams', 'of the load', 32),
    new Option('--cache-dir <directory>', 'for converted weights alone (default: made, and removed again)'),
    repeatsOption(5),
    seedOption(),
  ],
  run: async (flags, bench) => {
    const made = flags.cacheDir === undefined ? await mkdtemp(path.join(os.tmpdir(), 'octavo-bench-')) : null;
    if (made !== null) bench.atEnd(() => rm(made, { recursive: true }));
    const figures = await measure(bench, flags, made ?? flags.cacheDir!);
    return { figures, text: render(figures), failureCount: 0 };
  },
});
