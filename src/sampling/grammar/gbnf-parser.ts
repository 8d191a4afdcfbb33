/**
 * The text of a GBNF grammar, as llama.cpp and xgrammar write it, as a tree. Literals, classes of characters, `.`,
 * groups, alternatives, `*` `+` `?` `{m,n}`, references to rules, comments. Recursive descent; errors name the line.
 */

import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_TEXT_CHARACTERS_MAX, SCHEMA_DEPTH_MAX } from '../../base/grammar-limits.ts';
import { ALL_CODE_POINTS, type CodePoints, codePoints, complement } from './code-points.ts';

export type GbnfNode =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'set'; readonly set: CodePoints }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'sequence'; readonly parts: readonly GbnfNode[] }
  | { readonly kind: 'any-of'; readonly options: readonly GbnfNode[] }
  | { readonly kind: 'repeat'; readonly of: GbnfNode; readonly min: number; readonly max: number | null };

const NAME = /[A-Za-z_][\w-]*/y;
const RULE_BEGIN = /[A-Za-z_][\w-]*\s*::=/y;
const BOUNDS = /\{\s*(\d{1,9})?\s*(,)?\s*(\d{1,9})?\s*\}/y;
const SPACE = /(?:\s|#[^\n]*)*/y;
const HEX_LENGTHS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const PLAIN_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const ESCAPABLE = '"\'\\[]^-/.{}()|*+?$';

/** @returns rule name -> what it stands for. @throws ServerError for what is no grammar. */
export function parseGbnf(text: string, param: string): ReadonlyMap<string, GbnfNode> {
  if (text.length > GRAMMAR_TEXT_CHARACTERS_MAX) {
    const message = `'${param}' has more than ${GRAMMAR_TEXT_CHARACTERS_MAX} characters.`;
    throw new ServerError('invalid_request', message, { param });
  }
  return new GbnfParser(text, param).rules();
}

class GbnfParser {
  readonly #text: string;
  readonly #param: string;
  #place = 0;
  #depth = 0;

  constructor(text: string, param: string) {
    this.#text = text;
    this.#param = param;
  }

  rules(): ReadonlyMap<string, GbnfNode> {
    const rules = new Map<string, GbnfNode>();
    this.#take(SPACE);
    while (this.#place < this.#text.length) {
      const head = this.#take(RULE_BEGIN);
      if (head === null) throw this.#error('expected a rule, such as \'root ::= "yes" | "no"\'');
      const name = head[0].slice(0, -'::='.length).trim();
      if (rules.has(name)) throw this.#error(`rule '${name}' is defined twice`);
      rules.set(name, this.#alternatives());
    }
    return rules;
  }

  #alternatives(): GbnfNode {
    const options = [this.#sequence()];
    while (this.#text[this.#place] === '|') {
      this.#place++;
      options.push(this.#sequence());
    }
    return options.length === 1 ? options[0]! : { kind: 'any-of', options };
  }

  #sequence(): GbnfNode {
    const parts: GbnfNode[] = [];
    this.#take(SPACE);
    while (
      this.#place < this.#text.length &&
      !'|)'.includes(this.#text[this.#place]!) &&
      !this.#isAt(RULE_BEGIN)
    ) {
      parts.push(this.#repeated(this.#item()));
      this.#take(SPACE);
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  #item(): GbnfNode {
    const character = this.#text[this.#place]!;
    if (character === '"') return { kind: 'literal', text: this.#literal() };
    if (character === '[') return { kind: 'set', set: this.#class() };
    if (character === '(') return this.#group();
    if (character === '.') {
      this.#place++;
      return { kind: 'set', set: ALL_CODE_POINTS };
    }
    const name = this.#take(NAME);
    if (name === null) throw this.#error(`'${character}' is not understood`);
    return { kind: 'rule', name: name[0] };
  }

  #group(): GbnfNode {
    if (++this.#depth > SCHEMA_DEPTH_MAX)
      throw this.#error(`groups are nested more than ${SCHEMA_DEPTH_MAX} deep`);
    this.#place++;
    const node = this.#alternatives();
    if (this.#text[this.#place] !== ')') throw this.#error("a group's ')' is missing");
    this.#place++;
    this.#depth--;
    return node;
  }

  #repeated(node: GbnfNode): GbnfNode {
    let result = node;
    for (let count = 0; ; count++) {
      const bounds = this.#bounds();
      if (bounds === null) return result;
      if (count === SCHEMA_DEPTH_MAX) throw this.#error('too many repetitions of repetitions');
      result = { kind: 'repeat', of: result, ...bounds };
    }
  }

  #bounds(): { min: number; max: number | null } | null {
    const character = this.#text[this.#place];
    if (character === '*' || character === '+' || character === '?') {
      this.#place++;
      return { min: character === '+' ? 1 : 0, max: character === '?' ? 1 : null };
    }
    if (character !== '{') return null;
    const found = this.#take(BOUNDS);
    if (found === null || !/\d/.test(found[0])) {
      throw this.#error('a repetition is written {3}, {3,}, {,5} or {3,5}');
    }
    const [, low, comma, high] = found;
    const min = Number(low ?? 0);
    const unbounded = high === undefined ? null : Number(high);
    const max = comma === undefined ? min : unbounded;
    if (max !== null && max < min) throw this.#error('a repetition ends before it begins');
    return { min, max };
  }

  #literal(): string {
    this.#place++;
    let text = '';
    while (this.#text[this.#place] !== '"') text += this.#character('a literal');
    this.#place++;
    return text;
  }

  #class(): CodePoints {
    this.#place++;
    const isNegated = this.#text[this.#place] === '^';
    if (isNegated) this.#place++;
    const ranges: { low: number; high: number }[] = [];
    while (this.#text[this.#place] !== ']') {
      const low = this.#character('a class').codePointAt(0)!;
      let high = low;
      if (this.#text[this.#place] === '-' && this.#text[this.#place + 1] !== ']') {
        this.#place++;
        high = this.#character('a class').codePointAt(0)!;
      }
      if (high < low) throw this.#error('a range of a class ends before it begins');
      ranges.push({ low, high });
    }
    this.#place++;
    return isNegated ? complement(codePoints(ranges)) : codePoints(ranges);
  }

  /** One character of a literal or a class, escapes read. */
  #character(what: string): string {
    const point = this.#text.codePointAt(this.#place);
    if (point === undefined || point === 0x0a) throw this.#error(`${what} is not closed`);
    const character = String.fromCodePoint(point);
    this.#place += character.length;
    if (character !== '\\') return character;
    const letter = this.#text[this.#place++] ?? '';
    const length = HEX_LENGTHS[letter];
    if (length !== undefined) return this.#hexadecimal(length);
    const escaped = PLAIN_ESCAPES[letter] ?? (ESCAPABLE.includes(letter) ? letter : '');
    if (escaped === '') throw this.#error(`the escape '\\${letter}' is not known`);
    return escaped;
  }

  #hexadecimal(length: number): string {
    const digits = this.#text.slice(this.#place, this.#place + length);
    const point =
      /^[0-9A-Fa-f]+$/.test(digits) && digits.length === length ? Number.parseInt(digits, 16) : -1;
    const isCharacter = point >= 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
    if (!isCharacter) throw this.#error(`an escape of ${length} hexadecimal digits names no character`);
    this.#place += length;
    return String.fromCodePoint(point);
  }

  #isAt(pattern: RegExp): boolean {
    pattern.lastIndex = this.#place;
    return pattern.test(this.#text);
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#place;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#place += found[0].length;
    return found;
  }

  #error(what: string): ServerError {
    const line = this.#text.slice(0, this.#place).split('\n').length;
    const message = `'${this.#param}' is not a GBNF grammar: ${what} (line ${line}).`;
    return new ServerError('invalid_request', message, { param: this.#param });
  }
}
