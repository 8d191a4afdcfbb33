/**
 * The tokens of one step: which rows of logits belong to which row of the plan, what is asked of them, and what was chosen.
 * A step has one run, or two: rows that candidates do not decide, or whose draft has spoilt them, are run again whole and
 * without it. Owns nothing beyond the step; samplers and sequences are told by others that it counts.
 */

import { assert } from '../base/assert.ts';
import type { Sequence } from '../batching/sequence.ts';
import type { StepPlan, StepRow } from '../batching/step-plan.ts';
import type { Draft } from '../sampling/draft-lookup.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import type { PredictionUse, StepCounts } from './protocol.ts';
import type { RowOptions, RowSampler } from './row-sampler.ts';

/** Ends a sequence. @throws the error itself when it is not an expected failure. */
export type FailSequence = (sequenceId: number, error: unknown) => void;

const CANDIDATES: RowOptions = { wholeRow: false };
const WHOLE_ROW: RowOptions = { wholeRow: true };

/** Holds the place of a token until a whole row has decided it, or for good where there is none. */
const UNDECIDED: SampledToken = { tokenId: -1, logprobs: null };

export class StepChooser {
  readonly #sampler: RowSampler;
  /** Rows of the plan that sample, and the row of logits of each one's last token. */
  readonly #rows: StepRow[] = [];
  readonly #logitsRows: number[] = [];
  /** Drafts of rows in which a token has no numbers. */
  readonly #spoiltDrafts = new Set<Draft>();
  readonly #undecided: number[] = [];
  readonly #tokens: SampledToken[] = [];
  readonly #ends: number[] = [];

  constructor(sampler: RowSampler) {
    this.#sampler = sampler;
  }

  /** What was chosen, row by row; of a row with a draft, as much of that as was right, and the token behind it. */
  get tokens(): readonly SampledToken[] {
    return this.#tokens;
  }

  /** [rows that sample] where each one's end in `tokens`. */
  get ends(): readonly number[] {
    return this.#ends;
  }

  /** Asks for what the first run has to tell of the plan's rows. */
  prepare(plan: StepPlan, query: LogitsQuery): void {
    this.forget();
    let logitsRow = 0;
    for (let index = 0; index < plan.rowCount; index++) {
      const row = plan.rows[index]!;
      if (!row.samples) continue;
      const { sequence, draft } = row;
      this.#sampler.prepare(sequence.sequenceId, logitsRow, query, CANDIDATES, draft);
      this.#rows.push(row);
      this.#logitsRows.push(logitsRow);
      logitsRow += 1 + draft.count;
    }
  }

  /** A token of the draft's row has no numbers. It may be the draft's, which spoils the others. */
  spoil(draft: Draft): void {
    this.#spoiltDrafts.add(draft);
  }

  /** @returns how many rows are left undecided. */
  chooseFromCandidates(logits: StepLogits, fail: FailSequence): number {
    for (let index = 0; index < this.#rows.length; index++) {
      const { sequence, draft } = this.#rows[index]!;
      const logitsRow = this.#logitsRows[index]!;
      const token = this.#spoiltDrafts.has(draft) ? null : this.#choose(sequence, logitsRow, logits, fail);
      if (token === null) this.#undecided.push(index);
      this.#tokens.push(token ?? UNDECIDED);
      if (draft.count > 0 && token?.tokenId === draft.tokenIds[0]) {
        this.#sampler.chooseBehind(sequence.sequenceId, logitsRow, logits, this.#tokens);
      }
      this.#ends.push(this.#tokens.length);
    }
    return this.#undecided.length;
  }

  /** Asks for the second run. @returns the sequences whose last tokens it computes, a row each. */
  prepareWholeRows(query: LogitsQuery): readonly Sequence[] {
    const sequences = this.#undecided.map((index) => this.#rows[index]!.sequence);
    for (const [row, { sequenceId }] of sequences.entries()) {
      this.#sampler.prepare(sequenceId, row, query, WHOLE_ROW);
    }
    return sequences;
  }

  chooseFromWholeRows(logits: StepLogits, fail: FailSequence): void {
    for (const [row, index] of this.#undecided.entries()) {
      const token = this.#choose(this.#rows[index]!.sequence, row, logits, fail);
      assert(token !== null, 'a whole row decides');
      this.#tokens[this.#ends[index]! - 1] = token;
    }
  }

  /**
   * The step counts: tells samplers how right their drafts were, and adds them up.
   * @param predictions gets those of drafts that were predicted
   */
  settleDrafts(counts: StepCounts, predictions: PredictionUse[]): void {
    let start = 0;
    for (const [index, { sequence, draft }] of this.#rows.entries()) {
      const end = this.#ends[index]!;
      if (draft.count > 0 && sequence.status === 'running') {
        const { sequenceId } = sequence;
        const rightCount = this.#rightCount(draft, start, end);
        this.#sampler.settleDraft(sequenceId, draft.count, rightCount);
        counts.draftCount++;
        counts.draftedCount += draft.count;
        counts.draftAcceptedCount += rightCount;
        for (let at = 0; at < rightCount; at++) {
          counts.draftAcceptedAt[at] = (counts.draftAcceptedAt[at] ?? 0) + 1;
        }
        if (draft.isPredicted) {
          const rejectedCount = draft.count - rightCount;
          predictions.push({ sequenceId, acceptedCount: rightCount, rejectedCount });
        }
      }
      start = end;
    }
  }

  /** Holds on to no sequence between steps. */
  forget(): void {
    this.#rows.length = 0;
    this.#logitsRows.length = 0;
    this.#spoiltDrafts.clear();
    this.#undecided.length = 0;
    this.#tokens.length = 0;
    this.#ends.length = 0;
  }

  /** Of a draft, what was chosen in its place counts, decided from candidates or not. */
  #rightCount({ tokenIds, count }: Draft, start: number, end: number): number {
    const max = Math.min(count, end - start);
    let rightCount = 0;
    while (rightCount < max && this.#tokens[start + rightCount]!.tokenId === tokenIds[rightCount])
      rightCount++;
    return rightCount;
  }

  /** A row that leads to no token ends its own sequence; what stands for its token then is never looked at. */
  #choose(sequence: Sequence, row: number, logits: StepLogits, fail: FailSequence): SampledToken | null {
    const { sequenceId } = sequence;
    if (sequence.status === 'finished') return UNDECIDED;
    try {
      return this.#sampler.choose(sequenceId, row, logits);
    } catch (error) {
      fail(sequenceId, error);
      return UNDECIDED;
    }
  }
}
