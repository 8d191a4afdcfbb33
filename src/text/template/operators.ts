/** Operators of chat templates, which mean what they mean in Python. */

import { TEMPLATE_LIST_ITEMS_MAX, TEMPLATE_TEXT_CHARACTERS_MAX } from '../../base/limits.ts';
import { percentFormat } from './format.ts';
import { compareTexts } from './text.ts';
import {
  Float,
  isList,
  isMapping,
  itemsOf,
  type Key,
  keyOf,
  numberOf,
  requireDefined,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

type Operator = (left: Value, right: Value) => Value;

/** By the names that they have in a template. @throws Error where Python does. */
export const ARITHMETIC: ReadonlyMap<string, Operator> = new Map([
  ['+', add],
  ['-', numeric('-', (left, right) => left - right)],
  ['*', multiply],
  ['/', (left, right) => new Float(numbers('/', left, right, divisible)[2])],
  ['//', numeric('//', (left, right) => Math.floor(divisible(left, right)))],
  ['%', remainder],
  ['**', power],
]);

export const COMPARISONS: ReadonlyMap<string, (left: Value, right: Value) => boolean> = new Map([
  ['==', isEqual],
  ['!=', (left, right) => !isEqual(left, right)],
  ['<', (left, right) => compare('<', left, right) < 0],
  ['<=', (left, right) => compare('<=', left, right) <= 0],
  ['>', (left, right) => compare('>', left, right) > 0],
  ['>=', (left, right) => compare('>=', left, right) >= 0],
  ['in', (item, container) => contains(container, item)],
  ['not in', (item, container) => !contains(container, item)],
]);

/** @throws Error for a text that no prompt is as long as. */
export function boundedText(text: string): string {
  if (text.length > TEMPLATE_TEXT_CHARACTERS_MAX) {
    throw new Error(`the text is longer than ${TEMPLATE_TEXT_CHARACTERS_MAX} characters`);
  }
  return text;
}

function boundedCount(count: number, most: number, what: string): number {
  if (count > most) throw new Error(`a ${what} of more than ${most}`);
  return Math.max(0, count);
}

function unsupported(operator: string, left: Value, right: Value): Error {
  requireDefined(left);
  requireDefined(right);
  return new Error(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

/** @returns the numbers, and what is made of them. */
function numbers(
  operator: string,
  left: Value,
  right: Value,
  run: (left: number, right: number) => number,
): [number, number, number] {
  const [first, second] = [numberOf(left), numberOf(right)];
  if (first === null || second === null) throw unsupported(operator, left, right);
  return [first, second, run(first, second)];
}

function numeric(operator: string, run: (left: number, right: number) => number): Operator {
  return (left, right) => {
    const result = numbers(operator, left, right, run)[2];
    return left instanceof Float || right instanceof Float ? new Float(result) : whole(result);
  };
}

/** @throws Error where JavaScript's number is no longer Python's. */
function whole(number: number): number {
  if (!Number.isSafeInteger(number)) throw new Error('whole numbers beyond 2^53 are not supported');
  return number === 0 ? 0 : number;
}

function divisible(left: number, right: number): number {
  if (right === 0) throw new Error('division by zero');
  return left / right;
}

const ADD_NUMBERS = numeric('+', (left, right) => left + right);

function add(left: Value, right: Value): Value {
  if (typeof left === 'string') {
    if (typeof right === 'string') return boundedText(left + right);
    requireDefined(right);
    throw new Error(`can only concatenate str (not "${typeName(right)}") to str`);
  }
  if (isList(left) && isList(right)) {
    boundedCount(left.length + right.length, TEMPLATE_LIST_ITEMS_MAX, 'list');
    return [...left, ...right];
  }
  if (left instanceof Tuple && right instanceof Tuple) return new Tuple([...left.items, ...right.items]);
  return ADD_NUMBERS(left, right);
}

const MULTIPLY_NUMBERS = numeric('*', (left, right) => left * right);

function multiply(left: Value, right: Value): Value {
  const isCount = (value: Value): value is number | boolean =>
    numberOf(value) !== null && !(value instanceof Float);
  const [repeated, count] = isCount(left) ? [right, left] : [left, right];
  if (!isCount(count)) return MULTIPLY_NUMBERS(left, right);
  const times = Math.max(0, Number(count));
  if (typeof repeated === 'string') {
    boundedCount(repeated.length * times, TEMPLATE_TEXT_CHARACTERS_MAX, 'text');
    return repeated.repeat(times);
  }
  const items = isList(repeated) ? repeated : repeated instanceof Tuple ? repeated.items : null;
  if (items === null) return MULTIPLY_NUMBERS(left, right);
  const length = boundedCount(items.length * times, TEMPLATE_LIST_ITEMS_MAX, 'list');
  const result = Array.from({ length }, (_, index) => items[index % items.length]!);
  return isList(repeated) ? result : new Tuple(result);
}

const REMAINDER = numeric('%', (left, right) => {
  divisible(left, right);
  const rest = left % right;
  return rest === 0 || rest < 0 === right < 0 ? rest : rest + right;
});

/** Of a text, what its `%s` and `%d` become. */
function remainder(left: Value, right: Value): Value {
  if (typeof left !== 'string') return REMAINDER(left, right);
  requireDefined(right);
  return boundedText(percentFormat(left, right));
}

function power(left: Value, right: Value): Value {
  const [base, exponent, result] = numbers('**', left, right, (first, second) => first ** second);
  if (base === 0 && exponent < 0) throw new Error('0.0 cannot be raised to a negative power');
  if (!Number.isFinite(result)) throw new Error('the result of ** is no number that is supported');
  const isFloat = left instanceof Float || right instanceof Float || exponent < 0;
  return isFloat ? new Float(result) : whole(result);
}

/** Python's `is`, of which jinja2 has a test only. */
export function isSame(left: Value, right: Value): boolean {
  if (left instanceof Float && right instanceof Float) return left.number === right.number;
  return left === right;
}

export function isEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  const [first, second] = [numberOf(left), numberOf(right)];
  if (first !== null || second !== null) return first === second;
  if (isMapping(left)) return isMapping(right) && isEqualMapping(left, right);
  if (left instanceof Undefined) return right instanceof Undefined;
  if (typeName(left) !== typeName(right)) return false;
  const [items, others] = [sequenceOf(left), sequenceOf(right)];
  return items !== null && others !== null && isEqualList(items, others);
}

function sequenceOf(value: Value): readonly Value[] | null {
  if (isList(value)) return value;
  return value instanceof Tuple || value instanceof View ? value.items : null;
}

function isEqualList(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((each, index) => isEqual(each, right[index]!));
}

function isEqualMapping(left: ReadonlyMap<Key, Value>, right: ReadonlyMap<Key, Value>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, each] of left) {
    const other = right.get(key);
    if (other === undefined || !isEqual(each, other)) return false;
  }
  return true;
}

/** @returns a number below, of or above 0. @throws Error where Python knows no order. */
export function compare(operator: string, left: Value, right: Value): number {
  requireDefined(left);
  requireDefined(right);
  const [first, second] = [numberOf(left), numberOf(right)];
  if (first !== null && second !== null) return first === second ? 0 : first - second;
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right);
  const [items, others] = [sequenceOf(left), sequenceOf(right)];
  if (items === null || others === null || typeName(left) !== typeName(right) || left instanceof View) {
    const types = `'${typeName(left)}' and '${typeName(right)}'`;
    throw new Error(`'${operator}' not supported between instances of ${types}`);
  }
  const at = items.findIndex((each, index) => index >= others.length || !isEqual(each, others[index]!));
  if (at === -1) return items.length - others.length;
  return at >= others.length ? 1 : compare(operator, items[at]!, others[at]!);
}

/** @throws Error where Python does. */
export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    if (typeof item === 'string') return container.includes(item);
    throw new Error(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (isMapping(container)) return !(item instanceof Undefined) && container.has(keyOf(item));
  return itemsOf(container).some((each) => isEqual(each, item));
}
