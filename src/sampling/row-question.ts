/**
 * What choosing from one row of logits takes: asks for it before the step, and finds the answers afterwards. Owns where
 * they stand; reads the sequence as it is when it asks. Chooses nothing.
 */

import { assert } from '../base/assert.ts';
import { CANDIDATE_COUNT, EDITED_TOKENS_READ_MAX } from '../base/limits.ts';
import type { GrammarCursor } from './grammar/grammar-cursor.ts';
import { type SamplingParams, TEMPERATURE_MIN } from './sampling-params.ts';
import type { LogitsQuery, StepLogits } from './step-logits.ts';
import type { TokenEdits } from './token-edits.ts';

/** Stands for an index where nothing was asked. */
const NOT_ASKED = -1;

/**
 * With more than this share of a sequence's mass outside of its candidates, whole rows are asked for at once. What is
 * saved is that share of second runs, each as long as a step of one token; what it costs is to fetch and walk whole
 * rows, 4 ms for a large vocabulary. They balance at a step of about 40 ms; the chosen tokens are the same either way.
 */
const TAIL_SHARE_MAX = 0.1;

/** What a sequence's tokens are chosen by. */
export type Choosing = {
  readonly sampling: SamplingParams;
  readonly edits: TokenEdits;
  readonly grammar: GrammarCursor | null;
};

export class RowQuestion {
  readonly #by: Choosing;
  /** Indices of the answers in the step's logits. */
  #normaliser = NOT_ASKED;
  #logprobNormaliser = NOT_ASKED;
  #fullRow = NOT_ASKED;
  readStart = 0;
  readCount = 0;
  /** All tokens that fit the grammar, when these were read instead of what the edits ask for. */
  onlyTokenIds: Int32Array | null = null;
  /** Why the grammar could not be asked. */
  grammarError: unknown = null;
  /** Share of the mass outside of the candidates, as the choice found it; counts once the token is accepted. */
  tailShare = 0;

  constructor(by: Choosing) {
    this.#by = by;
  }

  /**
   * Asks for what the sequence's next token needs of the row. What was asked before is forgotten.
   * @param meanTailShare of the sequence's last tokens, the mean share of the mass outside of the candidates
   */
  ask(row: number, query: LogitsQuery, wholeRow: boolean, meanTailShare: number): void {
    const { logprobCount, temperature } = this.#by.sampling;
    this.#normaliser = NOT_ASKED;
    this.readStart = query.readCount;
    this.readCount = 0;
    this.#fullRow = NOT_ASKED;
    this.grammarError = null;
    this.tailShare = 0;
    this.onlyTokenIds = wholeRow ? null : this.#fewTokenIds();
    if (this.onlyTokenIds === null) this.#askMany(row, query, wholeRow || meanTailShare > TAIL_SHARE_MAX);
    else for (const tokenId of this.onlyTokenIds) query.addRead(row, tokenId);
    if (logprobCount === null) this.#logprobNormaliser = NOT_ASKED;
    else if (this.#normaliser >= 0 && temperature === 1) this.#logprobNormaliser = this.#normaliser;
    else this.#logprobNormaliser = query.addNormaliser(row, 1);
  }

  get isWholeAsked(): boolean {
    return this.#fullRow >= 0;
  }

  /** @returns [vocabularySize] the row, which was asked for whole. */
  fullRowOf({ fullRows, vocabularySize }: StepLogits): Float32Array {
    assert(this.isWholeAsked, 'the row was asked for');
    return fullRows.subarray(this.#fullRow * vocabularySize, (this.#fullRow + 1) * vocabularySize);
  }

  /** @returns the row's normaliser at the sequence's temperature; null where it was not asked for. */
  normaliserOf({ normalisers }: StepLogits): number | null {
    return this.#normaliser >= 0 ? normalisers[this.#normaliser]! : null;
  }

  /** @returns the row's normaliser at temperature 1, where log probabilities are wanted. */
  logprobNormaliserOf({ normalisers }: StepLogits): number {
    return normalisers[this.#logprobNormaliser]!;
  }

  /** @returns the model's logit of a token that is not among the candidates, when it was asked for. */
  logitOf(tokenId: number, logits: StepLogits): number | null {
    if (this.isWholeAsked) return this.fullRowOf(logits)[tokenId]!;
    const { onlyTokenIds, readStart } = this;
    if (onlyTokenIds !== null) return logits.reads[readStart + onlyTokenIds.indexOf(tokenId)]!;
    const entry = this.#by.edits.entryOf(tokenId);
    return entry >= 0 && entry < this.readCount ? logits.reads[readStart + entry]! : null;
  }

  /** Candidates and what may come between them, or the whole row. */
  #askMany(row: number, query: LogitsQuery, isWholeWanted: boolean): void {
    const { edits, sampling } = this.#by;
    const readCount = edits.isActive ? this.#wantedReadCount : 0;
    if (isWholeWanted || readCount > EDITED_TOKENS_READ_MAX) {
      this.#fullRow = query.addFullRow(row);
      return;
    }
    this.readCount = readCount;
    for (let entry = 0; entry < readCount; entry++) query.addRead(row, edits.tokenIdAt(entry));
    if (this.#needsNormaliser) this.#normaliser = query.addNormaliser(row, sampling.temperature);
  }

  /** Whether the draw depends on the mass of tokens that are not candidates. */
  get #needsTotal(): boolean {
    const { topK, minP, temperature } = this.#by.sampling;
    return temperature >= TEMPERATURE_MIN && minP === 0 && (topK === 0 || topK > CANDIDATE_COUNT);
  }

  /**
   * Of a list of allowed tokens' mass a normaliser says nothing. A grammar with many allowed tokens usually allows what
   * the model would say, so there the mass outside of the candidates is a bound worth having.
   */
  get #needsNormaliser(): boolean {
    return this.#needsTotal && this.#by.sampling.allowedTokenIds === null;
  }

  /** To correct a normaliser all edited logits must be known; as a bound, those that are raised are enough. */
  get #wantedReadCount(): number {
    const { edits, grammar } = this.#by;
    const isHeld = grammar?.isHolding ?? false;
    return this.#needsNormaliser && !isHeld ? edits.count : edits.raisingCount;
  }

  /** Everything that fits the grammar, when that is worth reading token by token. */
  #fewTokenIds(): Int32Array | null {
    const { grammar } = this.#by;
    if (grammar === null) return null;
    try {
      return grammar.fewTokenIds;
    } catch (error) {
      // Told when a token is chosen: there it ends this sequence, and no other.
      this.grammarError = error;
      return null;
    }
  }
}
