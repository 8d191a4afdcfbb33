/** Methods of texts, lists and mappings in chat templates: those of Python that change nothing. */

import { characterCount } from '../character-count.ts';
import { type Builtin, bound, builtins } from './builtins.ts';
import { braceFormat, centered, justified } from './format.ts';
import { isEqual } from './operators.ts';
import {
  capitalized,
  isInCase,
  replaced,
  splitAt,
  splitAtFromEnd,
  splitAtSpace,
  splitAtSpaceFromEnd,
  splitLines,
  stripped,
  titled,
} from './text.ts';
import {
  type Callable,
  integerOf,
  isList,
  isMapping,
  isTrue,
  itemsOf,
  keyOf,
  type Mapping,
  Range,
  requireDefined,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from './values.ts';

type Given = Value | undefined;

/** @throws Error where it is none. */
function textArgument(value: Given): string {
  if (typeof value === 'string') return value;
  requireDefined(value ?? null);
  throw new Error(`a str is wanted, not ${typeName(value ?? null)}`);
}

function count(value: Given): number {
  return value === undefined || value === null ? -1 : integerOf(value);
}

function charactersToStrip(value: Given): string | null {
  return value === undefined || value === null ? null : textArgument(value);
}

/** Characters from `start` up to `stop`, as a slice takes them. */
function part(text: string, start: Given, stop: Given): string {
  if ((start ?? null) === null && (stop ?? null) === null) return text;
  const bound = (value: Given): number | undefined =>
    (value ?? null) === null ? undefined : integerOf(value!);
  return [...text].slice(bound(start), bound(stop)).join('');
}

function hasAffix(affix: Given, has: (affix: string) => boolean): boolean {
  return affix instanceof Tuple
    ? affix.items.some((each) => has(textArgument(each)))
    : has(textArgument(affix));
}

/** @returns where in the characters; -1 where nowhere. */
function found(self: Value, sought: Given, fromEnd: boolean): number {
  const text = self as string;
  const at = fromEnd ? text.lastIndexOf(textArgument(sought)) : text.indexOf(textArgument(sought));
  return at === -1 ? -1 : characterCount(text.slice(0, at));
}

function present(at: number): number {
  if (at === -1) throw new Error('substring not found');
  return at;
}

function partition(self: Value, separator: Given, fromEnd: boolean): Tuple {
  const [text, mark] = [self as string, textArgument(separator)];
  if (mark === '') throw new Error('empty separator');
  const at = fromEnd ? text.lastIndexOf(mark) : text.indexOf(mark);
  if (at === -1) return new Tuple(fromEnd ? ['', '', text] : [text, '', '']);
  return new Tuple([text.slice(0, at), mark, text.slice(at + mark.length)]);
}

function occurrences(text: string, sought: string): number {
  return sought === '' ? characterCount(text) + 1 : text.split(sought).length - 1;
}

/** A method of texts that takes nothing. */
const plain =
  (run: (text: string) => Value): Builtin<Value>['run'] =>
  (self) =>
    run(self as string);
const only = (pattern: RegExp) => plain((text) => pattern.test(text));

const OF_TEXTS: ReadonlyMap<string, Builtin<Value>> = new Map(
  builtins<Value>({
    upper: plain((text) => text.toUpperCase()),
    lower: plain((text) => text.toLowerCase()),
    capitalize: plain(capitalized),
    title: plain(titled),
    swapcase: plain((text) =>
      [...text]
        .map((each) => (isInCase(each, (one) => one.toUpperCase()) ? each.toLowerCase() : each.toUpperCase()))
        .join(''),
    ),
    isdigit: only(/^[\p{Nd}²³¹⁰-⁹₀-₉]+$/u),
    isdecimal: only(/^\p{Nd}+$/u),
    isnumeric: only(/^\p{N}+$/u),
    isalpha: only(/^\p{L}+$/u),
    isalnum: only(/^[\p{L}\p{N}]+$/u),
    isascii: plain((text) => [...text].every((each) => each < '\x80')),
    isspace: plain((text) => text !== '' && stripped(text, null, 'both') === ''),
    islower: plain((text) => isInCase(text, (one) => one.toLowerCase())),
    isupper: plain((text) => isInCase(text, (one) => one.toUpperCase())),
    'strip chars?': (self, chars) => stripped(self as string, charactersToStrip(chars), 'both'),
    'lstrip chars?': (self, chars) => stripped(self as string, charactersToStrip(chars), 'start'),
    'rstrip chars?': (self, chars) => stripped(self as string, charactersToStrip(chars), 'end'),
    'startswith prefix start? end?': (self, prefix, start, end) => {
      const text = part(self as string, start, end);
      return hasAffix(prefix, (affix) => text.startsWith(affix));
    },
    'endswith suffix start? end?': (self, suffix, start, end) => {
      const text = part(self as string, start, end);
      return hasAffix(suffix, (affix) => text.endsWith(affix));
    },
    'removeprefix prefix': (self, prefix) => {
      const text = self as string;
      return text.startsWith(textArgument(prefix)) ? text.slice((prefix as string).length) : text;
    },
    'removesuffix suffix': (self, suffix) => {
      const text = self as string;
      return text.endsWith(textArgument(suffix))
        ? text.slice(0, text.length - (suffix as string).length)
        : text;
    },
    'split sep? maxsplit?': (self, sep, maxsplit) =>
      (sep ?? null) === null
        ? splitAtSpace(self as string, count(maxsplit))
        : splitAt(self as string, textArgument(sep), count(maxsplit)),
    'rsplit sep? maxsplit?': (self, sep, maxsplit) =>
      (sep ?? null) === null
        ? splitAtSpaceFromEnd(self as string, count(maxsplit))
        : splitAtFromEnd(self as string, textArgument(sep), count(maxsplit)),
    'splitlines keepends?': (self, keepends) => splitLines(self as string, isTrue(keepends ?? false)),
    'partition sep': (self, sep) => partition(self, sep, false),
    'rpartition sep': (self, sep) => partition(self, sep, true),
    'replace old new count?': (self, old, by, most) =>
      replaced(self as string, textArgument(old), textArgument(by), count(most)),
    'find sub': (self, sub) => found(self, sub, false),
    'rfind sub': (self, sub) => found(self, sub, true),
    'index sub': (self, sub) => present(found(self, sub, false)),
    'rindex sub': (self, sub) => present(found(self, sub, true)),
    'count sub': (self, sub) => occurrences(self as string, textArgument(sub)),
    'join items': (self, items) =>
      itemsOf(items!)
        .map(textArgument)
        .join(self as string),
    'center width fillchar?': (self, width, fill) =>
      centered(self as string, integerOf(width!), textArgument(fill ?? ' ')),
    'ljust width fillchar?': (self, width, fill) =>
      justified(self as string, integerOf(width!), textArgument(fill ?? ' '), '<'),
    'rjust width fillchar?': (self, width, fill) =>
      justified(self as string, integerOf(width!), textArgument(fill ?? ' '), '>'),
    'zfill width': (self, width) => justified(self as string, integerOf(width!), '0', '='),
  }),
);

const OF_MAPPINGS: ReadonlyMap<string, Builtin<Value>> = new Map(
  builtins<Value>({
    'get key default?': (self, key, fallback = null) => {
      const value = key instanceof Undefined ? undefined : (self as Mapping).get(keyOf(key!));
      return value === undefined ? fallback : value;
    },
    items: (self) => new View('dict_items', entriesOf(self as Mapping)),
    keys: (self) => new View('dict_keys', [...(self as Mapping).keys()]),
    values: (self) => new View('dict_values', [...(self as Mapping).values()]),
    copy: (self) => new Map(self as Mapping),
  }),
);

const OF_SEQUENCES: ReadonlyMap<string, Builtin<Value>> = new Map(
  builtins<Value>({
    'count value': (self, value) => itemsOf(self).filter((each) => isEqual(each, value!)).length,
    'index value': (self, value) => {
      const at = itemsOf(self).findIndex((each) => isEqual(each, value!));
      if (at === -1) throw new Error('the value is not in the list');
      return at;
    },
  }),
);

const COPY: Builtin<Value> = { parameters: [], run: (self) => [...(self as readonly Value[])] };

/** The sandbox of jinja2 gives none of them away. */
const CHANGING: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['list', new Set(['append', 'clear', 'extend', 'insert', 'pop', 'remove', 'reverse', 'sort'])],
  ['dict', new Set(['clear', 'pop', 'popitem', 'setdefault', 'update'])],
]);

export function entriesOf(mapping: Mapping): Tuple[] {
  return [...mapping].map(([key, value]) => new Tuple([key, value]));
}

/** Whether Python has a method of this name, which templates may not use: it changes what they are given. */
export function isChangingMethod(value: Value, name: string): boolean {
  return CHANGING.get(typeName(value))?.has(name) ?? false;
}

/** @returns the method, with the value that it belongs to; `null` where there is none. */
export function methodOf(self: Value, name: string): Callable | null {
  if (typeof self === 'string' && name === 'format') {
    return (positional, keywords) => braceFormat(self, positional, keywords);
  }
  const method = describedMethod(self, name);
  if (method === undefined) return null;
  return (positional, keywords) => method.run(self, ...bound(name, method.parameters, positional, keywords));
}

function describedMethod(self: Value, name: string): Builtin<Value> | undefined {
  if (typeof self === 'string') return OF_TEXTS.get(name);
  if (isMapping(self)) return OF_MAPPINGS.get(name);
  if (isList(self)) return name === 'copy' ? COPY : OF_SEQUENCES.get(name);
  return self instanceof Tuple || self instanceof Range ? OF_SEQUENCES.get(name) : undefined;
}
