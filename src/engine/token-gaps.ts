/**
 * When each running sequence gained its last token, and so how long it waited for the next. Time is taken in the engine
 * and not where tokens are read: a reader that lags is no slow engine.
 */

import type { SequenceToken } from '../batching/generation-request.ts';

export class TokenGaps {
  readonly #lastTokenMs = new Map<number, number>();

  /**
   * These tokens came at `nowMs`.
   * @returns milliseconds since the token before, of each sequence that had one.
   */
  take(tokens: readonly SequenceToken[], nowMs: number): number[] {
    const gaps: number[] = [];
    for (const { sequenceId, finishReason } of tokens) {
      const lastMs = this.#lastTokenMs.get(sequenceId);
      if (lastMs !== undefined) gaps.push(nowMs - lastMs);
      if (finishReason === null) this.#lastTokenMs.set(sequenceId, nowMs);
      else this.#lastTokenMs.delete(sequenceId);
    }
    return gaps;
  }

  /** The sequence has ended without a last token. */
  forget(sequenceId: number): void {
    this.#lastTokenMs.delete(sequenceId);
  }
}
