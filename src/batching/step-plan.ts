/**
 * What one step will compute, as the scheduler decided it and the engine carries it out. A plan and its rows are
 * the scheduler's and are used again for every step, so that planning makes no garbage: valid until the next
 * `plan()`, and only the first `rowCount` rows count.
 */

import { assert } from '../base/assert.ts';
import { DRAFT_TOKENS_MAX } from '../base/limits.ts';
import { type Draft, emptyDraft } from '../sampling/draft-lookup.ts';
import type { Sequence } from './sequence.ts';

/** Tokens [firstPosition, firstPosition + tokenCount) of one sequence, and a draft of what follows. */
export type StepRow = {
  sequence: Sequence;
  firstPosition: number;
  /** The sequence's own tokens that are computed, without the draft's. */
  tokenCount: number;
  /** The row's tokens end with the sequence's last known one, so its logits choose the next one. */
  samples: boolean;
  /** Tokens computed behind the sequence's last, in case they are what is chosen there. */
  readonly draft: Draft;
  /** Position of the first of the row's tokens whose logits score the prompt token after them, and their number. */
  firstScored: number;
  scoredCount: number;
  /** Blocks that the sequence held before this plan. */
  blockCountBefore: number;
};

export class StepPlan {
  /** As many as this step or the one before had: more would hold on to sequences that have ended. */
  readonly rows: StepRow[] = [];
  rowCount = 0;
  /** Of all rows, drafts included. */
  tokenCount = 0;
  draftTokenCount = 0;
  /** What `tokenCount` may become. */
  tokenCountMax = 0;
  /** Rows, the first ones, of sequences that were decoding before this plan. */
  decodeCount = 0;
  /** Rows that sample. */
  sampledCount = 0;
  /** Tokens that score the one after them. */
  scoredCount = 0;
  /** Rows, the last ones, of sequences that were waiting until this plan. */
  admissionCount = 0;
  /** One of its sequences has a prediction; only told where there is room for drafts. */
  isPredicted = false;
  /** Tokens that were chosen for its rows; 0 until it is committed. */
  chosenCount = 0;
  /** Sequences that lost their blocks so that this plan's rows have theirs. */
  readonly preemptedIds: number[] = [];
  /** Prompt tokens looked up in the prefix cache, and found, for sequences admitted for the first time. */
  prefixQueryTokenCount = 0;
  prefixHitTokenCount = 0;

  /** Tokens whose logits choose one: the last ones of rows that sample, and all of drafts. */
  get choosingCount(): number {
    return this.sampledCount + this.draftTokenCount;
  }

  /** Sum of the positions of the tokens in rows that are not decoding. */
  get promptPositionSum(): number {
    let sum = 0;
    for (let index = this.decodeCount; index < this.rowCount; index++) {
      const { firstPosition, tokenCount } = this.rows[index]!;
      sum += tokenCount * firstPosition + (tokenCount * (tokenCount - 1)) / 2;
    }
    return sum;
  }

  clear(): void {
    this.rows.length = this.rowCount;
    this.rowCount = 0;
    this.tokenCount = 0;
    this.draftTokenCount = 0;
    this.tokenCountMax = 0;
    this.decodeCount = 0;
    this.sampledCount = 0;
    this.scoredCount = 0;
    this.admissionCount = 0;
    this.isPredicted = false;
    this.chosenCount = 0;
    this.preemptedIds.length = 0;
    this.prefixQueryTokenCount = 0;
    this.prefixHitTokenCount = 0;
  }

  /** Adds the sequence's next `tokenCount` tokens. */
  addRow(sequence: Sequence, tokenCount: number, blockCountBefore: number): StepRow {
    assert(tokenCount >= 1, 'a row computes a token');
    const firstPosition = sequence.computedLength;
    const samples = firstPosition + tokenCount === sequence.length;
    const firstScored = Math.max(firstPosition, sequence.scoredLength);
    const scoredEnd = Math.min(firstPosition + tokenCount, sequence.scoredLengthMax);
    const row = this.#nextRow(sequence);
    row.sequence = sequence;
    row.firstPosition = firstPosition;
    row.tokenCount = tokenCount;
    row.samples = samples;
    row.draft.count = 0;
    row.firstScored = firstScored;
    row.scoredCount = Math.max(0, scoredEnd - firstScored);
    row.blockCountBefore = blockCountBefore;
    this.tokenCount += tokenCount;
    this.scoredCount += row.scoredCount;
    if (samples) this.sampledCount++;
    return row;
  }

  /** The row, which samples, has been given a draft. */
  countDraft({ samples, draft }: StepRow): void {
    assert(samples, 'a draft follows the last token');
    this.draftTokenCount += draft.count;
    this.tokenCount += draft.count;
  }

  /** Adds the first tokens of a sequence that has just been admitted. */
  addAdmission(sequence: Sequence, tokenCount: number): void {
    this.addRow(sequence, tokenCount, 0);
    this.admissionCount++;
    if (sequence.cachedTokenCount !== null) return;
    this.prefixQueryTokenCount += sequence.promptLength;
    this.prefixHitTokenCount += sequence.computedLength;
  }

  #nextRow(sequence: Sequence): StepRow {
    const index = this.rowCount++;
    this.rows[index] ??= {
      sequence,
      firstPosition: 0,
      tokenCount: 0,
      samples: false,
      draft: emptyDraft(DRAFT_TOKENS_MAX),
      firstScored: 0,
      scoredCount: 0,
      blockCountBefore: 0,
    };
    return this.rows[index];
  }
}
