/**
 * Follows one JSON value (RFC 8259) character by character and tells where it ends, or that it is none. Holds no
 * text, so a value may arrive in any pieces.
 */

import { CALL_DEPTH_MAX } from '../../base/limits.ts';
import { isBlank } from './blanks.ts';

export type ScanResult =
  | 'more'
  /** The value ends with this character. */
  | 'end'
  /** The value, a number, ended before this character. */
  | 'end-before'
  | 'invalid';

type State =
  | 'value'
  | 'value-or-close'
  | 'key'
  | 'key-or-close'
  | 'colon'
  | 'comma-or-close'
  | 'text'
  | 'escape'
  | 'unicode'
  | 'literal'
  | NumberState;

type NumberState =
  | 'minus'
  | 'zero'
  | 'integer'
  | 'point'
  | 'fraction'
  | 'exponent'
  | 'exponent-sign'
  | 'exponent-digits';

const NUMBER_ENDS: ReadonlySet<string> = new Set(['zero', 'integer', 'fraction', 'exponent-digits']);
const LITERALS: ReadonlyMap<string, string> = new Map([
  ['t', 'rue'],
  ['f', 'alse'],
  ['n', 'ull'],
]);

export class JsonScanner {
  #state: State = 'value';
  /** Open lists (`[`) and objects (`{`), outermost first. */
  readonly #open: string[] = [];
  /** Whether the text that is being read is a key. */
  #isKey = false;
  /** What a literal still needs, or how many digits of `\u` are missing. */
  #literalRest = '';
  #digitsLeft = 0;

  /** @param character one UTF-16 unit. */
  push(character: string): ScanResult {
    switch (this.#state) {
      case 'text':
        return this.#inText(character);
      case 'value':
      case 'value-or-close':
      case 'key':
      case 'key-or-close':
      case 'colon':
      case 'comma-or-close':
        return isBlank(character) ? 'more' : this.#structure(character);
      case 'escape':
        return this.#escape(character);
      case 'unicode':
        if (!/[0-9a-fA-F]/.test(character)) return 'invalid';
        if (--this.#digitsLeft === 0) this.#state = 'text';
        return 'more';
      case 'literal':
        if (this.#literalRest.charAt(0) !== character) return 'invalid';
        this.#literalRest = this.#literalRest.slice(1);
        return this.#literalRest === '' ? this.#valueEnds() : 'more';
      default:
        return this.#number(this.#state, character);
    }
  }

  #structure(character: string): ScanResult {
    const state = this.#state;
    if (character === '}' && (state === 'key-or-close' || state === 'comma-or-close'))
      return this.#close('{');
    if (character === ']' && (state === 'value-or-close' || state === 'comma-or-close'))
      return this.#close('[');
    switch (state) {
      case 'colon':
        return character === ':' ? this.#go('value') : 'invalid';
      case 'comma-or-close':
        if (character !== ',') return 'invalid';
        return this.#go(this.#open.at(-1) === '{' ? 'key' : 'value');
      case 'key':
      case 'key-or-close':
        if (character !== '"') return 'invalid';
        this.#isKey = true;
        return this.#go('text');
      default:
        return this.#value(character);
    }
  }

  #value(character: string): ScanResult {
    const literal = LITERALS.get(character);
    if (literal !== undefined) {
      this.#literalRest = literal;
      return this.#go('literal');
    }
    if (character === '"') {
      this.#isKey = false;
      return this.#go('text');
    }
    if (character === '{' || character === '[') {
      if (this.#open.length === CALL_DEPTH_MAX) return 'invalid';
      this.#open.push(character);
      return this.#go(character === '{' ? 'key-or-close' : 'value-or-close');
    }
    if (character === '-') return this.#go('minus');
    if (character === '0') return this.#go('zero');
    return isDigit(character) ? this.#go('integer') : 'invalid';
  }

  #inText(character: string): ScanResult {
    if (character === '"') return this.#isKey ? this.#go('colon') : this.#valueEnds();
    if (character === '\\') return this.#go('escape');
    return character < ' ' ? 'invalid' : 'more';
  }

  #escape(character: string): ScanResult {
    if (character === 'u') {
      this.#digitsLeft = 4;
      return this.#go('unicode');
    }
    return '"\\/bfnrt'.includes(character) ? this.#go('text') : 'invalid';
  }

  #number(state: NumberState, character: string): ScanResult {
    const next = numberStep(state, character);
    if (next !== null) return this.#go(next);
    if (!NUMBER_ENDS.has(state)) return 'invalid';
    if (this.#valueEnds() === 'end') return 'end-before';
    return this.push(character);
  }

  #close(opening: string): ScanResult {
    if (this.#open.at(-1) !== opening) return 'invalid';
    this.#open.pop();
    return this.#valueEnds();
  }

  #valueEnds(): ScanResult {
    if (this.#open.length === 0) return 'end';
    return this.#go('comma-or-close');
  }

  #go(state: State): 'more' {
    this.#state = state;
    return 'more';
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

type CharacterClass = 'zero' | 'digit' | 'point' | 'exponent' | 'plus' | 'minus';

const NUMBER_STEPS: Readonly<Record<NumberState, Partial<Record<CharacterClass, NumberState>>>> = {
  minus: { zero: 'zero', digit: 'integer' },
  zero: { point: 'point', exponent: 'exponent' },
  integer: { zero: 'integer', digit: 'integer', point: 'point', exponent: 'exponent' },
  point: { zero: 'fraction', digit: 'fraction' },
  fraction: { zero: 'fraction', digit: 'fraction', exponent: 'exponent' },
  exponent: {
    zero: 'exponent-digits',
    digit: 'exponent-digits',
    plus: 'exponent-sign',
    minus: 'exponent-sign',
  },
  'exponent-sign': { zero: 'exponent-digits', digit: 'exponent-digits' },
  'exponent-digits': { zero: 'exponent-digits', digit: 'exponent-digits' },
};

const SIGNS: ReadonlyMap<string, CharacterClass> = new Map([
  ['0', 'zero'],
  ['.', 'point'],
  ['e', 'exponent'],
  ['E', 'exponent'],
  ['+', 'plus'],
  ['-', 'minus'],
]);

/** @returns null where the number cannot go on with this character. */
function numberStep(state: NumberState, character: string): NumberState | null {
  const kind = SIGNS.get(character) ?? (isDigit(character) ? 'digit' : null);
  return (kind && NUMBER_STEPS[state][kind]) ?? null;
}
