/** Grammars that are no schemas: expressions, choices, GBNF, free text up to a trigger, special tokens, and their joints. */

import { describe, expect, it } from 'vitest';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import { propertyCodePoints } from '../../../src/sampling/grammar/unicode-properties.ts';
import { Dice } from '../random-rows.ts';
import { automatonOf, fitOf, type TestToken } from './grammar-driver.ts';

const regex = (pattern: string): GrammarSource => ({ kind: 'regex', pattern });
const ebnf = (text: string): GrammarSource => ({ kind: 'ebnf', text });
const literal = (text: string): GrammarSource => ({ kind: 'literal', text });

function aPattern(dice: Dice, depth: number): string {
  if (depth === 0)
    return dice.pick([
      'a',
      'b',
      'é',
      '.',
      '[ab]',
      '[^a]',
      '\\d',
      '\\w',
      '\\S',
      '(?:)',
      '\\u{1F600}',
      '[a-cé]',
    ]);
  const inner = (): string => aPattern(dice, depth - 1);
  return dice.pick([
    () => `${inner()}${inner()}`,
    () => `(${inner()}|${inner()})`,
    () => `(?:${inner()})${dice.pick(['*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'])}`,
    () => `${dice.pick(['^', '', ''])}${inner()}${dice.pick(['$', '', ''])}`,
  ])();
}

