/**
 * Picks what a step computes, and reserves the blocks for it. The rules are in `scheduler.ts` and `token-budget.ts`; this is
 * how they are carried out. Undoes nothing: what a plan took is the scheduler's to commit or to give back.
 */

import { DRAFTED_STEP_TOKENS_MAX, PARTIAL_PROMPTS_MAX } from '../base/limits.ts';
import type { KvCacheManager } from '../kv-cache/kv-cache-manager.ts';
import type { Draft } from '../sampling/draft-lookup.ts';
import type { DraftPace } from './draft-pace.ts';
import type { Sequence } from './sequence.ts';
import type { SequenceBook } from './sequence-book.ts';
import type { StepPace } from './step-pace.ts';
import type { StepPlan, StepRow } from './step-plan.ts';
import {
  chunkLength,
  isDecoding,
  lengthForAdmission,
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

/**
 * What the first that waits needs is looked up in the prefix cache, block by block. Where that was too much, and no more
 * blocks have come free, it is looked up again after so many steps: others may have computed a part of it meanwhile.
 */
const STEPS_UNTIL_RETRY = 16;

export class StepPlanner {
  readonly #limits: StepLimits;
  readonly #book: SequenceBook;
  readonly #kvCache: KvCacheManager;
  readonly #pace: StepPace;
  readonly #draftPace: DraftPace;
  /** Id of the sequence that the cache had no room for when it was to be admitted last; 0: there was room. */
  #refusedId = 0;
  /** Blocks that it would have had, and steps since. */
  #refusedRoom = 0;
  #refusedSteps = 0;
  /**
   * Of the step being planned: running sequences whose prompts are not computed to the end, in order of admission; at last
   * also those that the step admits and does not compute to the end.
   */
  readonly #prompts: Sequence[] = [];
  /** Those of them behind the first that cannot end in the step. */
  readonly #behind: Sequence[] = [];
  /** Blocks that must stay free when a sequence is admitted, see `mayGrow`. */
  #headroom = 0;
  /** A prompt that cannot end in the step being planned has left a part of it to others. */
  #isShared = false;

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
    this.#headroom = 0;
    for (const sequence of this.#book.running) {
      if (!isDecoding(sequence.pendingLength)) this.#prompts.push(sequence);
      if (mayGrow(sequence)) this.#headroom++;
    }
    this.#kvCache.pool.openReservation();
    this.#planDecodes(plan, drafter);
    this.#limitPrompts(plan);
    this.#planPrompts(plan);
    if (plan.preemptedIds.length === 0) this.#planAdmissions(plan);
    this.#refusedSteps++;
    this.#prompts.length = 0;
    this.#behind.length = 0;
    this.#isShared = false;
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
    let predictedCount = 0;
    for (const sequence of this.#book.running) {
      if (!isDecoding(sequence.pendingLength)) continue;
      const blockCountBefore = sequence.blockTable.blockCount;
      this.#kvCache.reserve(sequence);
      plan.addRow(sequence, 1, blockCountBefore);
      if (hasPrediction(sequence)) predictedCount++;
    }
    plan.decodeCount = plan.rowCount;
    if (drafter !== null) this.#planDrafts(plan, drafter, predictedCount);
  }

  /**
   * Predictions first, which are most likely right, and without guesses all that there is; alike among rows of a kind, and
   * what one does not use goes to those behind it.
   */
  #planDrafts(plan: StepPlan, drafter: Drafter, predictedCount: number): void {
    let draftsLeft = this.#draftTokensMax(plan);
    for (const ofPredicted of [true, false]) {
      let rowsLeft = ofPredicted ? predictedCount : plan.decodeCount - predictedCount;
      for (let index = 0; index < plan.decodeCount && draftsLeft > 0; index++) {
        const row = plan.rows[index]!;
        if (hasPrediction(row.sequence) !== ofPredicted) continue;
        const share = Math.floor(draftsLeft / rowsLeft--);
        draftsLeft -= this.#addDraft(plan, row, share, drafter);
      }
    }
  }

  /** It ends where the output must, and where the sequence's blocks do. @returns its tokens */
  #addDraft(plan: StepPlan, row: StepRow, share: number, drafter: Drafter): number {
    const { sequence, draft } = row;
    const room = sequence.blockTable.capacity - sequence.length;
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
    if (this.#prompts.length > 0) return 0;
    plan.isPredicted = running.some(hasPrediction);
    const { isPredicted } = plan;
    return this.#draftPace.pays({ rowCount: running.length, isPredicted }) ? spared : 0;
  }

  /** Waiting sequences that may be admitted now. Short of blocks, one at most: the first, if blocks have come free. */
  get #admissibleCount(): number {
    if (this.#prompts.length >= PARTIAL_PROMPTS_MAX) return 0;
    const freePlaces = this.#limits.sequencesPerStepMax - this.#book.running.length;
    const count = Math.min(freePlaces, this.#book.waiting.size);
    if (!this.#isShortOfBlocks || count === 0) return count;
    return this.#roomToAdmit > this.#refusedRoom || this.#refusedSteps >= STEPS_UNTIL_RETRY ? 1 : 0;
  }

  /** The first that waits is the one that the cache had no room for. */
  get #isShortOfBlocks(): boolean {
    return this.#book.waiting.first?.sequenceId === this.#refusedId;
  }

  /** Blocks that a sequence can have that is admitted now. */
  get #roomToAdmit(): number {
    return this.#kvCache.pool.freeCount - this.#headroom;
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
    const promptCount = this.#prompts.length + this.#admissibleCount;
    // What waits is taken to begin at 0: its cached length is known when it is admitted.
    const position = this.#prompts[0]?.computedLength ?? 0;
    const promptTokensMax = this.#pace.promptTokensMax(plan.decodeCount, promptCount, position);
    plan.tokenCountMax = Math.min(tokensPerStepMax, plan.tokenCount + promptTokensMax);
  }

  /** In order of admission up to the first that cannot end in this step, then those of which least has been computed. */
  #planPrompts(plan: StepPlan): void {
    let pendingBehind = this.#admissibleLength;
    for (const { pendingLength } of this.#prompts) pendingBehind += pendingLength;
    for (const sequence of this.#prompts) {
      if (this.#isShared) {
        this.#behind.push(sequence);
        continue;
      }
      pendingBehind -= sequence.pendingLength;
      this.#addPrompt(plan, sequence, { kept: 0, pendingBehind });
    }
    this.#behind.sort((one, other) => one.servedLength - other.servedLength);
    const kept = lengthForAdmission(this.#tokensLeft(plan), this.#admissibleLength);
    for (const sequence of this.#behind) this.#addPrompt(plan, sequence, { kept, pendingBehind: 0 });
  }

  #addPrompt(
    plan: StepPlan,
    sequence: Sequence,
    { kept, pendingBehind }: { readonly kept: number; readonly pendingBehind: number },
  ): void {
    const scoresLeft = Math.max(0, this.#scoresLeft(plan) - SCORES_FOR_ADMISSION);
    const pendingLength = sequence.lengthWithScores(scoresLeft);
    const tokenCount = this.#takeChunk(pendingLength, this.#tokensLeft(plan) - kept, pendingBehind);
    if (tokenCount > 0) plan.addRow(sequence, tokenCount, sequence.blockTable.blockCount);
  }

  /** The first prompt that cannot end in this step leaves something, and that is for the others. @returns its tokens */
  #takeChunk(pendingLength: number, tokensLeft: number, pendingBehind: number): number {
    if (this.#isShared) return Math.min(pendingLength, tokensLeft);
    this.#isShared = pendingLength > tokensLeft;
    return chunkLength(pendingLength, tokensLeft, pendingBehind);
  }

  #planAdmissions(plan: StepPlan): void {
    while (this.#admissibleCount > 0 && this.#tokensLeft(plan) > 0) {
      const sequence = this.#book.waiting.first!;
      if (sequence.scoredLength < sequence.scoredLengthMax && this.#scoresLeft(plan) === 0) return;
      const cachedLength = this.#kvCache.admit(sequence, this.#headroom);
      this.#refusedId = cachedLength === null ? sequence.sequenceId : 0;
      this.#refusedRoom = this.#roomToAdmit;
      this.#refusedSteps = 0;
      if (cachedLength === null) return;
      this.#book.admitFirst(cachedLength);
      if (mayGrow(sequence)) this.#headroom++;
      const pendingLength = sequence.lengthWithScores(this.#scoresLeft(plan));
      const tokensLeft = this.#tokensLeft(plan);
      const tokenCount = this.#takeChunk(pendingLength, tokensLeft, this.#admissibleLength);
      plan.addAdmission(sequence, tokenCount);
      if (tokenCount < sequence.pendingLength) this.#prompts.push(sequence);
    }
  }

  #tokensLeft(plan: StepPlan): number {
    return plan.tokenCountMax - plan.tokenCount;
  }

  #scoresLeft(plan: StepPlan): number {
    return this.#limits.scoredTokensPerStepMax - plan.scoredCount;
  }
}

function hasPrediction({ request }: Sequence): boolean {
  return request.predictedTokenIds !== null;
}

/**
 * Whether a running sequence may need a block more than it has: the last token that it may gain is never computed. Such a one
 * needs it within a block's worth of steps, so a block stays free for each when another is admitted, which would be the first
 * to be preempted for it. Nothing has to stay free for the first, so whatever passed `enqueue` can run.
 */
function mayGrow({ length, remainingLength, blockTable }: Sequence): boolean {
  return length + remainingLength - 1 > blockTable.capacity;
}
