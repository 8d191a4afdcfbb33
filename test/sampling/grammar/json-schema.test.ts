/** What a schema's grammar takes and what not, keyword by keyword; and what is refused, with its place. */

import { describe, expect, it } from 'vitest';
import type { ServerError } from '../../../src/base/errors.ts';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import { fitOf, schemaSource, takesJson } from './grammar-driver.ts';

const NODE = {
  type: 'object',
  properties: { v: { type: 'integer' }, c: { type: 'array', items: { $ref: '#/$defs/node' } } },
  required: ['v', 'c'],
  additionalProperties: false,
};
const A = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
const B = { type: 'object', properties: { b: { type: 'integer' } }, required: ['b'] };

/** Schema, texts that it takes, texts that it does not take. */
const CASES: readonly (readonly [string, unknown, readonly string[], readonly string[]])[] = [
  [
    'true takes any value',
    true,
    ['1', '"x"', '[1, {"a": null}]', '-0.5e+10'],
    ['', '01', '{a: 1}', '[1,]', '1 '],
  ],
  ['type', { type: 'boolean' }, ['true', 'false'], ['null', '"true"']],
  ['several types', { type: ['integer', 'null'] }, ['3', 'null'], ['3.5', '"3"']],
  [
    'number includes whole ones',
    { type: 'number' },
    ['3', '3.5', '1e5', '-2.5E-3'],
    ['.5', '3.', '+3', '1e999'],
  ],
  [
    'strings with escapes',
    { type: 'string' },
    ['"\\u00e9\\n\\ud83d\\ude00é"', '"/\\/"'],
    ['"\\x"', '"\n"', '"\\ud83d"', "'a'"],
  ],
  [
    'minLength, maxLength count characters',
    { type: 'string', minLength: 2, maxLength: 3 },
    ['"ab"', '"é😀\\n"'],
    ['"a"', '"abcd"'],
  ],
  ['pattern finds a part', { type: 'string', pattern: 'b' }, ['"abc"', '"b"'], ['"ac"']],
  ['pattern with anchors', { type: 'string', pattern: '^a$|^b' }, ['"a"', '"bc"'], ['"ab"', '"ca"']],
  [
    'pattern is held to what is meant, not how it is spelled',
    { type: 'string', pattern: '^\\W$' },
    ['"\\""', '"\\\\"', '"\\n"'],
    ['"n"', '"\\\\n"'],
  ],
  ['pattern and length', { type: 'string', pattern: '^[a-z]+$', maxLength: 3 }, ['"abc"'], ['"abcd"', '""']],
  [
    'format and pattern',
    { type: 'string', format: 'date', pattern: '^2' },
    ['"2024-02-29"'],
    ['"1999-01-01"', '"2023-02-29"'],
  ],
  [
    'minimum, maximum',
    { type: 'integer', minimum: -5, maximum: 120 },
    ['-5', '0', '99', '120'],
    ['-6', '121', '1000', '007', '5.0'],
  ],
  [
    'exclusive bounds of fractions',
    { type: 'number', exclusiveMinimum: 0.5, maximum: 1.25 },
    ['0.51', '1', '1.250', '1.25'],
    ['0.5', '0.50', '1.251', '2'],
  ],
  [
    'bounds below zero',
    { type: 'number', maximum: -1.5 },
    ['-1.5', '-2', '-100.25'],
    ['-1.49', '0', '1', '-1'],
  ],
  ['multipleOf', { type: 'integer', multipleOf: 7 }, ['0', '49', '-21'], ['50', '4']],
  [
    'multipleOf a fraction',
    { type: 'number', multipleOf: 0.01, minimum: 0 },
    ['0.25', '3', '12.5'],
    ['0.255', '-1'],
  ],
  ['int32', { type: 'integer', format: 'int32' }, ['2147483647', '-2147483648'], ['2147483648']],
  [
    'enum',
    { enum: ['a', 1, null, { x: [1, 2] }] },
    ['"a"', '1', 'null', '{"x": [1,2]}'],
    ['"b"', '{}', '"\\u0061"'],
  ],
  ['enum within a type', { type: 'string', enum: ['a', 1] }, ['"a"'], ['1']],
  ['const', { const: [] }, ['[]'], ['[1]', 'null']],
  ['anyOf', { anyOf: [{ type: 'null' }, { type: 'string' }] }, ['null', '"x"'], ['1']],
  [
    'anyOf beside other keywords',
    { type: 'object', properties: { k: true }, anyOf: [A, B] },
    ['{"k":1,"a":1}', '{"b":1}'],
    ['{"k":1}'],
  ],
  ['oneOf is read as anyOf', { oneOf: [A, B] }, ['{"a":1}', '{"b":1}'], ['{}']],
  ['allOf', { allOf: [A, B] }, ['{"a":1,"b":2}'], ['{"a":1}', '{"b":2}']],
  [
    'allOf narrows a property',
    { allOf: [{ ...A }, { properties: { a: { minimum: 5 } } }] },
    ['{"a":5}'],
    ['{"a":4}'],
  ],
  [
    '$ref with $defs, recursive',
    { $defs: { node: NODE }, $ref: '#/$defs/node' },
    ['{"v":1,"c":[{"v":2,"c":[]}]}'],
    ['{"v":1}', '{"v":1,"c":[{"v":2}]}'],
  ],
  [
    '$ref with escapes in the pointer',
    { definitions: { 'a/b~c': { type: 'null' } }, $ref: '#/definitions/a~1b~0c' },
    ['null'],
    ['1'],
  ],
  [
    'items, minItems, maxItems',
    { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 2 },
    ['[1]', '[1, 2]', '[\n  1,\n  2\n]'],
    ['[]', '[1,2,3]', '["a"]'],
  ],
  [
    'prefixItems',
    { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }] },
    ['[]', '[1]', '[1,"a"]'],
    ['[1,"a",2]', '["a"]'],
  ],
  [
    'prefixItems and items',
    { type: 'array', prefixItems: [{ type: 'integer' }], items: { type: 'string' } },
    ['[1,"a","b"]'],
    ['[1,2]'],
  ],
  [
    'items as a list, as in older drafts',
    { type: 'array', items: [{ type: 'integer' }], additionalItems: false },
    ['[1]'],
    ['[1,1]'],
  ],
  [
    'properties in order, optional ones left out',
    { type: 'object', properties: { a: true, b: true, c: true }, required: ['b'] },
    ['{"a":1,"b":2,"c":3}', '{"b":2}', '{"b":2,"c":3}'],
    ['{}', '{"a":1}', '{"c":3,"b":2}', '{"b":1,"b":1}'],
  ],
  [
    'no other keys where properties are listed',
    { type: 'object', properties: { a: true } },
    ['{}', '{ "a": 1 }'],
    ['{"b":1}'],
  ],
  ['other keys where none is listed', { type: 'object' }, ['{}', '{"b":{"c":[]}}'], ['[]']],
  [
    'required without properties',
    { type: 'object', required: ['a'], additionalProperties: { type: 'integer' } },
    ['{"a":1}', '{"a":1,"b":2}'],
    ['{}', '{"a":"x"}'],
  ],
  [
    'additionalProperties as a schema, listed names aside',
    { type: 'object', properties: { abc: { type: 'integer' } }, additionalProperties: { type: 'string' } },
    ['{"abc":1,"ab":"x","abcd":""}', '{"é":"x"}'],
    ['{"abc":"x"}', '{"ab":1}', '{"\\u0061bc":"x"}'],
  ],
  [
    'patternProperties',
    { type: 'object', patternProperties: { '^x-': { type: 'integer' } }, additionalProperties: false },
    ['{"x-1":3}', '{}'],
    ['{"x-1":"a"}', '{"y":3}'],
  ],
  [
    'a key that matches two patterns fits both',
    { type: 'object', patternProperties: { a: { minimum: 5 }, b: { maximum: 9 } } },
    ['{"ab":7,"a":99}'],
    ['{"ab":3}', '{"ab":10}', '{"c":1}'],
  ],
  [
    'propertyNames that only say that names are strings',
    {
      type: 'object',
      propertyNames: { type: 'string', description: 'City.' },
      additionalProperties: { type: 'integer', propertyNames: {} },
    },
    ['{}', '{"a":1,"b":2}'],
    ['{"a":"x"}', '[]'],
  ],
  [
    'minProperties, maxProperties',
    { type: 'object', properties: { a: true, b: true, c: true }, minProperties: 1, maxProperties: 2 },
    ['{"a":1}', '{"a":1,"c":1}'],
    ['{}', '{"a":1,"b":1,"c":1}'],
  ],
  [
    'an optional property that nothing fits',
    { type: 'object', properties: { a: false, b: true } },
    ['{"b":1}', '{}'],
    ['{"a":1}'],
  ],
  [
    'keywords of one kind imply its type',
    { properties: { a: { minLength: 1 } } },
    ['{"a":"x"}'],
    ['1', '{"a":1}'],
  ],
  [
    'annotations',
    { type: 'null', title: 't', description: 'd', default: 1, examples: [1], 'x-own': 1, $comment: '' },
    ['null'],
    ['1'],
  ],
];

