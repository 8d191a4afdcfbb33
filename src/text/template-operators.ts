/**
 * Operators of chat templates that mean what they mean in Python. The template library compares as JavaScript does: what is
 * not defined is `none` to it, `'1'` is 1, and a list or a message is equal to itself alone. The rest of a division is as
 * negative to it as the number that is divided, and in Python as the one that it is divided by.
 */

import { percentFormat } from './template-functions.ts';
import { FALSE, FloatValue, IntegerValue, StringValue, TRUE, type Value } from './template-library.ts';

/** By the names that they have in a parsed template. */
export const OPERATORS: ReadonlyMap<string, (left: Value, right: Value) => Value> = new Map([
  ['==', (left, right) => truth(isEqual(left, right))],
  ['!=', (left, right) => truth(!isEqual(left, right))],
  ['in', (left, right) => truth(contains(right, left))],
  ['sameas', (left, right) => truth(isSame(left, right))],
  ['%', remainder],
  ['not in', (left, right) => truth(!contains(right, left))],
]);

function truth(plain: boolean): Value {
  return plain ? TRUE : FALSE;
}

/** Types whose values can be equal. The library makes lists of some tuples of Python: they are one kind here. */
const KINDS: Readonly<Record<string, string>> = {
  IntegerValue: 'number',
  FloatValue: 'number',
  BooleanValue: 'number',
  StringValue: 'text',
  ArrayValue: 'list',
  TupleValue: 'list',
  ObjectValue: 'mapping',
  KeywordArgumentsValue: 'mapping',
};

/** Python's `is`, of which jinja2 has a test only. */
function isSame(left: Value, right: Value): boolean {
  return left === right || (left.type === right.type && left.value === right.value);
}

function isEqual(left: Value, right: Value): boolean {
  if (left === right) return true;
  const kind = KINDS[left.type] ?? left.type;
  if (kind !== (KINDS[right.type] ?? right.type)) return false;
  switch (kind) {
    case 'number':
      return Number(left.value) === Number(right.value);
    case 'text':
      return left.value === right.value;
    case 'list':
      return isEqualList(left.value as Value[], right.value as Value[]);
    case 'mapping':
      return isEqualMapping(left.value as Map<string, Value>, right.value as Map<string, Value>);
    default:
      return kind === 'NullValue' || kind === 'UndefinedValue';
  }
}

function isEqualList(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((each, index) => isEqual(each, right[index]!));
}

function isEqualMapping(left: ReadonlyMap<string, Value>, right: ReadonlyMap<string, Value>): boolean {
  if (left.size !== right.size) return false;
  for (const [key, each] of left) {
    const other = right.get(key);
    if (other === undefined || !isEqual(each, other)) return false;
  }
  return true;
}

/** @throws Error where Python does. */
function contains(container: Value, item: Value): boolean {
  switch (KINDS[container.type] ?? container.type) {
    case 'list':
      return (container.value as Value[]).some((each) => isEqual(each, item));
    case 'text':
      if (item.type !== 'StringValue') throw new Error(`a text holds texts, and no ${item.type}`);
      return (container.value as string).includes(item.value as string);
    case 'mapping':
      return item.type === 'StringValue' && (container.value as Map<string, Value>).has(item.value as string);
    case 'UndefinedValue':
      return false;
    default:
      throw new Error(`a ${container.type} holds nothing`);
  }
}

/** Of a text, what its `%s` and `%d` become. @throws Error where Python does. */
function remainder(left: Value, right: Value): Value {
  if (left.type === 'StringValue') {
    const values = right.type === 'TupleValue' ? (right.value as Value[]) : [right];
    return new StringValue(percentFormat(left.value as string, ...values.map(({ value }) => value)));
  }
  if (KINDS[left.type] !== 'number' || KINDS[right.type] !== 'number') {
    throw new Error(`${left.type} % ${right.type} is not known`);
  }
  const divisor = Number(right.value);
  if (divisor === 0) throw new Error('division by zero');
  const rest = Number(left.value) % divisor;
  const value = rest === 0 || rest < 0 === divisor < 0 ? rest : rest + divisor;
  return [left, right].some(({ type }) => type === 'FloatValue')
    ? new FloatValue(value)
    : new IntegerValue(value);
}
