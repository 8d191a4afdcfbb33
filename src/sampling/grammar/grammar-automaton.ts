/**
 * Runs a compiled grammar over bytes and tokens. A state is found once and then remembered, so that in time a byte costs
 * one look-up; which tokens fit a state is found by one walk over the trie (`trie-walk.ts`), and remembered too. Everything that
 * is remembered is bounded. Shared by all sequences of a grammar; knows none of them.
 */

import {
  GRAMMAR_MASKS_MAX,
  GRAMMAR_MEMO_READINGS_MAX,
  GRAMMAR_MEMO_STATES_MAX,
  GRAMMAR_NODES_PROBED_MAX,
  GRAMMAR_READINGS_EARNED,
  GRAMMAR_READINGS_MAX,
  GRAMMAR_READINGS_PROBED_MAX,
  GRAMMAR_RUN_READINGS_MIN,
  GRAMMAR_STACK_READINGS,
  GRAMMAR_TOKENS_READ_MAX,
  GRAMMAR_WALK_READINGS_MAX,
} from '../../base/grammar-limits.ts';
import type { CompiledGrammar } from './grammar-cache.ts';
import { EDGE_BYTES, EDGE_TOKEN, type GrammarProgram } from './grammar-program.ts';
import { GrammarState } from './grammar-state.ts';
import { ReadingClosure } from './reading-closure.ts';
import { type ReadingRun, ReadingRuns } from './reading-runs.ts';
import { ReturnStacks } from './return-stacks.ts';
import type { TokenTrie } from './token-trie.ts';
import { BEGUN, NEXT_TOKENS, tooAmbiguous, WAYS } from './too-ambiguous.ts';
import { TrieWalk, type WalkedStates, type WalkLimits } from './trie-walk.ts';

/** Where text has led: as far as it fits, in bytes of UTF-8. */
type Led = {
  readonly text: string;
  readonly state: GrammarState;
  readonly byteCount: number;
  readonly fits: boolean;
};

export type GrammarAutomatonOptions = {
  readonly vocabularySize: number;
  /** States that are remembered, and runs; `GRAMMAR_MEMO_STATES_MAX` by default. */
  readonly memoStatesMax?: number;
};

const WHOLE: WalkLimits = { nodesMax: Number.POSITIVE_INFINITY, readingsMax: GRAMMAR_WALK_READINGS_MAX };

export class GrammarAutomaton implements WalkedStates {
  readonly #program: GrammarProgram;
  readonly #trie: TokenTrie;
  /** [classCount] A byte of each class. */
  readonly #byteOfClass: Uint8Array;
  /** By hash: the newest. */
  readonly #states = new Map<number, GrammarState>();
  #stateCount = 0;
  /** States that know where some byte leads, whether they are remembered or only kept by a sequence. */
  readonly #leading = new Set<GrammarState>();
  readonly #stacks: ReturnStacks;
  readonly #closure: ReadingClosure;
  readonly #runs: ReadingRuns;
  readonly #walk: TrieWalk;
  readonly #memoStatesMax: number;
  /** Of `#states`. */
  #readingCount = 0;
  /** Readings that looking for few tokens may look at. */
  #probeCredit = GRAMMAR_READINGS_PROBED_MAX;
  #start: GrammarState | null = null;
  /** The last text that was followed from the start: all choices of a request ask for the same one. */
  #led: Led | null = null;
  /** States that have a mask, oldest first. */
  #masked: GrammarState[] = [];
  /** Of the model: tokens beyond it cannot be chosen, nor their logits read, whatever the tokenizer knows. */
  readonly vocabularySize: number;
  /** Tokens beyond it are not in the trie, or not the model's. */
  readonly #textVocabularySize: number;

