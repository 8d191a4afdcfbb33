/**
 * Automata over characters: what a string's text may be, before it is spelled in bytes. Built from expressions, lists
 * of texts or lengths. Bounded.
 */

import { TEXT_AUTOMATON_STATES_MAX } from '../../base/grammar-limits.ts';
import { ALL_CODE_POINTS, type CodePoints } from './code-points.ts';
import { tooLarge } from './program-builder.ts';

export type TextEdge = { readonly low: number; readonly high: number; readonly to: number };

/** State 0 is the start. */
export type TextAutomaton = {
  readonly edges: readonly (readonly TextEdge[])[];
  /** [state] Moves without a character; empty in deterministic automata. */
  readonly empties: readonly (readonly number[])[];
  readonly finals: readonly boolean[];
};

/** State -> what it can become; ranges of one state are in order and do not overlap. */
export type Deterministic = TextAutomaton & { readonly isDeterministic: true };

/** Collects states and edges, within bounds. */
export class TextBuilder {
  readonly edges: TextEdge[][] = [];
  readonly finals: boolean[] = [];

  state(isFinal: boolean): number {
    if (this.edges.length === TEXT_AUTOMATON_STATES_MAX) {
      throw tooLarge(`meets texts that need more than ${TEXT_AUTOMATON_STATES_MAX} states`);
    }
    this.edges.push([]);
    this.finals.push(isFinal);
    return this.edges.length - 1;
  }

  build(): Deterministic {
    return {
      edges: this.edges,
      finals: this.finals,
      empties: this.edges.map(() => []),
      isDeterministic: true,
    };
  }
}

/** Texts of `min` to `max` characters (code points); `max` null: without bound. */
export function textOfLength(min: number, max: number | null): Deterministic {
  const builder = new TextBuilder();
  const last = max ?? min;
  for (let length = 0; length <= last; length++) builder.state(length >= min);
  for (let length = 0; length < last; length++) connect(builder, length, ALL_CODE_POINTS, length + 1);
  if (max === null) connect(builder, last, ALL_CODE_POINTS, last);
  return builder.build();
}

function connect(builder: TextBuilder, from: number, set: CodePoints, to: number): void {
  for (const { low, high } of set) builder.edges[from]!.push({ low, high, to });
}

/** Exactly these texts. */
export function textsOf(texts: Iterable<string>): Deterministic {
  const builder = new TextBuilder();
  const children: Map<number, number>[] = [new Map()];
  builder.state(false);
  for (const text of texts) {
    let state = 0;
    for (const character of text) {
      const point = character.codePointAt(0)!;
      let next = children[state]!.get(point);
      if (next === undefined) {
        next = builder.state(false);
        children.push(new Map());
        children[state]!.set(point, next);
      }
      state = next;
    }
    builder.finals[state] = true;
  }
  children.forEach((byPoint, state) => {
    for (const [point, to] of [...byPoint].sort((a, b) => a[0] - b[0])) {
      builder.edges[state]!.push({ low: point, high: point, to });
    }
  });
  return builder.build();
}

/** Free text in which none of the triggers occurs (Aho and Corasick 1975). @param triggers none of them empty. */
export function textWithout(triggers: readonly string[]): Deterministic {
  const found = findsAny(triggers);
  return keepStates(found, (state) => !found.finals[state]);
}

/** Follows which part of which trigger the text ends with; final once one is complete. */
function findsAny(triggers: readonly string[]): Deterministic {
  const trie = textsOf(triggers);
  const builder = new TextBuilder();
  for (const isFinal of trie.finals) builder.state(isFinal);
  /** [state] The state of the longest other beginning of a trigger that the text ends with. */
  const fallback = new Int32Array(trie.edges.length);
  const order = [0];
  for (let index = 0; index < order.length; index++) {
    const state = order[index]!;
    const other = fallback[state]!;
    const own = trie.edges[state]!;
    const inherited =
      state === 0 ? ALL_CODE_POINTS.map((range) => ({ ...range, to: 0 })) : builder.edges[other]!;
    builder.edges[state] = overlaid(inherited, own);
    if (builder.finals[other]) builder.finals[state] = true;
    for (const { low, to } of own) {
      order.push(to);
      // Shorter beginnings come earlier in the order, so where the fallback goes is known already.
      if (state !== 0)
        fallback[to] = builder.edges[other]!.find((edge) => edge.low <= low && low <= edge.high)!.to;
    }
  }
  return builder.build();
}

/** `under`, except where `over` has something to say. Both in order. */
function overlaid(under: readonly TextEdge[], over: readonly TextEdge[]): TextEdge[] {
  const result: TextEdge[] = [];
  for (const edge of under) {
    let low = edge.low;
    for (const each of over) {
      if (each.low < low || each.low > edge.high) continue;
      if (each.low > low) result.push({ low, high: each.low - 1, to: edge.to });
      result.push(each);
      low = each.high + 1;
    }
    if (low <= edge.high) result.push({ low, high: edge.high, to: edge.to });
  }
  return result;
}

function keepStates(automaton: Deterministic, isKept: (state: number) => boolean): Deterministic {
  return {
    ...automaton,
    edges: automaton.edges.map((edges, state) => (isKept(state) ? edges.filter(({ to }) => isKept(to)) : [])),
    finals: automaton.finals.map((_, state) => isKept(state)),
  };
}

export type Exploration<State> = {
  readonly start: State;
  /** The same for states that are the same. */
  readonly key: (state: State) => number;
  readonly characters: string;
  readonly isFinal: (state: State) => boolean;
  /** @returns null when the character cannot come next. */
  readonly step: (state: State, character: string) => State | null;
};

/** The automaton of all states that can be reached. */
export function explored<State>({
  start,
  key,
  characters,
  isFinal,
  step,
}: Exploration<State>): Deterministic {
  const builder = new TextBuilder();
  const numbers = new Map<number, number>();
  const states: State[] = [];
  const numberOf = (state: State): number => {
    const name = key(state);
    const known = numbers.get(name);
    if (known !== undefined) return known;
    numbers.set(name, states.length);
    states.push(state);
    return builder.state(isFinal(state));
  };
  numberOf(start);
  for (let index = 0; index < states.length; index++) {
    for (const character of characters) {
      const next = step(states[index]!, character);
      const point = character.codePointAt(0)!;
      if (next !== null) builder.edges[index]!.push({ low: point, high: point, to: numberOf(next) });
    }
  }
  return builder.build();
}
