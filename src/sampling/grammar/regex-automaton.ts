/**
 * Regular expressions as ECMAScript writes them -> automata over characters. What an automaton cannot do
 * (back-references, look-around, word boundaries) is refused by name. Thompson's construction; nothing is made
 * deterministic here, so an expression costs what its text and its repetitions say.
 */

import type { AST } from '@eslint-community/regexpp';
import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_STATES_MAX, PATTERN_CHARACTERS_MAX, PATTERN_DEPTH_MAX } from '../../base/grammar-limits.ts';
import { ALL_CODE_POINTS, type CodePoints, codePoints, complement, only } from './code-points.ts';
import { tooLarge } from './program-builder.ts';
import { parsePattern } from './regex-dialect.ts';
import type { TextAutomaton, TextEdge } from './text-automaton.ts';
import { propertyCodePoints } from './unicode-properties.ts';

export type RegexOptions = {
  /** Whether the whole text has to match; if not, any part of it. */
  readonly isWhole: boolean;
  /** The field that errors name. */
  readonly param: string;
};

const LINE_ENDS = only('\n\r\u2028\u2029');
const DIGITS = codePoints([{ low: 0x30, high: 0x39 }]);
const WORD = codePoints([...DIGITS, { low: 0x41, high: 0x5a }, { low: 0x61, high: 0x7a }, ...only('_')]);
const SPACES = codePoints([
  ...only('\t\v\f \u00a0\ufeff\u1680\u202f\u205f\u3000\n\r\u2028\u2029'),
  { low: 0x2000, high: 0x200a },
]);
const ESCAPE_SETS = { digit: DIGITS, space: SPACES, word: WORD } as const;

/** An automaton with assertions: moves that may be made at the beginning, or at the end, of the text only. */
type AssertedState = {
  readonly edges: TextEdge[];
  readonly empties: number[];
  readonly atBeginning: number[];
  readonly atEnd: number[];
};

/** @throws ServerError for what is no regular expression, or none that this server can hold an output to. */
export function regexAutomaton(pattern: string, options: RegexOptions): TextAutomaton {
  if (pattern.length > PATTERN_CHARACTERS_MAX) {
    const message = `'${options.param}' has more than ${PATTERN_CHARACTERS_MAX} characters.`;
    throw new ServerError('invalid_request', message, { param: options.param });
  }
  if (groupDepth(pattern) > PATTERN_DEPTH_MAX) {
    const message = `'${options.param}' has groups in groups, more than ${PATTERN_DEPTH_MAX} deep.`;
    throw new ServerError('invalid_request', message, { param: options.param });
  }
  const builder = new RegexBuilder(options.param);
  const [start, begin, end, last] = [builder.state(), builder.state(), builder.state(), builder.state()];
  builder.states[start]!.empties.push(begin);
  builder.states[end]!.empties.push(last);
  builder.alternatives(parsePattern(pattern, options.param).alternatives, begin, end);
  if (!options.isWhole) for (const state of [start, last]) builder.connect(state, ALL_CODE_POINTS, state);
  return withoutAssertions(builder.states, last);
}

/** Groups that are open at the same time, at most, also where the pattern is wrong. */
function groupDepth(pattern: string): number {
  let [depth, deepest, isInClass] = [0, 0, false];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    if (character === '\\') index++;
    else if (isInClass) isInClass = character !== ']';
    else if (character === '[') isInClass = true;
    else if (character === ')') depth--;
    else if (character === '(') deepest = Math.max(deepest, ++depth);
  }
  return deepest;
}

class RegexBuilder {
  readonly states: AssertedState[] = [];
  readonly #param: string;
  /** Repetitions ask for the same class again and again. */
  readonly #sets = new Map<AST.Node, CodePoints>();

  constructor(param: string) {
    this.#param = param;
  }

  state(): number {
    if (this.states.length === GRAMMAR_STATES_MAX) {
      throw tooLarge(`has an expression of more than ${GRAMMAR_STATES_MAX} states, counting repetitions`);
    }
    this.states.push({ edges: [], empties: [], atBeginning: [], atEnd: [] });
    return this.states.length - 1;
  }

  connect(from: number, set: CodePoints, to: number): void {
    for (const { low, high } of set) this.states[from]!.edges.push({ low, high, to });
  }

  alternatives(alternatives: readonly AST.Alternative[], from: number, to: number): void {
    for (const { elements } of alternatives) {
      let state = from;
      for (const element of elements) {
        const next = this.state();
        this.#element(element, state, next);
        state = next;
      }
      this.states[state]!.empties.push(to);
    }
  }