  constructor({ program, tokens }: CompiledGrammar, options: GrammarAutomatonOptions) {
    this.#program = program;
    this.#stacks = new ReturnStacks(program.stateCount);
    this.#closure = new ReadingClosure(program, { stacks: this.#stacks, ...options });
    this.#trie = tokens;
    this.vocabularySize = options.vocabularySize;
    this.#memoStatesMax = options.memoStatesMax ?? GRAMMAR_MEMO_STATES_MAX;
    this.#textVocabularySize = Math.min(options.vocabularySize, tokens.vocabularySize);
    this.#runs = new ReadingRuns({
      program,
      trie: tokens,
      vocabularySize: this.#textVocabularySize,
      closure: this.#closure,
      stacks: this.#stacks,
      makeRoom: () => this.#makeRoom(),
    });
    this.#walk = new TrieWalk({
      trie: tokens,
      vocabularySize: this.#textVocabularySize,
      states: this,
      runs: this.#runs,
    });
    this.#byteOfClass = new Uint8Array(program.classCount);
    for (let byte = 255; byte >= 0; byte--) this.#byteOfClass[program.byteClass[byte]!] = byte;
  }

  /** Readings that were looked at so far: what following inputs costs. */
  get workCount(): number {
    return this.#closure.workCount;
  }

  /** Before anything was put out. */
  get start(): GrammarState {
    if (this.#start !== null) return this.#start;
    this.#begin();
    this.#closure.addKnown(this.#program.start, this.#stacks.bottom);
    this.#start = this.#closed();
    return this.#start;
  }

  /**
   * @returns the state after the byte; null when it does not fit.
   * @throws ServerError `invalid_request` when the output can be read in too many ways.
   */
  afterByte(state: GrammarState, byte: number): GrammarState | null {
    const byteClass = this.#program.byteClass[byte]!;
    const known = state.next[byteClass];
    if (known !== undefined) return known;
    const next = this.#follow(state, EDGE_BYTES, this.#byteOfClass[byteClass]!);
    state.next[byteClass] = next;
    this.#leading.add(state);
    return next;
  }

  /** Follows text from the start. @throws ServerError `invalid_request` when that takes more than tokens may. */
  afterBegun(text: string): Led {
    if (this.#led?.text === text) return this.#led;
    const bytes = new TextEncoder().encode(text);
    const followedMax = this.workCount + GRAMMAR_WALK_READINGS_MAX;
    let state = this.start;
    let byteCount = 0;
    for (; byteCount < bytes.length; byteCount++) {
      if (this.workCount > followedMax) throw tooAmbiguous(BEGUN);
      const next = this.afterByte(state, bytes[byteCount]!);
      if (next === null) break;
      state = next;
    }
    this.#led = { text, state, byteCount, fits: byteCount === bytes.length };
    return this.#led;
  }

  /**
   * @param readingsMax that may be looked at, and a byte's more
   * @returns the state after the token, taken for its text, whole, or both; null when it does not fit.
   * @throws ServerError as `afterByte`, and when that takes more.
   */
  afterToken(
    state: GrammarState,
    tokenId: number,
    readingsMax = Number.POSITIVE_INFINITY,
  ): GrammarState | null {
    const byText = this.#afterText(state, tokenId, readingsMax);
    if (!state.tokenIds.includes(tokenId)) return byText;
    const whole = this.#follow(state, EDGE_TOKEN, tokenId);
    if (byText === null || whole === null) return byText ?? whole;
    this.#begin();
    this.#closure.addAll(byText.readings);
    this.#closure.addAll(whole.readings);
    this.#closure.isFinal = byText.isFinal || whole.isFinal;
    return this.#closed();
  }

  /**
   * Whether the token fits, as `afterToken` would tell, without following every way of reading where one is enough.
   * @throws ServerError as `afterByte`.
   */
  fits(state: GrammarState, tokenId: number): boolean {
    const run = this.#isText(tokenId) ? this.runOf(state) : null;
    if (run !== null && this.#runs.takes(run, tokenId)) return true;
    return this.afterToken(state, tokenId, GRAMMAR_WALK_READINGS_MAX) !== null;
  }

  /** All tokens that fit, when they are few and quickly found; else null. @throws ServerError as `afterByte`. */
  fewTokenIds(state: GrammarState): Int32Array | null {
    if (state.fewTokenIds !== undefined) return state.fewTokenIds;
    const credit = Math.min(this.#probeCredit + GRAMMAR_READINGS_EARNED, GRAMMAR_READINGS_PROBED_MAX);
    const before = this.workCount;
    const few = this.#findFew(state, credit);
    const work = this.workCount - before;
    this.#probeCredit = Math.max(credit - work, 0);
    // What was given up for want of credit may be found another time.
    const isKnown = few !== null || work <= credit || credit === GRAMMAR_READINGS_PROBED_MAX;
    if (isKnown) state.fewTokenIds = few;
    return few;
  }

  /**
   * All tokens that fit, one bit each; not to be written to. A few ms where most of them do.
   * @throws ServerError as `afterByte`.
   */
  mask(state: GrammarState): Uint32Array {
    if (state.mask !== null) return state.mask;
    const mask = new Uint32Array(Math.ceil(this.vocabularySize / 32));
    const set = (tokenId: number): boolean => {
      mask[tokenId >>> 5]! |= 1 << (tokenId & 31);
      return true;
    };
    state.tokenIds.forEach(set);
    if (!this.#walk.visitAll(state, WHOLE, set)) throw tooAmbiguous(NEXT_TOKENS);
    state.mask = mask;
    if (this.#masked.push(state) > GRAMMAR_MASKS_MAX) this.#masked.shift()!.mask = null;
    return mask;
  }

  /** One of the state's readings, to be followed alone; null for states of few, which are better followed together. */
  runOf(state: GrammarState): ReadingRun | null {
    if (state.readings.length < GRAMMAR_RUN_READINGS_MIN) return null;
    if (state.run !== null) return state.run;
    state.run = this.#runs.from(state.readings);
    this.#leading.add(state);
    return state.run;
  }

  #findFew(state: GrammarState, readingsMax: number): Int32Array | null {
    const run = this.runOf(state);
    if (run !== null && this.#runs.isMany(run)) return null;
    const found = new Set<number>(state.tokenIds);
    const limits = { nodesMax: GRAMMAR_NODES_PROBED_MAX, readingsMax };
    const isWhole = this.#walk.visitAll(state, limits, (tokenId) => {
      found.add(tokenId);
      return found.size <= GRAMMAR_TOKENS_READ_MAX;
    });
    return isWhole ? Int32Array.from(found).sort() : null;
  }

  #afterText(from: GrammarState, tokenId: number, readingsMax: number): GrammarState | null {
    const { text, textStart } = this.#trie;
    if (!this.#isText(tokenId)) return null;
    const followedMax = this.workCount + readingsMax;
    let state: GrammarState | null = from;
    for (let place = textStart[tokenId]!; place < textStart[tokenId + 1]! && state !== null; place++) {
      if (this.workCount > followedMax) throw tooAmbiguous(NEXT_TOKENS);
      state = this.afterByte(state, text[place]!);
    }
    return state;
  }

  #isText(tokenId: number): boolean {
    const { textStart } = this.#trie;
    return tokenId < this.#textVocabularySize && textStart[tokenId] !== textStart[tokenId + 1];
  }

  /** The state after one byte, or one token taken whole. */
  #follow({ readings }: GrammarState, kind: number, input: number): GrammarState | null {
    this.#begin();
    const { states, stacks } = readings;
    for (let index = 0; index < stacks.length; index++) {
      this.#closure.follow(states[index]!, stacks[index]!, kind, input);
    }
    if (this.#closure.reachedCount === 0) return null;
    const next = this.#closed();
    // Deep inside, what comes next may need more levels of rules than are left.
    return next.isComplete && !next.isFinal ? null : next;
  }

  #begin(): void {
    this.#makeRoom();
    this.#closure.begin();
  }

  /** Of the readings that were added since `#begin`. */
  #closed(): GrammarState {
    const isAll = this.#closure.close(4 * GRAMMAR_READINGS_MAX, GRAMMAR_READINGS_MAX);
    if (!isAll) throw tooAmbiguous(WAYS);
    return this.#remembered();
  }

  #remembered(): GrammarState {
    const { going, isFinal, tokenIds } = this.#closure;
    const hash = going.hash(isFinal);
    const sameHash = this.#states.get(hash) ?? null;
    for (let known = sameHash; known !== null; known = known.sameHash) {
      if (known.isFinal === isFinal && this.#closure.isOf(known.readings)) return known;
    }
    this.#readingCount += going.length;
    this.#stateCount++;
    const state = new GrammarState({
      readings: going.kept(),
      isFinal,
      tokenIds: [...tokenIds].sort((a, b) => a - b),
      classCount: this.#program.classCount,
      sameHash,
    });
    this.#states.set(hash, state);
    return state;
  }

  /** Before more is remembered; what comes next may come on top. */
  #makeRoom(): void {
    const weight = this.#readingCount + GRAMMAR_STACK_READINGS * this.#stacks.size;
    const count = this.#stateCount + this.#runs.size;
    if (count >= this.#memoStatesMax || weight > GRAMMAR_MEMO_READINGS_MAX) this.#forget();
  }

  /**
   * Sequences keep the states that they are in, with their stacks and masks; all others are found again when needed. A
   * state that is kept must not keep all that it has led to.
   */
  #forget(): void {
    for (const state of this.#leading) {
      state.next.fill(undefined);
      state.run = null;
    }
    this.#leading.clear();
    this.#states.clear();
    this.#stateCount = 0;
    this.#runs.forget();
    this.#stacks.forget();
    this.#closure.forget();
    this.#readingCount = 0;
    this.#masked = [];
    this.#start = null;
  }
}
