/** Which tokens fit: masks against trying each token alone, what is remembered and what bounds it. */

import { describe, expect, it } from 'vitest';
import {
  GRAMMAR_DEPTH_MAX,
  GRAMMAR_MEMO_READINGS_MAX,
  GRAMMAR_MEMO_STATES_MAX,
  GRAMMAR_READINGS_EARNED,
  GRAMMAR_READINGS_PROBED_MAX,
  GRAMMAR_TOKENS_READ_MAX,
} from '../../../src/base/grammar-limits.ts';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import { GrammarCache } from '../../../src/sampling/grammar/grammar-cache.ts';
import { GrammarCursor } from '../../../src/sampling/grammar/grammar-cursor.ts';
import type { GrammarProgram } from '../../../src/sampling/grammar/grammar-program.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import type { GrammarState } from '../../../src/sampling/grammar/grammar-state.ts';
import { buildTokenTrie } from '../../../src/sampling/grammar/token-trie.ts';
import { Vocabulary } from '../../../src/text/vocabulary.ts';
import { FAMILIES, type Family, filesOf } from '../../text/fixtures.ts';
import { Dice } from '../random-rows.ts';
import { automatonOf, schemaSource, stateAfter, stateFrom, trieOf } from './grammar-driver.ts';
import { maskedTokens } from './random-walk.ts';

const ANY = schemaSource(true);
const EXPRESSION: GrammarSource = { kind: 'ebnf', text: 'root ::= "(" root ")" | [a-z0-9]+ (" " root)?' };

/** Every object has one more in it, or a number. */
const TREE = schemaSource({
  $defs: {
    t: {
      anyOf: [
        { type: 'integer' },
        {
          type: 'object',
          properties: { l: { $ref: '#/$defs/t' } },
          required: ['l'],
          additionalProperties: false,
        },
      ],
    },
  },
  $ref: '#/$defs/t',
});

const ENDING_DEEPER: GrammarSource = {
  kind: 'ebnf',
  text: 'root ::= "(" root ")" | "[" "-" y "]"\ny ::= "<" z ">"\nz ::= "1" "2"',
};

const LONGER_OR_DEEPER: GrammarSource = {
  kind: 'ebnf',
  text: 'root ::= "a" root "b" | "c" x "d"\nx ::= "e" (x | y) "f"\ny ::= "g" z "h"\nz ::= "i" "j"',
};

/** The states along the text, repeated for as long as it fits. */
function statesWhile(automaton: GrammarAutomaton, text: string): GrammarState[] {
  const states: GrammarState[] = [];
  for (let state: GrammarState | null = automaton.start; state !== null; ) {
    states.push(state);
    state = automaton.afterByte(state, text.charCodeAt((states.length - 1) % text.length));
  }
  return states;
}

/** Looks for an end, what closes first, as far as 20,000 states. */
function canEnd(automaton: GrammarAutomaton, from: GrammarState): boolean {
  const bytes = Array.from({ length: 128 }, (_, byte) => byte).sort((a, b) => closing(a) - closing(b));
  const seen = new Set([from]);
  const work = [from];
  for (let state = work.pop(); state !== undefined && seen.size < 20_000; state = work.pop()) {
    if (state.isFinal) return true;
    for (const byte of bytes) {
      const next = automaton.afterByte(state, byte);
      if (next === null || seen.has(next)) continue;
      seen.add(next);
      work.push(next);
    }
  }
  return false;
}

const closing = (byte: number): number => '0")]}'.indexOf(String.fromCharCode(byte));

/** Of either many readings that are alike, or few that are deep. */
const AMBIGUOUS: GrammarSource = {
  kind: 'ebnf',
  text: 'root ::= s* | "c" ([a-z]?){1000} [a-m] [a-z]{1000}\ns ::= "a"+ s? "b"?',
};

/** @param automaton of `AMBIGUOUS`. */
function makeForget(automaton: GrammarAutomaton): void {
  const { start } = automaton;
  stateAfter(automaton, `c${'a'.repeat(160)}`);
  expect(automaton.start).not.toBe(start);
}

/** Every text of twelve letters out of two. */
const WORDS = Array.from({ length: 2 ** 12 }, (_, index) =>
  index.toString(2).padStart(12, '0').replaceAll('0', 'a').replaceAll('1', 'b'),
);

