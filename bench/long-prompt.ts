/**
 * `npm run bench:long-prompt`: what a long prompt does to the streams that run already. For each `--slowdowns` an
 * engine of its own; in turns, each has streams that decode alone for a while and then beside one long prompt. The
 * bare engine, so that every token has its own time.
 */

import { Command } from 'commander';
import type { EngineClient } from '../src/engine/engine-client.ts';
import { GREEDY } from '../src/sampling/sampling-params.ts';
import { type BareEngine, startBareEngine } from './bare-engine.ts';
import { randomPrompt } from './bare-load.ts';
import { distribution, overRepeats, type RepeatedFigure } from './statistics.ts';

const SHORT_PROMPT_TOKENS = 32;
/** Tokens of every stream before the long prompt arrives. */
const CALM_TOKENS = 60;

type Turn = { readonly calmP95Ms: number; readonly busyP95Ms: number; readonly firstTokenMs: number };

type Flags = {
  readonly model?: string;
  readonly promptTokens: string;
  readonly streams: string;
  readonly repeats: string;
  readonly slowdowns: string;
};

function inputOf(client: EngineClient, seed: number, promptTokenCount: number, newTokensMax: number) {
  return {
    promptTokenIds: randomPrompt(seed, promptTokenCount, client.limits.vocabularySize),
    sampling: GREEDY,
    newTokensMax,
    newTokensMin: 0,
    stopTokenIds: [],
    grammar: null,
    cacheSalt: '',
    priority: 0,
  };
}

/** Streams until it is cancelled; tells the time of every token. Fails the benchmark when the sequence fails. */
function stream(client: EngineClient, seed: number, newTokensMax: number, onToken: (atMs: number) => void) {
  const feed = client.generate(inputOf(client, seed, SHORT_PROMPT_TOKENS, newTokensMax), () => {
    for (let event = feed.take(); event !== null; event = feed.take()) {
      if (event.kind === 'tokens-delta') onToken(performance.now());
    }
  });
  return feed;
}

function gaps(times: readonly (readonly number[])[], fromMs: number, toMs: number): number[] {
  return times.flatMap((each) =>
    each.slice(1).flatMap((atMs, index) => {
      const before = each[index]!;
      return before >= fromMs && atMs <= toMs ? [atMs - before] : [];
    }),
  );
}

async function runTurn(client: EngineClient, seed: number, streamCount: number, promptTokenCount: number) {
  const times: number[][] = Array.from({ length: streamCount }, () => []);
  const room = client.limits.modelLengthMax - SHORT_PROMPT_TOKENS;
  let endCalm = (): void => {};
  const calm = new Promise<void>((resolve) => {
    endCalm = resolve;
  });
  const feeds = times.map((each, index) =>
    stream(client, seed + index, room, (atMs) => {
      each.push(atMs);
      if (times.every(({ length }) => length >= CALM_TOKENS)) endCalm();
    }),
  );
  await calm;
  const sentAtMs = performance.now();
  const answeredAtMs = await new Promise<number>((resolve) => {
    const input = inputOf(client, seed + streamCount, promptTokenCount, 1);
    client.generate(input, () => resolve(performance.now()));
  });
  for (const feed of feeds) feed.cancel();
  const startedAtMs = Math.max(...times.map(([first]) => first!));
  return {
    calmP95Ms: distribution(gaps(times, startedAtMs, sentAtMs))!.p95,
    busyP95Ms: distribution(gaps(times, sentAtMs, answeredAtMs))!.p95,
    firstTokenMs: answeredAtMs - sentAtMs,
  };
}

function show(figure: RepeatedFigure | null): string {
  if (figure === null) return '-';
  return `${figure.median.toPrecision(3)} (${figure.min.toPrecision(3)}..${figure.max.toPrecision(3)})`;
}

async function main(): Promise<void> {
  const flags = new Command('bench:long-prompt')
    .option('--model <directory>', 'checkpoint; the shipped one by default')
    .option('--prompt-tokens <n>', 'length of the long prompt', '1900')
    .option('--streams <n>', 'sequences that decode beside it', '8')
    .option('--repeats <n>', 'turns of each engine', '5')
    .option('--slowdowns <list>', 'values of --max-decode-slowdown', '0,1.5')
    .parse()
    .opts<Flags>();
  const slowdowns = flags.slowdowns.split(',');
  const engines: BareEngine[] = [];
  const turns: Turn[][] = slowdowns.map(() => []);
  for (const slowdown of slowdowns) {
    engines.push(await startBareEngine(flags.model, { OCTAVO_MAX_DECODE_SLOWDOWN: slowdown }));
  }
  for (let repeat = 0; repeat < Number(flags.repeats); repeat++) {
    for (const [index, engine] of engines.entries()) {
      const seed = Date.now() + repeat;
      const turn = await runTurn(engine.client, seed, Number(flags.streams), Number(flags.promptTokens));
      turns[index]!.push(turn);
    }
  }
  for (const [index, each] of turns.entries()) {
    console.log(
      `slowdown ${slowdowns[index]}: inter-token p95 alone ${show(overRepeats(each.map((t) => t.calmP95Ms)))} ms, ` +
        `beside the prompt ${show(overRepeats(each.map((t) => t.busyP95Ms)))} ms, ` +
        `ratio ${show(overRepeats(each.map((t) => t.busyP95Ms / t.calmP95Ms)))}, ` +
        `first token of the prompt ${show(overRepeats(each.map((t) => t.firstTokenMs)))} ms`,
    );
  }
  await Promise.all(engines.map((engine) => engine.close()));
}

await main();
