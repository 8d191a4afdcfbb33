/**
 * Decides what every step computes, and when that counts. Pure: no time, no chance, no waiting. `sequence-book.ts` keeps who runs
 * and who waits; `step-planner.ts` fills a plan by the rules below.
 *
 * A step is a transaction. `plan` picks the rows and reserves their blocks; then the engine computes them; then
 * `commit` alone moves progress, or `rollback` makes the plan not have been. Between the two, requests may be
 * enqueued and aborted; an aborted sequence whose blocks the step may be writing keeps them until the step ends.
 *
 * Rules:
 * - Order: see `token-budget.ts`. Running sequences stay in order of admission.
 * - Admission: strictly in order of service; nobody overtakes one that does not fit, so a long prompt is not
 *   starved by short ones. (A steady stream of higher priority does starve lower ones: that is its meaning.) A
 *   sequence is admitted when the blocks for all of its known tokens fit at once, and leave one for each running
 *   sequence that may come to need another. A running prompt therefore never stalls half way for want of blocks; only a decoding
 *   sequence that enters a new block asks for more.
 * - Preemption: when those blocks are not free, the running sequence last in order of service gives up all of
 *   its own, and waits to be computed again. Nobody is admitted in a plan that preempted. The first in order of
 *   service never gives way, and alone it always fits, so there is always progress.
 * - Cost: a step looks at running sequences and at those it admits, never at the rest of the waiting ones.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { DRAFTED_STEP_TOKENS_MAX } from '../base/limits.ts';
import { BlockPool, type BlockPoolOptions, type BlockPoolSnapshot } from '../kv-cache/block-pool.ts';
import { KvCacheManager } from '../kv-cache/kv-cache-manager.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import { DraftPace } from './draft-pace.ts';
import type { FinishReason, GenerationRequest, SequenceToken } from './generation-request.ts';
import { Sequence, type SequenceSnapshot } from './sequence.ts';
import { SequenceBook } from './sequence-book.ts';
import { StepPace } from './step-pace.ts';
import { StepPlan, type StepRow } from './step-plan.ts';
import { type Drafter, StepPlanner } from './step-planner.ts';
import { assertStepLimits, type StepLimits } from './token-budget.ts';

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
  readonly #draftPace = new DraftPace();
  readonly #book: SequenceBook;
  readonly #planner: StepPlanner;
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
    this.#book = new SequenceBook(kvCache);
    this.#planner = new StepPlanner({
      limits: this.stepLimits,
      book: this.#book,
      kvCache,
      pace,
      draftPace: this.#draftPace,
    });
  }

  get runningCount(): number {
    return this.#book.running.length;
  }

  get waitingCount(): number {
    return this.#book.waiting.size;
  }

  /** Sequences that have not ended. */
  get sequenceCount(): number {
    return this.#book.size;
  }

  /** Share of the blocks that sequences hold, 0 to 1. */
  get cacheUsage(): number {
    return this.#kvCache.pool.heldCount / this.#kvCache.pool.usableCount;
  }

  /** @throws ServerError `context_length_exceeded` for a request that could never run to its end. */
  enqueue(request: GenerationRequest): void {
    const { newTokensMax } = request;
    const promptLength = request.promptTokenIds.length;
    assert(promptLength >= 1, 'a prompt has a token');
    assert(newTokensMax >= 0, 'a request asks for no less than no token');
    if (promptLength + newTokensMax > this.lengthMax) {
      throw new ServerError(
        'context_length_exceeded',
        `This model's maximum context length is ${this.lengthMax} tokens. However, ` +
          `${promptLength + newTokensMax} tokens were requested ` +
          `(${promptLength} in the prompt, up to ${newTokensMax} in the output).`,
      );
    }
    this.#book.add(new Sequence(request, this.#arrivalCount++, this.#kvCache.pool.blockSize));
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
    const sequence = this.#book.find(sequenceId);
    if (sequence?.status !== 'running') return false;
    this.#book.preempt(sequence);
    return true;
  }

  /**
   * The next step's work, or null when there is none: then no sequence is left.
   * @param drafter asked for drafts of sequences that decode; `null`: there are none
   */
  plan(drafter: Drafter | null = null): StepPlan | null {
    assert(!this.#isPlanOpen, 'the last plan was committed or rolled back');
    const plan = this.#plan;
    plan.clear();
    this.#planner.fill(plan, drafter);
    if (plan.rowCount === 0) {
      assert(this.#book.size === 0, 'a sequence that passed enqueue can run when nothing else does');
      this.#kvCache.pool.settleReservation();
      return null;
    }
    this.#isPlanOpen = true;
    return plan;
  }

  /**
   * The step has been computed: `sampled` holds the chosen tokens of every sampled row, in order.
   * @param ends [sampledCount] where each row's end in `sampled`; one a row where absent. More than one where a draft was
   *   right: its first tokens, and the one behind them.
   * @returns the tokens of sequences that still want them, in the same order.
   */
  commit(
    plan: StepPlan,
    sampled: readonly SampledToken[],
    ends: readonly number[] | null = null,
  ): SequenceToken[] {
    assert(this.#isPlanOpen && plan === this.#plan, 'the open plan is committed');
    const rowCount = ends === null ? sampled.length : ends.length;
    assert(rowCount === plan.sampledCount, 'every sampled row has a token');
    this.#isPlanOpen = false;
    plan.chosenCount = sampled.length;
    this.#kvCache.pool.settleReservation();
    const tokens: SequenceToken[] = [];
    let [sampledRow, start] = [0, 0];
    for (let index = 0; index < plan.rowCount; index++) {
      const row = plan.rows[index]!;
      row.sequence.cachedTokenCount ??= row.firstPosition;
      if (row.samples) {
        const end = ends === null ? start + 1 : ends[sampledRow]!;
        assert(end > start, 'a sampled row has a token');
        assert(end - start <= 1 + row.draft.count, 'what is before it is of its draft');
        for (; start < end; start++) appendToken(row.sequence, sampled[start]!, tokens);
        sampledRow++;
      }
      this.#commitRow(row);
    }
    this.#book.removeFinished();
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
    for (let count = plan.admissionCount; count > 0; count--) this.#book.withdrawLast();
    this.#book.removeFinished();
  }

  /** A plan that was committed took so long to run. One that scores, or has drafts, says nothing of what ordinary ones cost. */
  observe(plan: StepPlan, runMs: number): void {
    const { decodeCount, tokenCount, scoredCount, draftTokenCount } = plan;
    const isSmall = plan.rowCount < DRAFTED_STEP_TOKENS_MAX;
    if (isSmall && decodeCount === plan.rowCount) this.#draftPace.observe(plan, runMs);
    if (scoredCount > 0 || draftTokenCount > 0) return;
    const promptTokenCount = tokenCount - decodeCount;
    this.#pace.observe({ decodeCount, promptTokenCount, promptPositionSum: plan.promptPositionSum }, runMs);
  }

  snapshot(): SchedulerSnapshot {
    return {
      stepLimits: this.stepLimits,
      lengthMax: this.lengthMax,
      pool: this.#kvCache.pool.snapshot(),
      running: this.#book.running.map((sequence) => sequence.snapshot()),
      waiting: this.#book.waiting.inOrder().map((sequence) => sequence.snapshot()),
    };
  }

  /** Blocks are published here, when they are computed, and nowhere else; those of one that failed are not to be trusted. */
  #commitRow({ sequence, firstPosition, tokenCount, samples, firstScored, scoredCount }: StepRow): void {
    if (scoredCount > 0) sequence.scoredLength = firstScored + scoredCount;
    sequence.computedLength = firstPosition + tokenCount;
    // What came of a draft was computed with the row; the newest token was not.
    if (samples) sequence.computedLength = Math.max(sequence.computedLength, sequence.length - 1);
    if (!sequence.hasFailed) this.#kvCache.commit(sequence, sequence.computedLength);
  }

  #remove(sequenceId: number, reason: FinishReason | null): boolean {
    const sequence = this.#book.find(sequenceId);
    if (sequence === undefined || sequence.status === 'finished') return false;
    if (sequence.status === 'waiting') this.#book.forgetWaiting(sequence);
    sequence.finish(reason);
    if (!this.#isPlanOpen) this.#book.removeFinished();
    return true;
  }
}

/** The token becomes part of the sequence, unless that has ended. */
function appendToken(sequence: Sequence, token: SampledToken, tokens: SequenceToken[]): void {
  if (sequence.status !== 'running') return;
  const { tokenId, logprobs } = token;
  const { sequenceId, stopTokenIds, newTokensMax } = sequence.request;
  sequence.append(tokenId);
  let finishReason: 'stop' | 'length' | null = null;
  if (stopTokenIds.includes(tokenId) || token.completesGrammar) finishReason = 'stop';
  else if (sequence.outputLength >= newTokensMax) finishReason = 'length';
  if (finishReason !== null) sequence.finish(finishReason);
  const cachedTokenCount = sequence.cachedTokenCount ?? 0;
  tokens.push({ sequenceId, tokenId, logprobs, finishReason, cachedTokenCount });
}
