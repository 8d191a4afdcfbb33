/**
 * JSON Schema -> rules. A rule stands for all schemas that one value has to fit at once, so that `$ref`, `allOf` and
 * properties that several schemas name are the same case: a larger set. Rules are written from a queue, one for each
 * set, so recursive schemas come to an end and nothing here is nested as deep as the schema.
 */

import { SCHEMA_COMBINATIONS_MAX } from '../../base/grammar-limits.ts';
import type { JsonRules } from './json-rules.ts';
import type { ProgramBuilder, Rule } from './program-builder.ts';
import { writeArray } from './schema-arrays.ts';
import { type Demands, demandsContent, type JsonType, readDemands } from './schema-demands.ts';
import type { SchemaDocument, SchemaObject, SchemaPlace } from './schema-document.ts';
import { writeObject } from './schema-objects.ts';
import { writeNumber, writeString, writeValues } from './schema-scalars.ts';
import type { SchemaWriter } from './schema-writer.ts';

/** A schema of a set; `isBare`: its references and alternatives are dealt with, only its other keywords count. */
type Part = { readonly place: SchemaPlace; readonly isBare: boolean };

/** Schemas without references and alternatives, and the alternatives. */
type Expansion = { readonly bare: SchemaPlace[]; readonly choices: (readonly SchemaPlace[])[] };

/** The end of a schema: what it builds on has been followed. */
type Left = { readonly left: SchemaObject };

type PendingRule = { readonly rule: Rule; readonly parts: readonly Part[] };

const COMBINING = ['$ref', 'allOf', 'anyOf', 'oneOf'] as const;

export class SchemaCompiler implements SchemaWriter {
  readonly builder: ProgramBuilder;
  readonly json: JsonRules;
  readonly document: SchemaDocument;
  readonly #ids = new Map<SchemaObject, number>();
  readonly #rules = new Map<string, Rule>();
  readonly #pending: PendingRule[] = [];
  #nothing: Rule | null = null;

  constructor(parts: Pick<SchemaWriter, 'builder' | 'json' | 'document'>) {
    this.builder = parts.builder;
    this.json = parts.json;
    this.document = parts.document;
  }

