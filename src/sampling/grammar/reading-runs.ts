/**
 * Runs of the automaton: one way of reading that is followed alone, as far as it goes. Where a run takes some bytes, the
 * output may go on with them, however many other ways there are, so none of those has to be followed to know it. Where
 * a run ends, nothing is said. What a run has come to is remembered: runs of different states meet soon.
 */

import {
  GRAMMAR_NODES_PROBED_MAX,
  GRAMMAR_RUN_REACHED_MAX,
  GRAMMAR_TOKENS_READ_MAX,
} from '../../base/grammar-limits.ts';
import { edgesInto } from './edges-into.ts';
import { EDGE_BYTES, EDGE_SIZE, type GrammarProgram, STATE_FINAL } from './grammar-program.ts';
import type { ReadingClosure } from './reading-closure.ts';
import type { ReadingList, Readings } from './readings.ts';
import type { ReturnStack, ReturnStacks } from './return-stacks.ts';
import type { TokenTrie } from './token-trie.ts';

export class ReadingRun {
  readonly state: number;
  readonly stack: ReturnStack;
  /** By class of byte, as of a `GrammarState`; null where this run ends. */
  readonly next: (ReadingRun | null | undefined)[];
  /** Whether many tokens can be seen to follow; undefined when it was not asked yet. */
  isMany: boolean | undefined = undefined;

  constructor(state: number, stack: ReturnStack, classCount: number) {
    this.state = state;
    this.stack = stack;
    this.next = new Array(classCount).fill(undefined);
  }
}

type RunsOptions = {
  readonly program: GrammarProgram;
  readonly trie: TokenTrie;
  /** Tokens beyond it cannot be chosen. */
  readonly vocabularySize: number;
  readonly closure: ReadingClosure;
  readonly stacks: ReturnStacks;
  /** Called before more is remembered. */
  readonly makeRoom: () => void;
};

export class ReadingRuns {
  readonly #of: RunsOptions;
  readonly #known = new Map<number, ReadingRun>();
  /** Runs that know where some byte leads, whether they are remembered or only on the way that is being walked. */
  readonly #leading = new Set<ReadingRun>();
  #outlook: Outlook | null = null;

  constructor(options: RunsOptions) {
    this.#of = options;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** A run from the reading that likely lasts: far from its end, and taking many bytes. @param readings at least one. */
  from(readings: Readings): ReadingRun {
    this.#of.makeRoom();
    return this.#best(readings);
  }

  /** Goes one byte on. @returns null where the run ends, though other ways of reading may not. */
  after(run: ReadingRun, byte: number): ReadingRun | null {
    const byteClass = this.#of.program.byteClass[byte]!;
    const known = run.next[byteClass];
    if (known !== undefined) return known;
    this.#of.makeRoom();
    const { closure } = this.#of;
    closure.begin();
    closure.follow(run.state, run.stack, EDGE_BYTES, byte);
    // Any of those that were reached will do.
    closure.close(GRAMMAR_RUN_REACHED_MAX, GRAMMAR_RUN_REACHED_MAX);
    const next = closure.going.length === 0 ? null : this.#best(closure.going);
    run.next[byteClass] = next;
    this.#leading.add(run);
    return next;
  }

  /** Whether the run takes the token's whole text, which is not empty. */
  takes(from: ReadingRun, tokenId: number): boolean {
    const { text, textStart } = this.#of.trie;
    let run: ReadingRun | null = from;
    for (let place = textStart[tokenId]!; place < textStart[tokenId + 1]! && run !== null; place++) {
      run = this.after(run, text[place]!);
    }
    return run !== null;
  }

  /** Whether it is soon seen that the run takes more than few tokens. */
  isMany(run: ReadingRun): boolean {
    run.isMany ??= this.#takesMany(run);
    return run.isMany;
  }

  /** One that is held elsewhere must not keep all that it has led to, nor what that leads to from now on. */
  forget(): void {
    for (const run of this.#leading) run.next.fill(undefined);
    this.#leading.clear();
    this.#known.clear();
  }

  #takesMany(from: ReadingRun): boolean {
    const { bytes, depths, subtreeEnds, tokenIds } = this.#of.trie;
    const path: ReadingRun[] = [from];
    let found = 0;
    let node = 0;
    for (let seen = 0; node < bytes.length && seen < GRAMMAR_NODES_PROBED_MAX; seen++) {
      const run = this.after(path[depths[node]! - 1]!, bytes[node]!);
      if (run === null) {
        node = subtreeEnds[node]!;
        continue;
      }
      path[depths[node]!] = run;
      if (tokenIds[node]! >= 0 && tokenIds[node]! < this.#of.vocabularySize) found++;
      if (found > GRAMMAR_TOKENS_READ_MAX) return true;
      node++;
    }
    return false;
  }

  #best({ states, stacks, length }: Readings | ReadingList): ReadingRun {
    let best = 0;
    let bestPromise = -1;
    for (let index = 0; index < length; index++) {
      const promise = this.#promiseOf(states[index]!, stacks[index]!);
      if (promise <= bestPromise) continue;
      best = index;
      bestPromise = promise;
    }
    return this.#remembered(states[best]!, this.#of.stacks.known(stacks[best]!));
  }

  #remembered(state: number, stack: ReturnStack): ReadingRun {
    const { stateCount, classCount } = this.#of.program;
    const key = stack.id * stateCount + state;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const run = new ReadingRun(state, stack, classCount);
    this.#known.set(key, run);
    return run;
  }