describe('a JSON schema', () => {
  it.each(CASES)('%s', (_, schema, fitting, others) => {
    for (const text of fitting) expect(takesJson(schema, text), text).toBe(true);
    for (const text of others) expect(takesJson(schema, text), text).toBe(false);
  });

  it('allows a space, or a line end and indentation, between the parts, and no more', () => {
    const source = schemaSource({ type: 'object', properties: { a: { type: 'array' } } });
    expect(fitOf(source, '{\n    "a": [ 1, 2 ]\n}')).toBe('whole');
    for (const text of ['{  "a"', '{"a" :', '{\n\n', ' {', '{"a": 1 ,', `{\n${' '.repeat(21)}`])
      expect(fitOf(source, text)).toBe('no');
  });

  it('allows no white space when compact', () => {
    const source = schemaSource({ type: 'array', items: { type: 'integer' } }, true);
    expect(fitOf(source, '[1,2]')).toBe('whole');
    expect(fitOf(source, '[1, ')).toBe('no');
    expect(fitOf({ kind: 'json-object', isCompact: true }, '{"a":{}}')).toBe('whole');
    expect(fitOf({ kind: 'json-object', isCompact: true }, '{ ')).toBe('no');
  });

  it.each([
    ['date', ['2024-02-29', '2000-02-29'], ['1900-02-29', '2024-13-01', '2024-04-31', '24-01-01']],
    ['time', ['23:59:59Z', '00:00:00.5+01:00'], ['24:00:00Z', '12:00:00', '12:60:00Z']],
    ['date-time', ['2024-02-29T10:00:00Z'], ['2024-02-29 10:00:00Z', '2024-02-29']],
    ['duration', ['P1Y2M3D', 'PT5H', 'P2W', 'P1DT1S'], ['P', 'PT', '1D', 'P1H']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567e89b12d3a456426614174000']],
    ['email', ['a.b+c@example.org'], ['a@b', '@example.org', 'a b@example.org']],
    ['hostname', ['a', 'a-1.example.org'], ['-a', 'a-', 'a..b', '']],
    ['ipv4', ['0.0.0.0', '255.1.20.99'], ['256.0.0.1', '1.2.3', '01.2.3.4']],
    [
      'ipv6',
      ['::', '::1', '1:2:3:4:5:6:7:8', 'fe80::1:2', '::ffff:1.2.3.4'],
      ['1:2', ':::', '1:2:3:4:5:6:7:8:9'],
    ],
    [
      'uri',
      ['https://example.org:80/a%20b?x#y', 'mailto:a@b.c', 'urn:x:y'],
      ['//example.org', 'http://a b', '%'],
    ],
  ] as const)('knows the format %s', (format, fitting, others) => {
    for (const text of fitting)
      expect(takesJson({ type: 'string', format }, JSON.stringify(text)), text).toBe(true);
    for (const text of others)
      expect(takesJson({ type: 'string', format }, JSON.stringify(text)), text).toBe(false);
  });
});

const nested = (depth: number): unknown => (depth === 0 ? {} : { type: 'array', items: nested(depth - 1) });
const manyProperties = (count: number): unknown => ({
  type: 'object',
  properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`property ${index}`, {}])),
});
const options = (count: number): unknown => ({
  anyOf: Array.from({ length: count }, (_, index) => ({ const: index })),
});

