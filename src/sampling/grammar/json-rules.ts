/**
 * JSON itself as rules: strings, numbers, any value, and the white space that an output may use. Models that were
 * trained on indented JSON may go on writing it, but no white space is without bound, because some models never end it.
 */

import { type CodePoints, codePoints } from './code-points.ts';
import type { ProgramBuilder, Rule } from './program-builder.ts';
import { UNESCAPED } from './spell-text.ts';

/** Characters of indentation after a line end. */
const INDENT_MAX = 20;
/** Digits of numbers without bounds: no JSON number of another program has more, and no value leaves a float64. */
export const INTEGER_DIGITS_MAX = 20;
export const FRACTION_DIGITS_MAX = 25;
const EXPONENT_DIGITS_MAX = 2;

const hex = (first: string, last: string): CodePoints =>
  codePoints(
    [first, first.toUpperCase()].map((low, index) => {
      const high = index === 0 ? last : last.toUpperCase();
      return { low: low.charCodeAt(0), high: high.charCodeAt(0) };
    }),
  );
const DIGIT = hex('0', '9');
const HEX = codePoints([...DIGIT, ...hex('a', 'f')]);

type RuleName = 'space' | 'character' | 'string' | 'integer' | 'number' | 'value' | 'object' | 'array';

export class JsonRules {
  readonly #builder: ProgramBuilder;
  readonly #isCompact: boolean;
  readonly #rules: Partial<Record<RuleName, Rule>> = {};

  /** @param options.isCompact no white space at all. */
  constructor(builder: ProgramBuilder, options: { readonly isCompact: boolean }) {
    this.#builder = builder;
    this.#isCompact = options.isCompact;
  }

