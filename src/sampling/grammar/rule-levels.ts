/**
 * How deep into rules a grammar has to go from each of its states: what is needed to keep an output, which may only be so
 * deep, from being led where it cannot end. Linear in the number of edges.
 */

import { GRAMMAR_DEPTH_MAX } from '../../base/grammar-limits.ts';
import { edgesInto } from './edges-into.ts';
import { EDGE_CALL, EDGE_SIZE, type GrammarProgram, STATE_FINAL, STATE_RETURNS } from './grammar-program.ts';
import { sharedArray } from './shared-arrays.ts';

/**
 * @returns [stateCount] The levels of rules that have to be entered, on the way that needs fewest, until the state's own
 * rule ends; one more than the greatest depth where that is too little.
 */
export function levelsNeeded(program: Omit<GrammarProgram, 'levels'>): Uint16Array {
  const { edges, flags, stateCount } = program;
  const { first, next, from } = edgesInto(program, () => true);
  const levels = sharedArray(Uint16Array, stateCount).fill(GRAMMAR_DEPTH_MAX + 1);
  const isKnown = new Uint8Array(stateCount);
  /** By level: states that need so many at most. */
  const waiting: number[][] = Array.from({ length: GRAMMAR_DEPTH_MAX + 1 }, () => []);
  flags.forEach((of, state) => {
    if ((of & STATE_FINAL) !== 0) waiting[0]!.push(state);
  });
  for (let level = 0; level <= GRAMMAR_DEPTH_MAX; level++) {
    // It grows while it is gone through.
    for (const state of waiting[level]!) {
      if (isKnown[state] === 1) continue;
      isKnown[state] = 1;
      levels[state] = level;
      for (let entry = first[state]!; entry >= 0; entry = next[entry]!) {
        const edge = entry >> 1;
        if (isKnown[from[edge]!] === 0) waiting[levelOver({ edges, flags, levels }, edge)]?.push(from[edge]!);
      }
    }
  }
  return levels;
}

/** What is needed behind the edge, and in the rule that it calls; too many while one of both is not known. */
function levelOver(
  { edges, flags, levels }: Pick<GrammarProgram, 'edges' | 'flags' | 'levels'>,
  edge: number,
) {
  const place = EDGE_SIZE * edge;
  const target = edges[place + 3]!;
  if (edges[place] !== EDGE_CALL) return levels[target]!;
  const within = levels[edges[place + 1]!]!;
  // A rule that is the last of another one is no level of its own.
  return (flags[target]! & STATE_RETURNS) !== 0 ? within : Math.max(within + 1, levels[target]!);
}
