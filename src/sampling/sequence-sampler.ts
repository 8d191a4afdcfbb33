/**
 * Chooses the tokens of one sequence: says before a step what it must know of its row, and takes the token afterwards.
 * Owns the sequence's history so far as choosing depends on it (counts of tokens, length), which changes with `accept`
 * alone; along a draft it steps ahead, and back again. Knows nothing of batches, of the scheduler, or of how logits are computed.
 *
 * A token is chosen from the row's candidates whenever they decide it, and otherwise from the whole row, with the same
 * result: the draw is a function of the row, the parameters, the seed and the token's position.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { randomAt } from '../base/random.ts';
import { type Draft, DraftLookup, NO_DRAFT, type Speculation } from './draft-lookup.ts';
import { fittingCount } from './fitting-draft.ts';
import { deadEnd, type GrammarCursor, type GrammarPlace } from './grammar/grammar-cursor.ts';
import { massOf, UNIFORM_MAX } from './masses.ts';
import type { RowSource } from './ranked-head.ts';
import { type Choosing, RowQuestion } from './row-question.ts';
import { type SampledToken, type SamplingParams, TEMPERATURE_MIN } from './sampling-params.ts';
import type { SamplingWorkspace } from './sampling-workspace.ts';
import type { LogitsQuery, StepLogits } from './step-logits.ts';
import { TokenEdits, type TokenEditsOptions } from './token-edits.ts';
import { tokenLogprobs } from './token-logprobs.ts';

/** Weight of the newest token in a sequence's mean tail share: single tokens differ widely. */
const TAIL_SHARE_WEIGHT = 1 / 16;

export type SequenceSamplerOptions = Omit<TokenEditsOptions, 'vocabularySize' | 'grammar'> & {
  /** Nothing accepted yet, and this sequence's own; null when the output is free. */
  readonly grammar: GrammarCursor | null;
  /** What the client expects the output to be; `null`: nothing. */
  readonly predictedTokenIds?: Int32Array | null;
  /** Where draft tokens come from; nowhere by default. */
  readonly speculation?: Speculation;
};

export class SequenceSampler {
  readonly #sampling: SamplingParams;
  readonly #stopTokenIds: readonly number[];
  readonly #grammar: GrammarCursor | null;
  readonly #edits: TokenEdits;
  readonly #workspace: SamplingWorkspace;
  readonly #isGreedy: boolean;
  readonly #choosing: Choosing;
  readonly #lookup: DraftLookup | null;
  /** Tokens in the sequence: the position of the next one. */
  #length: number;

  /** Of the last `prepare`: a row for the next token, and one behind each token of the draft. */
  readonly #questions: RowQuestion[];
  #draft = NO_DRAFT;
  /** The row that is being asked for or chosen from. */
  #asked: RowQuestion;
  /** Tokens accepted since that `prepare`. */
  #acceptedCount = 0;

