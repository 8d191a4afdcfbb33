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
