import { describe, expect, it } from 'vitest';
import { StreamMerge } from '../../src/engine/stream-merge.ts';

/** A source whose values the test gives one by one. */
class HandFedSource implements AsyncIterable<string> {
  askedCount = 0;
  ended = false;
  #answers: { resolve: (result: IteratorResult<string>) => void; reject: (error: Error) => void }[] = [];

  [Symbol.asyncIterator](): AsyncIterator<string> {
    return {
      next: () => {
        this.askedCount++;
        return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
      },
      return: () => {
        this.ended = true;
        return Promise.reject(new Error('a failure while stopping is nobody’s concern'));
      },
    };
  }

  give(value: string): void {
    this.#answers.shift()!.resolve({ value, done: false });
  }

  end(): void {
    this.#answers.shift()!.resolve({ value: undefined, done: true });
  }

  fail(error: Error): void {
    this.#answers.shift()!.reject(error);
  }
}

function aMerge(count: number): { merge: StreamMerge<string>; sources: HandFedSource[] } {
  const merge = new StreamMerge<string>();
  const sources = Array.from({ length: count }, () => new HandFedSource());
  for (const [index, source] of sources.entries()) merge.add(index, source);
  return { merge, sources };
}

describe('StreamMerge', () => {
  it('gives values in the order in which they arrive', async () => {
    const { merge, sources } = aMerge(3);
    sources[2]!.give('c');
    sources[0]!.give('a');
    expect(await merge.next()).toEqual({ sourceIndex: 2, value: 'c' });
    expect(await merge.next()).toEqual({ sourceIndex: 0, value: 'a' });
  });

  it('asks a source again only when it is resumed', async () => {
    const { merge, sources } = aMerge(1);
    sources[0]!.give('a');
    await merge.next();
    expect(sources[0]!.askedCount).toBe(1);
    merge.resume(0);
    expect(sources[0]!.askedCount).toBe(2);
  });

  it('tells the end of one source and goes on with the others', async () => {
    const { merge, sources } = aMerge(2);
    sources[0]!.end();
    expect(await merge.next()).toEqual({ sourceIndex: 0, value: null });
    expect(merge.openCount).toBe(1);
    sources[1]!.give('b');
    expect(await merge.next()).toEqual({ sourceIndex: 1, value: 'b' });
  });

  it('throws what a source throws, once', async () => {
    const { merge, sources } = aMerge(2);
    const error = new Error('broken');
    sources[0]!.fail(error);
    await expect(merge.next()).rejects.toBe(error);
    expect(merge.openCount).toBe(1);
  });

  it('ends a removed source and drops what still comes from it', async () => {
    const { merge, sources } = aMerge(2);
    merge.remove(0);
    expect(sources[0]!.ended).toBe(true);
    sources[0]!.give('late');
    sources[1]!.give('b');
    expect(await merge.next()).toEqual({ sourceIndex: 1, value: 'b' });
  });

  it('drops a value of a removed source that had arrived already', async () => {
    const { merge, sources } = aMerge(2);
    sources[0]!.give('a');
    sources[1]!.give('b');
    await Promise.resolve();
    await Promise.resolve();
    merge.remove(0);
    expect(await merge.next()).toEqual({ sourceIndex: 1, value: 'b' });
  });

  it('wakes a waiting reader when it is closed, and ends every source', async () => {
    const { merge, sources } = aMerge(2);
    const waiting = merge.next();
    merge.close();
    merge.close();
    expect(await waiting).toBeNull();
    expect(await merge.next()).toBeNull();
    expect(sources.map((source) => source.ended)).toEqual([true, true]);
  });
});