describe('a regular expression', () => {
  it('is refused in one sentence when its groups are nested too deep, and brackets in classes are none', () => {
    const nested = (depth: number) => regex(`${'('.repeat(depth)}a${')'.repeat(depth)}[((((\\](]{0}`);
    expect(() => compileGrammar(nested(257), { addedTokenId: () => 7 })).toThrow(
      'groups in groups, more than 256 deep',
    );
    expect(compileGrammar(nested(256), { addedTokenId: () => 7 }).stateCount).toBeGreaterThan(0);
    expect(() => compileGrammar(regex('('.repeat(8000)), { addedTokenId: () => 7 })).toThrow(
      'more than 256 deep',
    );
  });

  it('takes what JavaScript takes', () => {
    let fittingCount = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const dice = new Dice(seed);
      const pattern = aPattern(dice, dice.integer(0, 3));
      const expected = new RegExp(`^(?:${pattern})$`, 'u');
      for (let count = 0; count < 8; count++) {
        const text = Array.from({ length: dice.integer(0, 5) }, () => dice.pick([...'ab1é😀\n '])).join('');
        if (expected.test(text)) fittingCount++;
        const context = `seed ${seed}: /${pattern}/ ${JSON.stringify(text)}`;
        expect(fitOf(emptyToo(pattern), text) === 'whole', context).toBe(expected.test(text));
      }
    }
    expect(fittingCount).toBeGreaterThan(300);
  });

  it('may be of the kind without the u flag', () => {
    expect(fitOf(regex('[\\w-.]+@x'), 'a-b.c@x')).toBe('whole');
  });

  it.each([
    ['\\p{L}+\\-\\d+', '\\p{L}+-\\d+', ['Zürich-1', 'p{L}-1']],
    ['😀\\:', '😀:', ['😀:', '😀\\:']],
    ['[😀-😂]\\ \\#', '[😀-😂] #', ['😁 #', '😃 #']],
    ['[\\p{Lu}\\-\\:\\\\]{2}\\_', '[\\p{Lu}\\-:\\\\]{2}_', ['É-_', '\\:_', '--_', 'e-_']],
    ['[\\!-\\~]\\é', '[!-~]é', ['aé', '~é', 'éé']],
    ['\\u{1F600}\\,', '\\u{1F600},', ['😀,', '😀']],
  ])(
    'may escape what needs no escape, and stays of the kind with the u flag: %s',
    (pattern, plain, texts) => {
      const expected = new RegExp(`^(?:${plain})$`, 'u');
      for (const text of texts)
        expect(fitOf(regex(pattern), text) === 'whole', text).toBe(expected.test(text));
    },
  );

  it('has no repetition where the comma of one is escaped', () => {
    expect(fitOf(regex('a{1\\,2}'), 'a{1,2}')).toBe('whole');
  });

  it.each([
    ['\\Aabc', 'an anchor of other languages, \\A'],
    ['abc\\Z', 'an anchor of other languages, \\Z'],
    ['[\\w-.]\\z', 'an anchor of other languages, \\z'],
    ['[[:alpha:]]+', 'a POSIX class, [:alpha:]'],
    ['[_[:^digit:]]', 'a POSIX class, [:^digit:]'],
    ['a{,3}', 'a repetition without a least number, {,3}'],
    ['[\\w-.]\\p{L}', 'holds \\p{L}'],
    ['[\\w-.[\\p{L}]', 'holds \\p{L}'],
    ['\\pL', 'holds \\pL'],
    ['\\P{Nonsense}', 'holds \\P{Nonsense}'],
    ['[\\w-.]😀', 'holds 😀'],
    ['[\\w-.]\\u{1F600}', 'holds \\u{1F600}'],
    ['[\\w-.]\\ud83d\\ude00', 'holds \\ud83d'],
  ])('that would mean something else without the u flag is refused: %s', (pattern, said) => {
    expect(() => compileGrammar(regex(pattern), { addedTokenId: () => 7 })).toThrow(said);
  });

  it.each([
    ['\\\\A[{,3}]]', '\\A,]'],
    ['[\\w-.]\\{,3}', 'a{,3}'],
    ['[[:]]', ':]'],
  ])('is not taken for one of those: %s', (pattern, text) => {
    expect(new RegExp(`^${pattern}$`).test(text)).toBe(true);
    expect(fitOf(regex(pattern), text)).toBe('whole');
  });

  it('knows properties of Unicode', () => {
    expect(fitOf(regex('\\p{Lu}\\P{Lu}'), 'Éé')).toBe('whole');
    expect(fitOf(regex('\\p{Lu}'), 'é')).toBe('no');
  });

  it.each(['\\p{L}', '\\P{Lu}', '\\p{Script=Han}', '\\p{Emoji}', '\\p{Cs}', '\\P{Cs}', '\\p{Any}'])(
    'knows of %s exactly the code points that JavaScript does',
    (notation) => {
      const expression = new RegExp(`^${notation}$`, 'u');
      const set = propertyCodePoints(notation);
      const borders = set.flatMap(({ low, high }) => [low - 1, low, high, high + 1]);
      const spread = Array.from({ length: 3000 }, (_, index) => 367 * index);
      const isText = (point: number) => point >= 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      for (const point of [...borders, ...spread].filter(isText)) {
        const isMember = set.some(({ low, high }) => low <= point && point <= high);
        if (isMember !== expression.test(String.fromCodePoint(point))) expect.fail(point.toString(16));
      }
    },
  );

  it('with an exponential number of ways to fit costs no more than its length', () => {
    expect(fitOf(regex('(a|a)*(a|aa)*b'), `${'a'.repeat(500)}b`)).toBe('whole');
    expect(fitOf(regex('(a?){60}a{60}'), 'a'.repeat(60))).toBe('whole');
  });
});

/** A pattern that nothing fits is refused as a grammar; here it is one that takes no text of the test. */
function emptyToo(pattern: string): GrammarSource {
  return { kind: 'any-of', options: [regex(pattern), literal('nothing of this')] };
}

describe('a choice', () => {
  it('takes its texts, also where one begins with another', () => {
    const source: GrammarSource = { kind: 'choice', choices: ['yes', 'yesterday', 'né'] };
    for (const text of ['yes', 'yesterday', 'né']) expect(fitOf(source, text)).toBe('whole');
    expect(fitOf(source, 'yester')).toBe('beginning');
    expect(fitOf(source, 'no')).toBe('no');
  });
});

