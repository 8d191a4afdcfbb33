/**
 * Values of chat templates while they run: those of Python that templates meet. Texts, truth values, `none` and lists are
 * JavaScript's own, whole numbers are `number`; the others have a class.
 */

import { characterCount } from '../character-count.ts';

/** What a template calls. @throws Error where Python does. */
export type Callable = (positional: readonly Value[], keywords: ReadonlyMap<string, Value>) => Value;
export type Key = string | number | null;
export type Mapping = ReadonlyMap<Key, Value>;
export type Value =
  | string
  | number
  | boolean
  | null
  | Undefined
  | Float
  | readonly Value[]
  | Tuple
  | Mapping
  | Namespace
  | Loop
  | Generator
  | View
  | Range
  | Callable;

/** A name or a place that holds nothing: prints nothing, holds nothing, and raises its message where it is used. */
export class Undefined {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** 1.0 is no 1 when it is written. */
export class Float {
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

export class Tuple {
  readonly items: readonly Value[];
  /** Names of its items, where it has any. */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

export class Namespace {
  readonly values: Map<string, Value>;

  constructor(values: Map<string, Value>) {
    this.values = values;
  }
}

/** What the variable `loop` is, in one turn of a loop. */
export class Loop {
  readonly get: (name: string) => Value | undefined;

  /** @param get one of its values: most loops ask for none. */
  constructor(get: Loop['get']) {
    this.get = get;
  }
}

/** What `map`, `select`, … give: always true, of no length, and empty when it has been gone over. */
export class Generator {
  #items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.#items = items;
  }

  take(): readonly Value[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}

/** What `items()`, `keys()` and `values()` of a mapping give: no list, for it has no places. */
export class View {
  readonly kind: 'dict_items' | 'dict_keys' | 'dict_values';
  readonly items: readonly Value[];

  constructor(kind: View['kind'], items: readonly Value[]) {
    this.kind = kind;
    this.items = items;
  }
}

export class Range {
  readonly items: readonly number[];
  readonly text: string;

  constructor(items: readonly number[], text: string) {
    this.items = items;
    this.text = text;
  }
}

/** @param plain what JSON can say, or a `Callable`. */
export function valueOfPlain(plain: unknown): Value {
  if (typeof plain === 'number') return Number.isInteger(plain) ? plain : new Float(plain);
  if (typeof plain === 'string' || typeof plain === 'boolean' || plain === null) return plain;
  if (typeof plain === 'function') return plain as Callable;
  if (Array.isArray(plain)) return plain.map(valueOfPlain);
  if (typeof plain !== 'object') throw new Error(`a template cannot be given a value of ${typeof plain}`);
  const entries = Object.entries(plain).filter(([, value]) => value !== undefined);
  return new Map(entries.map(([key, value]) => [key, valueOfPlain(value)]));
}

export function isMapping(value: Value): value is Mapping {
  return value instanceof Map;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** What Python calls the type of a value. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (value instanceof View) return value.kind;
  if (isList(value)) return 'list';
  if (isMapping(value)) return 'dict';
  const ofClass = [
    [Undefined, 'Undefined'],
    [Float, 'float'],
    [Tuple, 'tuple'],
    [Namespace, 'Namespace'],
    [Loop, 'LoopContext'],
    [Generator, 'generator'],
    [Range, 'range'],
  ] as const;
  const named = ofClass.find(([kind]) => value instanceof kind);
  if (named !== undefined) return named[1];
  return { string: 'str', number: 'int', boolean: 'bool' }[typeof value as string] ?? 'function';
}

/** What jinja2 calls a value in its messages. */
export function objectName(value: Value): string {
  return value === null ? 'None' : `${typeName(value)} object`;
}

/** A number, or a truth value as Python counts it; `null` for others. */
export function numberOf(value: Value): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  return value instanceof Float ? value.number : null;
}

/** @throws Error as jinja2 does where nothing is used. */
export function requireDefined<Given extends Value>(value: Given): Exclude<Given, Undefined> {
  if (value instanceof Undefined) throw new Error(value.message);
  return value as Exclude<Given, Undefined>;
}

/** A value that may have been looked for and not found. */
export function foundOr(value: Value | undefined, message: string): Value {
  return value === undefined ? new Undefined(message) : value;
}

/** A whole number, or a truth value as Python counts it. @throws Error for others. */
export function integerOf(value: Value): number {
  requireDefined(value);
  const number = value instanceof Float ? null : numberOf(value);
  if (number === null) throw new Error(`'${typeName(value)}' object cannot be interpreted as an integer`);
  return number;
}

/** Whether it is true to Python. */
export function isTrue(value: Value): boolean {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof Undefined) return false;
    if (value instanceof Float) return value.number !== 0;
    return (sizeOf(value) ?? 1) > 0;
  }
  return Boolean(value);
}