/** At every byte a way of reading begins that looks as if it would last, and ends with the next byte. */
const TRAPS: GrammarSource = { kind: 'regex', pattern: '(?:[ab](?:[ab]#{1000})?)*a[ab]{900}' };

/** The last states behind a text without a period, each of which is a new one. */
function statesAlong(automaton: GrammarAutomaton, count: number): GrammarState[] {
  const dice = new Dice(5);
  const states: GrammarState[] = [];
  let state = stateAfter(automaton, 'ab'.repeat(200))!;
  for (let index = 0; index < count; index++) {
    state = automaton.afterByte(state, dice.pick([0x61, 0x62]))!;
    states.push(state);
  }
  return states;
}

/** Texts in a mirror, each level of which can be closed in two ways: opened so deep, they have many stacks. */
const MIRRORED: GrammarSource = {
  kind: 'ebnf',
  text: `root ::= x root | x
x ::= "-" | ${[...'abcdefgh'].map((c) => `"${c}" x "0" "${c}" | "${c}" x "1" "${c}"`).join(' | ')}`,
};

function mirroredText(count: number, depth: number): string {
  const dice = new Dice(3);
  const texts = Array.from({ length: count }, () => {
    const opened = Array.from({ length: depth }, () => dice.pick([...'abcdefgh']));
    const closed = opened.toReversed().map((letter) => `${dice.pick(['0', '1'])}${letter}`);
    return `${opened.join('')}-${closed.join('')}`;
  });
  return texts.join('');
}

/** Stacks that the state keeps in memory, but for those that are only reached over what comes next. */
function heldStacks(state: GrammarState): number {
  const seen = new Set<object>();
  const work: object[] = [...state.readings.stacks];
  for (let stack = work.pop(); stack !== undefined; stack = work.pop()) {
    if (seen.has(stack)) continue;
    seen.add(stack);
    for (const held of Object.values(stack)) {
      if (held instanceof Map) work.push(...held.values());
      else if (typeof held === 'object' && held !== null) work.push(held);
    }
  }
  return seen.size;
}

function automatonOfFamily(
  source: GrammarSource,
  family: Family,
): { automaton: GrammarAutomaton; size: number } {
  const vocabulary = new Vocabulary(filesOf(family));
  const { size } = vocabulary;
  const tokens = buildTokenTrie({
    size,
    bytesOf: (tokenId) => vocabulary.bytesOf(tokenId),
    isSpecial: (tokenId) => vocabulary.isSpecial(tokenId),
  });
  const program = compileGrammar(source, { addedTokenId: () => null });
  return { automaton: new GrammarAutomaton({ id: 1, program, tokens }, { vocabularySize: size }), size };
}

describe.each(FAMILIES)('the mask over the vocabulary of %s', (family) => {
  it.each([
    ['any JSON', ANY],
    ['an expression', EXPRESSION],
  ])('holds exactly the tokens that fit one by one: %s', (_, source) => {
    const { automaton, size } = automatonOfFamily(source, family);
    const dice = new Dice(7);
    let state = automaton.start;
    for (let step = 0; step < 12; step++) {
      const masked = maskedTokens(automaton.mask(state));
      const fitting = Array.from({ length: size }, (_, id) => id).filter(
        (id) => automaton.afterToken(state, id) !== null,
      );
      expect(masked).toEqual(fitting);
      const few = automaton.fewTokenIds(state);
      if (few !== null) expect(Array.from(few)).toEqual(masked);
      else expect(masked.length).toBeGreaterThan(0);
      if (masked.length === 0) break;
      state = automaton.afterToken(state, dice.pick(masked))!;
    }
  });
});

describe('the trie', () => {
  it('leads to every token that is text, tokens of the same text included', () => {
    const trie = trieOf(['b', 'ab', 'a', 'abc', 'ab', { special: 'ab' }, '', 'é']);
    const found: number[] = [];
    for (let node = 0; node < trie.bytes.length; node++) {
      for (let id = trie.tokenIds[node]!; id >= 0; id = trie.sameText[id]!) found.push(id);
    }
    expect(found.sort()).toEqual([0, 1, 2, 3, 4, 7]);
    expect(trie.bytes.length).toBe(6);
    expect(trie.subtreeEnds.every((end, node) => end > node && end <= trie.bytes.length)).toBe(true);
  });
});

