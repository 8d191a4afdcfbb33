import { afterEach, describe, expect, it } from 'vitest';
import { type ChatTarget, firstModelOf, measureTokenCost } from '../../bench/chat-client.ts';
import {
  type ComparisonPlan,
  compareSubjects,
  failureCountOf,
  mergeComparisons,
  type Subject,
  turnsOf,
} from '../../bench/comparison.ts';
import { closeTarget, createTarget, type Target } from '../../bench/http-exchange.ts';
import { renderComparison } from '../../bench/report.ts';
import { measureSharedPrefix } from '../../bench/shared-prefix.ts';
import type { StreamOutcome } from '../../bench/stream-record.ts';
import { serverSubject } from '../../bench/subjects.ts';
import { type FakeBehaviour, type FakeChatServer, startFakeChatServer } from './fake-chat-server.ts';

const PLAN: ComparisonPlan = {
  concurrencies: [1, 3],
  requestCount: 6,
  requestsPerStream: 4,
  outputTokenCount: 5,
  repeatCount: 2,
  warmUpRequestCount: 3,
  idleWaitMsMax: null,
  seed: 1,
};
const LENGTHS = { promptTokens: 40, seed: 1 };
const quietly = () => {};

let server: FakeChatServer;
let target: Target;

async function chatWith(behaviour: FakeBehaviour): Promise<ChatTarget> {
  server = await startFakeChatServer(behaviour);
  target = createTarget(server.url, 'secret');
  return { target, model: await firstModelOf(target) };
}

async function benchAgainst(behaviour: FakeBehaviour, plan: ComparisonPlan = PLAN) {
  const subject = await serverSubject('server', await chatWith(behaviour), LENGTHS);
  return compareSubjects(plan, [subject], quietly);
}

/** Warm-up requests have seeds of their own, far above. */
const MEASURED_SEEDS_MAX = 1_000_000;

type SeenRequest = { readonly name: string; readonly seed: number };

/** Answers after made-up times, which the test can tell in advance; a request fails with `failing`. */
function aSubject(name: string, seen: SeenRequest[], firstTokenMs: number, failing = false): Subject {
  return {
    name,
    send: async (seed, outputTokenCount) => {
      if (seed < MEASURED_SEEDS_MAX) seen.push({ name, seed });
      const record = {
        sentAtMs: 0,
        firstTokenAtMs: firstTokenMs,
        lastTokenAtMs: firstTokenMs + 100 * (outputTokenCount - 1),
        gapsMs: Array.from({ length: outputTokenCount - 1 }, () => 100),
        promptTokenCount: 40,
        cachedTokenCount: 0,
        outputTokenCount,
      };
      const outcome: StreamOutcome = failing
        ? { kind: 'stream-failed', reason: 'no' }
        : { kind: 'stream-done', record };
      return () => outcome;
    },
  };
}

describe('compareSubjects', () => {
  it('gives every subject the same requests, and no request twice to one', async () => {
    const seen: SeenRequest[] = [];
    await compareSubjects(PLAN, [aSubject('a', seen, 10), aSubject('b', seen, 10)], quietly);
    const seedsOf = (name: string) => seen.filter((each) => each.name === name).map(({ seed }) => seed);
    const seeds = seedsOf('a');
    expect(seeds).toHaveLength(2 * 2 * 6);
    expect(new Set(seeds).size).toBe(seeds.length);
    expect(seedsOf('b').toSorted()).toEqual(seeds.toSorted());
  });

  it('compares each subject with the last, repeat by repeat', async () => {
    const subjects = [aSubject('a', [], 100), aSubject('b', [], 400), aSubject('c', [], 200)];
    const { levels } = await compareSubjects(PLAN, subjects, quietly);
    const { ratios } = levels[0]!;
    expect(ratios.map(({ subject, reference }) => [subject, reference])).toEqual([
      ['a', 'c'],
      ['b', 'c'],
    ]);
    expect(ratios[0]!.firstTokenMs?.values).toEqual([0.5, 0.5]);
    expect(ratios[1]!.firstTokenMs?.values).toEqual([2, 2]);
    // Six requests at once in made-up time: 30 tokens in 500 ms and in 600.
    expect(ratios[0]!.outputTokensPerSecond?.median).toBeCloseTo(600 / 500, 10);
    expect(ratios[0]!.timePerOutputTokenMs?.median).toBe(1);
  });

  it('has no ratio to a subject whose requests failed', async () => {
    const figures = await compareSubjects(
      PLAN,
      [aSubject('a', [], 10), aSubject('b', [], 10, true)],
      quietly,
    );
    expect(figures.levels[0]!.ratios[0]).toMatchObject({ outputTokensPerSecond: null, firstTokenMs: null });
    expect(failureCountOf(figures)).toBe(2 * 2 * 6);
  });

  it('sends so many requests for each stream where no number is given, and never fewer than three', async () => {
    const seen: SeenRequest[] = [];
    const plan = { ...PLAN, requestCount: null, requestsPerStream: 2, repeatCount: 1, concurrencies: [1, 4] };
    const { levels } = await compareSubjects(plan, [aSubject('a', seen, 10)], quietly);
    expect(levels.map(({ subjects }) => subjects[0]!.runs[0]!.requestCount)).toEqual([3, 8]);
  });
});