  /** Nothing, a space, or a line end and some indentation. */
  space(from: number, to: number): void {
    if (this.#isCompact) this.#builder.empty(from, to);
    else this.#builder.call(from, this.#rule('space', this.#writeSpace), to);
  }

  /** A comma or a colon, and space. */
  separator(from: number, text: ',' | ':', to: number): void {
    const after = this.#builder.state();
    this.#builder.literal(from, text, after);
    this.space(after, to);
  }

  get string(): Rule {
    return this.#rule('string', ({ start, end }) => this.stringOfLength(start, { min: 0, max: null }, end));
  }

  get integer(): Rule {
    return this.#rule('integer', ({ start, end }) => this.#writeInteger(start, end));
  }

  get number(): Rule {
    return this.#rule('number', this.#writeNumber);
  }

  get value(): Rule {
    return this.#rule('value', ({ start, end }) => {
      for (const rule of [this.string, this.number, this.object, this.array])
        this.#builder.call(start, rule, end);
      for (const word of ['true', 'false', 'null']) this.#builder.literal(start, word, end);
    });
  }

  get object(): Rule {
    return this.#rule('object', ({ start, end }) =>
      this.#list(start, '{}', (from, to) => this.pair(from, this.string, this.value, to), end),
    );
  }

  get array(): Rule {
    return this.#rule('array', ({ start, end }) =>
      this.#list(start, '[]', (from, to) => this.#builder.call(from, this.value, to), end),
    );
  }

  /** A key and its value. */
  pair(from: number, key: Rule, value: Rule, to: number): void {
    const [colon, rest] = [this.#builder.state(), this.#builder.state()];
    this.#builder.call(from, key, colon);
    this.separator(colon, ':', rest);
    this.#builder.call(rest, value, to);
  }

  /** A string, in any spelling, of so many characters (code points). */
  stringOfLength(
    from: number,
    length: { readonly min: number; readonly max: number | null },
    to: number,
  ): void {
    const builder = this.#builder;
    const character = this.#rule('character', this.#writeCharacter);
    const first = builder.state();
    builder.literal(from, '"', first);
    const close = builder.state();
    builder.literal(close, '"', to);
    builder.repeat(first, length, (start, end) => builder.call(start, character, end), close);
  }

  #rule(name: RuleName, write: (rule: Rule) => void): Rule {
    const known = this.#rules[name];
    if (known !== undefined) return known;
    const rule = this.#builder.rule(`JSON ${name}`);
    this.#rules[name] = rule;
    write(rule);
    return rule;
  }

  #writeSpace = ({ start, end }: Rule): void => {
    const builder = this.#builder;
    builder.empty(start, end);
    builder.literal(start, ' ', end);
    const indentation = builder.state();
    builder.literal(start, '\n', indentation);
    const blank = (from: number, to: number): void => {
      for (const each of ' \t') builder.literal(from, each, to);
    };
    builder.repeat(indentation, { min: 0, max: INDENT_MAX }, blank, end);
  };

  /** Halves of surrogate pairs are not characters, so their escapes come in pairs. */
  #writeCharacter = ({ start, end }: Rule): void => {
    const builder = this.#builder;
    builder.character(start, UNESCAPED, end);
    const [escaped, unicode] = [builder.state(), builder.state()];
    builder.literal(start, '\\', escaped);
    for (const letter of '"\\/bfnrt') builder.literal(escaped, letter, end);
    builder.literal(escaped, 'u', unicode);
    const digits = (from: number, sets: readonly CodePoints[], to: number): void => {
      let state = from;
      sets.forEach((set, index) => {
        const next = index === sets.length - 1 ? to : builder.state();
        builder.character(state, set, next);
        state = next;
      });
    };
    const notD = codePoints([...DIGIT, ...hex('a', 'c'), ...hex('e', 'f')]);
    const d = hex('d', 'd');
    digits(unicode, [notD, HEX, HEX, HEX], end);
    digits(unicode, [d, hex('0', '7'), HEX, HEX], end);
    const [second, secondDigits] = [builder.state(), builder.state()];
    digits(unicode, [d, codePoints([...hex('8', '9'), ...hex('a', 'b')]), HEX, HEX], second);
    builder.literal(second, '\\u', secondDigits);
    digits(secondDigits, [d, hex('c', 'f'), HEX, HEX], end);
  };

  #writeInteger(from: number, to: number): void {
    const builder = this.#builder;
    const digits = builder.state();
    builder.empty(from, digits);
    builder.literal(from, '-', digits);
    builder.literal(digits, '0', to);
    const first = builder.state();
    builder.bytes(digits, 0x31, 0x39, first);
    this.#digits(first, { min: 0, max: INTEGER_DIGITS_MAX - 1 }, to);
  }

  #writeNumber = ({ start, end }: Rule): void => {
    const builder = this.#builder;
    const [whole, point, fraction, mark, sign] = Array.from({ length: 5 }, () => builder.state());
    builder.call(start, this.integer, whole!);
    builder.empty(whole!, fraction!);
    builder.literal(whole!, '.', point!);
    this.#digits(point!, { min: 1, max: FRACTION_DIGITS_MAX }, fraction!);
    builder.empty(fraction!, end);
    for (const letter of 'eE') builder.literal(fraction!, letter, mark!);
    builder.empty(mark!, sign!);
    for (const letter of '+-') builder.literal(mark!, letter, sign!);
    this.#digits(sign!, { min: 1, max: EXPONENT_DIGITS_MAX }, end);
  };

  #digits(from: number, count: { readonly min: number; readonly max: number }, to: number): void {
    this.#builder.repeat(from, count, (start, end) => this.#builder.bytes(start, 0x30, 0x39, end), to);
  }

  #list(from: number, brackets: '{}' | '[]', item: (from: number, to: number) => void, to: number): void {
    const builder = this.#builder;
    const [open, first, after, close] = Array.from({ length: 4 }, () => builder.state());
    builder.literal(from, brackets[0]!, open!);
    this.space(open!, first!);
    builder.literal(first!, brackets[1]!, to);
    item(first!, after!);
    this.separator(after!, ',', this.#itemAgain(item, after!));
    this.space(after!, close!);
    builder.literal(close!, brackets[1]!, to);
  }

  #itemAgain(item: (from: number, to: number) => void, after: number): number {
    const again = this.#builder.state();
    item(again, after);
    return again;
  }
}
