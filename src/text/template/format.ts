/** Python's two ways of filling in a format: `format % values` and `format.format(values)`. */

import { TEMPLATE_TEXT_CHARACTERS_MAX } from '../../base/limits.ts';
import { characterCount } from '../character-count.ts';
import {
  Float,
  floatText,
  isList,
  isMapping,
  isTrue,
  numberOf,
  representation,
  requireDefined,
  Tuple,
  textOf,
  typeName,
  type Value,
} from './values.ts';

type Layout = {
  readonly fill: string;
  /** `=`: between the sign and the digits. */
  readonly align: '<' | '>' | '^' | '=';
  readonly width: number;
};
type Conversion = {
  readonly kind: string;
  readonly precision: number | null;
  readonly sign: string;
  readonly groups: boolean;
};

const PERCENT =
  /%(?:\((?<key>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>\d*)(?:\.(?<precision>\d+))?(?<kind>.?)/gsu;

/**
 * @param given a tuple of values, a mapping, or the one value.
 * @throws Error for what is not known here, and where Python does.
 */
export function percentFormat(format: string, given: Value): string {
  const left = given instanceof Tuple ? [...given.items] : [given];
  const count = left.length;
  const text = format.replace(PERCENT, (whole: string, ...match: unknown[]) => {
    const field = match.at(-1) as PercentField;
    if (field.kind === '%') return '%';
    if (field.kind === '' || !'srdifFxX'.includes(field.kind) || field.flags.includes('#'))
      throw unknown(whole);
    if (field.key !== undefined) return percentField(field, entryOf(given, field.key));
    const value = left.shift();
    if (value === undefined) throw new Error('not enough arguments for format string');
    return percentField(field, value);
  });
  const isUsed = left.length === 0 || (count === 1 && (isMapping(given) || isList(given)));
  if (!isUsed) throw new Error('not all arguments converted during string formatting');
  return text;
}

type PercentField = {
  readonly key: string | undefined;
  readonly flags: string;
  readonly width: string;
  readonly precision: string | undefined;
  readonly kind: string;
};

function percentField({ flags, width, precision: decimals, kind }: PercentField, value: Value): string {
  const isNumber = !'sr'.includes(kind);
  const precision = decimals === undefined ? null : Number(decimals);
  const sign = /[+]/.exec(flags)?.[0] ?? /[ ]/.exec(flags)?.[0] ?? '';
  const shown = isNumber
    ? numberText(numeric(value, kind), { kind: kind === 'i' ? 'd' : kind, groups: false, precision, sign })
    : cut(asText(value, kind), precision);
  const isLeft = flags.includes('-');
  const zeros = isNumber && !isLeft && flags.includes('0');
  return laidOut(shown, {
    fill: zeros ? '0' : ' ',
    align: isLeft ? '<' : zeros ? '=' : '>',
    width: Number(width),
  });
}

function unknown(what: string): Error {
  return new Error(`'${what}' of a format is not supported`);
}

function entryOf(given: Value, key: string): Value {
  if (!isMapping(given)) throw new Error('format requires a mapping');
  const value = given.get(key);
  if (value === undefined) throw new Error(`a format asks for '${key}', which is not given`);
  return value;
}

function asText(value: Value, kind: string): string {
  return kind === 'r' ? representation(value) : textOf(value);
}

function cut(text: string, precision: number | null): string {
  return precision === null ? text : [...text].slice(0, precision).join('');
}

function numeric(value: Value, kind: string): Value {
  const number = numberOf(requireDefined(value));
  if (number === null) throw new Error(`%${kind} format: a real number is required, not ${typeName(value)}`);
  return kind === 'd' || kind === 'i' ? Math.trunc(number) : value;
}

function numberText(value: Value, { kind, precision, sign, groups }: Conversion): string {
  const number = numberOf(value)!;
  const digits = digitsOf(Math.abs(number), value instanceof Float, kind, precision);
  const [whole = '', ...fraction] = digits.split('.');
  const grouped = groups ? whole.replace(/\B(?=(?:\d{3})+$)/g, ',') : whole;
  const isNegative = number < 0 || Object.is(number, -0);
  return (isNegative ? '-' : sign) + [grouped, ...fraction].join('.');
}

function digitsOf(number: number, isFloat: boolean, kind: string, precision: number | null): string {
  if (kind === 'f' || kind === 'F') return roundedText(number, precision ?? 6);
  if (kind === '%') return `${roundedText(number * 100, precision ?? 6)}%`;
  if (precision !== null || (isFloat && kind !== '')) throw unknown(kind);
  if (kind === 'x') return number.toString(16);
  if (kind === 'X') return number.toString(16).toUpperCase();
  return isFloat ? floatText(number) : String(number);
}

/** So many decimals, of two equally near the even one: as Python, and not as JavaScript, which takes the larger. */
function roundedText(number: number, decimals: number): string {
  if (decimals > 100) throw unknown(String(decimals));
  const text = number.toFixed(decimals);
  const exact = number.toFixed(Math.min(100, decimals + 50));
  const isTie = /^50*$/.test(exact.slice(exact.indexOf('.') + 1 + decimals));
  if (!isTie || !/[13579]$/.test(text)) return text;
  // Rounded away from zero to an odd digit: the even one is one step back.
  const end = text.length - 1;
  return text.slice(0, end) + String(Number(text.charAt(end)) - 1);
}

function laidOut(text: string, { fill, align, width }: Layout): string {
  if (width > TEMPLATE_TEXT_CHARACTERS_MAX) throw unknown(String(width));
  const missing = width - characterCount(text);
  if (missing <= 0) return text;
  if (align === '<') return text + fill.repeat(missing);
  if (align === '>') return fill.repeat(missing) + text;
  if (align === '=') {
    const [sign = ''] = /^[-+ ]?/.exec(text)!;
    return sign + fill.repeat(missing) + text.slice(sign.length);
  }
  const before = Math.floor(missing / 2);
  return fill.repeat(before) + text + fill.repeat(missing - before);
}

/** Python's `text.center(width)`, which puts the odd blank on the left where the width is odd. */
export function centered(text: string, width: number, fill: string): string {
  const missing = width - characterCount(text);
  if (missing <= 0) return text;
  const before = Math.floor(missing / 2) + (missing & width & 1);
  return laidOut(laidOut(text, { fill, align: '>', width: width - (missing - before) }), {
    fill,
    align: '<',
    width,
  });
}

export function justified(text: string, width: number, fill: string, align: '<' | '>' | '='): string {
  return laidOut(text, { fill, align, width });
}

const SPECIFICATION =
  /^(?:(?<fill>.)?(?<align>[<>^=]))?(?<sign>[-+ ])?(?<zero>0)?(?<width>\d*)(?<groups>,)?(?:\.(?<precision>\d+))?(?<kind>[sdfFxX%]?)$/su;
/** Braces doubled, fields, and single braces. */
const BRACES =
  /\{\{|\}\}|\{(?<field>[^{}!:]*)(?:!(?<conversion>[^{}:]*))?(?::(?<specification>[^{}]*))?\}|[{}]/g;

type Specification = {
  readonly fill: string | undefined;
  readonly align: Layout['align'] | undefined;
  readonly sign: string | undefined;
  readonly zero: string | undefined;
  readonly width: string;
  readonly groups: string | undefined;
  readonly precision: string | undefined;
  readonly kind: string;
};
type BraceField = {
  readonly field: string | undefined;
  readonly conversion: string | undefined;
  readonly specification: string | undefined;
};

/** @throws Error for what is not known here, and where Python does. */
export function braceFormat(
  format: string,
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): string {
  let next = 0;
  return format.replace(BRACES, (whole: string, ...match: unknown[]) => {
    const { field, ...shape } = match.at(-1) as BraceField;
    if (field === undefined) {
      if (whole.length === 2) return whole.charAt(0);
      throw new Error(`single '${whole}' in a format`);
    }
    if (/[.[]/.test(field)) throw unknown(whole);
    const name = field === '' ? String(next++) : field;
    const value = /^\d+$/.test(name) ? positional[Number(name)] : keywords.get(name);
    if (value === undefined) throw new Error(`a format asks for '${name}', which is not given`);
    return braceField(shape, value);
  });
}

function braceField({ conversion, specification }: Omit<BraceField, 'field'>, value: Value): string {
  if (!['s', 'r', undefined].includes(conversion)) throw unknown(`!${conversion}`);
  const shown = conversion === undefined ? value : asText(value, conversion);
  return specification ? specified(shown, specification) : textOf(shown);
}

function specified(value: Value, specification: string): string {
  const groups = SPECIFICATION.exec(specification)?.groups as Specification | undefined;
  if (groups === undefined) throw unknown(`:${specification}`);
  const { fill, align, zero, kind } = groups;
  const isNumber = numberOf(value) !== null && (typeof value !== 'boolean' || kind !== '');
  const isKnown = isNumber ? 'dfFxX%'.includes(kind) : typeof value === 'string' && 's'.includes(kind);
  if (!isKnown) throw unknown(`:${specification}`);
  const standard = !isNumber ? '<' : zero === undefined ? '>' : '=';
  return laidOut(specifiedText(value, isNumber, groups), {
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: align ?? standard,
    width: Number(groups.width),
  });
}

function specifiedText(value: Value, isNumber: boolean, groups: Specification): string {
  const precision = groups.precision === undefined ? null : Number(groups.precision);
  if (!isNumber) return cut(textOf(value), precision);
  const sign = groups.sign === undefined || groups.sign === '-' ? '' : groups.sign;
  return numberText(value, { kind: groups.kind, precision, sign, groups: groups.groups !== undefined });
}

/** Python's `round`: of a whole number, the number. */
export function rounded(value: Value, decimals: number): Value {
  const number = numberOf(requireDefined(value));
  if (number === null) throw new Error(`type ${typeName(value)} doesn't define __round__ method`);
  if (decimals < 0) throw new Error('rounding to tens and hundreds is not supported');
  if (!(value instanceof Float)) return number;
  return Number.isFinite(number) && isTrue(value)
    ? new Float(Number(roundedSigned(number, decimals)))
    : value;
}

function roundedSigned(number: number, decimals: number): string {
  return number < 0 ? `-${roundedText(-number, decimals)}` : roundedText(number, decimals);
}
