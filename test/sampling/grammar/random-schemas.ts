/**
 * Random schemas of the supported subset, each with a source of values that fit it, made without looking at the grammar:
 * from how the schema was made.
 */

import type { Dice } from '../random-rows.ts';

export type SchemaCase = {
  readonly schema: unknown;
  /** A value that fits. */
  readonly value: (dice: Dice) => unknown;
};

const CHARACTERS = [...'abcXYZ019 _-"\\/\n\té€😀\u0001{}[]:,'];

export function someText(dice: Dice, min: number, max: number): string {
  return Array.from({ length: dice.integer(min, max) }, () => dice.pick(CHARACTERS)).join('');
}

function aString(dice: Dice): SchemaCase {
  return dice.pick([aFreeString, aPatternString, aFormatString])(dice);
}

function aFreeString(dice: Dice): SchemaCase {
  const min = dice.chance(0.5) ? dice.integer(0, 4) : null;
  const max = dice.chance(0.5) ? (min ?? 0) + dice.integer(0, 6) : null;
  const schema = {
    type: 'string',
    ...(min === null ? {} : { minLength: min }),
    ...(max === null ? {} : { maxLength: max }),
  };
  return { schema, value: (inner) => someText(inner, min ?? 0, max ?? (min ?? 0) + 8) };
}

const PATTERNS: readonly (readonly [string, (dice: Dice) => string])[] = [
  [
    '^[a-z]{2,4}$',
    (dice) => Array.from({ length: dice.integer(2, 4) }, () => dice.pick([...'azbq'])).join(''),
  ],
  [
    '^(foo|ba[rz])+$',
    (dice) => Array.from({ length: dice.integer(1, 3) }, () => dice.pick(['foo', 'bar', 'baz'])).join(''),
  ],
  ['\\d', (dice) => `${someText(dice, 0, 3)}${dice.integer(0, 9)}${someText(dice, 0, 3)}`],
  ['^"', (dice) => `"${someText(dice, 0, 3)}`],
  ['é?x$', (dice) => `${someText(dice, 0, 3)}${dice.pick(['é', ''])}x`],
];

function aPatternString(dice: Dice): SchemaCase {
  const [pattern, value] = dice.pick(PATTERNS);
  if (!dice.chance(0.3)) return { schema: { type: 'string', pattern }, value };
  return { schema: { type: 'string', pattern, maxLength: 12 }, value };
}

const FORMATS: readonly (readonly [string, (dice: Dice) => string])[] = [
  ['date', (dice) => new Date(dice.integer(0, 4e12)).toISOString().slice(0, 10)],
  ['date-time', (dice) => new Date(dice.integer(0, 4e12)).toISOString()],
  ['time', (dice) => new Date(dice.integer(0, 4e12)).toISOString().slice(11)],
  ['ipv4', (dice) => Array.from({ length: 4 }, () => dice.integer(0, 255)).join('.')],
  ['uuid', (dice) => `${dice.integer(1e7, 9e7)}-1234-abcd-9999-${dice.integer(1e11, 9e11)}`],
  ['email', (dice) => `${dice.pick(['a.b', 'x+y', 'joe_1'])}@${dice.pick(['example.org', 'a-b.co.uk'])}`],
  ['uri', (dice) => `https://example.org/${dice.integer(0, 99)}?q=%20#x`],
];

function aFormatString(dice: Dice): SchemaCase {
  const [format, value] = dice.pick(FORMATS);
  return { schema: { type: 'string', format }, value };
}

function aNumber(dice: Dice): SchemaCase {
  const isInteger = dice.chance(0.5);
  const type = isInteger ? 'integer' : 'number';
  if (dice.chance(0.3)) {
    return {
      schema: { type },
      value: (inner) => (isInteger ? inner.integer(-1e6, 1e6) : inner.number(-1000, 1000)),
    };
  }
  if (dice.chance(0.25)) {
    const multipleOf = isInteger ? dice.integer(2, 40) : dice.pick([0.5, 0.25, 1.5, 3]);
    return { schema: { type, multipleOf }, value: (inner) => multipleOf * inner.integer(-20, 20) || 0 };
  }
  const places = isInteger ? 1 : 4;
  const low = dice.integer(-300, 300) / places;
  const high = low + dice.integer(1, dice.pick([3, 500, 20_000])) / places;
  const isExclusive = dice.chance(0.3);
  const bounds = {
    [isExclusive ? 'exclusiveMinimum' : 'minimum']: low,
    ...(dice.chance(0.7) ? { maximum: high } : {}),
  };
  const step = isExclusive ? 1 : 0;
  const value = (inner: Dice): number =>
    (Math.round(low * places) + inner.integer(step, Math.round((high - low) * places))) / places;
  return { schema: { type, ...bounds }, value: (inner) => value(inner) || 0 };
}

function anEnumeration(dice: Dice): SchemaCase {
  const pool: readonly unknown[] = [
    'red',
    'green "x"',
    'réd',
    '',
    0,
    -1.5,
    1e-7,
    true,
    null,
    [1, 'a'],
    { a: [null] },
    {},
  ];
  const values = pool.filter(() => dice.chance(0.4));
  if (values.length === 0) values.push('red');
  if (dice.chance(0.2)) return { schema: { const: values[0] }, value: () => values[0] };
  return { schema: { enum: values }, value: (inner) => inner.pick(values) };
}