/** Python's `len`; `null` where a value has none. */
export function sizeOf(value: Value): number | null {
  if (typeof value === 'string') return characterCount(value);
  if (isMapping(value)) return value.size;
  if (value instanceof Undefined) return 0;
  if (value instanceof Generator) return null;
  return iterated(value)?.length ?? null;
}

/** What a loop over the value meets; over nothing, nothing. @throws Error where Python has no loop. */
export function itemsOf(value: Value): readonly Value[] {
  if (value instanceof Undefined) return [];
  const items = value instanceof Generator ? value.take() : iterated(value);
  if (items === null) throw new Error(`'${typeName(value)}' object is not iterable`);
  return items;
}

export function isIterable(value: Value): boolean {
  return value instanceof Undefined || value instanceof Generator || iterated(value) !== null;
}

function iterated(value: Value): readonly Value[] | null {
  if (isList(value)) return value;
  if (typeof value === 'string') return [...value];
  if (isMapping(value)) return [...value.keys()];
  return value instanceof Tuple || value instanceof View || value instanceof Range ? value.items : null;
}

/** @throws Error for values by which no mapping is kept here. */
export function keyOf(value: Value): Key {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  if (isList(value) || isMapping(value)) throw new Error(`unhashable type: '${typeName(value)}'`);
  throw new Error(`a ${typeName(value)} as a key of a mapping is not supported`);
}

/** Python's `str`. @throws Error for what has no text that is the same every time. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : representation(value);
}

/** Python's `repr`. */
export function representation(value: Value): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return value === null ? 'None' : objectText(value);
}

function objectText(value: Exclude<Value, string | number | boolean | null>): string {
  if (isList(value)) return `[${listed(value)}]`;
  if (isMapping(value)) {
    return `{${[...value].map(([key, each]) => `${representation(key)}: ${representation(each)}`).join(', ')}}`;
  }
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Float) return floatText(value.number);
  if (value instanceof Tuple) return `(${listed(value.items)}${value.items.length === 1 ? ',' : ''})`;
  if (value instanceof View) return `${value.kind}([${listed(value.items)}])`;
  if (value instanceof Range) return value.text;
  const hint = value instanceof Generator ? ": '| list' makes a list of it" : '';
  throw new Error(`a ${typeName(value)} cannot be written${hint}`);
}

function listed(items: readonly Value[]): string {
  return items.map(representation).join(', ');
}

/** Shortest digits that read back as the same number, in the notation that Python chooses. */
export function floatText(number: number): string {
  if (Number.isNaN(number)) return 'nan';
  if (!Number.isFinite(number)) return number > 0 ? 'inf' : '-inf';
  const [digits = '', exponentText] = number.toExponential().split('e');
  const exponent = Number(exponentText);
  if (Object.is(number, -0)) return '-0.0';
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
/** What Python does not print as it is; a space it does. */
const UNPRINTABLE = /[\\\n\r\t]|(?! )[\p{C}\p{Z}]/gu;

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(UNPRINTABLE, (character) => ESCAPES[character] ?? codeEscape(character));
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

function codeEscape(character: string): string {
  const code = character.codePointAt(0)!;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}
