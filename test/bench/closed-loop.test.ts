import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type FinishedStream, runClosedLoop } from '../../bench/closed-loop.ts';
import type { StreamOutcome, StreamRecord } from '../../bench/stream-record.ts';

function aStream(overrides: Partial<StreamRecord> = {}): StreamOutcome {
  const record = {
    sentAtMs: 0,
    firstTokenAtMs: 40,
    lastTokenAtMs: 100,
    gapsMs: [20, 20, 20],
    promptTokenCount: 12,
    cachedTokenCount: 0,
    outputTokenCount: 4,
    ...overrides,
  };
  return { kind: 'stream-done', record };
}

describe('runClosedLoop', () => {
  it('sends the next request when one has ended, and not before', async () => {
    const endings: (() => void)[] = [];
    const send = (): Promise<FinishedStream> =>
      new Promise((resolve) => endings.push(() => resolve(() => aStream())));
    const run = runClosedLoop({ concurrency: 3, requestCount: 4, send });
    await nextTurn();
    expect(endings).toHaveLength(3);
    endings[1]!();
    await nextTurn();
    expect(endings).toHaveLength(4);
    endings[3]!();
    await nextTurn();
    expect(endings).toHaveLength(4);
    endings[0]!();
    endings[2]!();
    expect((await run).requestCount).toBe(4);
  });

  it('looks at no answer before the last one has come', async () => {
    let openCount = 0;
    const openWhenLookedAt: number[] = [];
    const send = async () => {
      openCount++;
      await nextTurn();
      openCount--;
      return () => {
        openWhenLookedAt.push(openCount);
        return aStream();
      };
    };
    await runClosedLoop({ concurrency: 2, requestCount: 5, send });
    expect(openWhenLookedAt).toEqual([0, 0, 0, 0, 0]);
  });

  it('sends every index once', async () => {
    const indexes: number[] = [];
    const send = async (index: number) => {
      indexes.push(index);
      return () => aStream();
    };
    await runClosedLoop({ concurrency: 2, requestCount: 5, send });
    expect(indexes).toEqual([0, 1, 2, 3, 4]);
  });

  it('takes rates over the time from the first request sent to the last token', async () => {
    const streams = [
      aStream({ sentAtMs: 0, lastTokenAtMs: 100 }),
      aStream({ sentAtMs: 150, lastTokenAtMs: 500 }),
    ];
    const figures = await runClosedLoop({
      concurrency: 1,
      requestCount: 2,
      send: async (index) => () => streams[index]!,
    });
    expect(figures).toMatchObject({ wallMs: 500, outputTokensPerSecond: 16, requestsPerSecond: 4 });
  });

  it('divides by the tokens of the server, not by the pieces that arrived', async () => {
    const merged = aStream({ firstTokenAtMs: 40, lastTokenAtMs: 100, gapsMs: [60], outputTokenCount: 4 });
    const figures = await runClosedLoop({ concurrency: 1, requestCount: 1, send: async () => () => merged });
    expect(figures.timePerOutputTokenMs?.median).toBe(20);
    expect(figures.interTokenMs?.median).toBe(60);
    expect(figures.tokensPerPiece).toBe(2);
  });

  it('measures the first token from the moment of sending', async () => {
    const figures = await runClosedLoop({
      concurrency: 1,
      requestCount: 1,
      send: async () => () => aStream({ sentAtMs: 10 }),
    });
    expect(figures.firstTokenMs?.median).toBe(30);
  });

  it('counts failures and keeps them out of the figures', async () => {
    const send = async (index: number) => (): StreamOutcome =>
      index === 1 ? { kind: 'stream-failed', reason: 'HTTP 429' } : aStream();
    const figures = await runClosedLoop({ concurrency: 1, requestCount: 3, send });
    expect(figures.failures).toEqual(['HTTP 429']);
    expect(figures.outputTokenCount).toBe(8);
  });
});
