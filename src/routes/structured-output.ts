/** From the fields that say what an output has to look like to a grammar. Pure; schemas are read when compiled. */

import { SCHEMA_JSON_DEPTH_MAX } from '../base/grammar-limits.ts';
import type { JsonObject } from '../base/json-object.ts';
import { JSON_VALUES_MAX } from '../base/limits.ts';
import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import { HttpError } from './api-error.ts';
import { requirePlainValues } from './body-values.ts';
import { hasMoreValues } from './json-structure.ts';
import {
  JSON_SCHEMA_FIELDS,
  RESPONSE_FORMAT_FIELDS,
  STRUCTURED_OUTPUTS_FIELDS,
} from './schema/field-tables.ts';
import type { FieldCheck } from './schema/fields.ts';
import type { SchemaField, StructuredFields } from './schema/structured-fields.ts';
import { requireStrictSchema } from './strict-schema.ts';
import { invalid, isNestedTooDeep, isWritable } from './text-request.ts';

/** A grammar, and the field that it comes from. */
export type Given = { readonly param: string; readonly grammar: GrammarSource };

/**
 * @param further what the endpoint's own fields say
 * @returns null when the output is free.
 * @throws ServerError for fields that contradict each other, and for a strict schema that is not.
 * @throws HttpError 400 for one that is missing.
 */
export function grammarOf(
  request: StructuredFields,
  fields: FieldCheck,
  further: readonly Given[] = [],
): GrammarSource | null {
  const given = [
    ...further,
    ...fromResponseFormat(request, fields),
    ...fromStructuredOutputs(request, fields),
    ...fromAliases(request),
  ];
  const [first, ...others] = given;
  if (first === undefined) return null;
  const second = others.find(({ grammar }) => !isSame(grammar, first.grammar));
  if (second === undefined) return first.grammar;
  throw invalid(
    second.param,
    `'${first.param}' and '${second.param}' both say what the output has to look like; give one of them.`,
  );
}

/** Clients of several versions of vLLM send the same under its older name and its newer one. */
function isSame(one: GrammarSource, other: GrammarSource): boolean {
  return contentOf(one) === contentOf(other);
}

/** The order of keys counts: it is the order in which properties are written. */
function contentOf(grammar: GrammarSource): string {
  const isCompact = 'isCompact' in grammar && grammar.isCompact === true;
  return JSON.stringify({ ...grammar, isCompact, param: null });
}

function fromResponseFormat(
  { response_format: format }: StructuredFields,
  fields: FieldCheck,
): readonly Given[] {
  if (format == null) return [];
  const place = { exact: 'response_format.', general: 'response_format.' };
  fields.check(format, RESPONSE_FORMAT_FIELDS[format.type], place);
  if (format.type === 'text') return [];
  if (format.type === 'json_object') {
    if (format.schema == null) return [{ param: 'response_format', grammar: { kind: 'json-object' } }];
    return [schemaGrammar('response_format.schema', format.schema)];
  }
  const inside = 'response_format.json_schema.';
  fields.check(format.json_schema, JSON_SCHEMA_FIELDS, { exact: inside, general: inside });
  return [schemaFormat(format.json_schema, { param: 'response_format', place: inside })];
}

type SchemaFormat = {
  readonly schema?: JsonObject | boolean | null | undefined;
  readonly strict?: boolean | null | undefined;
};

/**
 * A format of the type `json_schema`.
 * @param where the field, and the place of the schema in it, with the dot behind it
 * @throws ServerError for a strict schema that is not. @throws HttpError 400 for one that is missing.
 */
export function schemaFormat(
  { schema, strict }: SchemaFormat,
  { param, place }: { readonly param: string; readonly place: string },
): Given {
  const schemaParam = `${place}schema`;
  if (schema == null) {
    if (strict === true) throw missingSchema(schemaParam);
    return { param, grammar: { kind: 'json-object' } };
  }
  if (strict === true) requireStrictSchema(schema, schemaParam);
  return schemaGrammar(schemaParam, schema);
}

