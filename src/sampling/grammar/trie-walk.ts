/**
 * The walk over the trie that finds all tokens which fit a state. Owns the way to the node that it is at; a run leads there as
 * long as it goes, and all ways of reading are followed only where it ends. Knows how states are found by their owner alone.
 */

import { assert } from '../../base/assert.ts';
import type { GrammarState } from './grammar-state.ts';
import type { ReadingRun, ReadingRuns } from './reading-runs.ts';
import type { TokenTrie } from './token-trie.ts';

/** What the walk asks of the automaton. */
export interface WalkedStates {
  /** Readings that were looked at so far. */
  readonly workCount: number;
  afterByte(state: GrammarState, byte: number): GrammarState | null;
  runOf(state: GrammarState): ReadingRun | null;
}

export type WalkLimits = { readonly nodesMax: number; readonly readingsMax: number };

type TrieWalkOptions = {
  readonly trie: TokenTrie;
  /** Tokens beyond it are not visited. */
  readonly vocabularySize: number;
  readonly states: WalkedStates;
  readonly runs: ReadingRuns;
};

export class TrieWalk {
  readonly #of: TrieWalkOptions;
  /** [depth] The states on the way to a node; null for those that only a run has led to so far. */
  readonly #path: (GrammarState | null)[] = [];
  /** [depth] The run that leads there; null for none. */
  readonly #runs: (ReadingRun | null)[] = [];
  /** [depth] */
  readonly #bytes: number[] = [];

  constructor(options: TrieWalkOptions) {
    this.#of = options;
  }

  /**
   * Visits all tokens whose text fits.
   * @returns false when `visit` said to stop, or more nodes or readings were looked at than `within` says.
   */
  visitAll(from: GrammarState, within: WalkLimits, visit: (tokenId: number) => boolean): boolean {
    const { states, vocabularySize } = this.#of;
    const { bytes, depths, subtreeEnds, tokenIds, sameText } = this.#of.trie;
    this.#path[0] = from;
    this.#runs[0] = states.runOf(from);
    let seen = 0;
    const followedMax = states.workCount + within.readingsMax;
    for (let node = 0; node < bytes.length; ) {
      if (++seen > within.nodesMax || states.workCount > followedMax) return false;
      if (!this.#enter(depths[node]!, bytes[node]!)) {
        node = subtreeEnds[node]!;
        continue;
      }
      for (let tokenId = tokenIds[node]!; tokenId >= 0; tokenId = sameText[tokenId]!) {
        if (tokenId < vocabularySize && !visit(tokenId)) return false;
      }
      node++;
    }
    return true;
  }

  /** Goes to a node by the byte that leads there from its parent. @returns false when it does not fit. */
  #enter(depth: number, byte: number): boolean {
    const { states, runs } = this.#of;
    const parentRun = this.#runs[depth - 1]!;
    const run = parentRun === null ? null : runs.after(parentRun, byte);
    if (run !== null) {
      this.#bytes[depth] = byte;
      this.#runs[depth] = run;
      this.#path[depth] = null;
      return true;
    }
    const parent = parentRun === null ? this.#path[depth - 1]! : this.#stateAt(depth - 1);
    const state = states.afterByte(parent, byte);
    if (state === null) return false;
    this.#path[depth] = state;
    this.#runs[depth] = states.runOf(state);
    return true;
  }

  /** The state on the way to a node that was entered; a run alone may have led there. */
  #stateAt(depth: number): GrammarState {
    let known = depth;
    while (this.#path[known] === null) known--;
    let state = this.#path[known]!;
    while (known < depth) {
      const next = this.#of.states.afterByte(state, this.#bytes[++known]!);
      assert(next !== null, 'what a run takes fits');
      this.#path[known] = next;
      state = next;
    }
    return state;
  }
}
