/**
 * The tokens of one sequence whose logit is not taken as the model gives it, and what becomes of it: bias, penalties,
 * forbidden tokens. Kept up to date token by token; nothing is rebuilt for a step. Knows nothing of rows,
 * candidates or draws.
 *
 * A list of allowed tokens forbids nearly all others, which are not kept one by one: `allows` tells. A short list has
 * its own tokens as entries instead, so that they are read, and with them all that can be chosen is known.
 */

import { EDITED_TOKENS_RANKED_MAX } from '../base/limits.ts';
import { BannedSequences } from './banned-sequences.ts';
import type { SamplingParams } from './sampling-params.ts';
import { TokenSet } from './token-set.ts';

export type TokenEditsOptions = {
  readonly sampling: SamplingParams;
  /** Counts for the repetition penalty only. */
  readonly promptTokenIds: Int32Array;
  readonly stopTokenIds: readonly number[];
  /** Stop tokens are forbidden until so many tokens were accepted. */
  readonly newTokensMin: number;
  /** What tokens the sequence's grammar allows now; null when it has none. Told of accepted tokens by its owner. */
  readonly grammar: AllowedByGrammar | null;
  /** Ids beyond it are left out: they cannot be chosen, and cannot be read from a row. */
  readonly vocabularySize: number;
};

export type AllowedByGrammar = {
  /** False while it allows everything. */
  readonly isHolding: boolean;
  allows(tokenId: number): boolean;
  /** Sets all other logits to -Infinity. */
  forbidOthers(logits: Float32Array): void;
};

/** Bits of `#flags`: the token is in the prompt; it is a stop token. */
const IN_PROMPT = 1;
const STOP = 2;

export class TokenEdits {
  readonly #sampling: SamplingParams;
  readonly #vocabularySize: number;
  readonly #newTokensMin: number;
  readonly #hasPenalties: boolean;
  readonly #hasStopTokens: boolean;
  readonly #penaltiesMayRaise: boolean;
  /** Entry of each edited token; entries are never removed, so an entry may have no effect any more. */
  readonly #entryOf = new Map<number, number>();
  #tokenIds = new Int32Array(16);
  #biases = new Float64Array(16);
  #outputCounts = new Int32Array(16);
  #flags = new Uint8Array(16);
  readonly #allowed: TokenSet | null;
  readonly #grammar: AllowedByGrammar | null;
  readonly #banned: BannedSequences | null;
  /** Entries of raised tokens and of a short list of allowed ones. */
  #firstCount = 0;
  #acceptedCount = 0;

