/**
 * Decides what every step computes, and keeps the book of all sequences. Pure: no time, no chance, no waiting.
 *
 * A step is a transaction. `plan` picks the rows and reserves their blocks; then the engine computes them; then
 * `commit` alone moves progress, or `rollback` makes the plan not have been. Between the two, requests may be
 * enqueued and aborted; an aborted sequence whose blocks the step may be writing keeps them until the step ends.
 *
 * Rules:
 * - Order: see `token-budget.ts`. Running sequences stay in order of admission.
 * - Admission: strictly in order of service; nobody overtakes one that does not fit, so a long prompt is not
 *   starved by short ones. (A steady stream of higher priority does starve lower ones: that is its meaning.) A
 *   sequence is admitted when the blocks for all of its known tokens fit at once, and leave the headroom of
 *   `admissionHeadroom`. A running prompt therefore never stalls half way for want of blocks; only a decoding
 *   sequence that enters a new block asks for more.
 * - Preemption: when those blocks are not free, the running sequence last in order of service gives up all of
 *   its own, and waits to be computed again. Nobody is admitted in a plan that preempted. The first in order of
 *   service never gives way, and alone it always fits, so there is always progress.
 * - Cost: a step looks at running sequences and at those it admits, never at the rest of the waiting ones.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { BlockPool, type BlockPoolOptions, type BlockPoolSnapshot } from '../kv-cache/block-pool.ts';
import { KvCacheManager } from '../kv-cache/kv-cache-manager.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import type { FinishReason, GenerationRequest, SequenceToken } from './generation-request.ts';
import { isServedBefore, Sequence, type SequenceSnapshot } from './sequence.ts';
import { StepPace } from './step-pace.ts';
import { StepPlan, type StepRow } from './step-plan.ts';
import {
  admissionHeadroom,
  assertStepLimits,
  chunkLength,
  isDecoding,
  SCORES_FOR_ADMISSION,
  type StepLimits,
} from './token-budget.ts';
import { WaitingQueue } from './waiting-queue.ts';

export type SchedulerLimits = StepLimits &
  BlockPoolOptions & {
    /** Prompt and output of one sequence, in tokens. */
    readonly modelLengthMax: number;
  };

export type SchedulerSnapshot = {
  readonly stepLimits: StepLimits;
  readonly lengthMax: number;
  readonly pool: BlockPoolSnapshot;
  /** In order of admission. */
  readonly running: readonly SequenceSnapshot[];
  /** In order of service. */
  readonly waiting: readonly SequenceSnapshot[];
};

export class Scheduler {
  readonly stepLimits: StepLimits;
  /** Longest sequence that can run: what the model allows and the whole cache has room for. */
  readonly lengthMax: number;
  readonly #kvCache: KvCacheManager;
  readonly #pace: StepPace;
  /** The cache had no room for the sequence that was to be admitted last. */
  #isShortOfBlocks = false;
  readonly #sequences = new Map<number, Sequence>();
  readonly #running: Sequence[] = [];
  readonly #waiting = new WaitingQueue();
  readonly #plan = new StepPlan();
  #isPlanOpen = false;
  #arrivalCount = 0;

  /**
   * @param kvCache an empty cache of the size that `limits` names; one with prefix cache by default
   * @param pace how prompts share steps with decoding sequences; they are never held back by default
   */
  constructor(
    limits: SchedulerLimits,
    kvCache = new KvCacheManager({ pool: new BlockPool(limits), usesPrefixCache: true }),
    pace = new StepPace(Number.POSITIVE_INFINITY),
  ) {
    assertStepLimits(limits);
    const { pool } = kvCache;
    const { sequencesPerStepMax, tokensPerStepMax, scoredTokensPerStepMax, modelLengthMax } = limits;
    this.stepLimits = { sequencesPerStepMax, tokensPerStepMax, scoredTokensPerStepMax };
    this.lengthMax = Math.min(modelLengthMax, pool.usableCount * pool.blockSize);
    this.#kvCache = kvCache;
    this.#pace = pace;
  }

