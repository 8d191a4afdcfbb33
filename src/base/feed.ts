/**
 * Values that arrive while nobody waits for them. A feed is taken from, never awaited: whoever opens one gives a
 * listener, and takes what is ready when that is called. From the engine's message to the socket a token so passes
 * every room in one call, where a chain of async iterators would make promises at each of them.
 */

export interface Feed<T> {
  /**
   * The oldest value that is ready; `null` when there is none now. What a reader leaves waits for it, joined where
   * that can be, so a slow reader costs no more memory than its own output.
   * @throws what ended the feed early, after everything that came before it, and once.
   */
  take(): T | null;
  /** The reader leaves: nothing is given any more, and no listener called. Harmless when called again. */
  cancel(): void;
}

/**
 * Called when `take` may give something again, from inside whatever brought it: it must not throw, and must be quick.
 * Never called before the feed is in its reader's hands, nor from inside `take` or `cancel`.
 *
 * `isUrgent`: a reader that likes to take much at a time should not wait for more. An end is such, for the next request
 * of the same client waits behind it; and so is what may turn out to be the end once it has been taken.
 */
export type OnReadable = (isUrgent?: boolean) => void;