function anArray(dice: Dice, depth: number): SchemaCase {
  const items = aSchema(dice, depth - 1);
  const prefix = dice.chance(0.3) ? [aSchema(dice, 0), aSchema(dice, depth - 1)] : [];
  const min = prefix.length + dice.integer(0, 2);
  const max = dice.chance(0.6) ? min + dice.integer(0, 3) : null;
  const schema = {
    type: 'array',
    ...(prefix.length === 0 ? {} : { prefixItems: prefix.map((each) => each.schema) }),
    items: items.schema,
    minItems: min,
    ...(max === null ? {} : { maxItems: max }),
  };
  const value = (inner: Dice): unknown[] =>
    Array.from({ length: inner.integer(min, max ?? min + 3) }, (_, index) =>
      (prefix[index] ?? items).value(inner),
    );
  return { schema, value };
}

const NAMES = ['a', 'ab', 'abc', 'the name', 'é', 'x"y', '', '1', 'z\\'];
const OTHER_NAMES = ['q', 'abcd', 'A', 'the', 'x', 'x"', 'ée', '\n', '10'];

function anObject(dice: Dice, depth: number): SchemaCase {
  const names = NAMES.filter(() => dice.chance(0.4));
  const properties = names.map((name) => [name, aSchema(dice, depth - 1)] as const);
  const required = names.filter(() => dice.chance(0.6));
  const additional = dice.chance(0.3) ? aSchema(dice, 0) : null;
  const isPattern = additional !== null && dice.chance(0.4);
  const schema = {
    type: 'object',
    properties: Object.fromEntries(properties.map(([name, each]) => [name, each.schema])),
    required,
    ...(isPattern ? { patternProperties: { '^p_': additional!.schema }, additionalProperties: false } : {}),
    ...(additional === null || isPattern ? {} : { additionalProperties: additional.schema }),
  };
  const others = isPattern ? ['p_', 'p_é"', 'p_1'] : OTHER_NAMES;
  // The order of JavaScript objects, which is what a parsed schema has: names that look like indices come first.
  const inOrder = Object.keys(schema.properties).map((name) => properties.find((each) => each[0] === name)!);
  return {
    schema,
    value: (inner) => {
      const kept = inOrder.filter(([name]) => required.includes(name) || inner.chance(0.5));
      const entries = kept.map(([name, each]) => [name, each.value(inner)] as const);
      if (additional === null) return orderedObject(entries);
      const extra = others.filter(() => inner.chance(0.3));
      return orderedObject([...entries, ...extra.map((name) => [name, additional.value(inner)] as const)]);
    },
  };
}

/** JavaScript puts keys that look like indices first; the text keeps the order that is written. */
class OrderedObject {
  readonly entries: readonly (readonly [string, unknown])[];

  constructor(entries: readonly (readonly [string, unknown])[]) {
    this.entries = entries;
  }
}

const orderedObject = (entries: readonly (readonly [string, unknown])[]): OrderedObject =>
  new OrderedObject(entries);

/** JSON in the style that the dice say: compact, with spaces, or indented. */
export function jsonText(value: unknown, indent: string | null, space: string, level = ''): string {
  const entries = value instanceof OrderedObject ? value.entries : plainEntries(value);
  if (entries === null) return JSON.stringify(value);
  const isList = Array.isArray(value);
  const [open, close] = isList ? '[]' : '{}';
  if (entries.length === 0) return `${open}${close}`;
  const inner = indent === null ? null : `${level}${indent}`;
  const parts = entries.map(([key, each]) => {
    const text = jsonText(each, indent, space, inner ?? '');
    return isList ? text : `${JSON.stringify(key)}:${space}${text}`;
  });
  if (inner === null) return `${open}${parts.join(`,${space}`)}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${level}${close}`;
}

function plainEntries(value: unknown): readonly (readonly [string, unknown])[] | null {
  return typeof value === 'object' && value !== null ? Object.entries(value) : null;
}

function anyOf(dice: Dice, depth: number): SchemaCase {
  const options = [aSchema(dice, depth - 1), aSchema(dice, depth - 1)];
  return {
    schema: { anyOf: options.map((each) => each.schema) },
    value: (inner) => inner.pick(options).value(inner),
  };
}

/** A list of itself, by reference. */
function recursive(dice: Dice): SchemaCase {
  const leaf = aSchema(dice, 0);
  const schema = {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: { leaf: leaf.schema, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
        required: ['leaf', 'next'],
        additionalProperties: false,
      },
    },
  };
  const value = (inner: Dice): unknown => ({
    leaf: leaf.value(inner),
    next: inner.chance(0.5) ? value(inner) : null,
  });
  return { schema, value };
}

function aScalar(dice: Dice): SchemaCase {
  const boolean: SchemaCase = { schema: { type: 'boolean' }, value: (inner) => inner.chance(0.5) };
  return dice.pick([aString, aString, aNumber, aNumber, anEnumeration, () => boolean])(dice);
}

export function aSchema(dice: Dice, depth: number): SchemaCase {
  if (depth <= 0 || dice.chance(0.25)) return aScalar(dice);
  return dice.pick([anArray, anObject, anObject, anyOf])(dice, depth);
}

export function aRootSchema(dice: Dice): SchemaCase {
  return dice.chance(0.15) ? recursive(dice) : aSchema(dice, dice.integer(0, 3));
}
