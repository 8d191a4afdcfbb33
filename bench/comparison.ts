/**
 * Subjects that answer the same requests, at several levels of concurrency, in turns: within every repeat each subject
 * comes at each level once, and every other repeat goes backwards, so that whatever drifts on the machine falls on all
 * of them alike. What is compared is compared repeat by repeat.
 */

import { type FinishedStream, type RunFigures, runClosedLoop } from './closed-loop.ts';
import { waitForIdle } from './idle.ts';
import { type Distribution, overRepeats, type RepeatedFigure, ratioOverRepeats } from './statistics.ts';

/**
 * Sends one request and resolves when it is over; never rejects. The prompt follows from `seed` alone, so subjects
 * get the same requests.
 */
export type Sender = (seed: number, outputTokenCount: number) => Promise<FinishedStream>;

export type Subject = { readonly name: string; readonly send: Sender };

export type ComparisonPlan = {
  readonly concurrencies: readonly number[];
  /** Requests in one run of each level; `null`: `requestsPerStream` for each stream, and at least `RUN_REQUESTS_MIN`. */
  readonly requestCount: number | null;
  readonly requestsPerStream: number;
  readonly outputTokenCount: number;
  readonly repeatCount: number;
  /** Requests to each subject before anything is measured; at least as many as the highest concurrency are sent. */
  readonly warmUpRequestCount: number;
  /** How long each run waits for other work on the machine to end; `null`: nobody looks. */
  readonly idleWaitMsMax: number | null;
  /** Prompts follow from this; another one for each benchmark, or a running server has them cached. */
  readonly seed: number;
};

export type Quantiles = {
  readonly median: RepeatedFigure | null;
  readonly p95: RepeatedFigure | null;
  readonly p99: RepeatedFigure | null;
};

/** @property busyBefore share of the machine's cores in use just before the run, 0 to 1; `null` where nobody looked */
export type ComparedRun = RunFigures & { readonly busyBefore: number | null };

/** One subject at one concurrency, over all repeats. */
export type SubjectFigures = {
  readonly name: string;
  readonly outputTokensPerSecond: RepeatedFigure | null;
  readonly requestsPerSecond: RepeatedFigure | null;
  readonly firstTokenMs: Quantiles;
  readonly interTokenMs: Quantiles;
  readonly timePerOutputTokenMs: Quantiles;
  /** Output tokens per second over those of the same subject at the first concurrency of the plan. */
  readonly toFirstLevel: RepeatedFigure | null;
  readonly failureCount: number;
  readonly runs: readonly ComparedRun[];
};

/** One subject over the last one of the list, which is what the others are measured against. */
export type RatioFigures = {
  readonly subject: string;
  readonly reference: string;
  readonly outputTokensPerSecond: RepeatedFigure | null;
  readonly requestsPerSecond: RepeatedFigure | null;
  /** Of the runs' medians. */
  readonly firstTokenMs: RepeatedFigure | null;
  readonly timePerOutputTokenMs: RepeatedFigure | null;
};

export type LevelFigures = {
  readonly concurrency: number;
  readonly subjects: readonly SubjectFigures[];
  readonly ratios: readonly RatioFigures[];
};

export type ComparisonFigures = { readonly levels: readonly LevelFigures[] };

/** One subject at one level, in one repeat; indices into the plan's lists. */
type Turn = { readonly level: number; readonly subject: number };
/** Runs by level, subject and repeat. */
type Runs = readonly (readonly ComparedRun[][])[];

/** Fewer requests than this make no median. */
export const RUN_REQUESTS_MIN = 3;
const WARM_UP_OUTPUT_TOKENS = 8;
/**
 * V8 optimises what a request runs through in the course of some hundred requests: the first 64 cost the main thread
 * twice what they cost after 256. What is measured is a server that has been running for some seconds.
 */
export const WARM_UP_REQUESTS = 256;
/** A large model is not kept busy for minutes with it: the share of the JavaScript in its requests is small. */
const WARM_UP_MS = 5_000;
/** Distance of the warm-up's seeds from those of the measured requests. */
export const WARM_UP_SEEDS = 3_000_000_000;

/** Failed requests are counted. @param onProgress told before every run, for the impatient */
export async function compareSubjects(
  plan: ComparisonPlan,
  subjects: readonly Subject[],
  onProgress: (line: string) => void,
): Promise<ComparisonFigures> {
  for (const subject of subjects) {
    onProgress(`warming up ${subject.name}`);
    await warmUp(plan, subject);
  }
  const runs: Runs = plan.concurrencies.map(() => subjects.map(() => []));
  let firstSeed = plan.seed;
  for (let repeat = 0; repeat < plan.repeatCount; repeat++) {
    const seeds = plan.concurrencies.map((concurrency) => {
      const seed = firstSeed;
      firstSeed += requestCountOf(plan, concurrency);
      return seed;
    });
    for (const { level, subject } of turnsOf(plan.concurrencies.length, subjects.length, repeat)) {
      const concurrency = plan.concurrencies[level]!;
      const { name, send } = subjects[subject]!;
      const busyBefore = plan.idleWaitMsMax === null ? null : await waitForIdle(plan.idleWaitMsMax);
      onProgress(`repeat ${repeat + 1}: ${name}, ${concurrency} at once`);
      const figures = await runClosedLoop({
        concurrency,
        requestCount: requestCountOf(plan, concurrency),
        send: (index) => send(seeds[level]! + index, plan.outputTokenCount),
      });
      runs[level]![subject]!.push({ ...figures, busyBefore });
    }
  }
  return {
    levels: levelsOf(
      plan.concurrencies.map((concurrency, level) => ({
        concurrency,
        subjects: subjects.map(({ name }, subject) => ({ name, runs: runs[level]![subject]! })),
      })),
    ),
  };
}