describe('an automaton', () => {
  it('remembers where bytes lead, so that the same place is the same state', () => {
    const automaton = automatonOf(ANY);
    expect(stateAfter(automaton, '[1, ["a')).toBe(stateAfter(automaton, '[1, ["a'));
    expect(stateAfter(automaton, '["abc')).toBe(stateAfter(automaton, '["b'));
  });

  it('forgets when it has remembered a lot, and goes on', () => {
    const automaton = automatonOf({ kind: 'ebnf', text: 'root ::= "a" root "b" | "c"{0,20000}' });
    const text = 'c'.repeat(GRAMMAR_MEMO_STATES_MAX + 10);
    const state = stateAfter(automaton, text);
    expect(state?.isFinal).toBe(true);
    expect(automaton.afterByte(state!, 0x63)?.isFinal).toBe(true);
    expect(stateAfter(automaton, 'aacbb')?.isComplete).toBe(true);
  });

  it('forgets also when a few states have remembered many readings, and what these led to', () => {
    const automaton = automatonOf({ kind: 'regex', pattern: '(?:[a-z ]?){1300}[a-m][a-z ]{1300}' });
    const start = automaton.start;
    const bytesMax = GRAMMAR_MEMO_READINGS_MAX / start.readings.length;
    expect(bytesMax).toBeLessThan(200);
    expect(stateAfter(automaton, 'a'.repeat(bytesMax + 1))?.isFinal).toBe(false);
    expect(automaton.start).not.toBe(start);
    expect(start.next.every((next) => next === undefined)).toBe(true);
  });

  it('forgets also when a few states have remembered many stacks, and those that are kept keep no others', () => {
    const automaton = automatonOf(MIRRORED);
    const start = automaton.start;
    const text = mirroredText(40, 8);
    const state = stateAfter(automaton, text)!;
    expect(automaton.start).not.toBe(start);
    const deepest = Math.max(...state.readings.stacks.map(({ depth }) => depth));
    expect(heldStacks(state)).toBeLessThanOrEqual(state.readings.length * (deepest + 1));
  });

  it('reads on from a state that was kept while it forgot as if it had not', () => {
    const automaton = automatonOf(AMBIGUOUS);
    const kept = stateAfter(automaton, 'aaa')!;
    makeForget(automaton);
    const unbroken = stateAfter(automatonOf(AMBIGUOUS), 'aaaaa')!;
    expect(stateFrom(automaton, kept, 'aa')!.readings).toHaveLength(unbroken.readings.length);
  });

  it('forgets what a state that was kept has led to since', () => {
    const automaton = automatonOf(AMBIGUOUS);
    const kept = stateAfter(automaton, 'aaa')!;
    makeForget(automaton);
    expect(stateFrom(automaton, kept, 'aa')).not.toBeNull();
    makeForget(automaton);
    expect(kept.next.every((next) => next === undefined)).toBe(true);
  });

  it('forgets what a way of reading that was followed alone, and is kept, has led to', () => {
    const automaton = automatonOf(AMBIGUOUS);
    const state = stateAfter(automaton, 'c')!;
    automaton.fits(state, 0x61);
    const run = state.run!;
    expect(run.next.some((next) => next != null)).toBe(true);
    makeForget(automaton);
    expect(run.next.filter((next) => next !== undefined)).toEqual([]);
  });

  it('opens nothing more at its greatest depth, and closes all of it', () => {
    const automaton = automatonOf(ANY);
    const depth = 400;
    let state = automaton.start;
    let opened = 0;
    for (; opened < depth; opened++) {
      const next = automaton.afterByte(state, 0x5b);
      if (next === null) break;
      state = next;
    }
    expect(opened).toBeGreaterThan(50);
    expect(opened).toBeLessThan(depth);
    for (const byte of Array<number>(opened).fill(0x5d)) state = automaton.afterByte(state, byte)!;
    expect(state.isComplete).toBe(true);
  });

  it.each([
    ['lists whose only other alternative is a number', TREE, '{"l":'],
    ['any JSON', ANY, '{"a":['],
    ['brackets that end in rules of their own', ENDING_DEEPER, '('],
    ['words that may be nested or longer', LONGER_OR_DEEPER, 'a'],
  ])('can be brought to an end wherever it has been led: %s', (_, source, opening) => {
    const automaton = automatonOf(source);
    const states = statesWhile(automaton, opening);
    expect(states.length).toBeGreaterThan(200);
    expect(states.slice(-40).filter((state) => !canEnd(automaton, state))).toEqual([]);
  });

  it('goes as deep as it may where it is forced to', () => {
    const rules = Array.from({ length: GRAMMAR_DEPTH_MAX }, (_, i) => `r${i} ::= "(" r${i + 1} ")"`);
    const levels = `root ::= "[" r0 "]"\n${rules.join('\n')}`;
    const fits = `${levels}\nr${GRAMMAR_DEPTH_MAX} ::= "(" "x" ")"`;
    const opened = '('.repeat(GRAMMAR_DEPTH_MAX + 1);
    const closed = ')'.repeat(GRAMMAR_DEPTH_MAX + 1);
    const deepest = fits.replace('"[" r0 "]"', 'r0');
    expect(stateAfter(automatonOf({ kind: 'ebnf', text: deepest }), `${opened}x${closed}`)?.isFinal).toBe(
      true,
    );
    expect(() => automatonOf({ kind: 'ebnf', text: fits })).toThrow(
      `The grammar is nested too deep: whatever fits it takes more than ${GRAMMAR_DEPTH_MAX} levels of rules.`,
    );
  });

  it('gives up on a grammar that can be read in ever more ways', () => {
    const automaton = automatonOf({
      kind: 'ebnf',
      text: 'root ::= "a" root x root y | "a" root y root x | "b"\nx ::= "x"?\ny ::= "y"?',
    });
    expect(() => stateAfter(automaton, `${'a'.repeat(200)}b`)).toThrow('too ambiguous');
  });

  it('gives up on tokens that each lead to a state of many readings', () => {
    const automaton = automatonOf(TRAPS, WORDS);
    const state = stateAfter(automaton, 'a'.repeat(900))!;
    expect(() => automaton.mask(state)).toThrow('which tokens may come next');
  });

  it('follows one way of reading where it shows that tokens fit, however many there are', () => {
    const automaton = automatonOf({ kind: 'regex', pattern: '[ab]*a[ab]{1000}' }, WORDS);
    const state = stateAfter(automaton, 'a'.repeat(1000))!;
    expect(state.readings.length).toBeGreaterThan(900);
    const workBefore = automaton.workCount;
    expect(maskedTokens(automaton.mask(state))).toHaveLength(WORDS.length);
    expect(automaton.workCount - workBefore).toBeLessThan(100);
  });

  it('looks at few readings to tell that many tokens fit and that a token does, at each of many new places', () => {
    const automaton = automatonOf({ kind: 'regex', pattern: '[ab]*a[ab]{1000}' }, WORDS);
    const states = statesAlong(automaton, 2000);
    const workBefore = automaton.workCount;
    for (const state of states) {
      expect(automaton.fewTokenIds(state)).toBeNull();
      expect(automaton.fits(state, 1234)).toBe(true);
    }
    expect(automaton.workCount - workBefore).toBeLessThan(3 * states.length);
  });

  it('looks for few tokens only as long as that is cheap, on the whole', () => {
    const automaton = automatonOf(TRAPS, WORDS);
    const states = statesAlong(automaton, 300);
    const workBefore = automaton.workCount;
    for (const state of states) expect(automaton.fewTokenIds(state)).toBeNull();
    const widest = 3 * Math.max(...states.map(({ readings }) => readings.length));
    const bound = GRAMMAR_READINGS_PROBED_MAX + states.length * (GRAMMAR_READINGS_EARNED + widest);
    expect(automaton.workCount - workBefore).toBeLessThan(bound);
  });

  it('says when the tokens that fit are few, and when they are many', () => {
    const tokens = Array.from({ length: 2 * GRAMMAR_TOKENS_READ_MAX }, (_, index) => `a${index}`);
    const few = automatonOf({ kind: 'regex', pattern: 'a[0-9]' }, tokens);
    expect(few.fewTokenIds(few.start)).toHaveLength(10);
    const many = automatonOf({ kind: 'regex', pattern: 'a[0-9]+' }, tokens);
    expect(many.fewTokenIds(many.start)).toBeNull();
  });

  it('leaves out tokens that the model does not have', () => {
    const program = compileGrammar({ kind: 'regex', pattern: 'a+' }, { addedTokenId: () => null });
    const automaton = new GrammarAutomaton(
      { id: 1, program, tokens: trieOf(['a', 'aa', 'aaa']) },
      { vocabularySize: 2 },
    );
    expect(maskedTokens(automaton.mask(automaton.start))).toEqual([0, 1]);
    expect(automaton.afterToken(automaton.start, 2)).toBeNull();
  });
});

