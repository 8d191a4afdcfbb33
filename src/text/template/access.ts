/** What `value.name`, `value[key]` and `value[start:stop:step]` are in a chat template. */

import { isChangingMethod, methodOf } from './methods.ts';
import {
  Float,
  integerOf,
  isList,
  isMapping,
  type Key,
  keyOf,
  Loop,
  Namespace,
  numberOf,
  objectName,
  Range,
  representation,
  requireDefined,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

/** A method, else an entry of that name. @throws Error where the value is not defined. */
export function attributeOf(value: Value, name: string): Value {
  requireDefined(value);
  const own = ownAttribute(value, name);
  const found = own === undefined && isMapping(value) ? value.get(name) : own;
  return found === undefined ? noAttribute(value, name) : found;
}

/** An entry, else a method of that name. @throws Error where the value is not defined. */
export function itemOf(value: Value, key: Value): Value {
  requireDefined(value);
  const found = isMapping(value) ? entryOf(value, key) : placeOf(value, key);
  if (found !== undefined) return found;
  if (typeof key === 'string') {
    const own = ownAttribute(value, key);
    return own === undefined ? noAttribute(value, key) : own;
  }
  return new Undefined(`${objectName(value)} has no element ${elementName(key)}`);
}

/** @param path `a.b.0`, or a number. @param fallback for each step that finds nothing; `null`: there is none. */
export function pathOf(value: Value, path: Value, fallback: Value = null): Value {
  const names = typeof path === 'string' ? path.split('.') : [path];
  return names.reduce((object: Value, name) => {
    const found = itemOf(object, typeof name === 'string' && /^\d+$/.test(name) ? Number(name) : name);
    return found instanceof Undefined && fallback !== null ? fallback : found;
  }, value);
}

function noAttribute(value: Value, name: string): Undefined {
  return new Undefined(`'${objectName(value)}' has no attribute ${representation(name)}`);
}

function elementName(key: Value): string {
  return key === null || typeof key === 'number' || typeof key === 'boolean'
    ? representation(key)
    : typeName(key);
}

function ownAttribute(value: Value, name: string): Value | undefined {
  if (value instanceof Namespace) return value.values.get(name);
  if (value instanceof Loop) return value.get(name);
  if (value instanceof Tuple && value.names.includes(name)) return value.items[value.names.indexOf(name)];
  if (isChangingMethod(value, name)) {
    return new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`);
  }
  return methodOf(value, name) ?? undefined;
}

function entryOf(mapping: ReadonlyMap<Key, Value>, key: Value): Value | undefined {
  const isKey = key === null || typeof key === 'string' || typeof key === 'number';
  return isKey ? mapping.get(keyOf(key)) : undefined;
}

function placeOf(value: Value, key: Value): Value | undefined {
  const index = key instanceof Float ? null : numberOf(key);
  const items = placesOf(value);
  return index === null || items === null ? undefined : items.at(index);
}

/** Characters are what Python counts: a text without pairs of surrogates is a list of them as it is. */
function placesOf(value: Value): string | readonly Value[] | null {
  if (typeof value === 'string') return /[\ud800-\udfff]/.test(value) ? [...value] : value;
  if (isList(value)) return value;
  return value instanceof Tuple || value instanceof Range ? value.items : null;
}

type Bounds = { readonly start: Value; readonly stop: Value; readonly step: Value };

/** Python's slice. @throws Error for what has no places, and where a bound is no whole number. */
export function sliceOf(value: Value, { start, stop, step }: Bounds): Value {
  requireDefined(value);
  const items = placesOf(value);
  if (items === null) throw new Error(`'${typeName(value)}' object is not subscriptable`);
  const by = step === null ? 1 : integerOf(step);
  if (by === 0) throw new Error('slice step cannot be zero');
  const [least, most] = by > 0 ? [0, items.length] : [-1, items.length - 1];
  const clipped = (bound: Value, otherwise: number): number => {
    if (bound === null) return otherwise;
    const at = integerOf(bound);
    return Math.min(Math.max(at < 0 ? at + items.length : at, least), most);
  };
  const [first, end] = [clipped(start, by > 0 ? least : most), clipped(stop, by > 0 ? most : least)];
  const taken: Value[] = [];
  if (by === 1 && typeof items === 'string') return items.slice(first, Math.max(first, end));
  for (let at = first; by > 0 ? at < end : at > end; at += by) taken.push(items[at]!);
  if (typeof value === 'string') return taken.join('');
  return value instanceof Tuple ? new Tuple(taken) : taken;
}