  #meanTailShare = 0;

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
    this.#choosing = { sampling: options.sampling, edits: this.#edits, grammar: options.grammar };
    this.#asked = new RowQuestion(this.#choosing);
    this.#questions = [this.#asked];
    this.#workspace = workspace;
    this.#stopTokenIds = options.stopTokenIds;
    this.#lookup = this.#lookupOf(options);
    this.#isGreedy = options.sampling.temperature < TEMPERATURE_MIN;
    this.#length = options.promptTokenIds.length;
  }

  /**
   * Guesses tokens behind the sequence's last one that might be chosen, at most `countMax`, into `draft`. Changes nothing.
   * @param tokenIds the sequence's; they are not kept.
   */
  guess(tokenIds: Int32Array, countMax: number, draft: Draft): void {
    if (this.#lookup === null) return;
    this.#lookup.guess(tokenIds, this.#length, countMax, draft);
    if (draft.count === 0) return;
    draft.count = fittingCount(draft, {
      edits: this.#edits,
      grammar: this.#grammar,
      stopTokenIds: this.#stopTokenIds,
    });
  }

  /**
   * Asks for what the next token needs, in `row`, and the ones behind each of the draft's, in the rows after it. Only the
   * last call before `choose` counts.
   */
  prepare(
    row: number,
    query: LogitsQuery,
    { wholeRow }: { readonly wholeRow: boolean },
    draft = NO_DRAFT,
  ): void {
    this.#draft = draft;
    this.#acceptedCount = 0;
    const grammarPlace = draft.count === 0 ? null : (this.#grammar?.place ?? null);
    let place = 0;
    for (; ; place++) {
      this.#asked = this.#questions[place] ??= new RowQuestion(this.#choosing);
      this.#asked.ask(row + place, query, wholeRow, this.#meanTailShare);
      // Nothing is chosen behind a row whose grammar could not be asked.
      if (place === draft.count || this.#asked.grammarError !== null) break;
      this.#step(draft.tokenIds[place]!);
    }
    this.#stepBack(place, grammarPlace);
  }

  /**
   * Chooses the next token from the answer to the last `prepare`; leaves the history as it is.
   * @returns null when the candidates do not decide; never when that `prepare` asked for the whole row.
   * @throws ServerError `step_failed` when the row is not made of numbers, `invalid_request` when the request
   *   leaves no token or the grammar leads nowhere.
   */
  choose(row: number, logits: StepLogits): SampledToken | null {
    this.#asked = this.#questions[0]!;
    return this.#chooseAsked(row, logits);
  }

  /**
   * Goes on where `choose` has returned the draft's first token: chooses the ones behind it, as far as the draft is right
   * and rows decide, from the rows after `row`, the one of `choose`. Leaves the history as it is. What goes wrong behind the
   * first token is left to the step that has it in front.
   * @param tokens gets what was chosen, in order.
   */
  chooseBehind(row: number, logits: StepLogits, tokens: SampledToken[]): void {
    const { tokenIds, count } = this.#draft;
    const grammarPlace = this.#grammar?.place ?? null;
    let place = 0;
    let chosenId = tokenIds[0]!;
    while (place < count && chosenId === tokenIds[place]) {
      this.#step(chosenId);
      this.#asked = this.#questions[++place]!;
      const token = this.#chooseIfItCan(row + place, logits);
      if (token === null) break;
      tokens.push(token);
      chosenId = token.tokenId;
    }
    this.#stepBack(place, grammarPlace);
  }

  #chooseIfItCan(row: number, logits: StepLogits): SampledToken | null {
    try {
      return this.#chooseAsked(row, logits);
    } catch (error) {
      if (error instanceof ServerError) return null;
      throw error;
    }
  }

  #chooseAsked(row: number, logits: StepLogits): SampledToken | null {
    const { isWholeAsked, grammarError } = this.#asked;
    if (grammarError !== null) throw grammarError;
    const tokenId = isWholeAsked ? this.#chooseFromFullRow(row, logits) : this.#chooseFromHead(row, logits);
    if (tokenId < 0) return null;
    const token = { tokenId, logprobs: this.#logprobs(tokenId, row, logits) };
    return this.#grammar?.isCompleteAfter(tokenId) ? { ...token, completesGrammar: true } : token;
  }

  /** The chosen token has become part of the sequence. */
  accept(tokenId: number): void {
    this.#step(tokenId);
    const tailShare = this.#questions[this.#acceptedCount++]?.tailShare ?? 0;
    this.#meanTailShare += (tailShare - this.#meanTailShare) * TAIL_SHARE_WEIGHT;
  }

  /** Of a draft of `count` tokens `rightCount` were right. */
  settleDraft(count: number, rightCount: number): void {
    this.#lookup?.settle(count, rightCount);
  }

  /** A draft's tokens were taken in once when it was guessed, so that none of them fails here. */
  #step(tokenId: number): void {
    this.#length++;
    this.#edits.accept(tokenId);
    this.#grammar?.accept(tokenId);
  }

  /** Takes the draft's first `count` tokens back. */
  #stepBack(count: number, grammarPlace: GrammarPlace | null): void {
    for (let place = count - 1; place >= 0; place--) this.#edits.retract(this.#draft.tokenIds[place]!);
    this.#length -= count;
    if (grammarPlace !== null) this.#grammar?.moveTo(grammarPlace);
  }

  #lookupOf(options: SequenceSamplerOptions): DraftLookup | null {
    const { promptTokenIds, predictedTokenIds = null, speculation = 'off' } = options;
    const looksBack = speculation === 'ngram';
    if (speculation === 'off' || !this.#edits.canRetract || (predictedTokenIds === null && !looksBack))
      return null;
    return new DraftLookup({ promptLength: promptTokenIds.length, predictedTokenIds, looksBack });
  }

  /** Whether a grammar leaves anything out now. */
  get #isHeld(): boolean {
    return this.#grammar?.isHolding ?? false;
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
    const asked = this.#asked;
    const { readStart, readCount, onlyTokenIds } = asked;
    if (this.#isGreedy && onlyTokenIds === null && this.#edits.onlyForbids) {
      return this.#firstAllowed(first, logits);
    }
    const edits = isEdited ? this.#edits : null;
    const source: RowSource = { logits, row, edits, readStart, readCount, onlyTokenIds };
    asked.tailShare = 1;
    if (!head.fill(source)) return -1;
    if (head.count === 0) {
      if (onlyTokenIds !== null) throw this.#noToken();
      return -1;
    }
    if (this.#isGreedy) {
      asked.tailShare = 0;
      return head.tokenIds[0]!;
    }
    const normaliser = asked.normaliserOf(logits);
    draw.draw(head, { sampling: this.#sampling, normaliser, uniform: this.#uniform });
    asked.tailShare = draw.tailShare;
    return draw.tokenId;
  }

  /**
   * Of unedited candidates the first that is allowed is the best: those behind it need not be tried in the grammar.
   * @param first index of the row's first candidate. @returns -1 when there is none.
   */
  #firstAllowed(first: number, { candidateCount, candidateIds, candidateLogits }: StepLogits): number {
    for (let i = first; i < first + candidateCount && candidateLogits[i]! > -Infinity; i++) {
      if (this.#edits.allows(candidateIds[i]!)) return candidateIds[i]!;
    }
    this.#asked.tailShare = 1;
    return -1;
  }

  #chooseFromFullRow(row: number, logits: StepLogits): number {
    const { fullRow } = this.#workspace;
    const first = row * logits.candidateCount;
    checkNumber(logits.candidateLogits[first]!);
    assert(logits.vocabularySize === this.#workspace.vocabularySize, 'the runner has the same vocabulary');
    fullRow.load(this.#asked.fullRowOf(logits), this.#edits.isActive ? this.#edits : null);
    if (fullRow.topLogit === -Infinity) throw this.#noToken();
    checkNumber(fullRow.topLogit);
    this.#asked.tailShare = 0;
    if (this.#isGreedy) {
      this.#asked.tailShare = this.#isTold(fullRow.topTokenId, first, logits) ? 0 : 1;
      return fullRow.topTokenId;
    }
    const tokenId = fullRow.draw(this.#sampling, this.#uniform);
    checkNumber(fullRow.keptMass);
    let headMass = 0;
    for (let i = first; i < first + logits.candidateCount; i++) {
      const logit = fullRow.logitOf(logits.candidateIds[i]!);
      headMass += massOf(logit, fullRow.topLogit, this.#sampling.temperature);
    }
    this.#asked.tailShare = Math.max(1 - headMass / fullRow.keptMass, 0);
    return tokenId;
  }

  /** Whether candidates, or single logits read beside them, would have told of the token. */
  #isTold(tokenId: number, first: number, { candidateCount, candidateIds }: StepLogits): boolean {
    const entry = this.#edits.entryOf(tokenId);
    if (entry >= 0 && entry < this.#edits.raisingCount) return true;
    return candidateIds.subarray(first, first + candidateCount).includes(tokenId);
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

  #logprobs(tokenId: number, row: number, logits: StepLogits): SampledToken['logprobs'] {
    const { logprobCount } = this.#sampling;
    if (logprobCount === null) return null;
    return tokenLogprobs(tokenId, {
      logits,
      row,
      normaliser: this.#asked.logprobNormaliserOf(logits),
      topCount: logprobCount,
      otherLogit: this.#asked.logitOf(tokenId, logits),
    });
  }
}

/** @param value the largest logit of a row, or a sum over it. */
function checkNumber(value: number): void {
  if (Number.isFinite(value)) return;
  throw new ServerError('step_failed', `no token can be chosen: the logits of the row lead to ${value}`);
}
