/**
 * Chooses the tokens of one sequence: says before a step what it must know of its row, and takes the token afterwards.
 * Owns the sequence's history so far as choosing depends on it (counts of tokens, length), which changes with `accept`
 * alone. Knows nothing of batches, of the scheduler, or of how logits are computed.
 *
 * A token is chosen from the row's candidates whenever they decide it, and otherwise from the whole row, with the same
 * result: the draw is a function of the row, the parameters, the seed and the token's position.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { CANDIDATE_COUNT, EDITED_TOKENS_READ_MAX } from '../base/limits.ts';
import { randomAt } from '../base/random.ts';
import { CandidateDraw } from './candidate-draw.ts';
import { FullRow } from './full-row.ts';
import { deadEnd, type GrammarCursor } from './grammar/grammar-cursor.ts';
import { massOf, UNIFORM_MAX } from './masses.ts';
import { RankedHead, type RowSource } from './ranked-head.ts';
import { type SampledToken, type SamplingParams, TEMPERATURE_MIN } from './sampling-params.ts';
import type { LogitsQuery, StepLogits } from './step-logits.ts';
import { TokenEdits, type TokenEditsOptions } from './token-edits.ts';
import { tokenLogprobs } from './token-logprobs.ts';

/**
 * With more than this share of a sequence's mass outside of its candidates, whole rows are asked for at once. What is
 * saved is that share of second runs, each as long as a step of one token; what it costs is to fetch and walk whole
 * rows, 4 ms for a large vocabulary. They balance at a step of about 40 ms; the chosen tokens are the same either way.
 */
const TAIL_SHARE_MAX = 0.1;
/** Weight of the newest token in a sequence's mean tail share: single tokens differ widely. */
const TAIL_SHARE_WEIGHT = 1 / 16;

const NOT_ASKED = -1;

/** Scratch memory of a choice; one instance serves all sequences of a thread. */
export class SamplingWorkspace {
  readonly vocabularySize: number;
  readonly head = new RankedHead();
  readonly draw = new CandidateDraw();
  #fullRow: FullRow | null = null;

  constructor(vocabularySize: number) {
    this.vocabularySize = vocabularySize;
  }

  /** Made when first needed: it is the larger part. */
  get fullRow(): FullRow {
    this.#fullRow ??= new FullRow(this.vocabularySize);
    return this.#fullRow;
  }
}

export type SequenceSamplerOptions = Omit<TokenEditsOptions, 'vocabularySize' | 'grammar'> & {
  /** Nothing accepted yet, and this sequence's own; null when the output is free. */
  readonly grammar: GrammarCursor | null;
};

export class SequenceSampler {
  readonly #sampling: SamplingParams;
  readonly #grammar: GrammarCursor | null;
  readonly #edits: TokenEdits;
  readonly #workspace: SamplingWorkspace;
  readonly #isGreedy: boolean;
  /** Tokens in the sequence: the position of the next one. */
  #length: number;

  /** What the last `prepare` asked for: indices of the answers. */
  #normaliser = NOT_ASKED;
  #logprobNormaliser = NOT_ASKED;
  #readStart = 0;
  #readCount = 0;
  #fullRow = NOT_ASKED;
  /** All tokens that fit the grammar, when these were read instead of what the edits ask for. */
  #onlyTokenIds: Int32Array | null = null;
  /** Why the grammar could not be asked. */
  #grammarError: unknown = null;

  #meanTailShare = 0;
  /** Of the last choice; counts once it is accepted. */
  #tailShare = 0;

