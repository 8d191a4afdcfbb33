/**
 * What is measured and in which order. Levels of concurrency, and server and bare engine, take turns within every
 * repeat, and every other repeat goes backwards: whatever drifts on the machine falls on all of them alike.
 */

import type { EngineClient } from '../src/engine/engine-client.ts';
import { randomPrompt, streamBare } from './bare-load.ts';
import { type ChatTarget, measureTokenCost, streamChat, streamChatOrThrow } from './chat-client.ts';
import { type RunFigures, runClosedLoop } from './closed-loop.ts';
import { wordCountFor, wordsOf } from './prompts.ts';
import { measureSharedPrefix, type SharedPrefixFigures } from './shared-prefix.ts';
import { type Distribution, overRepeats, type RepeatedFigure, ratioOverRepeats } from './statistics.ts';

export type BenchPlan = {
  readonly concurrencies: readonly number[];
  /** Requests in one run; `null`: four for each stream. */
  readonly requestCount: number | null;
  readonly promptTokenCount: number;
  readonly outputTokenCount: number;
  readonly repeatCount: number;
  /** 0 leaves the shared-prefix measurement out. */
  readonly prefixTokenCount: number;
  readonly prefixPairCount: number;
  /** Prompts follow from this; another one for each benchmark, or a running server has them cached. */
  readonly seed: number;
};

export type Subjects = {
  readonly chat: ChatTarget;
  /** `null`: the server alone. */
  readonly engine: EngineClient | null;
  /** Told before every run, for the impatient. */
  readonly onProgress: (line: string) => void;
};

export type Quantiles = {
  readonly median: RepeatedFigure | null;
  readonly p95: RepeatedFigure | null;
  readonly p99: RepeatedFigure | null;
};

/** One subject at one concurrency, over all repeats. */
export type SubjectFigures = {
  readonly outputTokensPerSecond: RepeatedFigure | null;
  readonly requestsPerSecond: RepeatedFigure | null;
  readonly firstTokenMs: Quantiles;
  readonly interTokenMs: Quantiles;
  readonly timePerOutputTokenMs: Quantiles;
  readonly failureCount: number;
  readonly runs: readonly RunFigures[];
};

export type LevelFigures = {
  readonly concurrency: number;
  readonly server: SubjectFigures;
  readonly engine: SubjectFigures | null;
  /** Output tokens per second of the server over those of the bare engine, repeat by repeat. */
  readonly serverToEngine: RepeatedFigure | null;
  /** Output tokens per second of the server over those at the first concurrency of the plan. */
  readonly serverToFirstLevel: RepeatedFigure | null;
};

export type BenchFigures = {
  readonly levels: readonly LevelFigures[];
  readonly sharedPrefix: SharedPrefixFigures | null;
};

/** Which subject at which level, in one repeat. */
type Turn = { readonly level: number; readonly subject: 'server' | 'engine' };
type Senders = { server: Sender; engine: Sender | null };
type Sender = (seed: number) => ReturnType<typeof streamChat>;

const WARM_UP_OUTPUT_TOKENS = 8;
/** Distance of the warm-up's seeds from those of the measured requests. */
const WARM_UP_SEEDS = 3_000_000_000;

/** @throws Error when the server does not answer the first requests; failures in the runs are counted. */
export async function runBench(plan: BenchPlan, subjects: Subjects): Promise<BenchFigures> {
  const cost = await measureTokenCost(subjects.chat);
  const wordCount = wordCountFor(cost, plan.promptTokenCount);
  const senders = await sendersOf(plan, subjects, wordCount);
  const seeds = { next: plan.seed };
  const runs = plan.concurrencies.map(() => ({ server: [] as RunFigures[], engine: [] as RunFigures[] }));
  await warmUp(plan, senders);
  for (let repeat = 0; repeat < plan.repeatCount; repeat++) {
    for (const turn of turnsOf(plan, senders, repeat)) {
      const concurrency = plan.concurrencies[turn.level]!;
      subjects.onProgress(`repeat ${repeat + 1}: ${turn.subject}, ${concurrency} at once`);
      const figures = await runTurn(plan, concurrency, senders[turn.subject]!, seeds);
      runs[turn.level]![turn.subject].push(figures);
    }
  }
  const sharedPrefix = await prefixFigures(plan, subjects, cost, seeds);
  return { levels: levelsOf(plan, runs), sharedPrefix };
}