describe('what cannot be compiled', () => {
  const paramOf = (source: GrammarSource): unknown => {
    try {
      compileGrammar(source, { addedTokenId: () => null });
    } catch (error) {
      return (error as { param?: unknown }).param;
    }
    throw new Error('it can be compiled');
  };
  const never: GrammarSource = { kind: 'json-schema', schema: false, param: 'tools[1]' };

  it('names the field that it comes from, whatever is written around it', () => {
    const option: GrammarSource = { kind: 'sequence', parts: [literal('{"name": '), never] };
    expect(paramOf(never)).toBe('tools[1]');
    expect(paramOf(option)).toBe('tools[1]');
    expect(paramOf({ kind: 'sequence', parts: [literal('a'), { kind: 'any-of', options: [option] }] })).toBe(
      'tools[1]',
    );
    expect(paramOf({ kind: 'repeat', of: option, min: 1, max: 2 })).toBe('tools[1]');
    expect(paramOf({ kind: 'sequence', parts: [literal('b'.repeat(60_000)), option] })).toBe('tools[1]');
  });

  it('names the field of a choice that is too large', () => {
    const choices = Array.from({ length: 600 }, (_, index) => `${index}${'x'.repeat(100)}`);
    expect(paramOf({ kind: 'choice', choices, param: 'guided_choice' })).toBe('guided_choice');
  });
});

describe('a GBNF grammar', () => {
  it.each([
    ['root ::= "a" "b" | "c"', ['ab', 'c'], ['a ', 'abc']],
    [
      '# sums\nroot ::= term ("+" term)*\nterm ::= [0-9]+ | "(" root ")"',
      ['1', '(1+23)+4', '((2))'],
      ['+', '(1', '1+'],
    ],
    [
      'root ::= x{2} y{1,2} z{2,} w{,1}\nx::="x"\ny ::= "y"\nz ::= "z"\nw ::= "w"',
      ['xxyzz', 'xxyyzzzw'],
      ['xyzz', 'xxyz'],
    ],
    ['root ::= [^"\\\\\\n]+ "\\"" .', ['ab"é'], ['a\n"x', '""x']],
    ['root ::= ("a"\n  | "b")+\n  "."', ['ab.', 'b.'], ['.', 'ab']],
    ['root ::= "\\x41\\u00e9\\U0001F600" [\\u4e00-\\u9fff]?', ['Aé😀', 'Aé😀中'], ['Aé']],
    ['root ::= my-rule_1\nmy-rule_1 ::= [a-c-]', ['a', '-'], ['d']],
    ['root ::= "(" root ")" | ""', ['', '()', '((()))'], ['(', '())']],
  ] as const)('%s', (text, fitting, others) => {
    for (const each of fitting) expect(fitOf(ebnf(text), each), each).toBe('whole');
    for (const each of others) expect(fitOf(ebnf(text), each), each).not.toBe('whole');
  });

  it.each([
    ['other ::= "a"', "rule 'root' is not defined"],
    ['root ::= missing', "rule 'missing' is not defined"],
    ['root ::= root "a" | "b"', "rule 'root' begins with itself"],
    ['root ::= a\na ::= "x"? b\nb ::= a "y" | "z"', 'begins with itself'],
    ['root ::= "a', 'not closed'],
    ['root ::= ("a"', "')' is missing"],
    ['root ::= [z-a]', 'ends before it begins'],
    ['root ::= "a"{3,2}', 'ends before it begins'],
    ['root ::= "\\q"', "'\\q'"],
    ['root ::= "a"\nroot ::= "b"', 'twice'],
    ['root = "a"', 'expected a rule'],
    ['root ::= "a" (= "b")', "'=' is not understood"],
    [`root ::= ${'('.repeat(100)}"a"${')'.repeat(100)}`, 'nested'],
    ['root ::= "a"{999999}', 'too large'],
    ['root ::= "a" root', 'Nothing can fit'],
  ])('is refused with the reason: %s', (text, reason) => {
    expect(() => compileGrammar(ebnf(text), { addedTokenId: () => null })).toThrow(reason);
  });
});

