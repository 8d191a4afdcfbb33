/**
 * What several schemas ask of one value together, sorted by the kind of value. References, alternatives and `allOf` are
 * resolved before; here single keywords are read and checked. Where a demand of both can be told as one (the larger
 * minimum), it is.
 */

import { MULTIPLE_OF_REMAINDERS_MAX, SCHEMA_PROPERTIES_MAX } from '../../base/grammar-limits.ts';
import { isJsonObject } from '../../base/json-object.ts';
import { type Bound, remainderCount } from './number-automaton.ts';
import type { SchemaDocument, SchemaObject, SchemaPlace } from './schema-document.ts';

/** `number` includes whole numbers. */
export type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

export type ObjectDemands = {
  readonly properties: ReadonlyMap<string, SchemaPlace>;
  readonly required: readonly string[];
  readonly patterns: ReadonlyMap<string, SchemaPlace>;
  /** Null when the schema says nothing of other keys. */
  readonly additional: SchemaPlace | null;
};

export type ArrayDemands = {
  readonly prefix: readonly SchemaPlace[];
  /** Null when the schema says nothing of further items. */
  readonly items: SchemaPlace | null;
};

export type SizeDemands = { min: number; max: number | null };

export type Demands = {
  readonly path: string;
  readonly types: ReadonlySet<JsonType>;
  /** One of these values; null: any. */
  readonly values: readonly unknown[] | null;
  readonly length: SizeDemands;
  /** Expressions, and where they stand. */
  readonly patterns: readonly { readonly text: string; readonly path: string }[];
  readonly formats: readonly { readonly text: string; readonly path: string }[];
  readonly low: Bound | null;
  readonly high: Bound | null;
  readonly multiplesOf: readonly number[];
  readonly arrays: readonly ArrayDemands[];
  readonly itemCount: SizeDemands;
  readonly objects: readonly ObjectDemands[];
  readonly propertyCount: SizeDemands;
};

