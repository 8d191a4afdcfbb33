/**
 * Runs a compiled grammar over bytes and tokens. A state is found once and then remembered, so that in time a byte costs
 * one look-up; which tokens fit a state is found by one walk over the trie, and remembered too. Everything that
 * is remembered is bounded. Shared by all sequences of a grammar; knows none of them.
 */

import { ServerError } from '../../base/errors.ts';
import {
  GRAMMAR_DEPTH_MAX,
  GRAMMAR_MASKS_MAX,
  GRAMMAR_MEMO_READINGS_MAX,
  GRAMMAR_MEMO_STATES_MAX,
  GRAMMAR_NODES_PROBED_MAX,
  GRAMMAR_READINGS_MAX,
  GRAMMAR_STACK_READINGS,
  GRAMMAR_TOKENS_READ_MAX,
  GRAMMAR_WALK_READINGS_MAX,
} from '../../base/grammar-limits.ts';
import type { CompiledGrammar } from './grammar-cache.ts';
import {
  EDGE_BYTES,
  EDGE_CALL,
  EDGE_EMPTY,
  EDGE_SIZE,
  EDGE_TOKEN,
  type GrammarProgram,
  STATE_FINAL,
  STATE_RETURNS,
} from './grammar-program.ts';
import { GrammarState, type Reading } from './grammar-state.ts';
import { type ReturnStack, ReturnStacks } from './return-stacks.ts';
import type { TokenTrie } from './token-trie.ts';

/** Where text has led: as far as it fits, in bytes of UTF-8. */
type Led = {
  readonly text: string;
  readonly state: GrammarState;
  readonly byteCount: number;
  readonly fits: boolean;
};

export class GrammarAutomaton {
  readonly #program: GrammarProgram;
  readonly #trie: TokenTrie;
  /** [classCount] A byte of each class. */
  readonly #byteOfClass: Uint8Array;
  readonly #states = new Map<string, GrammarState>();
  /** States that know where some byte leads, whether they are remembered or only kept by a sequence. */
  readonly #leading = new Set<GrammarState>();
  readonly #stacks: ReturnStacks;
  /** Of `#states`. */
  #readingCount = 0;
  /** Readings that were looked at so far: what following inputs costs. */
  #followedCount = 0;
  #start: GrammarState | null = null;
  /** The last text that was followed from the start: all choices of a request ask for the same one. */
  #led: Led | null = null;
  /** States that have a mask, oldest first. */
  #masked: GrammarState[] = [];
  /** [depth] The states on the way to a node of the trie. */
  readonly #path: GrammarState[] = [];
  /** Of the model: tokens beyond it cannot be chosen, nor their logits read, whatever the tokenizer knows. */
  readonly vocabularySize: number;
  /** Tokens beyond it are not in the trie, or not the model's. */
  readonly #textVocabularySize: number;

  constructor({ program, tokens }: CompiledGrammar, options: { readonly vocabularySize: number }) {
    this.#program = program;
    this.#stacks = new ReturnStacks(program.stateCount);
    this.#trie = tokens;
    this.vocabularySize = options.vocabularySize;
    this.#textVocabularySize = Math.min(options.vocabularySize, tokens.vocabularySize);
    this.#byteOfClass = new Uint8Array(program.classCount);
    for (let byte = 255; byte >= 0; byte--) this.#byteOfClass[program.byteClass[byte]!] = byte;
  }

  /** Before anything was put out. */
  get start(): GrammarState {
    this.#start ??= this.#stateOf([{ state: this.#program.start, stack: this.#stacks.bottom }]);
    return this.#start;
  }

  /**
   * @returns the state after the byte; null when it does not fit.
   * @throws ServerError `step_failed` when the output can be read in too many ways.
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
    const followedMax = this.#followedCount + GRAMMAR_WALK_READINGS_MAX;
    let state = this.start;
    let byteCount = 0;
    for (; byteCount < bytes.length; byteCount++) {
      if (this.#followedCount > followedMax) throw tooAmbiguous(BEGUN);
      const next = this.afterByte(state, bytes[byteCount]!);
      if (next === null) break;
      state = next;
    }
    this.#led = { text, state, byteCount, fits: byteCount === bytes.length };
    return this.#led;
  }

  /**
   * @returns the state after the token, taken for its text, whole, or both; null when it does not fit.
   * @throws ServerError as `afterByte`.
   */
  afterToken(state: GrammarState, tokenId: number): GrammarState | null {
    const byText = this.#afterText(state, tokenId);
    if (!state.tokenIds.includes(tokenId)) return byText;
    const whole = this.#follow(state, EDGE_TOKEN, tokenId);
    if (byText === null || whole === null) return byText ?? whole;
    return this.#stateOf([...byText.readings, ...whole.readings], byText.isFinal || whole.isFinal);
  }

