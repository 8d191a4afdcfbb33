/**
 * One request on its way: its tokens, how far they are computed, where they lie. The scheduler owns it and alone
 * changes it. There are no phases: a sequence has `length` tokens, of which the first `computedLength` are in the
 * cache, and every step narrows the gap. A prompt's chunks, a cached prefix, a new start after preemption and
 * decoding are the same case. Nothing of sampling is kept here; it follows from the seed and the tokens.
 */

import { assert } from '../base/assert.ts';
import { BlockTable } from '../kv-cache/block-table.ts';
import type { CacheTenant } from '../kv-cache/kv-cache-manager.ts';
import { PrefixChain } from '../kv-cache/prefix-hash.ts';
import type { FinishReason, GenerationRequest } from './generation-request.ts';

/** waiting -> running -> waiting (preempted) or finished; waiting -> finished. */
export type SequenceStatus = 'waiting' | 'running' | 'finished';

/** A copy of everything that changes, for comparison and for the invariants. */
export type SequenceSnapshot = {
  readonly sequenceId: number;
  readonly status: SequenceStatus;
  readonly length: number;
  readonly computedLength: number;
  readonly cachedTokenCount: number | null;
  readonly preemptionCount: number;
  readonly blockIds: readonly number[];
  readonly publishedCount: number;
};

/** Tokens by which the room for them grows at least. */
const GROWTH_MIN = 64;

export class Sequence implements CacheTenant {
  readonly request: GenerationRequest;
  /** Place in the order of arrival. */
  readonly arrival: number;
  readonly blockTable: BlockTable;
  readonly prefixChain: PrefixChain;
  /** Tokens whose keys and values are in the cache. */
  computedLength = 0;
  /** Prompt tokens found in the prefix cache when the sequence was first admitted; null before that. */
  cachedTokenCount: number | null = null;
  /** Prompt tokens at the beginning that have been scored, and told of; stays 0 when none are to be. */
  scoredLength = 0;
  /** Where the sequence stands in the waiting queue's heap; kept by the queue, -1 outside it. */
  waitingIndex = -1;
  #tokenIds: Int32Array;
  #length: number;
  #status: SequenceStatus = 'waiting';
  #finishReason: FinishReason | null = null;
  #preemptionCount = 0;

  constructor(request: GenerationRequest, arrival: number, blockSize: number) {
    this.request = request;
    this.arrival = arrival;
    this.blockTable = new BlockTable(blockSize);
    this.prefixChain = new PrefixChain(request.cacheSalt);
    this.#tokenIds = request.promptTokenIds;
    this.#length = request.promptTokenIds.length;
  }

  get sequenceId(): number {
    return this.request.sequenceId;
  }

  /** Prompt, then output; valid up to `length`, and only until the next token is appended. */
  get tokenIds(): Int32Array {
    return this.#tokenIds;
  }

  /** Tokens known: prompt and output. */
  get length(): number {
    return this.#length;
  }

  get promptLength(): number {
    return this.request.promptTokenIds.length;
  }

  get outputLength(): number {
    return this.#length - this.promptLength;
  }

  /** Tokens that the output may still gain. */
  get remainingLength(): number {
    return this.request.newTokensMax - this.outputLength;
  }

  /** Tokens known but not computed; at least 1 while the sequence is not finished. */
  get pendingLength(): number {
    return this.#length - this.computedLength;
  }

  /** Tokens computed for it since it was admitted, as far as its blocks still hold them. */
  get servedLength(): number {
    return this.computedLength - (this.cachedTokenCount ?? 0);
  }

  /**
   * Prompt tokens whose logits score the token after them: all but the last, whose logits choose the first token of
   * output. 0 when the prompt is not to be scored.
   */
  get scoredLengthMax(): number {
    return this.request.sampling.promptLogprobCount === null ? 0 : this.promptLength - 1;
  }

  /** Tokens that may come out of the cache: the logits of the others are wanted. */
  get matchableLength(): number {
    return this.scoredLength < this.scoredLengthMax ? this.scoredLength : this.#length - 1;
  }

  /** Tokens, from `computedLength` on, that can be computed with at most `scoreMax` of them scored. */
  lengthWithScores(scoreMax: number): number {
    const scoredLength = Math.max(this.scoredLength, this.computedLength) + scoreMax;
    return scoredLength >= this.scoredLengthMax ? this.pendingLength : scoredLength - this.computedLength;
  }

  get status(): SequenceStatus {
    return this.#status;
  }

  /** It ended because it could not go on. */
  get hasFailed(): boolean {
    return this.#status === 'finished' && this.#finishReason === null;
  }

  /** Null while there is more to come, and for a sequence that failed. */
  get finishReason(): FinishReason | null {
    return this.#finishReason;
  }

  /** How often the sequence lost its blocks to another. */
  get preemptionCount(): number {
    return this.#preemptionCount;
  }

  /** Begins to run with its first `computedLength` tokens taken from the cache. */
  admit(computedLength: number): void {
    assert(this.#status === 'waiting', 'a waiting sequence is admitted');
    this.#status = 'running';
    this.computedLength = computedLength;
  }

  /** Takes back `admit`: the step it was admitted for did not happen. */
  withdraw(): void {
    assert(this.#status === 'running', 'a running sequence is withdrawn');
    this.#status = 'waiting';
    this.computedLength = 0;
  }

  /** Goes back to waiting; everything has to be computed again, save what the prefix cache still holds. */
  preempt(): void {
    this.withdraw();
    this.#preemptionCount++;
  }

  /** @param reason null when the sequence failed. */
  finish(reason: FinishReason | null): void {
    assert(this.#status !== 'finished', 'a sequence finishes once');
    this.#status = 'finished';
    this.#finishReason = reason;
  }

  /** The prompt array is the request's own, so the first token already moves to a larger one. */
  append(tokenId: number): void {
    if (this.#length === this.#tokenIds.length) {
      const { newTokensMax } = this.request;
      const larger = new Int32Array(
        this.#length + Math.min(Math.max(1, newTokensMax), Math.max(GROWTH_MIN, this.#length >> 1)),
      );
      larger.set(this.#tokenIds);
      this.#tokenIds = larger;
    }
    this.#tokenIds[this.#length++] = tokenId;
  }

  snapshot(): SequenceSnapshot {
    return {
      sequenceId: this.sequenceId,
      status: this.#status,
      length: this.#length,
      computedLength: this.computedLength,
      cachedTokenCount: this.cachedTokenCount,
      preemptionCount: this.#preemptionCount,
      blockIds: [...this.blockTable.blockIds],
      publishedCount: this.blockTable.publishedCount,
    };
  }
}

/**
 * The one order of service: higher priority first, then order of arrival. Waiting sequences are admitted from its
 * front, running ones preempted from its end. A preempted sequence has arrived before all that wait at its
 * priority, so the same order puts it at their front.
 */
export function isServedBefore(a: Sequence, b: Sequence): boolean {
  const difference = a.request.priority - b.request.priority;
  return difference === 0 ? a.arrival < b.arrival : difference > 0;
}