  constructor(options: SequenceSamplerOptions, workspace: SamplingWorkspace) {
    this.#sampling = options.sampling;
    this.#grammar = options.grammar;
    this.#edits = new TokenEdits({
      sampling: options.sampling,
      promptTokenIds: options.promptTokenIds,
      stopTokenIds: options.stopTokenIds,
      newTokensMin: options.newTokensMin,
      grammar: options.grammar,
      vocabularySize: workspace.vocabularySize,
    });
    this.#workspace = workspace;
    this.#isGreedy = options.sampling.temperature < TEMPERATURE_MIN;
    this.#length = options.promptTokenIds.length;
  }

  /** Asks for what the next token needs. Only the last call before `choose` counts. */
  prepare(row: number, query: LogitsQuery, options: { readonly wholeRow: boolean }): void {
    const { logprobCount, temperature } = this.#sampling;
    this.#normaliser = NOT_ASKED;
    this.#readStart = query.readCount;
    this.#readCount = 0;
    this.#fullRow = NOT_ASKED;
    this.#onlyTokenIds = options.wholeRow ? null : this.#fewTokenIds();
    if (this.#onlyTokenIds === null) this.#prepareMany(row, query, options.wholeRow);
    else for (const tokenId of this.#onlyTokenIds) query.addRead(row, tokenId);
    if (logprobCount === null) this.#logprobNormaliser = NOT_ASKED;
    else if (this.#normaliser >= 0 && temperature === 1) this.#logprobNormaliser = this.#normaliser;
    else this.#logprobNormaliser = query.addNormaliser(row, 1);
  }

  /** Candidates and what may come between them, or the whole row. */
  #prepareMany(row: number, query: LogitsQuery, isWholeAsked: boolean): void {
    const readCount = this.#edits.isActive ? this.#wantedReadCount : 0;
    if (isWholeAsked || readCount > EDITED_TOKENS_READ_MAX || this.#meanTailShare > TAIL_SHARE_MAX) {
      this.#fullRow = query.addFullRow(row);
      return;
    }
    this.#readCount = readCount;
    for (let entry = 0; entry < readCount; entry++) query.addRead(row, this.#edits.tokenIdAt(entry));
    if (this.#needsNormaliser) this.#normaliser = query.addNormaliser(row, this.#sampling.temperature);
  }

  /**
   * Chooses the next token from the answer to the last `prepare`; leaves the history as it is.
   * @returns null when the candidates do not decide; never when that `prepare` asked for the whole row.
   * @throws ServerError `step_failed` when the row is not made of numbers or the grammar leads nowhere, `invalid_request`
   *   when the request leaves no token.
   */
  choose(row: number, logits: StepLogits): SampledToken | null {
    if (this.#grammarError !== null) throw this.#grammarError;
    const tokenId =
      this.#fullRow >= 0 ? this.#chooseFromFullRow(row, logits) : this.#chooseFromHead(row, logits);
    if (tokenId < 0) return null;
    const token = { tokenId, logprobs: this.#logprobs(tokenId, row, logits) };
    return this.#grammar?.isCompleteAfter(tokenId) ? { ...token, completesGrammar: true } : token;
  }

  /** The chosen token has become part of the sequence. */
  accept(tokenId: number): void {
    this.#length++;
    this.#edits.accept(tokenId);
    this.#grammar?.accept(tokenId);
    this.#meanTailShare += (this.#tailShare - this.#meanTailShare) * TAIL_SHARE_WEIGHT;
    this.#tailShare = 0;
  }

  /** Whether the draw depends on the mass of tokens that are not candidates. */
  get #needsTotal(): boolean {
    const { topK, minP } = this.#sampling;
    return !this.#isGreedy && minP === 0 && (topK === 0 || topK > CANDIDATE_COUNT);
  }

  /**
   * Of a list of allowed tokens' mass a normaliser says nothing. A grammar with many allowed tokens usually allows what
   * the model would say, so there the mass outside of the candidates is a bound worth having.
   */
  get #needsNormaliser(): boolean {
    return this.#needsTotal && this.#sampling.allowedTokenIds === null;
  }

  /** To correct a normaliser all edited logits must be known; as a bound, those that are raised are enough. */
  get #wantedReadCount(): number {
    const corrects = this.#needsNormaliser && !this.#isHeld;
    return corrects ? this.#edits.count : this.#edits.raisingCount;
  }

  /** Whether a grammar leaves anything out now. */
  get #isHeld(): boolean {
    return this.#grammar?.isHolding ?? false;
  }

  /** Everything that fits the grammar, when that is worth reading token by token. */
  #fewTokenIds(): Int32Array | null {
    if (this.#grammar === null) return null;
    try {
      return this.#grammar.fewTokenIds;
    } catch (error) {
      // Told when a token is chosen: there it ends this sequence, and no other.
      this.#grammarError = error;
      return null;
    }
  }

  get #uniform(): number {
    return Math.min(randomAt(this.#sampling.seed, this.#length), UNIFORM_MAX);
  }

  /** @returns -1 when the head does not decide. */
  #chooseFromHead(row: number, logits: StepLogits): number {
    const first = row * logits.candidateCount;
    checkNumber(logits.candidateLogits[first]!);
    const isEdited = this.#edits.isActive;
    if (this.#isGreedy && !isEdited) return logits.candidateIds[first]!;
    const { head, draw } = this.#workspace;
    const source: RowSource = {
      logits,
      row,
      edits: isEdited ? this.#edits : null,
      readStart: this.#readStart,
      readCount: this.#readCount,
      onlyTokenIds: this.#onlyTokenIds,
    };
    this.#tailShare = 1;
    if (!head.fill(source)) return -1;
    if (head.count === 0) {
      if (this.#onlyTokenIds !== null) throw this.#noToken();
      return -1;
    }
    if (this.#isGreedy) {
      this.#tailShare = 0;
      return head.tokenIds[0]!;
    }
    const normaliser = this.#normaliser >= 0 ? logits.normalisers[this.#normaliser]! : null;
    draw.draw(head, { sampling: this.#sampling, normaliser, uniform: this.#uniform });
    this.#tailShare = draw.tailShare;
    return draw.tokenId;
  }

  #chooseFromFullRow(row: number, logits: StepLogits): number {
    const { fullRow } = this.#workspace;
    const first = row * logits.candidateCount;
    checkNumber(logits.candidateLogits[first]!);
    fullRow.load(this.#fullRowOf(logits), this.#edits.isActive ? this.#edits : null);
    if (fullRow.topLogit === -Infinity) throw this.#noToken();
    checkNumber(fullRow.topLogit);
    this.#tailShare = 0;
    if (this.#isGreedy) return fullRow.topTokenId;
    const tokenId = fullRow.draw(this.#sampling, this.#uniform);
    checkNumber(fullRow.keptMass);
    let headMass = 0;
    for (let i = first; i < first + logits.candidateCount; i++) {
      const logit = fullRow.logitOf(logits.candidateIds[i]!);
      headMass += massOf(logit, fullRow.topLogit, this.#sampling.temperature);
    }
    this.#tailShare = Math.max(1 - headMass / fullRow.keptMass, 0);
    return tokenId;
  }

  /** The model has tokens, and none of them may be chosen: the request is wrong, or its grammar. */
  #noToken(): ServerError {
    const { allowedTokenIds, bannedSequences } = this.#sampling;
    const isRestricted = allowedTokenIds !== null || bannedSequences.length > 0;
    if (this.#isHeld && !isRestricted) return deadEnd();
    return new ServerError(
      'invalid_request',
      "The output cannot go on: 'allowed_token_ids', 'bad_words', 'min_tokens' and the form that the output has to have " +
        'leave no token to choose.',
    );
  }

  #fullRowOf({ fullRows, vocabularySize }: StepLogits): Float32Array {
    assert(vocabularySize === this.#workspace.vocabularySize, 'the runner has another vocabulary');
    return fullRows.subarray(this.#fullRow * vocabularySize, (this.#fullRow + 1) * vocabularySize);
  }

  #logprobs(tokenId: number, row: number, logits: StepLogits): SampledToken['logprobs'] {
    const { logprobCount } = this.#sampling;
    if (logprobCount === null) return null;
    return tokenLogprobs(tokenId, {
      logits,
      row,
      normaliser: logits.normalisers[this.#logprobNormaliser]!,
      topCount: logprobCount,
      otherLogit: this.#otherLogit(tokenId, logits),
    });
  }

  /** The model's logit of a token that is not among the candidates, when it was asked for. */
  #otherLogit(tokenId: number, logits: StepLogits): number | null {
    if (this.#fullRow >= 0) return this.#fullRowOf(logits)[tokenId]!;
    if (this.#onlyTokenIds !== null)
      return logits.reads[this.#readStart + this.#onlyTokenIds.indexOf(tokenId)]!;
    const entry = this.#edits.entryOf(tokenId);
    return entry >= 0 && entry < this.#readCount ? logits.reads[this.#readStart + entry]! : null;
  }
}

/** @param value the largest logit of a row, or a sum over it. */
function checkNumber(value: number): void {
  if (Number.isFinite(value)) return;
  throw new ServerError('step_failed', `no token can be chosen: the logits of the row lead to ${value}`);
}