  /** All tokens that fit, when they are few and quickly found; else null. @throws ServerError as `afterByte`. */
  fewTokenIds(state: GrammarState): Int32Array | null {
    if (state.fewTokenIds !== undefined) return state.fewTokenIds;
    const found = new Set<number>(state.tokenIds);
    const isWhole = this.#walk(state, GRAMMAR_NODES_PROBED_MAX, (tokenId) => {
      found.add(tokenId);
      return found.size <= GRAMMAR_TOKENS_READ_MAX;
    });
    state.fewTokenIds = isWhole ? Int32Array.from(found).sort() : null;
    return state.fewTokenIds;
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
    this.#walk(state, Number.POSITIVE_INFINITY, set);
    state.mask = mask;
    if (this.#masked.push(state) > GRAMMAR_MASKS_MAX) this.#masked.shift()!.mask = null;
    return mask;
  }

  #afterText(from: GrammarState, tokenId: number): GrammarState | null {
    const { text, textStart } = this.#trie;
    if (tokenId >= this.#textVocabularySize || textStart[tokenId] === textStart[tokenId + 1]) return null;
    let state: GrammarState | null = from;
    for (let place = textStart[tokenId]!; place < textStart[tokenId + 1]! && state !== null; place++) {
      state = this.afterByte(state, text[place]!);
    }
    return state;
  }

  /**
   * Visits all tokens whose text fits.
   * @returns false when `visit` said to stop, or more than `nodesMax` nodes were looked at.
   * @throws ServerError `invalid_request` when the tokens lead to too many states of too many readings.
   */
  #walk(from: GrammarState, nodesMax: number, visit: (tokenId: number) => boolean): boolean {
    const { bytes, depths, subtreeEnds, tokenIds, sameText } = this.#trie;
    const path = this.#path;
    path[0] = from;
    let seen = 0;
    const followedMax = this.#followedCount + GRAMMAR_WALK_READINGS_MAX;
    for (let node = 0; node < bytes.length; ) {
      if (++seen > nodesMax) return false;
      if (this.#followedCount > followedMax) throw tooAmbiguous(NEXT_TOKENS);
      const depth = depths[node]!;
      const state = this.afterByte(path[depth - 1]!, bytes[node]!);
      if (state === null) {
        node = subtreeEnds[node]!;
        continue;
      }
      path[depth] = state;
      for (let tokenId = tokenIds[node]!; tokenId >= 0; tokenId = sameText[tokenId]!) {
        if (tokenId < this.#textVocabularySize && !visit(tokenId)) return false;
      }
      node++;
    }
    return true;
  }

  /** The state after one byte, or one token taken whole. */
  #follow({ readings }: GrammarState, kind: number, input: number): GrammarState | null {
    const { edgeStart, edges } = this.#program;
    const seeds: Reading[] = [];
    this.#followedCount += readings.length;
    for (const { state, stack } of readings) {
      const end = EDGE_SIZE * edgeStart[state + 1]!;
      for (let edge = EDGE_SIZE * edgeStart[state]!; edge < end; edge += EDGE_SIZE) {
        if (edges[edge] === kind && takes(edges, edge, input)) seeds.push({ state: edges[edge + 3]!, stack });
      }
    }
    if (seeds.length === 0) return null;
    const next = this.#stateOf(seeds);
    // Deep inside, what comes next may need more levels of rules than are left.
    return next.isComplete && !next.isFinal ? null : next;
  }

  /** Follows everything that takes no input. */
  #stateOf(seeds: readonly Reading[], isFinalBefore = false): GrammarState {
    const { flags } = this.#program;
    if (this.#isFull) this.#forget();
    const reached = new ReachedReadings(this.#program);
    for (const { state, stack } of seeds) reached.add(state, this.#stacks.known(stack));
    const going: Reading[] = [];
    const tokenIds = new Set<number>();
    let isFinal = isFinalBefore;
    for (let index = 0; index < reached.list.length; index++) {
      if (index === 4 * GRAMMAR_READINGS_MAX || going.length > GRAMMAR_READINGS_MAX) throw tooAmbiguous(WAYS);
      const reading = reached.list[index]!;
      const { returnState, parent } = reading.stack;
      const ends = (flags[reading.state]! & STATE_FINAL) !== 0;
      if (ends && parent !== null) reached.add(returnState, parent);
      isFinal ||= ends && parent === null;
      if (this.#expand(reading, reached, tokenIds)) going.push(reading);
    }
    this.#followedCount += reached.list.length;
    return this.#remembered(going, isFinal, tokenIds);
  }

  /** @returns whether the state itself takes input. */
  #expand({ state, stack }: Reading, reached: ReachedReadings, tokenIds: Set<number>): boolean {
    const { edgeStart, edges, flags } = this.#program;
    let takesInput = false;
    const end = EDGE_SIZE * edgeStart[state + 1]!;
    for (let edge = EDGE_SIZE * edgeStart[state]!; edge < end; edge += EDGE_SIZE) {
      const kind = edges[edge]!;
      const operand = edges[edge + 1]!;
      const target = edges[edge + 3]!;
      if (kind === EDGE_EMPTY) reached.add(target, stack);
      else if (kind !== EDGE_CALL) {
        takesInput = true;
        if (kind === EDGE_TOKEN && operand < this.vocabularySize) tokenIds.add(operand);
      } else if ((flags[target]! & STATE_RETURNS) !== 0) reached.add(operand, stack);
      else if (reached.canEnd(target, stack.depth) && reached.canEnd(operand, stack.depth + 1)) {
        reached.add(operand, this.#stacks.push(stack, target));
      }
    }
    return takesInput;
  }

  #remembered(readings: readonly Reading[], isFinal: boolean, tokenIds: ReadonlySet<number>): GrammarState {
    const { stateCount, classCount } = this.#program;
    const keys = readings.map(({ state, stack }) => stack.id * stateCount + state);
    const key = `${isFinal ? '!' : ''}${keys.sort((a, b) => a - b).join()}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    this.#readingCount += readings.length;
    const state = new GrammarState({
      readings,
      isFinal,
      tokenIds: [...tokenIds].sort((a, b) => a - b),
      classCount,
    });
    this.#states.set(key, state);
    return state;
  }

  /** Of what is remembered; what the next state needs may come on top. */
  get #isFull(): boolean {
    const weight = this.#readingCount + GRAMMAR_STACK_READINGS * this.#stacks.size;
    return this.#states.size >= GRAMMAR_MEMO_STATES_MAX || weight > GRAMMAR_MEMO_READINGS_MAX;
  }

  /**
   * Sequences keep the states that they are in, with their stacks and masks; all others are found again when needed. A
   * state that is kept must not keep all that it has led to.
   */
  #forget(): void {
    for (const state of this.#leading) state.next.fill(undefined);
    this.#leading.clear();
    this.#states.clear();
    this.#stacks.forget();
    this.#readingCount = 0;
    this.#masked = [];
    this.#start = null;
  }
}

/** Whether an edge of bytes, or of a token, takes this one. */
function takes(edges: Int32Array, edge: number, input: number): boolean {
  if (edges[edge] === EDGE_TOKEN) return edges[edge + 1] === input;
  return edges[edge + 1]! <= input && input <= edges[edge + 2]!;
}

/**
 * Readings in the order in which they were reached, each once; without those that need more levels of rules than are left, so
 * that each of them can be brought to an end.
 */
class ReachedReadings {
  readonly list: Reading[] = [];
  readonly #stateCount: number;
  readonly #levels: Uint16Array;
  readonly #keys = new Set<number>();

  constructor({ stateCount, levels }: GrammarProgram) {
    this.#stateCount = stateCount;
    this.#levels = levels;
  }

  /** Whether the state's rule can end when so many rules around it are entered. */
  canEnd(state: number, depth: number): boolean {
    return depth + this.#levels[state]! <= GRAMMAR_DEPTH_MAX;
  }

  add(state: number, stack: ReturnStack): void {
    if (!this.canEnd(state, stack.depth)) return;
    const key = stack.id * this.#stateCount + state;
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.list.push({ state, stack });
  }
}

const WAYS = `the output can be read in more than ${GRAMMAR_READINGS_MAX} ways`;
const NEXT_TOKENS = `which tokens may come next takes looking at more than ${GRAMMAR_WALK_READINGS_MAX} such ways`;
const BEGUN = `where the text that has begun leads takes looking at more than ${GRAMMAR_WALK_READINGS_MAX} such ways`;

function tooAmbiguous(why: string): ServerError {
  return new ServerError(
    'invalid_request',
    `The grammar is too ambiguous, or has too many alternatives in one place: ${why}.`,
  );
}