describe('special tokens that the model does not have', () => {
  const source: GrammarSource = {
    kind: 'any-of',
    options: ['<a>', '<b>'].map((text) => ({ kind: 'special-token', text })),
  };
  const program = compileGrammar(source, { addedTokenId: (text) => (text === '<a>' ? 1 : 40) });
  const tokens = trieOf(['a', { special: '<a>' }]);
  const automaton = new GrammarAutomaton({ id: 1, program, tokens }, { vocabularySize: 2 });

  it('fit nowhere, and their logits are not read', () => {
    expect([...automaton.fewTokenIds(automaton.start)!]).toEqual([1]);
    expect(maskedTokens(automaton.mask(automaton.start))).toEqual([1]);
    expect(automaton.afterToken(automaton.start, 40)).toBeNull();
  });

  it('end nothing, and their logits are not read', () => {
    const cursor = new GrammarCursor(automaton, [0, 2, 40]);
    cursor.accept(1);
    expect([...cursor.fewTokenIds!]).toEqual([0]);
  });

  it('end the output where the form demands them, though it may not end there', () => {
    const cursor = new GrammarCursor(automaton, [0, 1]);
    expect([...cursor.fewTokenIds!]).toEqual([1]);
    expect([cursor.allows(0), cursor.allows(1)]).toEqual([false, true]);
    const logits = Float32Array.of(3, 2);
    cursor.forbidOthers(logits);
    expect([...logits]).toEqual([-Infinity, 2]);
  });
});

