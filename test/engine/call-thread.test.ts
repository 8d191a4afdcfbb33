import { describe, expect, it } from 'vitest';
import { CallThread, type CallThreadOptions } from '../../src/engine/call-thread.ts';

/** A worker that answers each call with its input. */
const ECHO = new URL(
  'data:text/javascript,' +
    encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ callId, input }) =>
        parentPort.postMessage({ callId, kind: 'call-done', output: input }));
    `),
);
/** As that, and takes its time to load; it counts how often that has begun, and how often it has ended. */
const SLOW_TO_LOAD = new URL(
  'data:text/javascript,' +
    encodeURIComponent(`
      import { parentPort, workerData } from 'node:worker_threads';
      Atomics.add(workerData, 0, 1);
      const endMs = performance.now() + 300;
      while (performance.now() < endMs);
      Atomics.add(workerData, 1, 1);
      parentPort.postMessage({ kind: 'thread-up' });
      parentPort.on('message', ({ callId, input }) =>
        parentPort.postMessage({ callId, kind: 'call-done', output: input }));
    `),
);
/** As the first, but for `hang`, which it is busy with for good. */
const HANGING = new URL(
  'data:text/javascript,' +
    encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ kind: 'thread-up' });
      parentPort.on('message', ({ callId, input }) => {
        while (input === 'hang');
        parentPort.postMessage({ callId, kind: 'call-done', output: input });
      });
    `),
);
/** No worker can be made of it, and its constructor says so, as it does where the system has no thread to give. */
const NOWHERE = new URL('http://nowhere.invalid/');

function aThread(workerUrl: URL, more: Partial<CallThreadOptions> = {}) {
  return new CallThread<string, string>({ name: 'echo', workerUrl, workerData: null, ...more });
}

const WANTED = { isWanted: () => true, size: 0 };

describe('a thread that answers calls', () => {
  it('answers one after the other, the shortest first', async () => {
    const thread = aThread(ECHO);
    const answered: string[] = [];
    const ask = async (input: string, size: number) => {
      answered.push(await thread.call(input, { ...WANTED, size }));
    };
    await Promise.all([ask('first', 9), ask('long', 3), ask('short', 1), ask('longest', 5)]);
    expect(answered).toEqual(['first', 'short', 'long', 'longest']);
  });

  it('keeps the process up while it has a call, and not between calls', async () => {
    const held = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Worker').length;
    const before = held();
    const thread = aThread(ECHO);
    for (const input of ['first', 'later']) {
      const answer = thread.call(input, WANTED);
      expect(held()).toBeGreaterThan(before);
      await answer;
      expect(held()).toBe(before);
    }
  });

  it('fails every call while it cannot be started, and leaves none waiting', async () => {
    const thread = aThread(NOWHERE);
    await expect(thread.call('a', WANTED)).rejects.toThrow();
    await expect(thread.call('b', WANTED)).rejects.toThrow();
  });

  it('lets go of calls that nobody wants when another one arrives', async () => {
    const thread = aThread(ECHO);
    const first = thread.call('first', WANTED);
    let isWanted = true;
    const given = thread.call('given up', { isWanted: () => isWanted, size: 0 });
    const dropped = expect(given).rejects.toThrow('no longer wanted');
    isWanted = false;
    const order: string[] = [];
    const last = thread.call('last', WANTED);
    await Promise.all([
      dropped.then(() => order.push('dropped')),
      first.then(() => order.push('first')),
      last.then(() => order.push('last')),
    ]);
    expect(order).toEqual(['dropped', 'first', 'last']);
  });

  it('ends a call that nobody wants any more for the sake of one that waits', async () => {
    const refusal = () => new Error('took too long');
    const thread = aThread(HANGING, { timeLimit: { ms: 60_000, refusal, unwantedMs: 1 } });
    let isWanted = true;
    const given = thread.call('hang', { isWanted: () => isWanted, size: 0 });
    const dropped = expect(given).rejects.toThrow('no longer wanted');
    const next = thread.call('next', WANTED);
    isWanted = false;
    await dropped;
    expect(await next).toBe('next');
    expect(await thread.call('later', WANTED)).toBe('later');
  });

  it('lets a worker load before its time begins, as one that is ended in loading leaves its files open', async () => {
    const counts = new Int32Array(new SharedArrayBuffer(8));
    const timeLimit = { ms: 60_000, refusal: () => new Error('took too long'), unwantedMs: 1 };
    const thread = aThread(SLOW_TO_LOAD, { workerData: counts, timeLimit });
    let isWanted = true;
    const given = thread.call('given up', { isWanted: () => isWanted, size: 0 }).catch(() => 'ended');
    const next = thread.call('next', WANTED);
    while (Atomics.load(counts, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    isWanted = false;
    await given;
    expect(await next).toBe('next');
    expect(counts[1]).toBe(counts[0]);
  });
});