  /**
   * A value that fits the document's root, from state to state.
   * @returns the rule of such a value.
   * @throws ServerError for what is not supported, makes no sense, or is too large.
   */
  write(from: number, to: number): Rule {
    const root = this.ruleOf([this.document.root]);
    this.builder.call(from, root, to);
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop())
      this.#writeRule(next);
    return root;
  }

  ruleOf = (places: readonly SchemaPlace[]): Rule =>
    this.#rule(places.map((place) => ({ place, isBare: false })));

  #rule(parts: readonly Part[]): Rule {
    if (parts.some(({ place }) => place.schema === false)) {
      this.#nothing ??= this.builder.rule('a schema that nothing fits');
      return this.#nothing;
    }
    const asking = parts.filter(
      ({ place: { schema } }) => schema !== true && asksAnything(schema as SchemaObject),
    );
    if (asking.length === 0) return this.json.value;
    const ids = new Set(
      asking.map(({ place, isBare }) => 2 * this.#id(place.schema as SchemaObject) + (isBare ? 1 : 0)),
    );
    const key = [...ids].sort((a, b) => a - b).join();
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    const rule = this.builder.rule(`the schema at ${asking[0]!.place.path}`);
    this.#rules.set(key, rule);
    this.#pending.push({ rule, parts: asking });
    return rule;
  }

  #id(schema: SchemaObject): number {
    const id = this.#ids.get(schema) ?? this.#ids.size;
    this.#ids.set(schema, id);
    return id;
  }

  #writeRule({ rule, parts }: PendingRule): void {
    const { bare, choices } = this.#expand(parts);
    if (choices.length === 0) {
      this.#writeDemands(rule, bare);
      return;
    }
    for (const chosen of combinations(choices)) {
      const options = chosen.map((place) => ({ place, isBare: false }));
      this.builder.call(
        rule.start,
        this.#rule([...bare.map((place) => ({ place, isBare: true })), ...options]),
        rule.end,
      );
    }
  }

  /**
   * Follows references and `allOf`, in the order in which properties are expected: what a schema builds on, then its
   * own. Collects alternatives; `oneOf` is read as `anyOf`. A schema that several build on counts once.
   * @throws ServerError for one that builds on itself, which asks for nothing that could be told.
   */
  #expand(parts: readonly Part[]): Expansion {
    const result: Expansion = { bare: [], choices: [] };
    const seen = new Set<SchemaObject>();
    /** From one of the parts to where the search is. */
    const way = new Set<SchemaObject>();
    const open: (Part | Left)[] = [...parts].reverse();
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if ('left' in next) {
        way.delete(next.left);
        continue;
      }
      const { place, isBare } = next;
      if (typeof place.schema === 'boolean' || isBare) {
        if (place.schema !== true) result.bare.push(place);
        continue;
      }
      if (way.has(place.schema)) {
        throw this.document.invalid(place.path, 'begins with itself, by its references and allOf');
      }
      if (seen.has(place.schema)) continue;
      seen.add(place.schema);
      way.add(place.schema);
      open.push({ left: place.schema });
      this.#collectChoices(place.schema, place.path, result.choices);
      open.push(...this.#partsOf(place.schema, place.path));
    }
    return result;
  }

  /** Its own keywords, and before them what it builds on; last first. */
  #partsOf(schema: SchemaObject, path: string): readonly Part[] {
    const { $ref: reference, allOf } = schema;
    const bases = allOf === undefined ? [] : [...this.document.places(allOf, `${path}.allOf`)].reverse();
    if (reference !== undefined) bases.push(this.document.resolve(reference, `${path}.$ref`));
    const own = asksItself(schema) ? [{ place: { schema, path }, isBare: true }] : [];
    return [...own, ...bases.map((place) => ({ place, isBare: false }))];
  }

  #collectChoices(schema: SchemaObject, path: string, choices: (readonly SchemaPlace[])[]): void {
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      if (schema[keyword] === undefined) continue;
      choices.push(this.document.places(schema[keyword], `${path}.${keyword}`));
      this.#requireFewCombinations(choices, `${path}.${keyword}`);
    }
  }

  #requireFewCombinations(choices: readonly (readonly SchemaPlace[])[], path: string): void {
    if (choices.length === 1) return;
    const count = choices.reduce((product, options) => product * options.length, 1);
    if (count <= SCHEMA_COMBINATIONS_MAX) return;
    throw this.document.invalid(
      path,
      `meets other alternatives in ${count} combinations; ${SCHEMA_COMBINATIONS_MAX} are the most`,
    );
  }

  #writeDemands({ start, end }: Rule, places: readonly SchemaPlace[]): void {
    if (places.some(({ schema }) => schema === false)) return;
    const demands = readDemands(places, this.document);
    if (demands.values !== null) writeValues(this, demands, start, end);
    else for (const type of demands.types) this.#writeType(type, demands, start, end);
  }

  #writeType(type: JsonType, demands: Demands, from: number, to: number): void {
    switch (type) {
      case 'null':
        this.builder.literal(from, 'null', to);
        return;
      case 'boolean':
        for (const word of ['true', 'false']) this.builder.literal(from, word, to);
        return;
      case 'integer':
        if (!demands.types.has('number')) writeNumber(this, { ...demands, isInteger: true }, from, to);
        return;
      case 'number':
        writeNumber(this, { ...demands, isInteger: false }, from, to);
        return;
      case 'string':
        writeString(this, demands, from, to);
        return;
      case 'array':
        writeArray(this, demands, from, to);
        return;
      case 'object':
        writeObject(this, demands, from, to);
    }
  }
}

/** Whether a keyword other than those that combine schemas asks for anything. */
function asksItself(schema: SchemaObject): boolean {
  const { type, enum: values } = schema;
  return (
    type !== undefined || values !== undefined || Object.hasOwn(schema, 'const') || demandsContent(schema)
  );
}

function asksAnything(schema: SchemaObject): boolean {
  return asksItself(schema) || COMBINING.some((keyword) => schema[keyword] !== undefined);
}

/** One of each list. */
function combinations(lists: readonly (readonly SchemaPlace[])[]): readonly (readonly SchemaPlace[])[] {
  let chosen: readonly (readonly SchemaPlace[])[] = [[]];
  for (const list of lists) chosen = chosen.flatMap((before) => list.map((place) => [...before, place]));
  return chosen;
}
