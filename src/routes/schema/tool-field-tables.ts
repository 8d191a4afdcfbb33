/** Which fields of a tool, of a choice among tools, and of an earlier call have an effect here. */

import { type FieldTable, ignored, SERVED } from './fields.ts';

/** Of a tool, and of one that a choice names. */
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

export const ALLOWED_CHOICE_FIELDS: FieldTable = new Map([
  ['type', SERVED],
  ['allowed_tools', SERVED],
]);

export const ALLOWED_TOOLS_FIELDS: FieldTable = new Map([
  ['mode', SERVED],
  ['tools', SERVED],
]);

export const NAMED_FUNCTION_FIELDS: FieldTable = new Map([['name', SERVED]]);

/** Clients that put a call together from a stream send the place in it back. */
export const TOOL_CALL_FIELDS: FieldTable = new Map([
  ['id', SERVED],
  ['type', SERVED],
  ['function', SERVED],
  ['index', ignored('calls come in the order of their list', Number.isInteger)],
]);

export const CALLED_FUNCTION_FIELDS: FieldTable = new Map([
  ['name', SERVED],
  ['arguments', SERVED],
]);
