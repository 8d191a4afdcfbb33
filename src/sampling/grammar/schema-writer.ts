/** What the writers of single kinds of values are given. */

import type { JsonRules } from './json-rules.ts';
import type { ProgramBuilder, Rule } from './program-builder.ts';
import type { SchemaDocument, SchemaPlace } from './schema-document.ts';

export type SchemaWriter = {
  readonly builder: ProgramBuilder;
  readonly json: JsonRules;
  readonly document: SchemaDocument;
  /** The rule of a value that fits all of these schemas. */
  readonly ruleOf: (places: readonly SchemaPlace[]) => Rule;
};