describe('free text up to a trigger', () => {
  const until = (...triggers: string[]): GrammarSource => ({ kind: 'text-until', triggers });

  it('holds no trigger, whatever comes before it', () => {
    for (const text of ['', 'abc <tool', '<<too', 'é😀', '<tool<tool'])
      expect(fitOf(until('<tool>'), text)).toBe('whole');
    for (const text of ['<tool>', 'abc <tool> x', '<<tool>', '<tool<tool>'])
      expect(fitOf(until('<tool>'), text)).toBe('no');
  });

  it('knows several triggers, one inside of another', () => {
    const source = until('aab', 'ab', 'bb');
    for (const text of ['aaa', 'ba', 'aca', 'b']) expect(fitOf(source, text)).toBe('whole');
    for (const text of ['aab', 'ab', 'cabb', 'bb']) expect(fitOf(source, text)).toBe('no');
  });

  it('is followed by what the trigger begins', () => {
    const source: GrammarSource = {
      kind: 'sequence',
      parts: [until('<tool>'), { kind: 'repeat', of: literal('<tool>1'), min: 0, max: 2 }],
    };
    for (const text of ['', 'x <tool>1', '<tool>1<tool>1', '<tool<tool>1'])
      expect(fitOf(source, text)).toBe('whole');
    for (const text of ['<tool>1<tool>1<tool>1', '<tool>2']) expect(fitOf(source, text)).toBe('no');
    expect(fitOf(source, '<tool>')).toBe('beginning');
  });
});

describe('tokens', () => {
  const TOKENS: readonly TestToken[] = [
    'a',
    '<call>',
    { special: '<|end|>' },
    '<',
    'call',
    '>',
    Uint8Array.of(0xc3),
    Uint8Array.of(0xa9),
    Uint8Array.of(0xff),
  ];
  const source: GrammarSource = {
    kind: 'sequence',
    parts: [
      { kind: 'text-until', triggers: ['<call>'] },
      { kind: 'special-token', text: '<call>' },
      literal('a'),
    ],
  };
  const stateOf = (grammar: GrammarSource, tokenIds: readonly number[]) => {
    const automaton = automatonOf(grammar, TOKENS);
    let state: ReturnType<typeof automaton.afterToken> = automaton.start;
    for (const tokenId of tokenIds) state = state && automaton.afterToken(state, tokenId);
    return state;
  };

  it('that are added are taken whole, and not spelled out', () => {
    expect(stateOf(source, [0, 1, 0])?.isComplete).toBe(true);
    expect(stateOf(source, [0, 3, 4, 5])).toBeNull();
    expect(stateOf(source, [3, 4, 1, 0])?.isFinal).toBe(true);
  });

  it('that control are never text', () => {
    expect(stateOf({ kind: 'text-until', triggers: ['x'] }, [2])).toBeNull();
    expect(stateOf({ kind: 'special-token', text: '<|end|>' }, [2])?.isComplete).toBe(true);
  });

  it('that are parts of characters fit where the character does', () => {
    const free: GrammarSource = { kind: 'text-until', triggers: ['x'] };
    expect(stateOf(free, [6])?.isFinal).toBe(false);
    expect(stateOf(free, [6, 7])?.isFinal).toBe(true);
    expect(stateOf(free, [6, 0])).toBeNull();
    expect(stateOf(free, [7])).toBeNull();
    expect(stateOf(free, [8])).toBeNull();
  });

  it('that the model does not have are refused', () => {
    expect(() => automatonOf({ kind: 'special-token', text: '<none>' }, TOKENS)).toThrow(
      "no added token '<none>'",
    );
  });
});