describe('a schema that an output cannot be held to', () => {
  const refused = [
    [{ not: {} }, 'p.not', 'unsupported_parameter'],
    [{ type: 'object', properties: { a: { if: {} } } }, 'p.properties.a.if', 'unsupported_parameter'],
    [{ type: 'array', uniqueItems: true }, 'p.uniqueItems', 'unsupported_parameter'],
    [{ type: 'array', contains: {} }, 'p.contains', 'unsupported_parameter'],
    [{ propertyNames: { type: 'string', minLength: 2 } }, 'p.propertyNames', 'unsupported_parameter'],
    [{ propertyNames: { type: 'integer' } }, 'p.propertyNames', 'unsupported_parameter'],
    [{ propertyNames: false }, 'p.propertyNames', 'unsupported_parameter'],
    [{ anyOf: [true, { dependentRequired: {} }] }, 'p.anyOf[1].dependentRequired', 'unsupported_parameter'],
    [{ minlength: 3 }, 'p.minlength', 'unsupported_parameter'],
    [{ type: 'string', format: 'colour' }, 'p.format', 'unsupported_parameter'],
    [{ type: 'string', pattern: '^(?=a)' }, 'p.pattern', 'unsupported_parameter'],
    [{ type: 'string', pattern: '(a)\\1' }, 'p.pattern', 'unsupported_parameter'],
    [{ type: 'string', pattern: '\\bword' }, 'p.pattern', 'unsupported_parameter'],
    [{ type: 'string', pattern: '(' }, 'p.pattern', 'invalid_request'],
    [{ type: 'string', pattern: 5 }, 'p.pattern', 'invalid_request'],
    [{ enum: ['a', 'bb'], minLength: 2 }, 'p.minLength', 'unsupported_parameter'],
    [{ allOf: [{ enum: ['a', 'bb'] }, { minLength: 2 }] }, 'p.allOf[1].minLength', 'unsupported_parameter'],
    [{ anyOf: [{ minimum: 5 }, true], const: 1 }, 'p.anyOf[0].minimum', 'unsupported_parameter'],
    [
      { properties: { a: { enum: [1, 9] } }, allOf: [{ properties: { a: { minimum: 5 } } }] },
      'p.allOf[0].properties.a.minimum',
      'unsupported_parameter',
    ],
    [{ $ref: 'https://example.org/schema' }, 'p.$ref', 'unsupported_parameter'],
    [{ $ref: '#/$defs/missing' }, 'p.$ref', 'invalid_request'],
    [{ type: 'float' }, 'p.type', 'invalid_request'],
    [{ type: [] }, 'p.type', 'invalid_request'],
    [{ enum: [] }, 'p.enum', 'invalid_request'],
    [{ minLength: -1 }, 'p.minLength', 'invalid_request'],
    [{ minimum: '5' }, 'p.minimum', 'invalid_request'],
    [{ exclusiveMinimum: true, minimum: 5 }, 'p.exclusiveMinimum', 'invalid_request'],
    [{ multipleOf: 0 }, 'p.multipleOf', 'invalid_request'],
    [{ type: 'integer', multipleOf: 997 }, 'p.multipleOf', 'unsupported_parameter'],
    [{ properties: [] }, 'p.properties', 'invalid_request'],
    [{ required: 'a' }, 'p.required', 'invalid_request'],
    [{ items: 5 }, 'p.items', 'invalid_request'],
    [{ allOf: [] }, 'p.allOf', 'invalid_request'],
    [{ type: 'object', minProperties: 3 }, 'p.minProperties', 'unsupported_parameter'],
    [[], 'p', 'invalid_request'],
    ['string', 'p', 'invalid_request'],
    [{ type: 'integer', minimum: 5, maximum: 4 }, 'p', 'invalid_request'],
    [{ allOf: [{ type: 'string' }, { type: 'null' }] }, 'p', 'invalid_request'],
    [false, 'p', 'invalid_request'],
    [{ anyOf: [{ $ref: '#' }, { type: 'null' }] }, 'p', 'invalid_request'],
    [{ $ref: '#' }, 'p', 'invalid_request'],
    [{ allOf: [{ $ref: '#' }], type: 'string' }, 'p', 'invalid_request'],
    [
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [true, { $ref: '#/$defs/a' }] } } },
      'p.$defs.a',
      'invalid_request',
    ],
    [
      { type: 'object', properties: { a: { $ref: '#/properties/a' } }, required: ['a'] },
      'p.properties.a',
      'invalid_request',
    ],
    [{ const: 2 ** 53 }, 'p.const', 'invalid_request'],
    [{ enum: ['a', { b: [1, -(2 ** 60)] }] }, 'p.enum[1].b[1]', 'invalid_request'],
    [{ multipleOf: 2 ** 53 }, 'p.multipleOf', 'invalid_request'],
    [nested(200), 'p', 'invalid_request'],
    [manyProperties(10_000), 'p.properties', 'invalid_request'],
    [{ allOf: [options(40), options(40)] }, 'p.allOf[1].anyOf', 'invalid_request'],
    [{ type: 'string', pattern: '(((a{100}){100}){100}){100}' }, 'p', 'invalid_request'],
    [{ type: 'string', pattern: '.*a.{40}', maxLength: 100 }, 'p', 'invalid_request'],
    [{ type: 'string', minLength: 1_000_000 }, 'p', 'invalid_request'],
    [
      { enum: Array.from({ length: 20_000 }, (_, index) => `${index} and so many letters`) },
      'p',
      'invalid_request',
    ],
    [{ type: 'string', pattern: 'a'.repeat(20_000) }, 'p.pattern', 'invalid_request'],
    [
      { patternProperties: Object.fromEntries([...'abcde'].map((name) => [name, {}])) },
      'p.patternProperties',
      'invalid_request',
    ],
  ] as const;

  it.each(
    refused.map(([schema, param, code]) => ({
      shown: JSON.stringify(schema).slice(0, 60),
      schema,
      param,
      code,
    })),
  )('is refused with its place: $shown', ({ schema, param, code }) => {
    const source = { kind: 'json-schema', schema, param: 'p' } as const;
    const error = errorOf(() => compileGrammar(source, { addedTokenId: () => null }));
    expect([error.param, error.code]).toEqual([param, code]);
    expect(error.message.length).toBeLessThan(600);
  });
});

