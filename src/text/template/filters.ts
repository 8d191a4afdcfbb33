/** Filters of chat templates: those of jinja2 that make the same of the same every time, and are not of HTML. */

import { characterCount } from '../character-count.ts';
import { bound, builtins, type Filter } from './builtins.ts';
import { centered, percentFormat, rounded } from './format.ts';
import { jsonText } from './json.ts';
import { listFilters } from './list-filters.ts';
import { entriesOf } from './methods.ts';
import { boundedText } from './operators.ts';
import { capitalized, replaced, splitAtFromEnd, splitLines, stripped } from './text.ts';
import {
  Float,
  Generator,
  integerOf,
  isMapping,
  isTrue,
  numberOf,
  requireDefined,
  sizeOf,
  Tuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type Given = Value | undefined;

const DESCRIBED = builtins<Value>({
  abs: absolute,
  capitalize: (value) => capitalized(textOf(value)),
  'center width?': (value, width = 80) => centered(textOf(value), integerOf(width), ' '),
  count: lengthOf,
  'd default_value? boolean?': defaulted,
  'default default_value? boolean?': defaulted,
  'float default?': (value, fallback = new Float(0)) => {
    const number = floatOf(value);
    return number === null ? fallback : new Float(number);
  },
  'indent width? first? blank?': indented,
  'int default? base?': (value, fallback = 0, base = 10) => wholeOf(value, integerOf(base)) ?? fallback,
  items: (value) => {
    if (value instanceof Undefined) return new Generator([]);
    if (!isMapping(value)) throw new Error('Can only get item pairs from a mapping.');
    return new Generator(entriesOf(value));
  },
  length: lengthOf,
  lower: (value) => textOf(value).toLowerCase(),
  'replace old new count?': (value, old, by, most = null) =>
    replaced(textOf(value), textOf(old!), textOf(by!), most === null ? -1 : integerOf(most)),
  'round precision? method?': round,
  safe: (value) => textOf(value),
  string: (value) => textOf(value),
  title: (value) => titled(textOf(value)),
  'tojson ensure_ascii? indent? separators? sort_keys?': jsonText,
  'trim chars?': (value, chars = null) =>
    stripped(textOf(value), chars === null ? null : textOf(chars), 'both'),
  'truncate length? killwords? end? leeway?': truncated,
  upper: (value) => textOf(value).toUpperCase(),
  wordcount: (value) => textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
});

/** By the names that they have in a template. */
export const FILTERS: ReadonlyMap<string, Filter> = new Map([
  ...DESCRIBED.map(([name, { parameters, run }]): [string, Filter] => [
    name,
    (value, positional, keywords) => run(value, ...bound(name, parameters, positional, keywords)),
  ]),
  ['format', (value, positional, keywords) => formatted(value, positional, keywords)] as [string, Filter],
  ...listFilters(applyFilter),
]);

/** @throws Error where there is no such filter, and where Python does. */
export function applyFilter(
  name: string,
  value: Value,
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): Value {
  const filter = FILTERS.get(name);
  if (filter === undefined) throw new Error(`the filter '${name}' is not supported`);
  const result = filter(value, positional, keywords);
  return typeof result === 'string' ? boundedText(result) : result;
}

function absolute(value: Value): Value {
  const number = numberOf(requireDefined(value));
  if (number === null) throw new Error(`bad operand type for abs(): '${typeName(value)}'`);
  return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
}

function lengthOf(value: Value): number {
  const size = sizeOf(value);
  if (size === null) throw new Error(`object of type '${typeName(value)}' has no len()`);
  return size;
}

function defaulted(value: Value, fallback: Given = '', boolean: Given = false): Value {
  return value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? fallback : value;
}

function formatted(value: Value, positional: readonly Value[], keywords: ReadonlyMap<string, Value>): string {
  if (keywords.size > 0 && positional.length > 0) {
    throw new Error("can't handle positional and keyword arguments at the same time");
  }
  return percentFormat(textOf(value), keywords.size > 0 ? new Map(keywords) : new Tuple(positional));
}

function indented(value: Value, width: Given = 4, first: Given = false, blank: Given = false): string {
  if (typeof requireDefined(value) !== 'string')
    throw new Error(`only a text is indented, no ${typeName(value)}`);
  const indentation = typeof width === 'string' ? width : ' '.repeat(Math.max(0, integerOf(width)));
  const lines = splitLines(`${value as string}\n`);
  const shown = lines.map((line, index) =>
    index === 0 || (line === '' && !isTrue(blank)) ? line : indentation + line,
  );
  return (isTrue(first) ? indentation : '') + shown.join('\n');
}

function round(value: Value, precision: Given = 0, method: Given = 'common'): Value {
  const decimals = integerOf(precision);
  if (method === 'common') return rounded(value, decimals);
  if (method !== 'ceil' && method !== 'floor') throw new Error('method must be common, ceil or floor');
  const number = numberOf(requireDefined(value));
  if (number === null) throw new Error(`a number is wanted, not ${typeName(value)}`);
  return new Float(Math[method](number * 10 ** decimals) / 10 ** decimals);
}

/** jinja2's own, which begins words behind blanks and opening brackets alone. */
function titled(text: string): string {
  return text
    .split(/([-\s({[<]+)/)
    .map(capitalized)
    .join('');
}

function truncated(
  value: Value,
  length: Given = 255,
  killwords: Given = false,
  end: Given = '...',
  leeway: Given = null,
): Value {
  const [text, most, mark] = [textOf(value), integerOf(length), textOf(end)];
  const kept = most - characterCount(mark);
  if (kept < 0) throw new Error(`expected length >= ${characterCount(mark)}, got ${most}`);
  if (characterCount(text) <= most + (leeway === null ? 5 : integerOf(leeway))) return text;
  const cut = [...text].slice(0, kept).join('');
  return (isTrue(killwords) ? cut : splitAtFromEnd(cut, ' ', 1)[0]!) + mark;
}

const DECIMAL = /^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+)?$/i;
const INFINITE = /^[-+]?(?:inf(?:inity)?|nan)$/i;

/** Python's `float`; `null` where it raises, other than for what is not defined. */
function floatOf(value: Value): number | null {
  requireDefined(value);
  if (typeof value !== 'string') return numberOf(value);
  const text = stripped(value, null, 'both');
  if (DECIMAL.test(text)) return Number(text.replaceAll('_', ''));
  if (!INFINITE.test(text)) return null;
  if (/nan/i.test(text)) return Number.NaN;
  return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function wholeOf(value: Value, base: number): number | null {
  const whole = typeof value === 'string' ? wholeText(stripped(value, null, 'both'), base) : null;
  const number = whole ?? floatOf(value);
  if (number === null || !Number.isFinite(number)) return null;
  const result = Math.trunc(number);
  if (!Number.isSafeInteger(result)) throw new Error('whole numbers beyond 2^53 are not supported');
  return result === 0 ? 0 : result;
}

const PREFIXES: Readonly<Record<number, string>> = { 2: '0b', 8: '0o', 16: '0x' };

function wholeText(text: string, base: number): number | null {
  if (base < 2 || base > 36) throw new Error(`int() base ${base} is not supported`);
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/s.exec(text)!;
  const prefix = PREFIXES[base];
  const hasPrefix = prefix !== undefined && rest.toLowerCase().startsWith(prefix);
  const digits = (hasPrefix ? rest.slice(2) : rest).toLowerCase();
  const isWhole =
    /^[a-z\d]+(?:_[a-z\d]+)*$/.test(digits) &&
    [...digits].every((each) => each === '_' || Number.parseInt(each, 36) < base);
  return isWhole ? Number.parseInt(sign + digits.replaceAll('_', ''), base) : null;
}
