/**
 * The request fields that say what the output has to look like: OpenAI's `response_format`, vLLM's
 * `structured_outputs` and its older `guided_*`, and those of llama-server and SGLang. Here are their types; that no two
 * of them are given, and what they mean, is the business of `structured-output.ts`.
 */

import { z } from 'zod';
import {
  CHOICES_OF_TEXT_MAX,
  GRAMMAR_TEXT_CHARACTERS_MAX,
  PATTERN_CHARACTERS_MAX,
} from '../../base/grammar-limits.ts';
import { isJsonObject, type JsonObject } from '../../base/json-object.ts';

/** A JSON Schema as it stands, or as the text of one. Its inside is checked where it is compiled. */
export type SchemaField = JsonObject | boolean | string;

const schemaObject = z.custom<JsonObject | boolean>(
  (value) => isJsonObject(value) || typeof value === 'boolean',
  {
    error: 'expected an object',
  },
);
const SCHEMA_JSON = {
  type: ['object', 'boolean', 'null'],
  description: 'A JSON Schema; docs/structured-output.md says how much of it.',
};
/** A JSON Schema as the value of a field. */
const schemaObjectField = schemaObject.nullish().meta(SCHEMA_JSON);

const schemaOrText = z.custom<SchemaField>(
  (value) => isJsonObject(value) || typeof value === 'boolean' || typeof value === 'string',
  {
    error: 'expected an object or a string',
    params: { isType: true },
  },
);
const SCHEMA_OR_TEXT_JSON = {
  type: ['object', 'boolean', 'string', 'null'],
  description: 'Extension. A JSON Schema, or its text.',
};

const patternField = z.string().min(1).max(PATTERN_CHARACTERS_MAX);
const grammarField = z.string().min(1).max(GRAMMAR_TEXT_CHARACTERS_MAX);
const choiceField = z.array(z.string().min(1)).min(1).max(CHOICES_OF_TEXT_MAX);

/** What describes a format of the type `json_schema`, in chat requests and in those for responses. */
export const schemaFormatFields = {
  name: z.string().nullish(),
  description: z.string().nullish(),
  schema: schemaObjectField,
  strict: z
    .boolean()
    .nullish()
    .describe('True: the schema keeps to the rules of OpenAI. The output fits the schema either way.'),
};

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object'), schema: schemaObjectField }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject(schemaFormatFields),
  }),
]);

const structuredOutputs = z.looseObject({
  json: schemaOrText.nullish().meta(SCHEMA_OR_TEXT_JSON),
  json_object: z.boolean().nullish(),
  regex: patternField.nullish(),
  choice: choiceField.nullish(),
  grammar: grammarField.nullish(),
  disable_any_whitespace: z.boolean().nullish().describe('JSON without any white space between its parts.'),
});

export const structuredFields = {
  response_format: responseFormat.nullish().describe('What every choice has to be.'),
  structured_outputs: structuredOutputs
    .nullish()
    .describe('Extension, as in vLLM: one of `json`, `json_object`, `regex`, `choice` and `grammar`.'),
  guided_json: schemaOrText.nullish().meta(SCHEMA_OR_TEXT_JSON),
  guided_regex: patternField.nullish().describe('Extension. The same as `structured_outputs.regex`.'),
  guided_choice: choiceField.nullish().describe('Extension. The same as `structured_outputs.choice`.'),
  guided_grammar: grammarField.nullish().describe('Extension. The same as `structured_outputs.grammar`.'),
  json_schema: schemaOrText.nullish().meta(SCHEMA_OR_TEXT_JSON),
  grammar: grammarField.nullish().describe('Extension, as in llama-server: a GBNF grammar.'),
  regex: patternField.nullish().describe('Extension, as in SGLang.'),
  ebnf: grammarField.nullish().describe('Extension, as in SGLang.'),
};

export const STRUCTURE_FIELDS = Object.keys(structuredFields) as (keyof typeof structuredFields)[];

const structuredRequestSchema = z.looseObject(structuredFields);

export type StructuredFields = z.infer<typeof structuredRequestSchema>;