  /** Larger where a run likely lasts longer. Chooses what is tried first, nothing else. */
  #promiseOf(state: number, stack: ReturnStack): number {
    this.#outlook ??= outlookOf(this.#of.program);
    const { distances, byteCounts } = this.#outlook;
    let distance = distances[state]!;
    for (let each = stack; each.parent !== null; each = each.parent) distance += distances[each.returnState]!;
    // Beyond the length of a token, distance only decides between equals.
    return byteCounts[state]! * Math.min(distance, TOKEN_BYTES) + distance / 2 ** 30;
  }
}

/** Most tokens are no longer. */
const TOKEN_BYTES = 16;

type Outlook = {
  /** [stateCount] Edges to the end of the state's rule, on the shortest way. */
  readonly distances: Int32Array;
  /** [stateCount] Bytes that the state's own edges take; those of several edges count again. */
  readonly byteCounts: Int32Array;
};

function outlookOf(program: GrammarProgram): Outlook {
  const { edgeStart, edges, stateCount } = program;
  const byteCounts = new Int32Array(stateCount);
  for (let state = 0; state < stateCount; state++) {
    for (
      let edge = EDGE_SIZE * edgeStart[state]!;
      edge < EDGE_SIZE * edgeStart[state + 1]!;
      edge += EDGE_SIZE
    ) {
      if (edges[edge] === EDGE_BYTES) byteCounts[state]! += edges[edge + 2]! - edges[edge + 1]! + 1;
    }
  }
  return { distances: distancesToEnd(program), byteCounts };
}

/** Breadth first and backwards from the ends of all rules; what a rule takes that is called counts as one edge. */
function distancesToEnd(program: GrammarProgram): Int32Array {
  const { first, next, from } = edgesInto(program, () => true);
  const { edges, flags, stateCount } = program;
  const distances = new Int32Array(stateCount);
  const isKnown = new Uint8Array(stateCount);
  const order: number[] = [];
  const visit = (state: number, distance: number): void => {
    if (isKnown[state] === 1) return;
    isKnown[state] = 1;
    distances[state] = distance;
    order.push(state);
  };
  flags.forEach((of, state) => {
    if ((of & STATE_FINAL) !== 0) visit(state, 0);
  });
  for (let index = 0; index < order.length; index++) {
    const state = order[index]!;
    for (let entry = first[state]!; entry >= 0; entry = next[entry]!) {
      // Who calls the rule that starts here is not within it.
      if (edges[EDGE_SIZE * (entry >> 1) + 3] === state) visit(from[entry >> 1]!, distances[state]! + 1);
    }
  }
  return distances;
}
