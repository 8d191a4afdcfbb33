/** Bounds of what earlier calls were given, whichever endpoint's request tells of them. Pure. */

import { JSON_VALUES_MAX, TOOL_ARGUMENTS_DEPTH_MAX } from '../base/limits.ts';
import { isNestedDeeper, valueCount } from './json-structure.ts';
import { invalid } from './text-request.ts';

/** JSON inside of a string, and the field that holds it. */
export type GivenArguments = { readonly json: string; readonly param: string };

/**
 * Arguments are JSON inside of a string; what is not JSON is handed on as the text that it is. Their structure is not in
 * the count of the body's values, so it has one of its own, over all calls: templates want it parsed, and print it.
 * @throws ServerError `invalid_request`
 */
export function requireBoundedArguments(calls: readonly GivenArguments[]): void {
  let valuesLeft = JSON_VALUES_MAX;
  for (const { json, param } of calls) {
    const bytes = Buffer.from(json);
    if (isNestedDeeper(bytes, TOOL_ARGUMENTS_DEPTH_MAX)) {
      throw invalid(param, `'${param}' is nested more than ${TOOL_ARGUMENTS_DEPTH_MAX} deep.`);
    }
    valuesLeft -= valueCount(bytes, valuesLeft);
    if (valuesLeft >= 0) continue;
    throw invalid(param, `'${param}': the arguments of all calls hold more than ${JSON_VALUES_MAX} values.`);
  }
}