  constructor(options: TokenEditsOptions) {
    const { sampling, stopTokenIds } = options;
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = sampling;
    this.#sampling = sampling;
    this.#vocabularySize = options.vocabularySize;
    this.#newTokensMin = options.newTokensMin;
    this.#hasPenalties = repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
    this.#hasStopTokens = stopTokenIds.length > 0;
    this.#penaltiesMayRaise = repetitionPenalty < 1 || presencePenalty < 0 || frequencyPenalty < 0;
    const { allowedTokenIds, bannedSequences } = sampling;
    this.#allowed = allowedTokenIds && new TokenSet(allowedTokenIds, options.vocabularySize);
    this.#grammar = options.grammar;
    this.#banned = bannedSequences.length > 0 ? new BannedSequences(bannedSequences) : null;
    this.#addBiases(sampling.logitBias, this.hasAllowedEntries ? allowedTokenIds : null);
    for (const id of this.#banned?.lastTokenIds ?? []) this.#flag(id, 0);
    if (repetitionPenalty !== 1) for (const id of options.promptTokenIds) this.#flag(id, IN_PROMPT);
    if (options.newTokensMin > 0) for (const id of stopTokenIds) this.#flag(id, STOP);
  }

  /** Some logit may differ from the model's. When false, nothing else here needs to be asked. */
  get isActive(): boolean {
    return this.mayForbid || this.#editsSingly;
  }

  /** A grammar or a long list of allowed tokens leaves some out, and all other logits are the model's. */
  get onlyForbids(): boolean {
    return this.mayForbid && !this.#editsSingly && !this.hasAllowedEntries;
  }

  /** Entries: every token with an edited logit is one of them. */
  get count(): number {
    return this.#entryOf.size;
  }

  /**
   * Entries from 0 up to this have to be known: they may raise a logit, or are all that is allowed. All others leave
   * their logit or lower it.
   */
  get raisingCount(): number {
    return this.#penaltiesMayRaise ? this.count : this.#firstCount;
  }

  /** Whether a list of allowed tokens, or the grammar as it stands, may leave some out. */
  get mayForbid(): boolean {
    return this.#allowed !== null || this.#grammar?.isHolding === true;
  }

  /** How many tokens are allowed at most. */
  get allowedCountMax(): number {
    return this.#allowed?.size ?? this.#vocabularySize;
  }

  /** Whether every allowed token is an entry, among the first `raisingCount`. */
  get hasAllowedEntries(): boolean {
    return this.#allowed !== null && this.#allowed.size <= EDITED_TOKENS_RANKED_MAX;
  }

  /** False for tokens that the list of allowed ones, or the grammar, leaves out. */
  allows(tokenId: number): boolean {
    return this.#isListed(tokenId) && (this.#grammar === null || this.#grammar.allows(tokenId));
  }

  /** Sets the logits of all tokens that are not allowed to -Infinity. @param logits [vocabularySize] */
  forbidOthers(logits: Float32Array): void {
    this.#grammar?.forbidOthers(logits);
    if (this.#allowed === null) return;
    for (let tokenId = 0; tokenId < logits.length; tokenId++) {
      if (!this.#allowed.has(tokenId)) logits[tokenId] = -Infinity;
    }
  }

  /**
   * The logit, as it counts for the choice, of a token that fits the grammar; -Infinity when it is forbidden otherwise.
   * @param raw the model's logit.
   */
  logitOf(tokenId: number, raw: number): number {
    if (!this.#isListed(tokenId)) return -Infinity;
    const entry = this.entryOf(tokenId);
    return entry >= 0 ? this.apply(entry, raw) : raw;
  }

  /** @returns the token's entry, or -1 when its logit is the model's. */
  entryOf(tokenId: number): number {
    return this.#entryOf.get(tokenId) ?? -1;
  }

  tokenIdAt(entry: number): number {
    return this.#tokenIds[entry]!;
  }

  /**
   * The edited logit of a token that is allowed, rounded to float32 so that every path compares the same numbers, and never
   * -0. Whether it is allowed is for `allows` or `forbidOthers` to say, once: a grammar may have to follow a token for it.
   * Repetition penalty: Keskar et al. 2019 (CTRL), section 4.1, with the sign rule of Hugging Face and vLLM;
   * presence and frequency: OpenAI's formula.
   * @param raw the model's logit.
   */
  apply(entry: number, raw: number): number {
    const flags = this.#flags[entry]!;
    if (this.#forbids(this.#tokenIds[entry]!, flags)) return -Infinity;
    const { repetitionPenalty, presencePenalty, frequencyPenalty } = this.#sampling;
    const outputCount = this.#outputCounts[entry]!;
    let logit = raw + this.#biases[entry]!;
    if ((flags & IN_PROMPT) !== 0 || outputCount > 0) {
      logit = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
    if (outputCount > 0) logit -= frequencyPenalty * outputCount + presencePenalty;
    return Math.fround(logit) + 0;
  }

  /** The token has become part of the output. */
  accept(tokenId: number): void {
    this.#acceptedCount++;
    this.#banned?.accept(tokenId);
    if (!this.#hasPenalties) return;
    const entry = this.#flag(tokenId, 0);
    if (entry >= 0) this.#outputCounts[entry]!++;
  }

  /** Whether `retract` can undo an `accept`: of banned sequences only as many tokens are kept as they need. */
  get canRetract(): boolean {
    return this.#banned === null;
  }

  /** The token accepted last was none. Its entry stays, without effect. */
  retract(tokenId: number): void {
    this.#acceptedCount--;
    const entry = this.#hasPenalties ? this.entryOf(tokenId) : -1;
    if (entry >= 0) this.#outputCounts[entry]!--;
  }

  /** Bias, penalties, banned sequences or stop tokens that may not come yet: some token has a logit of its own. */
  get #editsSingly(): boolean {
    const isFixed = this.#sampling.logitBias.size > 0 || this.#banned !== null;
    return isFixed || this.#hasPenalties || this.#forbidsStopTokens;
  }

  get #forbidsStopTokens(): boolean {
    return this.#hasStopTokens && this.#acceptedCount < this.#newTokensMin;
  }

  #isListed(tokenId: number): boolean {
    return this.#allowed === null || this.#allowed.has(tokenId);
  }

  #forbids(tokenId: number, flags: number): boolean {
    if ((flags & STOP) !== 0 && this.#forbidsStopTokens) return true;
    return this.#banned?.isCompletedBy(tokenId) === true;
  }

  /** Those that have to be known first, so that they are a range of entries. */
  #addBiases(logitBias: ReadonlyMap<number, number>, allowedTokenIds: Int32Array | null): void {
    for (const [id, bias] of logitBias) if (bias > 0) this.#addBias(id, bias);
    for (const id of allowedTokenIds ?? []) this.#flag(id, 0);
    this.#firstCount = this.count;
    for (const [id, bias] of logitBias) if (bias <= 0) this.#addBias(id, bias);
  }

  #addBias(tokenId: number, bias: number): void {
    const entry = this.#flag(tokenId, 0);
    if (entry >= 0) this.#biases[entry] = bias;
  }

  /** @returns the token's entry, made if need be; -1 beyond the vocabulary. */
  #flag(tokenId: number, flag: number): number {
    if (tokenId < 0 || tokenId >= this.#vocabularySize) return -1;
    let entry = this.entryOf(tokenId);
    if (entry < 0) {
      entry = this.count;
      if (entry === this.#tokenIds.length) this.#grow();
      this.#entryOf.set(tokenId, entry);
      this.#tokenIds[entry] = tokenId;
    }
    this.#flags[entry]! |= flag;
    return entry;
  }

  #grow(): void {
    const length = 2 * this.#tokenIds.length;
    const [tokenIds, biases] = [new Int32Array(length), new Float64Array(length)];
    const [outputCounts, flags] = [new Int32Array(length), new Uint8Array(length)];
    tokenIds.set(this.#tokenIds);
    biases.set(this.#biases);
    outputCounts.set(this.#outputCounts);
    flags.set(this.#flags);
    this.#tokenIds = tokenIds;
    this.#biases = biases;
    this.#outputCounts = outputCounts;
    this.#flags = flags;
  }
}