describe('mergeComparisons', () => {
  const measured = (firstTokenMs: number, concurrencies: readonly number[]) =>
    compareSubjects(
      { ...PLAN, concurrencies, repeatCount: 1 },
      [aSubject('a', [], firstTokenMs), aSubject('b', [], 100)],
      quietly,
    );

  it('takes runs at the same concurrency as further repeats, and levels in order', async () => {
    const { levels } = mergeComparisons([await measured(50, [3]), await measured(200, [1, 3])]);
    expect(levels.map(({ concurrency }) => concurrency)).toEqual([1, 3]);
    expect(levels[1]!.subjects[0]!.firstTokenMs.median?.values).toEqual([50, 200]);
    expect(levels[1]!.ratios[0]!.firstTokenMs?.values).toEqual([0.5, 2]);
  });

  it('refuses runs of other subjects', async () => {
    const other = await compareSubjects({ ...PLAN, concurrencies: [3] }, [aSubject('c', [], 1)], quietly);
    expect(() => mergeComparisons([{ levels: [] }, other])).not.toThrow();
    const one = await measured(50, [3]);
    expect(() => mergeComparisons([one, other])).toThrow('runs at 3 streams are of other subjects');
  });
});

describe('turnsOf', () => {
  it('has subjects beside each other, and every other repeat backwards', () => {
    const turns = turnsOf(2, 2, 0);
    expect(turns.map(({ level, subject }) => [level, subject])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(turnsOf(2, 2, 1)).toEqual(turns.toReversed());
  });
});

describe('a comparison against a fake server', () => {
  afterEach(async () => {
    closeTarget(target);
    await server.close();
  });

  it('measures every level in every repeat with exact token counts', async () => {
    const { levels } = await benchAgainst({});
    expect(levels.map((level) => level.concurrency)).toEqual([1, 3]);
    for (const { subjects } of levels) {
      expect(subjects[0]!.runs).toHaveLength(2);
      expect(subjects[0]!.failureCount).toBe(0);
      for (const run of subjects[0]!.runs) {
        expect(run).toMatchObject({ outputTokenCount: 30, requestCount: 6, promptTokensMean: 40 });
        expect(run.interTokenMs?.count).toBe(24);
      }
    }
  });

  it('opens as many streams at once as asked for, and no more', async () => {
    await benchAgainst({});
    expect(server.openMax).toBe(3);
  });

  it('asks for greedy output of a fixed length, and sends the key', async () => {
    await benchAgainst({});
    expect(server.requests.at(-1)).toMatchObject({
      stream: true,
      temperature: 0,
      ignore_eos: true,
      max_tokens: 5,
      authorization: 'Bearer secret',
    });
  });

  it('sends no prompt twice', async () => {
    await benchAgainst({});
    const contents = server.requests.map((request) => request.content);
    expect(new Set(contents).size).toBe(contents.length);
  });

  it.each([
    ['http-429', 'HTTP 429'],
    ['error-event', 'the step failed'],
    ['cut-off', 'the answer broke off'],
    ['no-done', 'without [DONE]'],
    ['no-usage', 'no usage'],
  ] as const)('counts a failed request and drops the rate of its run: %s', async (kind, reason) => {
    // Three probes and a warm-up of three requests come before the first run, which is of one stream.
    const figures = await benchAgainst({ fault: { request: 9, kind } });
    const first = figures.levels[0]!.subjects[0]!;
    expect(first.runs[0]!.failures).toEqual([expect.stringContaining(reason)]);
    expect(first.outputTokensPerSecond?.values).toHaveLength(1);
    const report = renderComparison(figures);
    expect(report).toMatch(/^1 +server /m);
    expect(report).toMatch(/^3 +server /m);
    expect(report).toContain(`server, 1 streams: 1 requests failed, the first: `);
  });

  it('reports the cached tokens of a shared prefix, cold and warm, and leaves the first pair out', async () => {
    const chat = await chatWith({});
    const cost = await measureTokenCost(chat);
    const plan = { prefixTokenCount: 200, pairCount: 2, cost, firstSeed: 1 };
    const figures = await measureSharedPrefix(chat, plan);
    expect(figures.coldCachedTokenCount?.max).toBe(0);
    expect(figures.warmCachedTokenCount?.min).toBeGreaterThanOrEqual(200);
    expect(figures.ratio?.values).toHaveLength(2);
  });
});
