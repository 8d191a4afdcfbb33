/**
 * Masks, short lists and single tokens of random grammars, against following every way of reading at every byte. Many of these
 * grammars are ambiguous, so that states have many readings; some automata remember next to nothing.
 */

import { describe, expect, it } from 'vitest';
import { GRAMMAR_MEMO_STATES_MAX } from '../../../src/base/grammar-limits.ts';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import type { GrammarState } from '../../../src/sampling/grammar/grammar-state.ts';
import { Dice } from '../random-rows.ts';
import { schemaSource, type TestToken, trieOf } from './grammar-driver.ts';
import { PlainAutomaton, type PlainPlace } from './plain-automaton.ts';
import { aRootSchema } from './random-schemas.ts';
import { maskedTokens } from './random-walk.ts';

const encoder = new TextEncoder();
const MARK = '<mark>';
const STEPS = 12;
/** Following more of them in the plain way takes too long. */
const WAYS_MAX = 200;

function anExpression(dice: Dice, depth: number): string {
  const part = (): string =>
    depth === 0 ? dice.pick(['a', 'b', '[ab]', '[a-c]', 'ab']) : anExpression(dice, depth - 1);
  const [low, high] = [dice.integer(0, 3), dice.integer(4, 12)];
  return dice.pick([
    () => `(?:${part()}|${part()})`,
    () => `${part()}${part()}`,
    () => `(?:${part()})*${part()}`,
    () => `(?:${part()})?${part()}`,
    () => `(?:${part()}){${low},${high}}`,
    () => `[a-c]*${part()}[a-c]{${high}}`,
    () => `(?:[a-c](?:[a-c]#{20})?)*${part()}[a-c]{${low}}`,
  ])();
}

function aRuleGrammar(dice: Dice): string {
  const names = ['r0', 'r1', 'r2'];
  const item = (): string =>
    dice.pick([...names, '"a"', '[ab]', '[a-c]*', 'r1*', `"b"{0,${dice.integer(1, 9)}}`]);
  const option = (): string => [dice.pick(['"a"', '"b"', '[a-c]', '"("']), item(), item()].join(' ');
  const rules = names.map(
    (name) => `${name} ::= ${option()} | ${option()} | ${dice.pick(['"c"', '"#"', '[ab]'])}`,
  );
  return [`root ::= r0 r1* [a-c]{0,${dice.integer(2, 20)}}`, ...rules].join('\n');
}

function aSource(dice: Dice): GrammarSource {
  const regex = (): GrammarSource => ({ kind: 'regex', pattern: anExpression(dice, dice.integer(1, 3)) });
  const mark: GrammarSource = { kind: 'special-token', text: MARK };
  return dice.pick([
    regex,
    regex,
    () => ({ kind: 'ebnf', text: aRuleGrammar(dice) }) as const,
    () => schemaSource(aRootSchema(dice).schema),
    () =>
      ({
        kind: 'repeat',
        of: { kind: 'any-of', options: [regex(), regex(), mark, { kind: 'literal', text: MARK }] },
        min: 1,
        max: null,
      }) as const,
  ])();
}

/** All single characters, so that most is within reach, and texts of the letters that grammars are made of. */
function someTokens(dice: Dice): TestToken[] {
  const letters = [...'aaabbbccc#()"{}[]:, 01'];
  const texts = Array.from({ length: 60 }, () =>
    Array.from({ length: dice.integer(1, 6) }, () => dice.pick(letters)).join(''),
  );
  const bytes = Array.from({ length: 95 }, (_, index) => Uint8Array.of(0x20 + index));
  return [...bytes, ...texts, { special: MARK }];
}

function bytesOf(token: TestToken): Uint8Array {
  if (token instanceof Uint8Array) return token;
  return typeof token === 'string' ? encoder.encode(token) : new Uint8Array();
}

type Walker = { readonly automaton: GrammarAutomaton; state: GrammarState };

function expectAlike(
  { automaton, state }: Walker,
  place: PlainPlace,
  fitting: readonly number[],
  asked: readonly number[],
) {
  expect(state.isFinal).toBe(place.isFinal);
  const isFitting = new Set(fitting);
  for (const id of asked) expect([id, automaton.fits(state, id)]).toEqual([id, isFitting.has(id)]);
  const few = automaton.fewTokenIds(state);
  if (few !== null) expect([...few]).toEqual(fitting);
  expect(maskedTokens(automaton.mask(state))).toEqual(fitting);
}

/** @returns how many readings the widest state had. */
function compareAlong(seed: number): number {
  const dice = new Dice(seed);
  const tokens = someTokens(dice);
  const program = compileGrammar(aSource(dice), { addedTokenId: () => tokens.length - 1 });
  const plain = new PlainAutomaton(program);
  const walkers = [GRAMMAR_MEMO_STATES_MAX, 40, 1].map((memoStatesMax): Walker => {
    const options = { vocabularySize: tokens.length, memoStatesMax };
    const automaton = new GrammarAutomaton({ id: 1, program, tokens: trieOf(tokens) }, options);
    return { automaton, state: automaton.start };
  });
  let widest = 0;
  let place = plain.start;
  for (let step = 0; step < STEPS; step++) {
    const fitting = tokens.flatMap((token, id) =>
      plain.afterToken(place, id, bytesOf(token)) === null ? [] : [id],
    );
    const asked = tokens.map((_, id) => id).filter(() => dice.chance(0.2));
    for (const walker of walkers) expectAlike(walker, place, fitting, asked);
    if (fitting.length === 0 || place.ways.length > WAYS_MAX) break;
    const chosen = dice.pick(fitting);
    place = plain.afterToken(place, chosen, bytesOf(tokens[chosen]!))!;
    for (const walker of walkers) walker.state = walker.automaton.afterToken(walker.state, chosen)!;
    widest = Math.max(widest, walkers[0]!.state.readings.length);
  }
  return widest;
}

describe('a random grammar allows what following every way of reading allows, however little is remembered', () => {
  const SEEDS = Array.from({ length: 100 }, (_, index) => index + 1);
  const widths: number[] = [];

  it.each(SEEDS)('with seed %i', (seed) => {
    widths.push(compareAlong(seed));
  });

  it('and many of these grammars are read in many ways', () => {
    expect(widths.filter((width) => width >= 8).length).toBeGreaterThan(20);
  });
});
