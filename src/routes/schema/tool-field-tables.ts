/** Which fields of a tool have an effect here. */

import { type FieldTable, SERVED } from './fields.ts';

export const TOOL_FIELDS: FieldTable = new Map([
  ['type', SERVED],
  ['function', SERVED],
]);

export const TOOL_FUNCTION_FIELDS: FieldTable = new Map([
  ['name', SERVED],
  ['description', SERVED],
  ['parameters', SERVED],
  ['strict', SERVED],
]);
