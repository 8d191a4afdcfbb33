/** Feeds where tests want to wait for something, and async iterables where the code wants a feed. */

import type { Feed, OnReadable } from '../../src/base/feed.ts';
import type { TokenEvent } from '../../src/engine/engine-client.ts';
import type { TextEvent } from '../../src/engine/text-generation.ts';

/**
 * What a feed gives, to be waited for. Ends behind the value that `isLast` recognises; ending the iteration early
 * cancels the feed.
 */
export async function* iterate<T>(
  open: (onReadable: OnReadable) => Feed<T>,
  isLast: (value: T) => boolean,
): AsyncGenerator<T, void, void> {
  let wake = (): void => {};
  const feed = open(() => wake());
  try {
    for (;;) {
      const value = feed.take();
      if (value !== null) {
        yield value;
        if (isLast(value)) return;
        continue;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    feed.cancel();
  }
}

export function tokenEvents(open: (onReadable: OnReadable) => Feed<TokenEvent>) {
  return iterate(open, ({ kind }) => kind === 'finish');
}

export function textEvents(open: (onReadable: OnReadable) => Feed<TextEvent>) {
  return iterate(open, ({ kind }) => kind === 'usage');
}

/** Gives what `iterable` gives, one value after the other; the next is asked for when one has been taken. */
export function feedOf<T>(iterable: AsyncIterable<T>, onReadable: OnReadable, onCancel: () => void): Feed<T> {
  const iterator = iterable[Symbol.asyncIterator]();
  let isCancelled = false;
  let ready: (() => T) | null = null;
  const arrive = (give: () => T): void => {
    ready = give;
    if (!isCancelled) onReadable();
  };
  const ask = (): void => {
    iterator.next().then(
      (result) => {
        if (result.done !== true) arrive(() => result.value);
      },
      (error: unknown) =>
        arrive(() => {
          throw error;
        }),
    );
  };
  ask();
  return {
    take() {
      if (ready === null || isCancelled) return null;
      const give = ready;
      ready = null;
      const value = give();
      // Behind whatever the reader does with this one.
      queueMicrotask(ask);
      return value;
    },
    cancel() {
      if (isCancelled) return;
      isCancelled = true;
      onCancel();
      void iterator.return?.();
    },
  };
}