describe('compiled grammars', () => {
  const program = (text: string) => compileGrammar({ kind: 'literal', text }, { addedTokenId: () => null });

  it('are kept, the same source being the same grammar', () => {
    const cache = new GrammarCache(trieOf(['a']));
    const [first, other] = [cache.add('a', program('a')), cache.add('b', program('b'))];
    expect(cache.find('a')).toBe(first);
    expect(cache.find('c')).toBeNull();
    expect(other.id).not.toBe(first.id);
  });

  it('are dropped when they and their sources hold too much together, the one not asked for longest first', () => {
    const bytesMax = 3 * (2 * 1000 + programBytes(program('a')));
    const cache = new GrammarCache(trieOf(['a']), bytesMax);
    const add = (letter: string) => cache.add(letter.repeat(1000), program(letter));
    const find = (letter: string) => cache.find(letter.repeat(1000));
    const [a, , c] = [add('a'), add('b'), add('c')];
    expect(find('a')).toBe(a);
    const d = add('d');
    expect([find('a'), find('b'), find('c'), find('d')]).toEqual([a, null, c, d]);
    expect(cache.add('e'.repeat(bytesMax), program('e'))).not.toBeNull();
    expect([find('a'), find('c'), find('d'), find('e')]).toEqual([null, null, null, null]);
  });

  it('lie in shared memory', () => {
    const { edges, edgeStart, flags, levels } = program('a');
    const { bytes, text } = trieOf(['a']);
    for (const array of [edges, edgeStart, flags, levels, bytes, text]) {
      expect(array.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });
});

function programBytes({ edges, edgeStart, flags, levels, byteClass }: GrammarProgram): number {
  const ofStates = edgeStart.byteLength + flags.byteLength + levels.byteLength;
  return edges.byteLength + ofStates + byteClass.byteLength;
}
