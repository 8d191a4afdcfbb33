/**
 * What tokenising a long text does to others: streams alone, and the same streams while one text of 100 KB after the other
 * is tokenised by POST /tokenize; and meanwhile how long GET /health takes, which needs nothing but the event loop.
 */

import { Option } from 'commander';
import { type ChatTarget, measureTokenCost, modelLengthMaxOf } from '../chat-client.ts';
import { type RunFigures, runClosedLoop } from '../closed-loop.ts';
import { healthTimes } from '../health-probe.ts';
import { bodyText, exchange } from '../http-exchange.ts';
import {
  countOption,
  positiveInteger,
  repeatsOption,
  type ServerFlags,
  seedOption,
  serverOptions,
} from '../options.ts';
import { wordsOf } from '../prompts.ts';
import { scenario } from '../scenario.ts';
import { type Distribution, distribution, overRepeats, ratioOverRepeats } from '../statistics.ts';
import { openServer, type ServerSubject, serverSubject } from '../subjects.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = ServerFlags & {
  readonly streams: number;
  readonly characters?: number;
  readonly outputTokens: number;
  readonly repeats: number;
  readonly seed: number;
};

type Phase = { readonly run: RunFigures; readonly health: Distribution | null; readonly textCount: number };

const CHARACTERS = 100_000;
const PROMPT_TOKENS = 32;
/** The server tokenises texts of up to twice the model's context; some room is left, because lengths are estimates. */
const CONTEXTS_TOKENISED = 1.8;
/** With the space: no word is shorter, so a text of so many words is long enough to be cut. */
const WORD_CHARACTERS_MIN = 2;
/** Distance of the texts' seeds from those of the streams. */
const TEXT_SEEDS = 2_000_000_000;

/** 100 KB, or what the server is willing to tokenise. */
async function charactersFor(chat: ChatTarget): Promise<number> {
  const lengthMax = await modelLengthMaxOf(chat.target);
  if (lengthMax === null) return CHARACTERS;
  const { perWord } = await measureTokenCost(chat);
  const words = wordsOf(0, 1000);
  const charactersPerToken = words.length / (1000 * perWord);
  return Math.min(CHARACTERS, Math.floor(CONTEXTS_TOKENISED * lengthMax * charactersPerToken));
}

type Texts = { readonly characters: number; readonly firstSeed: number };

/** One text after the other, each another one. @returns how many were tokenised */
async function tokenizeTexts(
  { target, model }: ChatTarget,
  { characters, firstSeed }: Texts,
  isOver: () => boolean,
): Promise<number> {
  const wordCount = Math.ceil(characters / WORD_CHARACTERS_MIN);
  let count = 0;
  while (!isOver()) {
    const prompt = wordsOf(firstSeed + count, wordCount).slice(0, characters);
    const answer = await exchange(target, '/tokenize', { model, prompt });
    if (answer.failure !== null || answer.status !== 200) {
      throw new Error(
        `POST /tokenize: ${answer.failure ?? `HTTP ${answer.status} ${bodyText(answer).slice(0, 200)}`}`,
      );
    }
    count++;
  }
  return count;
}

type Turn = { readonly firstSeed: number; readonly texts: Texts | null };

async function phase(chat: ChatTarget, subject: ServerSubject, flags: Flags, turn: Turn): Promise<Phase> {
  let isOver = false;
  const over = () => isOver;
  const streams = runClosedLoop({
    concurrency: flags.streams,
    requestCount: flags.streams,
    send: (index) => subject.send(turn.firstSeed + index, flags.outputTokens),
  }).finally(() => {
    isOver = true;
  });
  const [run, health, textCount] = await Promise.all([
    streams,
    healthTimes(chat.target, over),
    turn.texts === null ? 0 : tokenizeTexts(chat, turn.texts, over),
  ]);
  return { run, health: distribution(health), textCount };
}

function figuresOf(phases: readonly Phase[]) {
  return {
    interTokenP95Ms: overRepeats(phases.map(({ run }) => run.interTokenMs?.p95 ?? null)),
    longestGapMs: overRepeats(phases.map(({ run }) => run.interTokenMs?.max ?? null)),
    healthMedianMs: overRepeats(phases.map(({ health }) => health?.median ?? null)),
    healthP99Ms: overRepeats(phases.map(({ health }) => health?.p99 ?? null)),
    longestHealthMs: overRepeats(phases.map(({ health }) => health?.max ?? null)),
    textCount: overRepeats(phases.map(({ textCount }) => textCount)),
    phases,
  };
}

function render(calm: ReturnType<typeof figuresOf>, busy: ReturnType<typeof figuresOf>): string {
  const rows = [
    ['between tokens, p95, ms', 'interTokenP95Ms'],
    ['between tokens, longest, ms', 'longestGapMs'],
    ['GET /health, median, ms', 'healthMedianMs'],
    ['GET /health, p99, ms', 'healthP99Ms'],
    ['GET /health, longest, ms', 'longestHealthMs'],
  ] as const;
  const ratio = (name: (typeof rows)[number][1]) =>
    ratioCell(ratioOverRepeats(busy[name]?.values ?? [], calm[name]?.values ?? []));
  const table = renderTable(
    ['', 'alone (min..max)', 'beside texts', 'ratio'],
    rows.map(([title, name]) => [title, rangeCell(calm[name]), rangeCell(busy[name]), ratio(name)]),
  );
  return `${table}\n\ntexts tokenised in a run: ${rangeCell(busy.textCount)}`;
}

export const longText = scenario<Flags>({
  name: 'long-text',
  summary: 'streams and /health while texts of 100 KB are tokenised',
  options: [
    ...serverOptions(),
    countOption('streams', 'that run', 8),
    new Option(
      '--characters <n>',
      `of each text (default: ${CHARACTERS}, or what the server tokenises at once)`,
    ).argParser(positiveInteger),
    countOption('output-tokens', 'of each stream', 256),
    repeatsOption(5),
    seedOption(),
  ],
  run: async (flags, bench) => {
    const { chat } = await openServer(bench, flags);
    const subject = await serverSubject('server', chat, { ...flags, promptTokens: PROMPT_TOKENS });
    const characters = flags.characters ?? (await charactersFor(chat));
    const calm: Phase[] = [];
    const busy: Phase[] = [];
    // The first repeat warms up and is not counted.
    for (let repeat = 0; repeat <= flags.repeats; repeat++) {
      bench.progress(`repeat ${repeat}: ${flags.streams} streams alone, then beside texts`);
      const first = flags.seed + 2 * repeat * flags.streams;
      const second = first + flags.streams;
      const alone = await phase(chat, subject, flags, { firstSeed: first, texts: null });
      const texts = { characters, firstSeed: TEXT_SEEDS + first };
      const beside = await phase(chat, subject, flags, { firstSeed: second, texts });
      if (repeat === 0) continue;
      calm.push(alone);
      busy.push(beside);
    }
    const figures = { characters, alone: figuresOf(calm), besideTexts: figuresOf(busy) };
    return {
      figures,
      text: `${render(figures.alone, figures.besideTexts)}\ncharacters of a text: ${characters}`,
      failureCount: [...calm, ...busy].reduce((sum, { run }) => sum + run.failures.length, 0),
    };
  },
});
