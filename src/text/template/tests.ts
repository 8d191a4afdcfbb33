/** Tests of chat templates: what stands behind `is`, or is named to `select`. */

import { type Builtin, bound, builtins } from './builtins.ts';
import { COMPARISONS, isEqual, isSame } from './operators.ts';
import { isInCase } from './text.ts';
import {
  Float,
  integerOf,
  isIterable,
  isMapping,
  Loop,
  numberOf,
  requireDefined,
  sizeOf,
  textOf,
  Undefined,
  type Value,
  View,
} from './values.ts';

/** @throws Error where Python does. */
export type Test = Builtin<boolean>;

const compared = (name: string): Test => ({
  parameters: ['other'],
  run: (value, other) => COMPARISONS.get(name)!(value, other!),
});

/** By the names that they have in a template. */
export const TESTS: ReadonlyMap<string, Test> = new Map([
  ...builtins<boolean>({
    odd: (value) => remainderOf(value, 2) === 1,
    even: (value) => remainderOf(value, 2) === 0,
    'divisibleby num': (value, num) => remainderOf(value, integerOf(num!)) === 0,
    defined: (value) => !(value instanceof Undefined),
    undefined: (value) => value instanceof Undefined,
    none: (value) => value === null,
    boolean: (value) => typeof value === 'boolean',
    true: (value) => value === true,
    false: (value) => value === false,
    integer: (value) => typeof value === 'number',
    float: (value) => value instanceof Float,
    number: (value) => numberOf(value) !== null,
    string: (value) => typeof value === 'string',
    mapping: isMapping,
    sequence: (value) => sizeOf(value) !== null && !(value instanceof View),
    iterable: isIterable,
    callable: (value) => typeof value === 'function' || value instanceof Undefined || value instanceof Loop,
    lower: (value) => isInCase(textOf(value), (text) => text.toLowerCase()),
    upper: (value) => isInCase(textOf(value), (text) => text.toUpperCase()),
    escaped: () => false,
    'sameas other': (value, other) => isSame(value, other!),
    'eq other': (value, other) => isEqual(value, other!),
    'equalto other': (value, other) => isEqual(value, other!),
  }),
  ...['==', '!=', '<', '<=', '>', '>=', 'in'].map((name): [string, Test] => [name, compared(name)]),
  ...Object.entries({ ne: '!=', lt: '<', lessthan: '<', le: '<=', gt: '>', greaterthan: '>', ge: '>=' }).map(
    ([name, operator]): [string, Test] => [name, compared(operator)],
  ),
]);

function remainderOf(value: Value, divisor: number): number {
  const number = numberOf(requireDefined(value));
  if (number === null) throw new Error('not all arguments converted during string formatting');
  if (divisor === 0) throw new Error('integer modulo by zero');
  return number - divisor * Math.floor(number / divisor);
}

/** @throws Error where there is no such test, and where Python does. */
export function passes(
  name: string,
  value: Value,
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): boolean {
  const test = TESTS.get(name);
  if (test === undefined) throw new Error(`the test '${name}' is not supported`);
  return test.run(value, ...bound(name, test.parameters, positional, keywords));
}
