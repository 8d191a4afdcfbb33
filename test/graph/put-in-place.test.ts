import { describe, expect, it } from 'vitest';
import { putInPlace } from '../../src/graph/put-in-place.ts';

/** Fails with each of these in turn, then succeeds. */
function movingAfter(...codes: readonly string[]) {
  const left = [...codes];
  let pausedMs = 0;
  return {
    move: async () => {
      const code = left.shift();
      if (code !== undefined) throw Object.assign(new Error(`${code}: rename`), { code });
    },
    isThere: async () => false,
    pause: async (ms: number) => {
      pausedMs += ms;
    },
    left,
    pausedMs: () => pausedMs,
  };
}

describe('a file that is put in its place', () => {
  it('waits for whoever looks at it, as scanners do under Windows', async () => {
    const moving = movingAfter('EPERM', 'EBUSY', 'EACCES');
    await putInPlace(moving);
    expect(moving.left).toEqual([]);
    expect(moving.pausedMs()).toBeGreaterThan(0);
  });

  it('is content with the one that another server has made meanwhile, and uses', async () => {
    const moving = movingAfter('EPERM', 'EPERM');
    await putInPlace({ ...moving, isThere: async () => true });
    expect(moving.left).toEqual(['EPERM']);
    expect(moving.pausedMs()).toBe(0);
  });

  it('is given up when nobody lets go of it within seconds', async () => {
    const moving = movingAfter(...Array.from({ length: 100 }, () => 'EPERM'));
    await expect(putInPlace(moving)).rejects.toThrow('EPERM: rename');
    expect(moving.pausedMs()).toBe(6000);
  });

  it('waits for nothing where something else is wrong', async () => {
    const moving = movingAfter('ENOSPC', 'ENOSPC');
    await expect(putInPlace({ ...moving, isThere: async () => true })).rejects.toThrow('ENOSPC');
    expect(moving.pausedMs()).toBe(0);
  });
});
