/** Filters of chat templates that go over items. */

import { pathOf } from './access.ts';
import { bound, builtins, type Filter } from './builtins.ts';
import { entriesOf } from './methods.ts';
import { ARITHMETIC, compare } from './operators.ts';
import { passes } from './tests.ts';
import {
  Float,
  foundOr,
  Generator,
  integerOf,
  isList,
  isMapping,
  isTrue,
  itemsOf,
  numberOf,
  representation,
  Tuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type Given = Value | undefined;
type ApplyFilter = (name: string, ...given: Parameters<Filter>) => Value;

/** @param apply for `map`, which applies other filters. */
export function listFilters(apply: ApplyFilter): [string, Filter][] {
  const described = DESCRIBED.map(([name, { parameters, run }]): [string, Filter] => [
    name,
    (value, positional, keywords) => run(value, ...bound(name, parameters, positional, keywords)),
  ]);
  return [...described, ['map', mapping(apply)], ...SELECTING];
}

const DESCRIBED = builtins<Value>({
  'batch linecount fill_with?': batched,
  'dictsort case_sensitive? by? reverse?': sortedEntries,
  first: (value) => foundOr(itemsOf(value)[0], 'No first item, sequence was empty.'),
  'groupby attribute default? case_sensitive?': grouped,
  'join d? attribute?': (value, d = '', attribute = null) =>
    valuesOf(value, attribute).map(textOf).join(textOf(d)),
  last: (value) => {
    if (value instanceof Generator) throw new Error("'generator' object is not reversible");
    return foundOr(itemsOf(value).at(-1), 'No last item, sequence was empty.');
  },
  list: (value) => [...itemsOf(value)],
  'max case_sensitive? attribute?': (value, caseSensitive, attribute) =>
    extreme(value, caseSensitive, attribute, (order) => order > 0),
  'min case_sensitive? attribute?': (value, caseSensitive, attribute) =>
    extreme(value, caseSensitive, attribute, (order) => order < 0),
  reverse: reversed,
  'slice slices fill_with?': sliced,
  'sort reverse? case_sensitive? attribute?': sorted,
  'sum attribute? start?': (value, attribute = null, start = 0) =>
    valuesOf(value, attribute).reduce((sum: Value, each) => ARITHMETIC.get('+')!(sum, each), start),
  'unique case_sensitive? attribute?': unique,
});

function valuesOf(value: Value, attribute: Value): readonly Value[] {
  const items = itemsOf(value);
  return attribute === null ? items : items.map((each) => pathOf(each, attribute));
}

/** By what an item is compared. */
function keyBy(attribute: Given, caseSensitive: Given, fallback: Value = null): (item: Value) => Value {
  return (item) => {
    const key = (attribute ?? null) === null ? item : pathOf(item, attribute!, fallback);
    return typeof key === 'string' && !isTrue(caseSensitive ?? false) ? key.toLowerCase() : key;
  };
}

function sortedBy(items: readonly Value[], key: (item: Value) => Value, reverse: Given): Value[] {
  const direction = isTrue(reverse ?? false) ? -1 : 1;
  const keyed = items.map((item) => [key(item), item] as const);
  return keyed.sort(([left], [right]) => direction * compare('<', left, right)).map(([, item]) => item);
}

/** @param attribute may name several, with commas between them. */
function sorted(value: Value, reverse: Given, caseSensitive: Given, attribute: Given): Value {
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute ?? null];
  const keys = paths.map((path) => keyBy(path, caseSensitive));
  return sortedBy(itemsOf(value), (item) => new Tuple(keys.map((key) => key(item))), reverse);
}

function sortedEntries(value: Value, caseSensitive: Given, by: Given = 'key', reverse: Given = false): Value {
  if (!isMapping(value)) throw new Error(`only a mapping has entries to sort, no ${typeName(value)}`);
  if (by !== 'key' && by !== 'value') throw new Error('You can only sort by either "key" or "value"');
  return sortedBy(entriesOf(value), keyBy(by === 'key' ? 0 : 1, caseSensitive), reverse);
}

function extreme(
  value: Value,
  caseSensitive: Given,
  attribute: Given,
  isBetter: (order: number) => boolean,
): Value {
  const items = itemsOf(value);
  if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.');
  const key = keyBy(attribute, caseSensitive);
  return items.reduce((best, item) => (isBetter(compare('<', key(item), key(best))) ? item : best));
}