  #element(element: AST.Element, from: number, to: number): void {
    switch (element.type) {
      case 'Group':
        if (element.modifiers !== null) throw this.#unsupported('modifiers of a group', element);
        this.alternatives(element.alternatives, from, to);
        return;
      case 'CapturingGroup':
        this.alternatives(element.alternatives, from, to);
        return;
      case 'Quantifier':
        this.#quantifier(element, from, to);
        return;
      case 'Assertion':
        this.#assertion(element, from, to);
        return;
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        this.connect(from, this.#knownSet(element), to);
        return;
      case 'Backreference':
        throw this.#unsupported('a back-reference', element);
      default:
        throw this.#unsupported('a class with set operations', element);
    }
  }

  #quantifier({ element, min, max }: AST.Quantifier, from: number, to: number): void {
    let state = from;
    for (let count = 0; count < min; count++) state = this.#once(element, state);
    if (max !== Number.POSITIVE_INFINITY) {
      for (let count = min; count < max; count++) {
        this.states[state]!.empties.push(to);
        state = this.#once(element, state);
      }
      this.states[state]!.empties.push(to);
      return;
    }
    const loop = this.state();
    this.states[state]!.empties.push(loop);
    this.states[loop]!.empties.push(to);
    this.states[this.#once(element, loop)]!.empties.push(loop);
  }

  #once(element: AST.Element, from: number): number {
    const next = this.state();
    this.#element(element, from, next);
    return next;
  }

  #assertion(assertion: AST.Assertion, from: number, to: number): void {
    if (assertion.kind === 'start') this.states[from]!.atBeginning.push(to);
    else if (assertion.kind === 'end') this.states[from]!.atEnd.push(to);
    else if (assertion.kind === 'word') throw this.#unsupported('a word boundary', assertion);
    else throw this.#unsupported(`look-${assertion.kind.slice('look'.length)}`, assertion);
  }

  #knownSet(element: AST.CharacterClass | AST.CharacterSet | AST.Character): CodePoints {
    const set = this.#sets.get(element) ?? this.#set(element);
    this.#sets.set(element, set);
    return set;
  }

  #set(element: AST.CharacterClassElement | AST.CharacterClass | AST.CharacterSet): CodePoints {
    switch (element.type) {
      case 'Character':
        return codePoints([{ low: element.value, high: element.value }]);
      case 'CharacterClassRange':
        return codePoints([{ low: element.min.value, high: element.max.value }]);
      case 'CharacterSet':
        return this.#characterSet(element);
      case 'CharacterClass': {
        const members = codePoints(element.elements.flatMap((member) => [...this.#set(member)]));
        return element.negate ? complement(members) : members;
      }
      default:
        throw this.#unsupported('a class with set operations', element);
    }
  }

  #characterSet(set: AST.CharacterSet): CodePoints {
    if (set.kind === 'any') return complement(LINE_ENDS);
    if (set.kind !== 'property') {
      const members = ESCAPE_SETS[set.kind];
      return set.negate ? complement(members) : members;
    }
    if (set.strings) throw this.#unsupported('a property of strings', set);
    return propertyCodePoints(set.raw);
  }

  #unsupported(what: string, { raw }: AST.Node): ServerError {
    const shown = raw.length > RAW_CHARACTERS_MAX ? `${raw.slice(0, RAW_CHARACTERS_MAX)}…` : raw;
    const message = `'${this.#param}' holds ${what}, ${shown}, which is not supported by this server.`;
    return new ServerError('unsupported_parameter', message, { param: this.#param });
  }
}

const RAW_CHARACTERS_MAX = 40;

/**
 * Assertions are decided by where the text stands: a state is doubled by whether nothing has been taken yet, and by
 * whether nothing may be taken any more.
 */
function withoutAssertions(states: readonly AssertedState[], last: number): TextAutomaton {
  const BEGINNING = 1;
  const ENDED = 2;
  const numbers = new Map<number, number>();
  const found: number[] = [];
  const numberOf = (state: number, place: number): number => {
    const key = 4 * state + place;
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, found.length);
    found.push(key);
    return found.length - 1;
  };
  numberOf(0, BEGINNING);
  const edges: TextEdge[][] = [];
  const empties: number[][] = [];
  for (let index = 0; index < found.length; index++) {
    const place = found[index]! & 3;
    const { edges: own, empties: moves, atBeginning, atEnd } = states[found[index]! >> 2]!;
    const isEnded = (place & ENDED) !== 0;
    edges.push(isEnded ? [] : own.map(({ low, high, to }) => ({ low, high, to: numberOf(to, 0) })));
    const next = moves.map((to) => numberOf(to, place));
    if ((place & BEGINNING) !== 0) next.push(...atBeginning.map((to) => numberOf(to, place)));
    next.push(...atEnd.map((to) => numberOf(to, place | ENDED)));
    empties.push(next);
  }
  return { edges, empties, finals: found.map((key) => key >> 2 === last) };
}
