import { describe, expect, it } from 'vitest';
import { WritePacer } from '../../src/routes/write-pacer.ts';

/** A stream that tells when it was flushed. */
function aStream() {
  let tell = (): void => {};
  const stream = {
    flushCount: 0,
    flush() {
      stream.flushCount++;
      tell();
    },
    /** Resolves with the next flush. */
    next() {
      return new Promise<void>((resolve) => {
        tell = resolve;
      });
    },
  };
  return stream;
}

function aPacer(options: { readonly writesPerSecond: number; readonly delayMsMax: number }) {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  return { clock, pacer: new WritePacer({ clock, ...options }) };
}

describe('WritePacer', () => {
  it('lets a stream write at once while there are writes to spare, behind what brought its token', async () => {
    const { clock, pacer } = aPacer({ writesPerSecond: 500, delayMsMax: 32 });
    const stream = aStream();
    pacer.enter();
    for (const nowMs of [0, 2, 4]) {
      clock.nowMs = nowMs;
      const before = stream.flushCount;
      pacer.request(stream);
      expect(stream.flushCount).toBe(before);
      await Promise.resolve();
      expect(stream.flushCount).toBe(before + 1);
    }
  });

  it('joins what many streams say within their share of the writes, and flushes them together', async () => {
    const { clock, pacer } = aPacer({ writesPerSecond: 1000, delayMsMax: 32 });
    const streams = [aStream(), aStream(), aStream(), aStream()];
    for (const _ of streams) pacer.enter();
    for (const stream of streams) pacer.request(stream);
    await Promise.resolve();
    expect(streams.map(({ flushCount }) => flushCount)).toEqual([1, 1, 1, 1]);
    const flushed = streams[3]!.next();
    for (clock.nowMs = 1; clock.nowMs < 4; clock.nowMs++) for (const stream of streams) pacer.request(stream);
    await Promise.resolve();
    expect(streams.map(({ flushCount }) => flushCount)).toEqual([1, 1, 1, 1]);
    await flushed;
    expect(streams.map(({ flushCount }) => flushCount)).toEqual([2, 2, 2, 2]);
  });

  it('flushes with a message late in the interval instead of waking up for it a little later', async () => {
    const { clock, pacer } = aPacer({ writesPerSecond: 1, delayMsMax: 10_000 });
    const stream = aStream();
    pacer.enter();
    for (const [nowMs, flushCount] of [
      [0, 1],
      [700, 1],
      [900, 2],
      [1200, 2],
    ] as const) {
      clock.nowMs = nowMs;
      pacer.request(stream);
      await Promise.resolve();
      expect(stream.flushCount).toBe(flushCount);
    }
    pacer.leave(stream);
  });

  it('keeps no token longer than the greatest delay', async () => {
    const { pacer } = aPacer({ writesPerSecond: 0.001, delayMsMax: 3 });
    const stream = aStream();
    pacer.enter();
    pacer.request(stream);
    await Promise.resolve();
    const flushed = stream.next();
    pacer.request(stream);
    await flushed;
    expect(stream.flushCount).toBe(2);
  });

  it('lets nothing that is urgent wait, and flushes it once', async () => {
    const { clock, pacer } = aPacer({ writesPerSecond: 1, delayMsMax: 5 });
    const [ends, goesOn] = [aStream(), aStream()];
    pacer.enter();
    pacer.enter();
    pacer.request(goesOn);
    await Promise.resolve();
    clock.nowMs = 1;
    for (const stream of [ends, goesOn]) pacer.request(stream);
    pacer.urge(ends);
    await Promise.resolve();
    expect([ends.flushCount, goesOn.flushCount]).toEqual([1, 1]);
    await goesOn.next();
    expect([ends.flushCount, goesOn.flushCount]).toEqual([1, 2]);
  });

  it('joins nothing when no delay is allowed', async () => {
    const { pacer } = aPacer({ writesPerSecond: 0.001, delayMsMax: 0 });
    const stream = aStream();
    pacer.enter();
    for (let token = 1; token <= 3; token++) {
      pacer.request(stream);
      await Promise.resolve();
      expect(stream.flushCount).toBe(token);
    }
  });

  it('forgets a stream that has left', async () => {
    const { pacer } = aPacer({ writesPerSecond: 1000, delayMsMax: 0 });
    const [gone, stays] = [aStream(), aStream()];
    pacer.enter();
    pacer.enter();
    pacer.request(gone);
    pacer.request(stays);
    pacer.leave(gone);
    await Promise.resolve();
    expect([gone.flushCount, stays.flushCount, pacer.openCount]).toEqual([0, 1, 1]);
  });
});
