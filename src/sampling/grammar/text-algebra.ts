/**
 * Questions to, and combinations of, automata over characters: both at once, one without the other. These need
 * deterministic automata, which may be larger than what they were made from; bounded.
 */

import { type Deterministic, type TextAutomaton, TextBuilder, type TextEdge } from './text-automaton.ts';

/** Subset construction. @throws ServerError when it needs too many states. */
export function deterministic(automaton: TextAutomaton): Deterministic {
  if ('isDeterministic' in automaton) return automaton as Deterministic;
  const builder = new TextBuilder();
  const numbers = new Map<string, number>();
  const subsets: number[][] = [];
  const numberOf = (states: readonly number[]): number => {
    const subset = closure(automaton, states);
    const key = subset.join();
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const state = builder.state(subset.some((each) => automaton.finals[each]));
    numbers.set(key, state);
    subsets.push(subset);
    return state;
  };
  numberOf([0]);
  for (let state = 0; state < subsets.length; state++) {
    const edges = subsets[state]!.flatMap((each) => automaton.edges[each]!);
    for (const { low, high, targets } of pieces(edges)) {
      builder.edges[state]!.push({ low, high, to: numberOf(targets) });
    }
  }
  return builder.build();
}

function closure({ empties }: TextAutomaton, states: readonly number[]): number[] {
  const seen = new Set(states);
  for (const state of seen) for (const next of empties[state]!) seen.add(next);
  return [...seen].sort((a, b) => a - b);
}

type Piece = { readonly low: number; readonly high: number; readonly targets: readonly number[] };

/** Cuts overlapping ranges at each other's borders. */
function pieces(edges: readonly TextEdge[]): readonly Piece[] {
  const borders = [...new Set(edges.flatMap(({ low, high }) => [low, high + 1]))].sort((a, b) => a - b);
  const targets: Set<number>[] = borders.map(() => new Set());
  const indexOf = new Map(borders.map((border, index) => [border, index]));
  for (const { low, high, to } of edges) {
    for (let index = indexOf.get(low)!; borders[index]! <= high; index++) targets[index]!.add(to);
  }
  const result: Piece[] = [];
  targets.forEach((set, index) => {
    if (set.size > 0) result.push({ low: borders[index]!, high: borders[index + 1]! - 1, targets: [...set] });
  });
  return result;
}

/** Texts of both. */
export function both(a: TextAutomaton, b: TextAutomaton): Deterministic {
  return product(deterministic(a), deterministic(b), 'and');
}

/** Texts of `a` that are not of `b`. */
export function without(a: TextAutomaton, b: TextAutomaton): Deterministic {
  return product(deterministic(a), deterministic(b), 'and-not');
}

const NOWHERE = -1;

function product(a: Deterministic, b: Deterministic, mode: 'and' | 'and-not'): Deterministic {
  const builder = new TextBuilder();
  const numbers = new Map<number, number>();
  const pairs: [number, number][] = [];
  const numberOf = (left: number, right: number): number => {
    const key = left * (b.edges.length + 1) + right + 1;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const inRight = right !== NOWHERE && b.finals[right]!;
    const state = builder.state(a.finals[left]! && inRight === (mode === 'and'));
    numbers.set(key, state);
    pairs.push([left, right]);
    return state;
  };
  numberOf(0, 0);
  for (let state = 0; state < pairs.length; state++) {
    const [left, right] = pairs[state]!;
    const others = right === NOWHERE ? [] : b.edges[right]!;
    for (const edge of a.edges[left]!) {
      for (const { low, high, to } of alongside(edge, others)) {
        if (mode === 'and' && to === NOWHERE) continue;
        builder.edges[state]!.push({ low, high, to: numberOf(edge.to, to) });
      }
    }
  }
  return builder.build();
}

/** A range cut by where another automaton would go. */
function alongside(edge: TextEdge, others: readonly TextEdge[]): TextEdge[] {
  const result: TextEdge[] = [];
  let low = edge.low;
  for (const other of others) {
    if (other.high < low || other.low > edge.high) continue;
    if (other.low > low) result.push({ low, high: other.low - 1, to: NOWHERE });
    const start = Math.max(low, other.low);
    const end = Math.min(edge.high, other.high);
    result.push({ low: start, high: end, to: other.to });
    low = end + 1;
  }
  if (low <= edge.high) result.push({ low, high: edge.high, to: NOWHERE });
  return result;
}

/** Whether the automaton takes the text. */
export function takes(automaton: TextAutomaton, text: string): boolean {
  let states = closure(automaton, [0]);
  for (const character of text) {
    const point = character.codePointAt(0)!;
    const next = states.flatMap((state) =>
      automaton.edges[state]!.filter(({ low, high }) => low <= point && point <= high).map(({ to }) => to),
    );
    states = closure(automaton, [...new Set(next)]);
  }
  return states.some((state) => automaton.finals[state]);
}

/** Whether it takes any text at all. */
export function isEmptyLanguage(automaton: TextAutomaton): boolean {
  const seen = new Set([0]);
  for (const state of seen) {
    if (automaton.finals[state]) return false;
    for (const { to } of automaton.edges[state]!) seen.add(to);
    for (const to of automaton.empties[state]!) seen.add(to);
  }
  return true;
}
