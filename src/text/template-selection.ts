/**
 * Filters of chat templates that go over the items of a list: `select`, `reject`, `selectattr`, `rejectattr`, `map`. The
 * template library has some of them, for objects and with few tests. They are made into a node of our own, which goes over
 * the items as a list comprehension of Python does, by an expression for the test and one for the result.
 */

import type { Statement } from './template-library.ts';
import {
  filtered,
  member,
  type Name,
  named,
  not,
  operation,
  tested,
  textLiteral,
  textOf,
} from './template-tree.ts';

/** Its expressions look at the variables `ITEM`, `givenName(0)`, `givenName(1)`, … */
export type Comprehension = Statement & {
  /** Whatever is false has no items. */
  readonly iterable: Statement;
  /** Evaluated once. */
  readonly given: readonly Statement[];
  /** `null`: every item passes. */
  readonly condition: Statement | null;
  readonly result: Statement;
};

type Parts = Pick<Comprehension, 'given' | 'condition' | 'result'>;
type Keyword = Statement & { readonly key: Name; readonly value: Statement };

export const ITEM = 'octavo_item';
const item = named(ITEM);

export function givenName(index: number): string {
  return `octavo_given_${index}`;
}

/** Tests that are operators, too. */
const OPERATORS: ReadonlyMap<string, string> = new Map([
  ...['==', '!=', '>', '>=', '<', '<=', 'in', 'sameas'].map((name): [string, string] => [name, name]),
  ...Object.entries({ eq: '==', equalto: '==', ne: '!=', gt: '>', greaterthan: '>', ge: '>=' }),
  ...Object.entries({ lt: '<', lessthan: '<', le: '<=' }),
]);

/** @returns the node in place of `iterable | filter(args)`; `null` for other filters, and for what is not known here. */
export function asComprehension(
  iterable: Statement,
  filter: string,
  args: readonly Statement[],
): Comprehension | null {
  const parts = filter === 'map' ? mapParts(args) : selectParts(filter, args);
  return parts === null ? null : { type: 'Comprehension', iterable, ...parts };
}

function selectParts(filter: string, args: readonly Statement[]): Parts | null {
  const [, kind, ofAttribute] = /^(select|reject)(attr)?$/.exec(filter) ?? [];
  if (kind === undefined) return null;
  const value = ofAttribute === undefined ? item : attributeOf(args[0]);
  const [test, ...given] = ofAttribute === undefined ? args : args.slice(1);
  if (value === null) return null;
  const passes = test === undefined ? value : passesTest(value, textOf(test), given.length);
  if (passes === null) return null;
  return { given, condition: kind === 'select' ? passes : not(passes), result: item };
}

/** @param givenCount how many values the test is given besides the one that it tests. */
function passesTest(value: Statement, test: string | null, givenCount: number): Statement | null {
  if (test === null) return null;
  const operator = OPERATORS.get(test);
  if (operator === undefined) return testedAsInPython(value, test);
  return givenCount === 1 ? operation(operator, value, named(givenName(0))) : null;
}

/** `value is test`. Objects, and what is not defined, can be iterated over, which the library's own tests deny. */
export function testedAsInPython(value: Statement, test: string): Statement {
  const isIterable = test === 'iterable' || test === 'sequence';
  return isIterable
    ? operation('or', tested(value, 'sequence'), tested(value, 'undefined'))
    : tested(value, test);
}

/** `map(attribute='x', default=y)` or `map('filter', …)`. */
function mapParts(args: readonly Statement[]): Parts | null {
  const keywords = new Map(args.filter(isKeyword).map(({ key, value }) => [key.value, value]));
  const value = attributeOf(keywords.get('attribute'));
  if (value !== null) {
    const fallback = keywords.get('default');
    if (fallback === undefined) return { given: [], condition: null, result: value };
    const result = filtered(value, 'default', [named(givenName(0))]);
    return { given: [fallback], condition: null, result };
  }
  const filter = textOf(args[0]);
  if (filter === null) return null;
  const rest = args.slice(1);
  const given = rest.map((each) => (isKeyword(each) ? each.value : each));
  const names = rest.map((each, index) => {
    const name = named(givenName(index));
    return isKeyword(each) ? { ...each, value: name } : name;
  });
  return { given, condition: null, result: filtered(item, filter, names) };
}

function isKeyword(node: Statement): node is Keyword {
  return node.type === 'KeywordArgumentExpression';
}

/** @param path `a.b.0`, as a literal text. */
function attributeOf(path: Statement | undefined): Statement | null {
  const names = textOf(path)?.split('.');
  if (names === undefined) return null;
  return names.reduce<Statement>((object, name) => member(object, placeOf(name)), item);
}

function placeOf(name: string): Statement {
  return /^\d+$/.test(name)
    ? ({ type: 'IntegerLiteral', value: Number(name) } as Statement)
    : textLiteral(name);
}