/** Who asks for strictness relies on a form; any object would not be one. */
function missingSchema(param: string): HttpError {
  const message = `Missing required parameter: '${param}'. With strict, there has to be a schema to keep to.`;
  return new HttpError(400, 'missing_required_parameter', message, { param });
}

function fromStructuredOutputs(
  { structured_outputs: options }: StructuredFields,
  fields: FieldCheck,
): readonly Given[] {
  if (options == null) return [];
  const place = { exact: 'structured_outputs.', general: 'structured_outputs.' };
  fields.check(options, STRUCTURED_OUTPUTS_FIELDS, place);
  const isCompact = options.disable_any_whitespace ?? false;
  if (isCompact && options.json == null && options.json_object !== true) {
    fields.ignore('disable_any_whitespace', place, 'it is about json and json_object alone');
  }
  const given = textGrammars(options, place.exact);
  if (options.json != null) given.push(schemaGrammar('structured_outputs.json', options.json, isCompact));
  if (options.json_object === true) {
    given.push({ param: 'structured_outputs.json_object', grammar: { kind: 'json-object', isCompact } });
  }
  return given;
}

function fromAliases(request: StructuredFields): readonly Given[] {
  const given = [
    ...textGrammars(
      { regex: request.guided_regex, choice: request.guided_choice, grammar: request.guided_grammar },
      'guided_',
    ),
    ...textGrammars({ regex: request.regex, grammar: request.grammar }, ''),
    ...textGrammars({ ebnf: request.ebnf }, ''),
  ];
  if (request.guided_json != null) given.push(schemaGrammar('guided_json', request.guided_json));
  if (request.json_schema != null) given.push(schemaGrammar('json_schema', request.json_schema));
  return given;
}

type TextFields = {
  readonly regex?: string | null | undefined;
  readonly choice?: readonly string[] | null | undefined;
  readonly grammar?: string | null | undefined;
  readonly ebnf?: string | null | undefined;
};

function textGrammars({ regex, choice, grammar, ebnf }: TextFields, prefix: string): Given[] {
  const given: Given[] = [];
  const add = (name: string, grammarOfParam: (param: string) => GrammarSource): void => {
    const param = `${prefix}${name}`;
    given.push({ param, grammar: grammarOfParam(param) });
  };
  if (regex != null) add('regex', (param) => ({ kind: 'regex', pattern: regex, param }));
  if (choice != null)
    add('choice', (param) => ({ kind: 'choice', choices: choicesOf(choice, param), param }));
  if (grammar != null) add('grammar', (param) => ({ kind: 'ebnf', text: writable(grammar, param), param }));
  if (ebnf != null) add('ebnf', (param) => ({ kind: 'ebnf', text: writable(ebnf, param), param }));
  return given;
}

function choicesOf(choices: readonly string[], param: string): readonly string[] {
  return choices.map((choice, index) => writable(choice, `${param}[${index}]`));
}

/** With U+FFFD in the place of what cannot be written, the answer would be another text than the one that was asked for. */
function writable(text: string, param: string): string {
  if (isWritable(text)) return text;
  throw invalid(param, `'${param}' holds half of a surrogate pair, which is in no text.`);
}

function schemaGrammar(param: string, schema: SchemaField, isCompact = false): Given {
  const read = typeof schema === 'string' ? parsedSchema(schema, param) : schema;
  if (isNestedTooDeep(read, SCHEMA_JSON_DEPTH_MAX)) {
    throw invalid(param, `'${param}' is nested more than ${SCHEMA_JSON_DEPTH_MAX} deep.`);
  }
  return { param, grammar: { kind: 'json-schema', schema: read, param, isCompact } };
}

/** Text in a string is structure that the body's own bound has not counted. */
function parsedSchema(text: string, param: string): JsonObject | boolean {
  if (hasMoreValues(Buffer.from(text), JSON_VALUES_MAX)) {
    throw invalid(param, `'${param}' holds more than ${JSON_VALUES_MAX} values.`);
  }
  let schema: JsonObject | boolean;
  try {
    schema = JSON.parse(text) as JsonObject | boolean;
  } catch {
    throw invalid(param, `'${param}' is a string, but not the text of a JSON Schema.`);
  }
  requirePlainValues(schema, param);
  return schema;
}
