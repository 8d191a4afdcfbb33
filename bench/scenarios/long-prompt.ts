/**
 * What a long prompt does to the streams that run already. For each `--slowdowns` an engine of its own; in turns, each
 * has streams that decode alone for a while, then beside one long prompt, then alone again: they grow meanwhile, and what
 * they attend to makes their own steps longer. The bare engine, so that every token has its own time.
 */

import { Option } from 'commander';
import { PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import type { EngineClient } from '../../src/engine/engine-client.ts';
import { type BareEngine, startBareEngine } from '../bare-engine.ts';
import { randomPrompt } from '../bare-load.ts';
import {
  countOption,
  type FormFlags,
  formOption,
  modelOption,
  positiveInteger,
  repeatsOption,
  seedOption,
} from '../options.ts';
import { scenario } from '../scenario.ts';
import { distribution, overRepeats, ratioOverRepeats } from '../statistics.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

const PROMPT_TOKENS = 4000;
const SHORT_PROMPT_TOKENS = 32;
/** Tokens of every stream before the long prompt arrives, and again behind it. */
const CALM_TOKENS = 60;

type Turn = { readonly calmP95Ms: number; readonly busyP95Ms: number; readonly firstTokenMs: number };

type Flags = FormFlags & {
  readonly model?: string;
  readonly promptTokens?: number;
  readonly streams: number;
  readonly repeats: number;
  readonly slowdowns: readonly string[];
  readonly seed: number;
};

function inputOf(client: EngineClient, seed: number, promptTokenCount: number, newTokensMax: number) {
  return {
    promptTokenIds: randomPrompt(seed, promptTokenCount, client.limits.vocabularySize),
    ...PLAIN_GENERATION,
    newTokensMax,
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

/** Gaps between a stream's tokens that lie between two moments whole. */
export function gapsBetween(times: readonly (readonly number[])[], fromMs: number, toMs: number): number[] {
  return times.flatMap((each) =>
    each.slice(1).flatMap((atMs, index) => {
      const before = each[index]!;
      return before >= fromMs && atMs <= toMs ? [atMs - before] : [];
    }),
  );
}

/** Tells when every stream has so many tokens more. */
class Calm {
  readonly #times: readonly (readonly number[])[];
  #countMin = Infinity;
  #end = (): void => {};

  constructor(times: readonly (readonly number[])[]) {
    this.#times = times;
  }

  wait(): Promise<void> {
    this.#countMin = Math.max(...this.#times.map(({ length }) => length)) + CALM_TOKENS;
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  onToken(): void {
    if (this.#times.every(({ length }) => length >= this.#countMin)) this.#end();
  }
}

async function runTurn(
  client: EngineClient,
  seed: number,
  streamCount: number,
  promptTokenCount: number,
): Promise<Turn> {
  const times: number[][] = Array.from({ length: streamCount }, () => []);
  const room = client.limits.modelLengthMax - SHORT_PROMPT_TOKENS;
  const calm = new Calm(times);
  const feeds = times.map((each, index) =>
    stream(client, seed + index, room, (atMs) => {
      each.push(atMs);
      calm.onToken();
    }),
  );
  await calm.wait();
  const sentAtMs = performance.now();
  const answeredAtMs = await new Promise<number>((resolve) => {
    const input = inputOf(client, seed + streamCount, promptTokenCount, 1);
    client.generate(input, () => resolve(performance.now()));
  });
  await calm.wait();
  for (const feed of feeds) feed.cancel();
  const startedAtMs = Math.max(...times.map(([first]) => first!));
  const alone = [
    ...gapsBetween(times, startedAtMs, sentAtMs),
    ...gapsBetween(times, answeredAtMs, performance.now()),
  ];
  return {
    calmP95Ms: distribution(alone)!.p95,
    busyP95Ms: distribution(gapsBetween(times, sentAtMs, answeredAtMs))!.p95,
    firstTokenMs: answeredAtMs - sentAtMs,
  };
}

function figuresOf(slowdown: string, turns: readonly Turn[]) {
  const calm = turns.map(({ calmP95Ms }) => calmP95Ms);
  const busy = turns.map(({ busyP95Ms }) => busyP95Ms);
  return {
    slowdown,
    aloneP95Ms: overRepeats(calm),
    besidePromptP95Ms: overRepeats(busy),
    ratio: ratioOverRepeats(busy, calm),
    promptFirstTokenMs: overRepeats(turns.map(({ firstTokenMs }) => firstTokenMs)),
  };
}

function render(figures: readonly ReturnType<typeof figuresOf>[]): string {
  return renderTable(
    [
      '--max-decode-slowdown',
      'between tokens, p95 ms: alone (min..max)',
      'beside the prompt',
      'ratio',
      'first token of the prompt, ms',
    ],
    figures.map((each) => [
      each.slowdown,
      rangeCell(each.aloneP95Ms),
      rangeCell(each.besidePromptP95Ms),
      ratioCell(each.ratio),
      rangeCell(each.promptFirstTokenMs),
    ]),
  );
}

export const longPrompt = scenario<Flags>({
  name: 'long-prompt',
  summary: 'streams of the bare engine while a long prompt is computed',
  options: [
    modelOption(),
    formOption(),
    new Option(
      '--prompt-tokens <n>',
      `length of the long prompt (default: ${PROMPT_TOKENS}, or what the model has room for)`,
    ).argParser(positiveInteger),
    countOption('streams', 'sequences that decode beside it', 8),
    new Option('--slowdowns <list>', 'values of --max-decode-slowdown, an engine each')
      .argParser((text: string) => text.split(','))
      .default(['0', '1.5'], '0,1.5'),
    repeatsOption(5),
    seedOption(),
  ],
  run: async (flags, bench) => {
    const engines: BareEngine[] = [];
    for (const slowdown of flags.slowdowns) {
      bench.progress(`starting an engine with --max-decode-slowdown ${slowdown}`);
      const options = { OCTAVO_MAX_DECODE_SLOWDOWN: slowdown, OCTAVO_QUANTIZATION: flags.quantization };
      const engine = await startBareEngine(flags.model, options);
      bench.atEnd(() => engine.close());
      engines.push(engine);
    }
    const room = engines[0]!.client.limits.modelLengthMax - 1;
    const promptTokenCount = flags.promptTokens ?? Math.min(PROMPT_TOKENS, room);
    const turns: Turn[][] = engines.map(() => []);
    for (let repeat = 0; repeat < flags.repeats; repeat++) {
      for (const [index, { client }] of engines.entries()) {
        bench.progress(`repeat ${repeat + 1}: slowdown ${flags.slowdowns[index]}`);
        const seed = flags.seed + repeat * (flags.streams + 1);
        turns[index]!.push(await runTurn(client, seed, flags.streams, promptTokenCount));
      }
    }
    const figures = turns.map((each, index) => figuresOf(flags.slowdowns[index]!, each));
    return { figures: { promptTokenCount, slowdowns: figures }, text: render(figures), failureCount: 0 };
  },
});
