/**
 * Picks what a step computes, and reserves the blocks for it. The rules are in `scheduler.ts` and `token-budget.ts`; this is
 * how they are carried out. Undoes nothing: what a plan took is the scheduler's to commit or to give back.
 */

import { DRAFTED_STEP_TOKENS_MAX } from '../base/limits.ts';
import type { KvCacheManager } from '../kv-cache/kv-cache-manager.ts';
import type { Draft } from '../sampling/draft-lookup.ts';
import type { DraftPace } from './draft-pace.ts';
import type { Sequence } from './sequence.ts';
import type { SequenceBook } from './sequence-book.ts';
import type { StepPace } from './step-pace.ts';
import type { StepPlan, StepRow } from './step-plan.ts';
import {
  admissionHeadroom,
  chunkLength,
  isDecoding,
  SCORES_FOR_ADMISSION,
  type StepLimits,
} from './token-budget.ts';

export type StepPlannerOptions = {
  readonly limits: StepLimits;
  readonly book: SequenceBook;
  readonly kvCache: KvCacheManager;
  readonly pace: StepPace;
  readonly draftPace: DraftPace;
};

/** Writes what may follow a sequence's tokens into `draft`, at most `countMax` tokens. */
export type Drafter = (sequence: Sequence, countMax: number, draft: Draft) => void;

export class StepPlanner {
  readonly #limits: StepLimits;
  readonly #book: SequenceBook;
  readonly #kvCache: KvCacheManager;
  readonly #pace: StepPace;
  readonly #draftPace: DraftPace;
  /** The cache had no room for the sequence that was to be admitted last. */
  #isShortOfBlocks = false;

  constructor({ limits, book, kvCache, pace, draftPace }: StepPlannerOptions) {
    this.#limits = limits;
    this.#book = book;
    this.#kvCache = kvCache;
    this.#pace = pace;
    this.#draftPace = draftPace;
  }

  /** Fills an empty plan, with no row where there is nothing to compute. Preempts before the pool's reservation is opened. */
  fill(plan: StepPlan, drafter: Drafter | null): void {
    this.#makeRoom(plan);
    this.#kvCache.pool.openReservation();
    this.#planDecodes(plan, drafter);
    this.#limitPrompts(plan);
    this.#planPrompts(plan);
    if (plan.preemptedIds.length === 0) this.#planAdmissions(plan);
  }

  /** Preempts until every running sequence can have the blocks it lacks. */
  #makeRoom(plan: StepPlan): void {
    let missingCount = 0;
    for (const sequence of this.#book.running) missingCount += this.#kvCache.missingBlockCount(sequence);
    while (missingCount > this.#kvCache.pool.freeCount) {
      const victim = this.#book.lastServed();
      missingCount -= this.#kvCache.missingBlockCount(victim);
      this.#book.preempt(victim);
      plan.preemptedIds.push(victim.sequenceId);
    }
  }

  #planDecodes(plan: StepPlan, drafter: Drafter | null): void {
    let draftsLeft = drafter === null ? 0 : this.#draftTokensMax(plan);
    let rowsLeft = this.#book.running.length;
    for (const sequence of this.#book.running) {
      if (!isDecoding(sequence.pendingLength)) continue;
      const blockCountBefore = sequence.blockTable.blockCount;
      this.#kvCache.reserve(sequence);
      const row = plan.addRow(sequence, 1, blockCountBefore);
      const share = Math.floor(draftsLeft / rowsLeft--);
      if (drafter !== null && share > 0) draftsLeft -= this.#addDraft(plan, row, share, drafter);
    }
    plan.decodeCount = plan.rowCount;
  }

  /** It ends where the output must, and where the sequence's blocks do. @returns its tokens */
  #addDraft(plan: StepPlan, row: StepRow, share: number, drafter: Drafter): number {
    const { sequence, draft } = row;
    const room = this.#kvCache.unusedLength(sequence);
    const countMax = Math.min(share, room, sequence.remainingLength - 1);
    if (countMax <= 0) return 0;
    drafter(sequence, countMax, draft);
    plan.countDraft(row);
    return draft.count;
  }

  /** Tokens that a step of decoding sequences has to spare for drafts. None beside prompts, which could use them all. */
  #draftTokensMax(plan: StepPlan): number {
    const { running } = this.#book;
    const spared = Math.min(DRAFTED_STEP_TOKENS_MAX, this.#limits.tokensPerStepMax) - running.length;
    if (spared <= 0 || this.#admissibleCount > 0) return 0;
    if (running.some(({ pendingLength }) => !isDecoding(pendingLength))) return 0;
    plan.isPredicted = running.some(({ request }) => request.predictedTokenIds !== null);
    const { isPredicted } = plan;
    return this.#draftPace.pays({ rowCount: running.length, isPredicted }) ? spared : 0;
  }

  /** Waiting sequences that may be admitted now. Short of blocks, one at most: the first, if blocks have come free. */
  get #admissibleCount(): number {
    const freePlaces = this.#limits.sequencesPerStepMax - this.#book.running.length;
    return Math.min(freePlaces, this.#book.waiting.size, this.#isShortOfBlocks ? 1 : Infinity);
  }

  /**
   * Tokens that those could use, as far as it can be told without asking each. Short of blocks, one is enough for the
   * first to be tried.
   */
  get #admissibleLength(): number {
    const count = this.#admissibleCount;
    if (count !== 1) return count === 0 ? 0 : Infinity;
    return this.#isShortOfBlocks ? 1 : this.#book.waiting.first!.length;
  }

  /** Decides the step's tokens, before any goes to a prompt. */
  #limitPrompts(plan: StepPlan): void {
    const { tokensPerStepMax } = this.#limits;
    const promptCount = this.#book.running.length - plan.decodeCount + this.#admissibleCount;
    // What waits is taken to begin at 0: its cached length is known when it is admitted.
    const first = this.#book.running.find((sequence) => !isDecoding(sequence.pendingLength));
    const position = first?.computedLength ?? 0;
    const promptTokensMax = this.#pace.promptTokensMax(plan.decodeCount, promptCount, position);
    plan.tokenCountMax = Math.min(tokensPerStepMax, plan.tokenCount + promptTokensMax);
  }

  #planPrompts(plan: StepPlan): void {
    let pendingBehind = this.#admissibleLength;
    for (const { pendingLength } of this.#book.running) {
      if (!isDecoding(pendingLength)) pendingBehind += pendingLength;
    }
    for (const sequence of this.#book.running) {
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
    while (this.#book.running.length < this.#limits.sequencesPerStepMax && this.#tokensLeft(plan) > 0) {
      const sequence = this.#book.waiting.first;
      if (sequence === null) return;
      if (sequence.scoredLength < sequence.scoredLengthMax && this.#scoresLeft(plan) === 0) return;
      const cachedLength = this.#kvCache.admit(sequence, admissionHeadroom(this.#book.running.length));
      this.#isShortOfBlocks = cachedLength === null;
      if (cachedLength === null) return;
      this.#book.admitFirst(cachedLength);
      const pendingLength = sequence.lengthWithScores(this.#scoresLeft(plan));
      plan.addAdmission(sequence, chunkLength(pendingLength, this.#tokensLeft(plan), this.#admissibleLength));
    }
  }

  #tokensLeft(plan: StepPlan): number {
    return plan.tokenCountMax - plan.tokenCount;
  }

  #scoresLeft(plan: StepPlan): number {
    return this.#limits.scoredTokensPerStepMax - plan.scoredCount;
  }
}
