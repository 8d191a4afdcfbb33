import { describe, expect, it } from 'vitest';
import { busyShare, waitForIdle } from '../../bench/idle.ts';

describe('busyShare', () => {
  it('is the share of the time between two looks that was not idle', () => {
    expect(busyShare({ busyMs: 100, totalMs: 1000 }, { busyMs: 150, totalMs: 1200 })).toBe(0.25);
  });

  it('is nothing when no time has passed', () => {
    expect(busyShare({ busyMs: 100, totalMs: 1000 }, { busyMs: 100, totalMs: 1000 })).toBe(0);
  });
});

describe('waitForIdle', () => {
  it('looks once and tells a share when it may not wait', async () => {
    const share = await waitForIdle(0);
    expect(share).toBeGreaterThanOrEqual(0);
    expect(share).toBeLessThanOrEqual(1);
  });
});
