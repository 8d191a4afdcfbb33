import { afterEach, describe, expect, it } from 'vitest';
import { firstModelOf } from '../../bench/chat-client.ts';
import { closeTarget, createTarget, type Target } from '../../bench/http-exchange.ts';
import { renderReport } from '../../bench/report.ts';
import { type BenchPlan, runBench } from '../../bench/scenarios.ts';
import { type FakeBehaviour, type FakeChatServer, startFakeChatServer } from './fake-chat-server.ts';

const PLAN: BenchPlan = {
  concurrencies: [1, 3],
  requestCount: 6,
  promptTokenCount: 40,
  outputTokenCount: 5,
  repeatCount: 2,
  prefixTokenCount: 0,
  prefixPairCount: 2,
  seed: 1,
};

let server: FakeChatServer;
let target: Target;

async function benchAgainst(behaviour: FakeBehaviour, plan: BenchPlan = PLAN) {
  server = await startFakeChatServer(behaviour);
  target = createTarget(server.url, 'secret');
  const chat = { target, model: await firstModelOf(target) };
  return runBench(plan, { chat, engine: null, onProgress: () => {} });
}

afterEach(async () => {
  closeTarget(target);
  await server.close();
});

describe('runBench against a fake server', () => {
  it('measures every level in every repeat with exact token counts', async () => {
    const { levels } = await benchAgainst({});
    expect(levels.map((level) => level.concurrency)).toEqual([1, 3]);
    for (const level of levels) {
      expect(level.server.runs).toHaveLength(2);
      expect(level.server.failureCount).toBe(0);
      for (const run of level.server.runs) {
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
    // Three requests come before the warm-up of three; the tenth is in the first measured run.
    const figures = await benchAgainst({ fault: { request: 9, kind } });
    const { server: first } = figures.levels[0]!;
    expect(first.runs[0]!.failures).toEqual([expect.stringContaining(reason)]);
    expect(first.outputTokensPerSecond?.values).toHaveLength(1);
  });

  it('reports the cached tokens of a shared prefix, cold and warm', async () => {
    const { sharedPrefix } = await benchAgainst({}, { ...PLAN, repeatCount: 1, prefixTokenCount: 200 });
    expect(sharedPrefix?.coldCachedTokenCount?.max).toBe(0);
    expect(sharedPrefix?.warmCachedTokenCount?.min).toBeGreaterThanOrEqual(200);
    expect(sharedPrefix?.ratio?.values).toHaveLength(2);
  });
});

describe('renderReport', () => {
  const machine = {
    startedAt: '2026-01-01T00:00:00.000Z',
    cpuModel: 'A processor',
    coreCount: 2,
    memoryGib: 8,
    loadAverageBefore: 0.1,
    platform: 'linux x64',
    nodeVersion: 'v20.19.0',
    revision: null,
  };

  it('has a line for every level and names the first failure', async () => {
    const figures = await benchAgainst({ fault: { request: 9, kind: 'http-429' } });
    const report = renderReport(machine, { readyMs: 500, firstTokenMs: 620 }, figures);
    expect(report).toContain('ready after 500 ms, first token after 620 ms');
    expect(report).toMatch(/^1 +server /m);
    expect(report).toMatch(/^3 +server /m);
    expect(report).toContain('1 streams: 1 requests failed, the first: HTTP 429');
  });
});