const TYPES: readonly JsonType[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];
const NUMBER_KEYWORDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'];
const KEYWORDS_OF: readonly (readonly [JsonType, readonly string[]])[] = [
  ['string', ['minLength', 'maxLength', 'pattern', 'format']],
  ['number', NUMBER_KEYWORDS],
  ['array', ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems']],
  [
    'object',
    ['properties', 'required', 'additionalProperties', 'patternProperties', 'minProperties', 'maxProperties'],
  ],
];

/** Formats of numbers, which OpenAPI knows, and the bits of their integers. */
const NUMBER_FORMATS: ReadonlyMap<unknown, number | null> = new Map([
  ['int32', 32],
  ['int64', 64],
  ['float', null],
  ['double', null],
]);

/** @throws ServerError for keywords whose values make no sense. */
export function readDemands(places: readonly SchemaPlace[], document: SchemaDocument): Demands {
  const reader = new DemandReader(document);
  const objects = places.filter((place): place is SchemaPlace & { schema: SchemaObject } =>
    isJsonObject(place.schema),
  );
  for (const { schema, path } of objects) reader.read(schema, path);
  if (reader.values !== null) refuseContent(objects, document);
  return {
    path: places[0]?.path ?? '$',
    types: typesOf(objects, document),
    values: reader.values,
    length: reader.length,
    patterns: reader.patterns,
    formats: reader.formats,
    low: reader.low,
    high: reader.high,
    multiplesOf: reader.multiplesOf,
    arrays: reader.arrays,
    itemCount: reader.itemCount,
    objects: reader.objects,
    propertyCount: reader.propertyCount,
  };
}

/** Whether anything but its type is asked of a value. */
export function demandsContent(schema: SchemaObject): boolean {
  return KEYWORDS_OF.some(([, keywords]) => keywords.some((keyword) => schema[keyword] !== undefined));
}

/** A value of a list is taken as it stands: what else might be asked of it is not checked, wherever it is asked. */
function refuseContent(
  places: readonly (SchemaPlace & { readonly schema: SchemaObject })[],
  document: SchemaDocument,
): void {
  for (const { schema, path } of places) {
    const keyword = Object.keys(schema).find((each) => demandsContent({ [each]: schema[each] }));
    if (keyword === undefined) continue;
    const why = 'beside enum or const, only type is; leave the values out that it forbids';
    throw document.unsupported(`${path}.${keyword}`, why);
  }
}

/** Declared types; without any, those that the keywords speak of, as servers and models read such schemas. */
function typesOf(
  places: readonly (SchemaPlace & { readonly schema: SchemaObject })[],
  document: SchemaDocument,
): ReadonlySet<JsonType> {
  let types: JsonType[] | null = null;
  for (const { schema, path } of places) {
    const declared = declaredTypes(schema, path, document);
    if (declared !== null) types = types === null ? declared : commonTypes(types, declared);
  }
  if (types !== null) return new Set(types);
  const implied = KEYWORDS_OF.filter(([, keywords]) =>
    places.some(({ schema }) => keywords.some((keyword) => schema[keyword] !== undefined)),
  ).map(([type]) => type);
  return new Set(implied.length > 0 ? implied : ['null', 'boolean', 'number', 'string', 'array', 'object']);
}

function declaredTypes({ type }: SchemaObject, path: string, document: SchemaDocument): JsonType[] | null {
  if (type === undefined) return null;
  const list: readonly unknown[] = Array.isArray(type) ? type : [type];
  const isKnown = (each: unknown): each is JsonType => TYPES.includes(each as JsonType);
  if (list.length === 0 || !list.every(isKnown)) {
    throw document.invalid(`${path}.type`, `has to be one of ${TYPES.join(', ')}, or a list of them`);
  }
  return [...list];
}

function commonTypes(a: readonly JsonType[], b: readonly JsonType[]): JsonType[] {
  const covers = (list: readonly JsonType[], type: JsonType): boolean =>
    list.includes(type) || (type === 'integer' && list.includes('number'));
  return TYPES.filter((type) => covers(a, type) && covers(b, type) && (a.includes(type) || b.includes(type)));
}

class DemandReader {
  values: readonly unknown[] | null = null;
  readonly length: SizeDemands = { min: 0, max: null };
  readonly patterns: { text: string; path: string }[] = [];
  readonly formats: { text: string; path: string }[] = [];
  low: Bound | null = null;
  high: Bound | null = null;
  readonly multiplesOf: number[] = [];
  readonly arrays: ArrayDemands[] = [];
  readonly itemCount: SizeDemands = { min: 0, max: null };
  readonly objects: ObjectDemands[] = [];
  readonly propertyCount: SizeDemands = { min: 0, max: null };
  readonly #document: SchemaDocument;

  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  read(schema: SchemaObject, path: string): void {
    this.#readValues(schema, path);
    this.#readSize(schema, path, ['minLength', 'maxLength'], this.length);
    this.#readSize(schema, path, ['minItems', 'maxItems'], this.itemCount);
    this.#readSize(schema, path, ['minProperties', 'maxProperties'], this.propertyCount);
    this.#readTexts(schema, path);
    this.#readBounds(schema, path);
    this.#readArray(schema, path);
    this.#readObject(schema, path);
  }

  #readValues(schema: SchemaObject, path: string): void {
    const lists: unknown[] = [];
    if (schema['enum'] !== undefined) lists.push(schema['enum']);
    if (Object.hasOwn(schema, 'const')) lists.push([schema['const']]);
    for (const list of lists) {
      if (!Array.isArray(list) || list.length === 0) {
        throw this.#document.invalid(`${path}.enum`, 'has to be a list of values, at least one');
      }
      if (list === schema['enum']) this.#requireExact(list, `${path}.enum`);
      else this.#requireExact(list[0], `${path}.const`);
      const known: ReadonlySet<string> | null =
        this.values && new Set(this.values.map((v) => JSON.stringify(v)));
      this.values = known === null ? list : list.filter((value) => known.has(JSON.stringify(value)));
    }
  }

  /** Beyond 2^53 JSON's parser rounds, so which number a client wrote is not known any more: held to is another one. */
  #requireExact(value: unknown, path: string): void {
    if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      const why = `is beyond ${Number.MAX_SAFE_INTEGER}, above which numbers are rounded`;
      throw this.#document.invalid(path, `${why}: use a smaller one, or a string`);
    }
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      this.#requireExact(inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    }
  }

  #readSize(schema: SchemaObject, path: string, names: readonly [string, string], size: SizeDemands): void {
    const min = this.#count(schema, path, names[0]);
    const max = this.#count(schema, path, names[1]);
    if (min !== null) size.min = Math.max(size.min, min);
    if (max !== null) size.max = Math.min(size.max ?? max, max);
  }

  #count(schema: SchemaObject, path: string, keyword: string): number | null {
    const value = schema[keyword];
    if (value === undefined) return null;
    if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
    throw this.#document.invalid(`${path}.${keyword}`, 'has to be a whole number, at least 0');
  }

  #readTexts(schema: SchemaObject, path: string): void {
    for (const [keyword, list] of [['pattern', this.patterns] as const, ['format', this.formats] as const]) {
      const text = schema[keyword];
      if (text === undefined || (keyword === 'format' && NUMBER_FORMATS.has(text))) continue;
      if (typeof text !== 'string') throw this.#document.invalid(`${path}.${keyword}`, 'has to be a string');
      list.push({ text, path: `${path}.${keyword}` });
    }
  }

  #readBounds(schema: SchemaObject, path: string): void {
    for (const keyword of NUMBER_KEYWORDS) {
      if (schema[keyword] === undefined) continue;
      const place = `${path}.${keyword}`;
      const value = this.#number(schema[keyword], place);
      const isExclusive = keyword.startsWith('exclusive');
      if (keyword === 'multipleOf') {
        this.#requireExact(value, place);
        this.multiplesOf.push(value);
      } else if (keyword.endsWith('inimum')) this.#raise({ value: value + roundingOf(value), isExclusive });
      else this.#lower({ value: value - roundingOf(value), isExclusive });
    }
    if (schema['multipleOf'] !== undefined)
      this.#checkMultiple(this.multiplesOf.at(-1)!, `${path}.multipleOf`);
    const bits = NUMBER_FORMATS.get(schema['format']);
    if (bits == null) return;
    this.#raise({ value: -(2 ** (bits - 1)), isExclusive: false });
    this.#lower({ value: 2 ** (bits - 1), isExclusive: true });
  }

  #checkMultiple(value: number, path: string): void {
    if (value <= 0) throw this.#document.invalid(path, 'has to be above 0');
    if (remainderCount(value) <= MULTIPLE_OF_REMAINDERS_MAX) return;
    const why = `without its decimal point it may be ${MULTIPLE_OF_REMAINDERS_MAX} at most`;
    throw this.#document.unsupported(path, why);
  }

  #number(value: unknown, path: string): number {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    const old = typeof value === 'boolean' ? ', as since draft 6' : '';
    throw this.#document.invalid(path, `has to be a number${old}`);
  }

  #raise(bound: Bound): void {
    const { low } = this;
    const isHigher =
      low === null || bound.value > low.value || (bound.value === low.value && bound.isExclusive);
    if (isHigher) this.low = bound;
  }

  #lower(bound: Bound): void {
    const { high } = this;
    const isLower =
      high === null || bound.value < high.value || (bound.value === high.value && bound.isExclusive);
    if (isLower) this.high = bound;
  }

  /** `items` as a list, and `additionalItems`, are what older drafts call `prefixItems` and `items`. */
  #readArray(schema: SchemaObject, path: string): void {
    const document = this.#document;
    const isOld = Array.isArray(schema['items']);
    const [prefixName, itemsName] = isOld ? ['items', 'additionalItems'] : ['prefixItems', 'items'];
    const prefix = schema[prefixName!];
    const items = schema[itemsName!];
    if (prefix === undefined && items === undefined) return;
    this.arrays.push({
      prefix: prefix === undefined ? [] : document.places(prefix, `${path}.${prefixName}`),
      items: items === undefined ? null : document.place(items, `${path}.${itemsName}`),
    });
  }

  #readObject(schema: SchemaObject, path: string): void {
    const { properties, required, patternProperties, additionalProperties } = schema;
    if ([properties, required, patternProperties, additionalProperties].every((each) => each === undefined))
      return;
    this.objects.push({
      properties: this.#named(properties, `${path}.properties`),
      required: this.#names(required, `${path}.required`),
      patterns: this.#named(patternProperties, `${path}.patternProperties`),
      additional:
        additionalProperties === undefined
          ? null
          : this.#document.place(additionalProperties, `${path}.additionalProperties`),
    });
  }

  #named(value: unknown, path: string): ReadonlyMap<string, SchemaPlace> {
    if (value === undefined) return new Map();
    if (!isJsonObject(value)) throw this.#document.invalid(path, 'has to be an object');
    const names = Object.keys(value);
    if (names.length > SCHEMA_PROPERTIES_MAX) {
      throw this.#document.invalid(
        path,
        `has ${names.length} properties; ${SCHEMA_PROPERTIES_MAX} are the most`,
      );
    }
    return new Map(names.map((name) => [name, this.#document.place(value[name], `${path}.${name}`)]));
  }

  #names(value: unknown, path: string): readonly string[] {
    if (value === undefined) return [];
    if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
      throw this.#document.invalid(path, 'has to be a list of names');
    }
    if (value.length > SCHEMA_PROPERTIES_MAX) {
      throw this.#document.invalid(path, `has ${value.length} names; ${SCHEMA_PROPERTIES_MAX} are the most`);
    }
    return value;
  }
}

/**
 * How far at most the number that a client wrote is from what JSON's parser made of it. A bound is moved inwards by that:
 * what fits it fits the bound that was written, and what is lost are a few numbers of nineteen digits.
 */
function roundingOf(value: number): number {
  const size = Math.abs(value);
  return size <= Number.MAX_SAFE_INTEGER ? 0 : 2 ** (Math.floor(Math.log2(size)) - 52);
}
