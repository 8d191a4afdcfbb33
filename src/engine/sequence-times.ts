/**
 * When each sequence came, was taken up and gained its last token, and so how long it waited and computed. Time is taken
 * in the engine and not where tokens are read: a reader that lags is no slow engine.
 */

import type { GenerationRequest, SequenceToken } from '../batching/generation-request.ts';
import type { EndedSequence } from './protocol.ts';

type Times = {
  readonly promptTokenCount: number;
  readonly tokenCountMax: number;
  readonly queuedMs: number;
  cachedTokenCount: number;
  admittedMs: number | null;
  firstTokenMs: number;
  lastTokenMs: number;
  tokenCount: number;
};

export type TokenTimes = {
  /** Milliseconds since the token before, of each sequence that had one. */
  readonly gapsMs: number[];
  /** Of sequences whose first token this was; and those of them that were in the prefix cache. */
  promptTokenCount: number;
  cachedPromptTokenCount: number;
  readonly ended: EndedSequence[];
};

export class SequenceTimes {
  readonly #sequences = new Map<number, Times>();

  /** Sequences that have come and neither ended nor been forgotten. */
  get openCount(): number {
    return this.#sequences.size;
  }

  queue({ sequenceId, promptTokenIds, newTokensMax }: GenerationRequest, nowMs: number): void {
    const never = { cachedTokenCount: 0, admittedMs: null, firstTokenMs: 0, lastTokenMs: 0, tokenCount: 0 };
    const lengths = { promptTokenCount: promptTokenIds.length, tokenCountMax: newTokensMax };
    this.#sequences.set(sequenceId, { ...lengths, queuedMs: nowMs, ...never });
  }

  /** What is computed again after a preemption was taken up before. */
  admit(sequenceId: number, nowMs: number): void {
    const times = this.#sequences.get(sequenceId);
    if (times !== undefined) times.admittedMs ??= nowMs;
  }

  /** These tokens came at `nowMs`. */
  take(tokens: readonly SequenceToken[], nowMs: number): TokenTimes {
    const found: TokenTimes = { gapsMs: [], promptTokenCount: 0, cachedPromptTokenCount: 0, ended: [] };
    for (const { sequenceId, finishReason, cachedTokenCount } of tokens) {
      const times = this.#sequences.get(sequenceId);
      if (times === undefined) continue;
      if (times.tokenCount > 0) found.gapsMs.push(nowMs - times.lastTokenMs);
      else begin(times, { cachedTokenCount, nowMs }, found);
      times.tokenCount++;
      times.lastTokenMs = nowMs;
      if (finishReason === null) continue;
      found.ended.push(ended(times));
      this.#sequences.delete(sequenceId);
    }
    return found;
  }

  /** So many tokens are all that the reader wants; more may have been computed. @returns null when there is no token. */
  end(sequenceId: number, takenCount: number): EndedSequence | null {
    const times = this.#sequences.get(sequenceId);
    return times === undefined || times.tokenCount === 0 ? null : ended(times, takenCount);
  }

  /** The sequence has ended without a last token. */
  forget(sequenceId: number): void {
    this.#sequences.delete(sequenceId);
  }
}

/** The sequence has its first token. */
function begin(times: Times, first: { cachedTokenCount: number; nowMs: number }, found: TokenTimes): void {
  times.firstTokenMs = first.nowMs;
  times.cachedTokenCount = first.cachedTokenCount;
  found.promptTokenCount += times.promptTokenCount;
  found.cachedPromptTokenCount += first.cachedTokenCount;
}

/** Where only the prompt was wanted, the token behind it is none of the output. */
function ended(times: Times, takenCount = times.tokenCount): EndedSequence {
  const { promptTokenCount, cachedTokenCount, queuedMs, firstTokenMs, lastTokenMs } = times;
  const tokenCount = Math.min(times.tokenCount, times.tokenCountMax, takenCount);
  const admittedMs = times.admittedMs ?? queuedMs;
  return {
    promptTokenCount,
    cachedTokenCount,
    tokenCount,
    queueMs: admittedMs - queuedMs,
    prefillMs: firstTokenMs - admittedMs,
    decodeMs: lastTokenMs - firstTokenMs,
  };
}
