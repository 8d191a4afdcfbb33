import { describe, expect, it } from 'vitest';
import { GrammarCursor } from '../../../src/sampling/grammar/grammar-cursor.ts';
import { automatonOf } from './grammar-driver.ts';

const TOKENS = ['{', '}', '"', 'a', 'é', ':', ' ', '1', { special: 'end' }];
const END = TOKENS.length - 1;
const schema = { type: 'object', properties: { é: { type: 'integer' } }, required: ['é'] };
const automaton = automatonOf({ kind: 'json-schema', schema }, TOKENS);

/** Texts of the tokens that fit. */
function fitting(begun: string): unknown[] {
  const cursor = new GrammarCursor(automaton, [END], { begun });
  return TOKENS.filter((_, tokenId) => cursor.allows(tokenId));
}

describe('a grammar behind text that was begun', () => {
  it.each([
    ['', ['{']],
    ['{', ['"', ' ']],
    ['{"', ['é']],
    ['{"é":', [' ', '1']],
    ['{"é": 1', ['}', ' ', '1']],
    ['{"é": 1}', [{ special: 'end' }]],
  ])('goes on where the text has led: %s', (begun, expected) => {
    expect(fitting(begun)).toEqual(expected);
  });

  it('begins where the text does not begin as it does', () => {
    expect(fitting('[{"é"')).toEqual(['{']);
  });

  it('is refused where the text leaves it, with the place', () => {
    expect(() => fitting('{"é": x')).toThrow(/form of the answer.*behind 7 bytes/);
  });

  it('is refused where finding out where it has led takes too long', () => {
    const pattern = '^[ab]*a[ab]{4000}$';
    const ambiguous = automatonOf({ kind: 'json-schema', schema: { type: 'string', pattern } }, TOKENS);
    const begun = `"${'ab'.repeat(5000)}`;
    expect(() => new GrammarCursor(ambiguous, [END], { begun })).toThrow(
      /too ambiguous.*text that has begun/,
    );
  });

  it('is followed once for all sequences that begin with it', () => {
    const begun = `{"é": ${' '.repeat(10)}`;
    expect(automaton.afterBegun(begun)).toBe(automaton.afterBegun(begun));
  });
});

describe('a grammar whose outputs can be read in ever more ways', () => {
  it('is given up where trying single tokens takes too long', () => {
    const tokens = Array.from({ length: 2 ** 12 }, (_, index) =>
      index.toString(2).padStart(12, '0').replaceAll('0', 'a').replaceAll('1', 'b'),
    );
    const traps = automatonOf({ kind: 'regex', pattern: '(?:[ab](?:[ab]#{1000})?)*a[ab]{900}' }, tokens);
    const cursor = new GrammarCursor(traps, [], { begun: 'ab'.repeat(200) });
    const tryAll = (): unknown => tokens.filter((_, tokenId) => cursor.allows(tokenId));
    expect(tryAll).toThrow(/too ambiguous.*which tokens may come next/);
  });

  it('is given up where a single long token leads too far, before it is accepted', () => {
    const long = automatonOf({ kind: 'regex', pattern: '(?:[a ]?){2000}[a ]{1000}' }, [' '.repeat(400)]);
    const cursor = new GrammarCursor(long, []);
    expect(() => cursor.isCompleteAfter(0)).toThrow(/too ambiguous.*which tokens may come next/);
  });

  it('fails when a token is chosen and not when it is accepted, also behind a trigger', () => {
    const ambiguous = automatonOf({ kind: 'regex', pattern: '1(?:[a ]?){5000}' }, TOKENS);
    const cursor = new GrammarCursor(ambiguous, [END], { trigger: { tokenId: 0, thoughts: null } });
    cursor.accept(0);
    expect(() => cursor.isCompleteAfter(TOKENS.indexOf('1'))).toThrow('too ambiguous');
  });
});