  get runningCount(): number {
    return this.#running.length;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Sequences that have not ended. */
  get sequenceCount(): number {
    return this.#sequences.size;
  }

  /** Share of the blocks that sequences hold, 0 to 1. */
  get cacheUsage(): number {
    return this.#kvCache.pool.heldCount / this.#kvCache.pool.usableCount;
  }

  /** @throws ServerError `context_length_exceeded` for a request that could never run to its end. */
  enqueue(request: GenerationRequest): void {
    const { sequenceId, newTokensMax } = request;
    const promptLength = request.promptTokenIds.length;
    assert(!this.#sequences.has(sequenceId), 'a sequence id is used once');
    assert(promptLength >= 1, 'a prompt has a token');
    assert(newTokensMax >= 1, 'a request asks for a token');
    if (promptLength + newTokensMax > this.lengthMax) {
      throw new ServerError(
        'context_length_exceeded',
        `This model's maximum context length is ${this.lengthMax} tokens. However, ` +
          `${promptLength + newTokensMax} tokens were requested ` +
          `(${promptLength} in the prompt, up to ${newTokensMax} in the output).`,
      );
    }
    const sequence = new Sequence(request, this.#arrivalCount++, this.#kvCache.pool.blockSize);
    this.#sequences.set(sequenceId, sequence);
    this.#waiting.add(sequence);
  }

  /** The client wants no more of it. @returns false for a sequence that has ended already. */
  abort(sequenceId: number): boolean {
    return this.#remove(sequenceId, 'abort');
  }

  /** The sequence cannot go on. @returns false for a sequence that has ended already. */
  fail(sequenceId: number): boolean {
    return this.#remove(sequenceId, null);
  }

  /**
   * Makes a running sequence give up its blocks and wait, as `plan` does when blocks run out. Between steps only.
   * @returns false when it is not running.
   */
  preempt(sequenceId: number): boolean {
    assert(!this.#isPlanOpen, 'a sequence in an open step keeps its blocks');
    const sequence = this.#sequences.get(sequenceId);
    if (sequence?.status !== 'running') return false;
    this.#preempt(sequence);
    return true;
  }

  /** The next step's work, or null when there is none: then no sequence is left. */
  plan(): StepPlan | null {
    assert(!this.#isPlanOpen, 'the last plan was committed or rolled back');
    const plan = this.#plan;
    plan.clear();
    this.#makeRoom(plan);
    this.#kvCache.pool.openReservation();
    this.#planDecodes(plan);
    this.#limitPrompts(plan);
    this.#planPrompts(plan);
    if (plan.preemptedIds.length === 0) this.#planAdmissions(plan);
    if (plan.rowCount === 0) {
      assert(this.#sequences.size === 0, 'a sequence that passed enqueue can run when nothing else does');
      this.#kvCache.pool.settleReservation();
      return null;
    }
    this.#isPlanOpen = true;
    return plan;
  }

  /**
   * The step has been computed: `sampled` holds the chosen token of every sampled row, in order.
   * @returns the tokens of sequences that still want them, in the same order.
   */
  commit(plan: StepPlan, sampled: readonly SampledToken[]): SequenceToken[] {
    assert(this.#isPlanOpen && plan === this.#plan, 'the open plan is committed');
    assert(sampled.length === plan.sampledCount, 'every sampled row has a token');
    this.#isPlanOpen = false;
    this.#kvCache.pool.settleReservation();
    const tokens: SequenceToken[] = [];
    let sampledIndex = 0;
    for (let index = 0; index < plan.rowCount; index++) {
      const row = plan.rows[index]!;
      this.#commitRow(row);
      if (!row.samples) continue;
      const token = sampled[sampledIndex++]!;
      if (row.sequence.status === 'running') tokens.push(appendToken(row.sequence, token));
    }
    this.#removeFinished();
    return tokens;
  }

  /**
   * The step has not been computed, or only in part. Everything is as before `plan`, with two exceptions that
   * cost time and never correctness: sequences that it preempted stay preempted, and cached content of blocks
   * that it allocated stays forgotten, because the step may have written there. Aborts that came in between
   * take effect.
   */
  rollback(plan: StepPlan): void {
    assert(this.#isPlanOpen && plan === this.#plan, 'the open plan is rolled back');
    this.#isPlanOpen = false;
    this.#kvCache.pool.undoReservation();
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequence, blockCountBefore } = plan.rows[index]!;
      this.#kvCache.rollback(sequence, blockCountBefore);
    }
    for (let count = plan.admissionCount; count > 0; count--) this.#withdrawLast();
    this.#removeFinished();
  }

  /** A plan that was committed took so long to run. One that scores says nothing of what ordinary prompts cost. */
  observe(plan: StepPlan, runMs: number): void {
    const { decodeCount, tokenCount, scoredCount } = plan;
    if (scoredCount > 0) return;
    const promptTokenCount = tokenCount - decodeCount;
    this.#pace.observe({ decodeCount, promptTokenCount, promptPositionSum: plan.promptPositionSum }, runMs);
  }

  snapshot(): SchedulerSnapshot {
    return {
      stepLimits: this.stepLimits,
      lengthMax: this.lengthMax,
      pool: this.#kvCache.pool.snapshot(),
      running: this.#running.map((sequence) => sequence.snapshot()),
      waiting: this.#waiting.inOrder().map((sequence) => sequence.snapshot()),
    };
  }

  /** Preempts until every running sequence can have the blocks it lacks. */
  #makeRoom(plan: StepPlan): void {
    let missingCount = 0;
    for (const sequence of this.#running) missingCount += this.#kvCache.missingBlockCount(sequence);
    while (missingCount > this.#kvCache.pool.freeCount) {
      const victim = lastServed(this.#running);
      missingCount -= this.#kvCache.missingBlockCount(victim);
      this.#preempt(victim);
      plan.preemptedIds.push(victim.sequenceId);
    }
  }

  #planDecodes(plan: StepPlan): void {
    for (const sequence of this.#running) {
      if (!isDecoding(sequence.pendingLength)) continue;
      const blockCountBefore = sequence.blockTable.blockCount;
      this.#kvCache.reserve(sequence);
      plan.addRow(sequence, 1, blockCountBefore);
    }
    plan.decodeCount = plan.rowCount;
  }

  /** Waiting sequences that may be admitted now. Short of blocks, one at most: the first, if blocks have come free. */
  get #admissibleCount(): number {
    const freePlaces = this.stepLimits.sequencesPerStepMax - this.#running.length;
    return Math.min(freePlaces, this.#waiting.size, this.#isShortOfBlocks ? 1 : Infinity);
  }

  /**
   * Tokens that those could use, as far as it can be told without asking each. Short of blocks, one is enough for the
   * first to be tried.
   */
  get #admissibleLength(): number {
    const count = this.#admissibleCount;
    if (count !== 1) return count === 0 ? 0 : Infinity;
    return this.#isShortOfBlocks ? 1 : this.#waiting.first!.length;
  }

  /** Decides the step's tokens, before any goes to a prompt. */
  #limitPrompts(plan: StepPlan): void {
    const { tokensPerStepMax } = this.stepLimits;
    const promptCount = this.#running.length - plan.decodeCount + this.#admissibleCount;
    // What waits is taken to begin at 0: its cached length is known when it is admitted.
    const first = this.#running.find((sequence) => !isDecoding(sequence.pendingLength));
    const position = first?.computedLength ?? 0;
    const promptTokensMax = this.#pace.promptTokensMax(plan.decodeCount, promptCount, position);
    plan.tokenCountMax = Math.min(tokensPerStepMax, plan.tokenCount + promptTokensMax);
  }

  #planPrompts(plan: StepPlan): void {
    let pendingBehind = this.#admissibleLength - plan.decodeCount;
    for (const sequence of this.#running) pendingBehind += sequence.pendingLength;
    for (const sequence of this.#running) {
      if (isDecoding(sequence.pendingLength)) continue;
      const tokensLeft = this.#tokensLeft(plan);
      if (tokensLeft === 0) return;
      pendingBehind -= sequence.pendingLength;
      const scoresLeft = Math.max(0, this.#scoresLeft(plan) - SCORES_FOR_ADMISSION);
      const tokenCount = chunkLength(sequence.lengthWithScores(scoresLeft), tokensLeft, pendingBehind);
      if (tokenCount > 0) plan.addRow(sequence, tokenCount, sequence.blockTable.blockCount);
    }
  }

  #planAdmissions(plan: StepPlan): void {
    while (this.#running.length < this.stepLimits.sequencesPerStepMax && this.#tokensLeft(plan) > 0) {
      const sequence = this.#waiting.first;
      if (sequence === null) return;
      if (sequence.scoredLength < sequence.scoredLengthMax && this.#scoresLeft(plan) === 0) return;
      const cachedLength = this.#kvCache.admit(sequence, admissionHeadroom(this.#running.length));
      this.#isShortOfBlocks = cachedLength === null;
      if (cachedLength === null) return;
      this.#waiting.remove(sequence);
      this.#running.push(sequence);
      sequence.admit(cachedLength);
      const pendingLength = sequence.lengthWithScores(this.#scoresLeft(plan));
      plan.addAdmission(sequence, chunkLength(pendingLength, this.#tokensLeft(plan), this.#admissibleLength));
    }
  }

  #tokensLeft(plan: StepPlan): number {
    return plan.tokenCountMax - plan.tokenCount;
  }

  #scoresLeft(plan: StepPlan): number {
    return this.stepLimits.scoredTokensPerStepMax - plan.scoredCount;
  }

  #preempt(sequence: Sequence): void {
    this.#running.splice(this.#running.indexOf(sequence), 1);
    this.#kvCache.release(sequence);
    sequence.preempt();
    this.#waiting.add(sequence);
  }

  /** The sequence admitted last goes back to where it waited. */
  #withdrawLast(): void {
    const sequence = this.#running.pop()!;
    if (sequence.status === 'finished') {
      this.#sequences.delete(sequence.sequenceId);
      return;
    }
    sequence.withdraw();
    this.#waiting.add(sequence);
  }

  /** Blocks are published here, when they are computed, and nowhere else; those of one that failed are not to be trusted. */
  #commitRow({ sequence, firstPosition, tokenCount, firstScored, scoredCount }: StepRow): void {
    sequence.cachedTokenCount ??= firstPosition;
    if (scoredCount > 0) sequence.scoredLength = firstScored + scoredCount;
    sequence.computedLength = firstPosition + tokenCount;
    if (!sequence.hasFailed) this.#kvCache.commit(sequence, sequence.computedLength);
  }

  #remove(sequenceId: number, reason: FinishReason | null): boolean {
    const sequence = this.#sequences.get(sequenceId);
    if (sequence === undefined || sequence.status === 'finished') return false;
    if (sequence.status === 'waiting') {
      this.#waiting.remove(sequence);
      this.#sequences.delete(sequenceId);
    }
    sequence.finish(reason);
    if (!this.#isPlanOpen) this.#removeFinished();
    return true;
  }

  /** Finished sequences leave the running ones and give their blocks back. */
  #removeFinished(): void {
    let kept = 0;
    for (const sequence of this.#running) {
      if (sequence.status !== 'finished') {
        this.#running[kept++] = sequence;
        continue;
      }
      this.#kvCache.release(sequence);
      this.#sequences.delete(sequence.sequenceId);
    }
    this.#running.length = kept;
  }
}

function appendToken(sequence: Sequence, token: SampledToken): SequenceToken {
  const { tokenId, logprobs } = token;
  const { sequenceId, stopTokenIds, newTokensMax } = sequence.request;
  sequence.append(tokenId);
  let finishReason: 'stop' | 'length' | null = null;
  if (stopTokenIds.includes(tokenId) || token.completesGrammar) finishReason = 'stop';
  else if (sequence.outputLength >= newTokensMax) finishReason = 'length';
  if (finishReason !== null) sequence.finish(finishReason);
  return { sequenceId, tokenId, logprobs, finishReason, cachedTokenCount: sequence.cachedTokenCount ?? 0 };
}

function lastServed(sequences: readonly Sequence[]): Sequence {
  let last = sequences[0];
  assert(last !== undefined, 'a sequence that runs alone has the blocks it needs');
  for (const sequence of sequences) {
    if (isServedBefore(last, sequence)) last = sequence;
  }
  return last;
}
