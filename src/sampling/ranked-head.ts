/**
 * The top of one row's distribution: the tokens whose place in the order is known for certain from the candidates and
 * the single logits that were read. Merges edited logits with the model's; knows nothing of temperature's
 * restrictions or of the draw. One instance serves all sequences, one row at a time.
 *
 * The order is by logit, descending, and by token id where logits are equal. Every token that the row did not tell
 * about comes after the last candidate in this order, because its logit is unedited or was lowered. So all told
 * tokens that do not come after the last candidate's original place are ranked: nothing untold lies between them, but
 * for tokens of just the last candidate's logit, of which a device may have picked any.
 * A list of allowed tokens is one more edit that only lowers: the others are left out, and when every allowed token is
 * told, all of them are ranked. So does a grammar; when the tokens that fit it are few, they alone are read, and
 * nothing else of the row counts.
 */

import { CANDIDATE_COUNT, EDITED_TOKENS_RANKED_MAX, EDITED_TOKENS_READ_MAX } from '../base/limits.ts';
import type { StepLogits } from './step-logits.ts';
import type { TokenEdits } from './token-edits.ts';

const RANKED_MAX = CANDIDATE_COUNT + EDITED_TOKENS_RANKED_MAX;
const TOLD_MAX = CANDIDATE_COUNT + EDITED_TOKENS_READ_MAX;

/** What is known of one row. */
export type RowSource = {
  readonly logits: StepLogits;
  readonly row: number;
  /** Null when every logit is the model's. */
  readonly edits: TokenEdits | null;
  /** Entries 0 to `readCount` - 1 of `edits` were read into `logits.reads` from `readStart` on. */
  readonly readStart: number;
  readonly readCount: number;
  /** Not null: all that may be chosen, each once, and `reads` holds their logits in this order from `readStart` on. */
  readonly onlyTokenIds: Int32Array | null;
};

export class RankedHead {
  /** [count] in order; all logits are above -Infinity. */
  readonly tokenIds = new Int32Array(RANKED_MAX);
  readonly logits = new Float32Array(RANKED_MAX);
  count = 0;

  /** [unrankedCount] edited logits of tokens that are told but come after the head, at no known place. */
  readonly unrankedLogits = new Float32Array(TOLD_MAX);
  unrankedCount = 0;

  /** [modelLogitCount] the model's logits of all told tokens, in no order; left empty when nothing is edited. */
  readonly modelLogits = new Float32Array(TOLD_MAX);
  modelLogitCount = 0;

  /** No untold or unranked token has a larger logit; -Infinity when the head holds all there is. */
  floorLogit = 0;
  untoldCount = 0;
  /** Untold tokens may be forbidden, so that the mass that the model gives them is no more than a bound. */
  mayForbidUntold = false;

  /** The last candidate's place in the order; only told tokens up to there are ranked. */
  #lastLogit = 0;
  #lastTokenId = 0;
  /** The candidates are the whole row. */
  #isWholeRow = false;
  /** Nothing that can be chosen is untold. */
  #isComplete = false;

  /** [candidateCount] 0 for candidates that the edits do not allow; a grammar is asked once for each. */
  readonly #isAllowed = new Uint8Array(CANDIDATE_COUNT);
  /** [readCount] 1 for entries that were read and are candidates too. */
  readonly #isTaken = new Uint8Array(EDITED_TOKENS_READ_MAX);
  /** [sortedCount] edited tokens that are ranked, or all that may be chosen, in order. */
  readonly #sortedIds = new Int32Array(EDITED_TOKENS_RANKED_MAX);
  readonly #sortedLogits = new Float32Array(EDITED_TOKENS_RANKED_MAX);
  #sortedCount = 0;

  /** @returns false when too many edited tokens rank to sort them here: then the head is not to be used. */
  fill(source: RowSource): boolean {
    this.#takeFloor(source);
    this.#askAllowed(source);
    this.#takeAllowed(source);
    this.count = 0;
    this.unrankedCount = 0;
    this.modelLogitCount = 0;
    this.#sortedCount = 0;
    const { edits, onlyTokenIds } = source;
    if (onlyTokenIds !== null) return this.#takeOnly(source, onlyTokenIds);
    if (edits === null) {
      this.#takeCandidates(source);
      return true;
    }
    if (!this.#takeEdited(source, edits)) return false;
    this.#mergeUneditedCandidates(source, edits);
    return true;
  }

  #takeFloor({ logits, row }: RowSource): void {
    const last = (row + 1) * logits.candidateCount - 1;
    this.#isWholeRow = logits.candidateCount >= logits.vocabularySize;
    this.#lastLogit = logits.candidateLogits[last]!;
    this.#lastTokenId = logits.candidateIds[last]!;
    this.untoldCount = logits.vocabularySize - logits.candidateCount;
    this.#isComplete = this.#isWholeRow;
    this.floorLogit = this.#isComplete ? -Infinity : this.#lastLogit;
  }