function grouped(
  value: Value,
  attribute: Given,
  fallback: Given = null,
  caseSensitive: Given = false,
): Value {
  const key = keyBy(attribute, caseSensitive, fallback);
  const shownKey = keyBy(attribute, true, fallback);
  const groups: Value[][] = [];
  for (const item of sortedBy(itemsOf(value), key, false)) {
    const group = groups.at(-1);
    if (group !== undefined && compare('<', key(group[0]!), key(item)) === 0) group.push(item);
    else groups.push([item]);
  }
  return groups.map((group) => new Tuple([shownKey(group[0]!), group], ['grouper', 'list']));
}

function unique(value: Value, caseSensitive: Given, attribute: Given): Value {
  const key = keyBy(attribute, caseSensitive);
  const seen = new Set<string>();
  const kept = itemsOf(value).filter((item) => {
    const known = identity(key(item));
    return !seen.has(known) && seen.add(known);
  });
  return new Generator(kept);
}

/** The same for what is equal to Python. @throws Error for what cannot be in its sets. */
function identity(value: Value): string {
  if (isList(value) || isMapping(value)) throw new Error(`unhashable type: '${typeName(value)}'`);
  const number = numberOf(value);
  if (number !== null)
    return representation(value instanceof Float && Number.isInteger(number) ? number : (number as Value));
  return representation(value);
}

function reversed(value: Value): Value {
  if (typeof value === 'string') return [...value].reverse().join('');
  const items = [...itemsOf(value)].reverse();
  return value instanceof Generator || value instanceof Undefined ? items : new Generator(items);
}

function batched(value: Value, linecount: Given, fill: Given = null): Value {
  const [items, size] = [itemsOf(value), Math.max(1, integerOf(linecount!))];
  const count = Math.ceil(items.length / size);
  const batches = Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
  const missing = count * size - items.length;
  if (fill === null || missing === 0) return new Generator(batches);
  return new Generator([...batches.slice(0, -1), filledUp(batches.at(-1)!, missing, fill)]);
}

function filledUp(items: readonly Value[], missing: number, fill: Value): Value {
  return ARITHMETIC.get('+')!(items, ARITHMETIC.get('*')!([fill], missing));
}

function sliced(value: Value, slices: Given, fill: Given = null): Value {
  const [items, count] = [itemsOf(value), integerOf(slices!)];
  if (count === 0) throw new Error('integer division or modulo by zero');
  const [size, longer] = [Math.floor(items.length / count), items.length % count];
  const parts: Value[] = [];
  for (let index = 0, start = 0; index < count; index++) {
    const end = start + size + (index < longer ? 1 : 0);
    const part = items.slice(start, end);
    parts.push(fill !== null && index >= longer ? [...part, fill] : part);
    start = end;
  }
  return new Generator(parts);
}

/** `map(attribute='x', default=y)` or `map('filter', …)`. */
function mapping(apply: ApplyFilter): Filter {
  return (value, positional, keywords) => {
    const items = isTrue(value) ? itemsOf(value) : [];
    const attribute = keywords.get('attribute');
    if (positional.length === 0 && attribute !== undefined) {
      const fallback = keywords.get('default') ?? null;
      const other = [...keywords.keys()].find((name) => name !== 'attribute' && name !== 'default');
      if (other !== undefined) throw new Error(`Unexpected keyword argument '${other}'`);
      return new Generator(items.map((item) => pathOf(item, attribute, fallback)));
    }
    const [name, ...rest] = positional;
    if (typeof name !== 'string') throw new Error('map requires a filter argument');
    return new Generator(items.map((item) => apply(name, item, rest, keywords)));
  };
}

const SELECTING: [string, Filter][] = [
  ['select', selecting({ byAttribute: false, passing: true })],
  ['reject', selecting({ byAttribute: false, passing: false })],
  ['selectattr', selecting({ byAttribute: true, passing: true })],
  ['rejectattr', selecting({ byAttribute: true, passing: false })],
];

function selecting({ byAttribute, passing }: { byAttribute: boolean; passing: boolean }): Filter {
  return (value, positional, keywords) => {
    const [path, ...others] = positional;
    if (byAttribute && path === undefined) throw new Error('Missing parameter for attribute name');
    const [name, ...rest] = byAttribute ? others : positional;
    const isPassing = (item: Value): boolean => {
      const tested = byAttribute ? pathOf(item, path!) : item;
      return name === undefined ? isTrue(tested) : passes(textOf(name), tested, rest, keywords);
    };
    return new Generator((isTrue(value) ? itemsOf(value) : []).filter((item) => isPassing(item) === passing));
  };
}