export function failureCountOf({ levels }: ComparisonFigures): number {
  return levels.flatMap(({ subjects }) => subjects).reduce((sum, { failureCount }) => sum + failureCount, 0);
}

function requestCountOf(plan: ComparisonPlan, concurrency: number): number {
  return plan.requestCount ?? Math.max(RUN_REQUESTS_MIN, plan.requestsPerStream * concurrency);
}

/** Many short requests at the highest concurrency, unmeasured: memory is touched, and code is compiled. */
async function warmUp(plan: ComparisonPlan, { send }: Subject): Promise<void> {
  const concurrency = Math.max(...plan.concurrencies);
  const endAtMs = performance.now() + WARM_UP_MS;
  const requestCount = plan.warmUpRequestCount;
  for (let sent = 0; sent < requestCount && performance.now() < endAtMs; sent += concurrency) {
    const firstSeed = plan.seed + WARM_UP_SEEDS + 1 + sent;
    await runClosedLoop({
      concurrency,
      requestCount: concurrency,
      send: (index) => send(firstSeed + index, WARM_UP_OUTPUT_TOKENS),
    });
  }
}

/** Subjects stand next to each other, so that what is compared lies close in time. */
export function turnsOf(levelCount: number, subjectCount: number, repeat: number): Turn[] {
  const turns = Array.from({ length: levelCount * subjectCount }, (_, turn) => ({
    level: Math.floor(turn / subjectCount),
    subject: turn % subjectCount,
  }));
  return repeat % 2 === 0 ? turns : turns.toReversed();
}

type LevelRuns = {
  readonly concurrency: number;
  /** In the order of the subjects; of each, one run a repeat. */
  readonly subjects: readonly { readonly name: string; readonly runs: readonly ComparedRun[] }[];
};

function levelsOf(levels: readonly LevelRuns[]): LevelFigures[] {
  return levels.map(({ concurrency, subjects }) => {
    const figures = subjects.map(({ name, runs }) =>
      subjectFigures(name, runs, levels[0]!.subjects.find((first) => first.name === name)?.runs ?? []),
    );
    const reference = figures[figures.length - 1]!;
    return {
      concurrency,
      subjects: figures,
      ratios: figures.slice(0, -1).map((subject) => ratioFigures(subject, reference)),
    };
  });
}

/**
 * Several comparisons as one, by ascending concurrency: runs at the same concurrency count as further repeats.
 * @throws Error when comparisons at the same concurrency have other subjects
 */
export function mergeComparisons(comparisons: readonly ComparisonFigures[]): ComparisonFigures {
  const merged = new Map<number, LevelRuns>();
  for (const { concurrency, subjects } of comparisons.flatMap(({ levels }) => levels)) {
    const known = merged.get(concurrency)?.subjects ?? subjects.map(({ name }) => ({ name, runs: [] }));
    if (subjects.length !== known.length || subjects.some(({ name }, index) => name !== known[index]!.name)) {
      throw new Error(`runs at ${concurrency} streams are of other subjects and cannot be put together`);
    }
    const joined = known.map(({ name, runs }, index) => ({
      name,
      runs: [...runs, ...subjects[index]!.runs],
    }));
    merged.set(concurrency, { concurrency, subjects: joined });
  }
  return { levels: levelsOf([...merged.values()].toSorted((a, b) => a.concurrency - b.concurrency)) };
}

function ratioFigures(subject: SubjectFigures, reference: SubjectFigures): RatioFigures {
  const ratio = (pick: (run: RunFigures) => number | null) =>
    ratioOverRepeats(whole(subject.runs, pick), whole(reference.runs, pick));
  return {
    subject: subject.name,
    reference: reference.name,
    outputTokensPerSecond: ratio((run) => run.outputTokensPerSecond),
    requestsPerSecond: ratio((run) => run.requestsPerSecond),
    firstTokenMs: ratio((run) => run.firstTokenMs?.median ?? null),
    timePerOutputTokenMs: ratio((run) => run.timePerOutputTokenMs?.median ?? null),
  };
}

/** A run in which a request failed has no figure that could be compared. */
function whole(runs: readonly RunFigures[], pick: (run: RunFigures) => number | null): (number | null)[] {
  return runs.map((run) => (run.failures.length > 0 ? null : pick(run)));
}

function subjectFigures(
  name: string,
  runs: readonly ComparedRun[],
  atFirstLevel: readonly RunFigures[],
): SubjectFigures {
  const rates = whole(runs, (run) => run.outputTokensPerSecond);
  return {
    name,
    outputTokensPerSecond: overRepeats(rates),
    requestsPerSecond: overRepeats(whole(runs, (run) => run.requestsPerSecond)),
    firstTokenMs: quantilesOf(runs.map((run) => run.firstTokenMs)),
    interTokenMs: quantilesOf(runs.map((run) => run.interTokenMs)),
    timePerOutputTokenMs: quantilesOf(runs.map((run) => run.timePerOutputTokenMs)),
    // Levels that were measured apart have no repeats in common.
    toFirstLevel:
      atFirstLevel.length === runs.length
        ? ratioOverRepeats(
            rates,
            whole(atFirstLevel, (run) => run.outputTokensPerSecond),
          )
        : null,
    failureCount: runs.reduce((sum, run) => sum + run.failures.length, 0),
    runs,
  };
}

function quantilesOf(distributions: readonly (Distribution | null)[]): Quantiles {
  const pick = (name: 'median' | 'p95' | 'p99') => overRepeats(distributions.map((d) => d?.[name] ?? null));
  return { median: pick('median'), p95: pick('p95'), p99: pick('p99') };
}