  #askAllowed({ logits, row, edits, onlyTokenIds }: RowSource): void {
    if (edits === null || onlyTokenIds !== null) return;
    const first = row * logits.candidateCount;
    for (let i = 0; i < logits.candidateCount; i++) {
      this.#isAllowed[i] = edits.allows(logits.candidateIds[first + i]!) ? 1 : 0;
    }
  }

  /** With a list of allowed tokens, only they can be untold. */
  #takeAllowed({ logits, edits, readCount, onlyTokenIds }: RowSource): void {
    this.mayForbidUntold = edits?.mayForbid ?? false;
    if (!edits?.mayForbid || this.#isWholeRow || onlyTokenIds !== null) return;
    const areRead = edits.hasAllowedEntries && readCount >= edits.raisingCount;
    this.untoldCount = areRead ? 0 : edits.allowedCountMax;
    this.#isComplete = areRead;
    if (areRead) {
      this.floorLogit = -Infinity;
      return;
    }
    for (let i = 0; i < logits.candidateCount; i++) this.untoldCount -= this.#isAllowed[i]!;
  }

  /** @returns false when too many of them can be chosen to sort them here. */
  #takeOnly({ logits, edits, readStart }: RowSource, tokenIds: Int32Array): boolean {
    this.#isComplete = true;
    this.floorLogit = -Infinity;
    this.untoldCount = 0;
    for (let index = 0; index < tokenIds.length; index++) {
      const tokenId = tokenIds[index]!;
      const raw = logits.reads[readStart + index]!;
      if (!this.#insertSorted(edits === null ? raw : edits.logitOf(tokenId, raw), tokenId)) return false;
    }
    for (let index = 0; index < this.#sortedCount; index++) {
      this.#append(this.#sortedIds[index]!, this.#sortedLogits[index]!);
    }
    return true;
  }

  #takeCandidates({ logits, row }: RowSource): void {
    const first = row * logits.candidateCount;
    for (let i = first; i < first + logits.candidateCount; i++) {
      this.#append(logits.candidateIds[i]!, logits.candidateLogits[i]!);
    }
  }

  /** Collects the edited tokens, the ranked ones in order. @returns false when those are too many. */
  #takeEdited(source: RowSource, edits: TokenEdits): boolean {
    return this.#takeEditedCandidates(source, edits) && this.#takeOtherReads(source, edits);
  }

  #takeEditedCandidates({ logits, row, readCount }: RowSource, edits: TokenEdits): boolean {
    const first = row * logits.candidateCount;
    this.#isTaken.fill(0, 0, readCount);
    for (let i = 0; i < logits.candidateCount; i++) {
      const raw = logits.candidateLogits[first + i]!;
      this.modelLogits[this.modelLogitCount++] = raw;
      const entry = edits.entryOf(logits.candidateIds[first + i]!);
      if (entry < 0) continue;
      if (entry < readCount) this.#isTaken[entry] = 1;
      if (this.#isAllowed[i] === 1 && !this.#addEdited(edits, entry, raw)) return false;
    }
    return true;
  }

  /** A token's place in the order does not tell that it is a candidate: of equal logits the device picked any. */
  #takeOtherReads({ logits, readStart, readCount }: RowSource, edits: TokenEdits): boolean {
    for (let entry = 0; entry < readCount; entry++) {
      if (this.#isTaken[entry] === 1) continue;
      const raw = logits.reads[readStart + entry]!;
      this.modelLogits[this.modelLogitCount++] = raw;
      if (!edits.allows(edits.tokenIdAt(entry))) continue;
      if (!this.#isComplete) this.untoldCount--;
      if (!this.#addEdited(edits, entry, raw)) return false;
    }
    return true;
  }

  /** @param entry of a token that is allowed. @returns false when there are too many to sort them here. */
  #addEdited(edits: TokenEdits, entry: number, raw: number): boolean {
    const tokenId = edits.tokenIdAt(entry);
    const logit = edits.apply(entry, raw);
    if (logit === -Infinity || this.#isRanked(logit, tokenId)) return this.#insertSorted(logit, tokenId);
    this.unrankedLogits[this.unrankedCount++] = logit;
    return true;
  }

  /** @returns false when there are too many to sort them here. */
  #insertSorted(logit: number, tokenId: number): boolean {
    if (logit === -Infinity) return true; // It has no mass and no place.
    if (this.#sortedCount === EDITED_TOKENS_RANKED_MAX) return false;
    let place = this.#sortedCount++;
    while (
      place > 0 &&
      comesBefore(logit, tokenId, this.#sortedLogits[place - 1]!, this.#sortedIds[place - 1]!)
    ) {
      this.#sortedLogits[place] = this.#sortedLogits[place - 1]!;
      this.#sortedIds[place] = this.#sortedIds[place - 1]!;
      place--;
    }
    this.#sortedLogits[place] = logit;
    this.#sortedIds[place] = tokenId;
    return true;
  }

  #mergeUneditedCandidates({ logits, row }: RowSource, edits: TokenEdits): void {
    const first = row * logits.candidateCount;
    let sorted = 0;
    for (let i = 0; i < logits.candidateCount; i++) {
      const tokenId = logits.candidateIds[first + i]!;
      if (this.#isAllowed[i] === 0 || edits.entryOf(tokenId) >= 0) continue;
      const logit = logits.candidateLogits[first + i]!;
      while (
        sorted < this.#sortedCount &&
        comesBefore(this.#sortedLogits[sorted]!, this.#sortedIds[sorted]!, logit, tokenId)
      ) {
        this.#append(this.#sortedIds[sorted]!, this.#sortedLogits[sorted++]!);
      }
      this.#append(tokenId, logit);
    }
    for (; sorted < this.#sortedCount; sorted++) {
      this.#append(this.#sortedIds[sorted]!, this.#sortedLogits[sorted]!);
    }
  }

  #append(tokenId: number, logit: number): void {
    if (logit === -Infinity) return;
    this.tokenIds[this.count] = tokenId;
    this.logits[this.count++] = logit;
  }

  /** Whether a told token with this logit does not come after the last candidate's original place. */
  #isRanked(logit: number, tokenId: number): boolean {
    return this.#isComplete || !comesBefore(this.#lastLogit, this.#lastTokenId, logit, tokenId);
  }
}

function comesBefore(logit: number, tokenId: number, otherLogit: number, otherTokenId: number): boolean {
  return logit > otherLogit || (logit === otherLogit && tokenId < otherTokenId);
}
