/**
 * Finds a rule that can come to itself again before anything is taken in: the automaton would go around for ever,
 * with one more return address every time. Tarjan's algorithm over the moves that take nothing; iterative, because
 * grammars are long.
 */

import { edgesInto } from './edges-into.ts';
import { EDGE_CALL, EDGE_EMPTY, EDGE_SIZE, type GrammarProgram, STATE_FINAL } from './grammar-program.ts';

/** @returns the first state of such a rule, or null. */
export function findLeftRecursion(program: GrammarProgram): number | null {
  const component = components(program, moves(program));
  const { edgeStart, edges, stateCount } = program;
  for (let state = 0; state < stateCount; state++) {
    for (
      let edge = EDGE_SIZE * edgeStart[state]!;
      edge < EDGE_SIZE * edgeStart[state + 1]!;
      edge += EDGE_SIZE
    ) {
      const callee = edges[edge + 1]!;
      if (edges[edge] === EDGE_CALL && component[state] === component[callee]) return callee;
    }
  }
  return null;
}

/** States from which the end of the rule is reached without input. */
function nullableStates(program: GrammarProgram): Uint8Array {
  const { edges, flags, stateCount } = program;
  const nullable = new Uint8Array(stateCount);
  const { first, next, from } = edgesInto(program, takesNothing);
  const work: number[] = [];
  for (let state = 0; state < stateCount; state++) {
    if ((flags[state]! & STATE_FINAL) === 0) continue;
    nullable[state] = 1;
    work.push(state);
  }
  while (work.length > 0) {
    for (let entry = first[work.pop()!]!; entry >= 0; entry = next[entry]!) {
      const edge = entry >> 1;
      const offset = EDGE_SIZE * edge;
      if (nullable[from[edge]!] === 1 || nullable[edges[offset + 3]!] === 0) continue;
      if (edges[offset] === EDGE_CALL && nullable[edges[offset + 1]!] === 0) continue;
      nullable[from[edge]!] = 1;
      work.push(from[edge]!);
    }
  }
  return nullable;
}

/** Only these can leave a rule without input. */
const takesNothing = (kind: number): boolean => kind === EDGE_EMPTY || kind === EDGE_CALL;

/** The moves of each state that take nothing: over empty edges, into rules, and past rules that may be empty. */
function moves(program: GrammarProgram): Moves {
  const { edgeStart, edges, stateCount } = program;
  const nullable = nullableStates(program);
  const start = new Int32Array(stateCount + 1);
  const targets: number[] = [];
  for (let state = 0; state < stateCount; state++) {
    for (
      let edge = EDGE_SIZE * edgeStart[state]!;
      edge < EDGE_SIZE * edgeStart[state + 1]!;
      edge += EDGE_SIZE
    ) {
      if (edges[edge] === EDGE_EMPTY) targets.push(edges[edge + 3]!);
      if (edges[edge] !== EDGE_CALL) continue;
      targets.push(edges[edge + 1]!);
      if (nullable[edges[edge + 1]!] === 1) targets.push(edges[edge + 3]!);
    }
    start[state + 1] = targets.length;
  }
  return { start, targets: Int32Array.from(targets) };
}

type Moves = { readonly start: Int32Array; readonly targets: Int32Array };

/** The strongly connected component of each state. */
function components({ stateCount }: GrammarProgram, graph: Moves): Int32Array {
  const search = new ComponentSearch(stateCount, graph);
  for (let state = 0; state < stateCount; state++) search.from(state);
  return search.component;
}

class ComponentSearch {
  /** [stateCount] A state of the same component, the same for all of its states; -1 while it is not known. */
  readonly component: Int32Array;
  readonly #graph: Moves;
  /** [stateCount] In order of discovery; -1 before that. */
  readonly #index: Int32Array;
  /** [stateCount] The first state found that can be come back to, as far as is known. */
  readonly #low: Int32Array;
  /** [stateCount] The next move to look at. */
  readonly #place: Int32Array;
  readonly #open: number[] = [];
  #count = 0;

  constructor(stateCount: number, graph: Moves) {
    this.#graph = graph;
    this.component = new Int32Array(stateCount).fill(-1);
    this.#index = new Int32Array(stateCount).fill(-1);
    this.#low = new Int32Array(stateCount);
    this.#place = graph.start.slice();
  }

  from(root: number): void {
    if (this.#index[root]! >= 0) return;
    const path = [root];
    this.#discover(root);
    for (let state = path.at(-1); state !== undefined; state = path.at(-1)) {
      const next = this.#advance(state);
      if (next !== null) {
        path.push(next);
        this.#discover(next);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) this.#low[parent] = Math.min(this.#low[parent]!, this.#low[state]!);
      if (this.#low[state] === this.#index[state]) this.#close(state);
    }
  }

  #discover(state: number): void {
    this.#index[state] = this.#count;
    this.#low[state] = this.#count++;
    this.#open.push(state);
  }

  /** @returns a state that was not seen before, or null when all moves were looked at. */
  #advance(state: number): number | null {
    const { start, targets } = this.#graph;
    while (this.#place[state]! < start[state + 1]!) {
      const target = targets[this.#place[state]!++]!;
      if (this.#index[target]! < 0) return target;
      if (this.component[target]! < 0) this.#low[state] = Math.min(this.#low[state]!, this.#index[target]!);
    }
    return null;
  }

  /** Everything found since belongs to it. */
  #close(state: number): void {
    let member = -1;
    do {
      member = this.#open.pop()!;
      this.component[member] = state;
    } while (member !== state);
  }
}