async function sendersOf(plan: BenchPlan, subjects: Subjects, wordCount: number): Promise<Senders> {
  const { chat, engine } = subjects;
  const sample = await streamChatOrThrow(
    chat,
    wordsOf(plan.seed + WARM_UP_SEEDS, wordCount),
    WARM_UP_OUTPUT_TOKENS,
  );
  const server: Sender = (seed) => streamChat(chat, wordsOf(seed, wordCount), plan.outputTokenCount);
  if (engine === null) return { server, engine: null };
  const { vocabularySize } = engine.limits;
  const bare: Sender = async (seed) => {
    const prompt = randomPrompt(seed, sample.promptTokenCount, vocabularySize);
    const outcome = await streamBare(engine, prompt, plan.outputTokenCount);
    return () => outcome;
  };
  return { server, engine: bare };
}

/** Both subjects at the highest concurrency, unmeasured: code is compiled, memory is touched. */
async function warmUp(plan: BenchPlan, senders: Senders): Promise<void> {
  const concurrency = Math.max(...plan.concurrencies);
  for (const sender of [senders.server, senders.engine]) {
    if (sender === null) continue;
    const send = (index: number) => sender(plan.seed + WARM_UP_SEEDS + 1 + index);
    await runClosedLoop({ concurrency, requestCount: concurrency, send });
  }
}

function turnsOf(plan: BenchPlan, senders: Senders, repeat: number): Turn[] {
  const turns = plan.concurrencies.flatMap((_, level): Turn[] =>
    senders.engine === null
      ? [{ level, subject: 'server' }]
      : [
          { level, subject: 'server' },
          { level, subject: 'engine' },
        ],
  );
  return repeat % 2 === 0 ? turns : turns.toReversed();
}

function runTurn(plan: BenchPlan, concurrency: number, sender: Sender, seeds: { next: number }) {
  const requestCount = plan.requestCount ?? 4 * concurrency;
  const firstSeed = seeds.next;
  seeds.next += requestCount;
  return runClosedLoop({ concurrency, requestCount, send: (index) => sender(firstSeed + index) });
}

async function prefixFigures(
  plan: BenchPlan,
  subjects: Subjects,
  cost: Awaited<ReturnType<typeof measureTokenCost>>,
  seeds: { next: number },
): Promise<SharedPrefixFigures | null> {
  if (plan.prefixTokenCount === 0) return null;
  const { prefixTokenCount, prefixPairCount: pairCount } = plan;
  subjects.onProgress(`shared prefix of ${prefixTokenCount} tokens, ${pairCount} pairs`);
  return measureSharedPrefix(subjects.chat, { prefixTokenCount, pairCount, cost, firstSeed: seeds.next });
}

function levelsOf(
  plan: BenchPlan,
  runs: readonly { server: RunFigures[]; engine: RunFigures[] }[],
): LevelFigures[] {
  return runs.map(({ server, engine }, level) => ({
    concurrency: plan.concurrencies[level]!,
    server: subjectFigures(server),
    engine: engine.length === 0 ? null : subjectFigures(engine),
    serverToEngine: engine.length === 0 ? null : ratioOverRepeats(rates(server), rates(engine)),
    serverToFirstLevel: ratioOverRepeats(rates(server), rates(runs[0]!.server)),
  }));
}

/** A run in which a request failed has no rate that could be compared. */
function rates(runs: readonly RunFigures[]): (number | null)[] {
  return runs.map((run) => (run.failures.length > 0 ? null : run.outputTokensPerSecond));
}

function subjectFigures(runs: readonly RunFigures[]): SubjectFigures {
  return {
    outputTokensPerSecond: overRepeats(rates(runs)),
    requestsPerSecond: overRepeats(runs.map((run) => run.requestsPerSecond)),
    firstTokenMs: quantilesOf(runs.map((run) => run.firstTokenMs)),
    interTokenMs: quantilesOf(runs.map((run) => run.interTokenMs)),
    timePerOutputTokenMs: quantilesOf(runs.map((run) => run.timePerOutputTokenMs)),
    failureCount: runs.reduce((sum, run) => sum + run.failures.length, 0),
    runs,
  };
}

function quantilesOf(distributions: readonly (Distribution | null)[]): Quantiles {
  const pick = (name: 'median' | 'p95' | 'p99') => overRepeats(distributions.map((d) => d?.[name] ?? null));
  return { median: pick('median'), p95: pick('p95'), p99: pick('p99') };
}
