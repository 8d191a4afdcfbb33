/**
 * Writes an automaton over characters into a program over bytes, in one of two spellings: as it is, or as the inside of
 * a JSON string. In JSON each character has one spelling, the one of `JSON.stringify`: what is constrained to a
 * pattern, or compared with names, must not be spelled around it.
 */

import { ALL_CODE_POINTS, type CodePoints, codePoints, complement, intersection } from './code-points.ts';
import type { ProgramBuilder } from './program-builder.ts';
import type { TextAutomaton } from './text-automaton.ts';

export type Spelling = 'plain' | 'json';

/** Characters that JSON strings hold as they are. */
export const UNESCAPED: CodePoints = complement(
  codePoints([
    { low: 0, high: 0x1f },
    { low: 0x22, high: 0x22 },
    { low: 0x5c, high: 0x5c },
  ]),
);
const ESCAPED = intersection(complement(UNESCAPED), ALL_CODE_POINTS);

/** From the builder's state `from` to `to` by every text of the automaton. */
export function spellText(
  builder: ProgramBuilder,
  automaton: TextAutomaton,
  { from, to, spelling }: { readonly from: number; readonly to: number; readonly spelling: Spelling },
): void {
  // Coming back to the automaton's start must not be coming back to `from`, where others may begin too.
  const states = automaton.edges.map(() => builder.state());
  builder.empty(from, states[0]!);
  automaton.edges.forEach((edges, state) => {
    for (const [target, ranges] of byTarget(edges)) {
      spellCharacter(builder, codePoints(ranges), { from: states[state]!, to: states[target]!, spelling });
    }
    for (const target of automaton.empties[state]!) builder.empty(states[state]!, states[target]!);
    if (automaton.finals[state]) builder.empty(states[state]!, to);
  });
}

function byTarget(edges: TextAutomaton['edges'][number]) {
  const groups = new Map<number, { low: number; high: number }[]>();
  for (const { low, high, to } of edges) {
    const group = groups.get(to);
    if (group === undefined) groups.set(to, [{ low, high }]);
    else group.push({ low, high });
  }
  return groups;
}

function spellCharacter(
  builder: ProgramBuilder,
  set: CodePoints,
  { from, to, spelling }: { readonly from: number; readonly to: number; readonly spelling: Spelling },
): void {
  if (spelling === 'plain') {
    builder.character(from, set, to);
    return;
  }
  builder.character(from, intersection(set, UNESCAPED), to);
  for (const { low, high } of intersection(set, ESCAPED)) {
    for (let point = low; point <= high; point++) builder.literal(from, escaped(point), to);
  }
}

/** The inside of the JSON string of one character. */
function escaped(codePoint: number): string {
  return JSON.stringify(String.fromCodePoint(codePoint)).slice(1, -1);
}

const encoder = new TextEncoder();

/** Exactly these texts, as they are; what they begin with in common is shared. */
export function spellTexts(
  builder: ProgramBuilder,
  texts: Iterable<string>,
  { from, to }: { readonly from: number; readonly to: number },
): void {
  type Node = { readonly state: number; readonly children: Map<number, Node>; isEnd: boolean };
  const node = (): Node => ({ state: builder.state(), children: new Map(), isEnd: false });
  const root = node();
  builder.empty(from, root.state);
  for (const text of texts) {
    let place = root;
    for (const byte of encoder.encode(text)) {
      let next = place.children.get(byte);
      if (next === undefined) {
        next = node();
        place.children.set(byte, next);
        builder.bytes(place.state, byte, byte, next.state);
      }
      place = next;
    }
    if (!place.isEnd) builder.empty(place.state, to);
    place.isEnd = true;
  }
}