function errorOf(run: () => unknown): ServerError {
  try {
    run();
  } catch (error) {
    return error as ServerError;
  }
  throw new Error('nothing was refused');
}

const compile = (source: GrammarSource) => compileGrammar(source, { addedTokenId: () => null });

describe('a schema that builds on itself', () => {
  it('is refused as a grammar that begins with itself is', () => {
    const error = errorOf(() => compile(schemaSource({ $ref: '#' })));
    expect(error.message).toMatch(/begins with itself/);
  });

  it('is another one than a schema that builds on one in two ways', () => {
    const base = { properties: { a: { type: 'integer' } }, required: ['a'] };
    const toBase = { $ref: '#/$defs/base' };
    const diamond = {
      $defs: { base, left: toBase, right: toBase },
      allOf: [{ $ref: '#/$defs/left' }, { $ref: '#/$defs/right' }, toBase],
    };
    expect(takesJson(diamond, '{"a":1}')).toBe(true);
    expect(takesJson(diamond, '{"a":"x"}')).toBe(false);
  });
});

describe('a whole number in a schema that JSON.parse may have rounded', () => {
  it('is refused with what to do', () => {
    const schema: unknown = JSON.parse('{"const": 9007199254740993}');
    expect(errorOf(() => compile(schemaSource(schema))).message).toMatch(/9007199254740991.*smaller.*string/);
  });

  it('is none up to the greatest that is kept', () => {
    const { MAX_SAFE_INTEGER: greatest } = Number;
    expect(takesJson({ enum: [greatest, -greatest] }, String(-greatest))).toBe(true);
    expect(takesJson({ type: 'integer', maximum: greatest }, '9007199254740992')).toBe(false);
  });

  it('is a bound that is taken a little narrower', () => {
    const schema: unknown = JSON.parse(
      '{"type": "integer", "minimum": -9223372036854775808, "maximum": 9223372036854775807}',
    );
    const takes = (json: string) => fitOf(schemaSource(schema), json) === 'whole';
    expect(takes('9223372036854773760')).toBe(true);
    expect(takes('-9223372036854773760')).toBe(true);
    expect(takes('9223372036854775807')).toBe(false);
    expect(takes('9223372036854775808')).toBe(false);
    expect(takes('-9223372036854775809')).toBe(false);
  });

  it('is of no account where nothing is held to it, nor in what 64 bits hold', () => {
    const schema = {
      type: 'integer',
      format: 'int64',
      default: 2 ** 60,
      examples: [1e300],
      'x-own': 2 ** 63,
    };
    expect(takesJson(schema, '9223372036854775807')).toBe(true);
    expect(takesJson(schema, '9223372036854775808')).toBe(false);
  });

  it('has arguments that need not be held to a schema be any object', () => {
    const parameters = { type: 'object', properties: { n: { const: 2 ** 63 } } };
    const source: GrammarSource = { kind: 'json-schema', schema: parameters, orObject: true };
    expect(fitOf(source, '{"n": "x"}')).toBe('whole');
  });
});

describe('a schema that nothing fits', () => {
  const impossible = { type: 'integer', minimum: 3, maximum: 2 };
  const possible = schemaSource({ type: 'integer' });
  const parameters = { type: 'object', properties: { n: impossible }, required: ['n'] };
  const of = (schema: object, more = {}): GrammarSource => ({
    kind: 'json-schema',
    schema,
    param: 'tools[1].function.parameters',
    ...more,
  });
  it.each([
    ['alone', of(parameters)],
    ['beside one that something fits', { kind: 'any-of', options: [possible, of(parameters)] }],
    ['where it may be left out', { kind: 'repeat', of: of(parameters), min: 0, max: 2 }],
  ] as const)('is refused with its field, %s', (_, source) => {
    expect(() => compile(source)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/Nothing can fit/),
        param: 'tools[1].function.parameters',
      }),
    );
  });

  it('is any object where it need not be held to', () => {
    expect(fitOf(of(parameters, { orObject: true }), '{"n": "x"}')).toBe('whole');
  });

  it('may be a property that is left out', () => {
    expect(fitOf(of({ type: 'object', properties: { n: impossible } }), '{}')).toBe('whole');
  });
});
