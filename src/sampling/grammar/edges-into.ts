/** The edges of a program backwards. */

import { EDGE_CALL, EDGE_SIZE, type GrammarProgram } from './grammar-program.ts';

/** Linked lists: of each state, the edges that lead to it (entry 2e) or call the rule that it starts (entry 2e + 1). */
export type EdgesInto = {
  /** [stateCount] The first entry, or -1. */
  readonly first: Int32Array;
  /** [2 x edgeCount] The entry after it, or -1. */
  readonly next: Int32Array;
  /** [edgeCount] The state that the edge leaves. */
  readonly from: Int32Array;
};

export function edgesInto(
  { edgeStart, edges, stateCount }: Pick<GrammarProgram, 'edgeStart' | 'edges' | 'stateCount'>,
  isWanted: (kind: number) => boolean,
): EdgesInto {
  const first = new Int32Array(stateCount).fill(-1);
  const next = new Int32Array((2 * edges.length) / EDGE_SIZE);
  const from = new Int32Array(edges.length / EDGE_SIZE);
  const link = (state: number, entry: number): void => {
    next[entry] = first[state]!;
    first[state] = entry;
  };
  for (let edge = 0; edge < edges.length; edge += EDGE_SIZE) {
    const kind = edges[edge]!;
    if (!isWanted(kind)) continue;
    const entry = (2 * edge) / EDGE_SIZE;
    link(edges[edge + 3]!, entry);
    if (kind === EDGE_CALL) link(edges[edge + 1]!, entry + 1);
  }
  for (let state = 0; state < stateCount; state++) from.fill(state, edgeStart[state], edgeStart[state + 1]);
  return { first, next, from };
}
