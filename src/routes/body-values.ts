/**
 * What no value of a body may be, whatever it means and whether anything looks at it: one walk behind the parser, so that
 * nobody behind it has to think of what JSON text can make of JavaScript's values.
 */

import { OBJECT_FIELDS_MAX, PLACE_CHARACTERS_MAX } from '../base/limits.ts';
import { HttpError } from './api-error.ts';
import { pathText } from './schema/fields.ts';

/** A list or an object, and where it lies. */
type Place = { readonly value: object; readonly parent: Place | null; readonly step: string | number };

/**
 * Looks at every value, in no recursion: bodies nest as deep as they like.
 * @param root the field whose text the value was parsed from; the body itself by default
 * @throws HttpError 400 for a number beyond a double's range, which the parser made infinite and JSON would write as null; and
 *   for a field named `__proto__`, which others than the parser leave out or take for something else; `request_too_complex` for
 *   an object of more fields than could be known.
 */
export function requirePlainValues(parsed: unknown, root = ''): void {
  if (typeof parsed !== 'object' || parsed === null) return;
  const open: Place[] = [{ value: parsed, parent: null, step: root }];
  const visit = (value: unknown, parent: Place, step: string | number): void => {
    if (typeof value === 'object' && value !== null) open.push({ value, parent, step });
    else if (value === Infinity || value === -Infinity) throw notFinite([...stepsTo(parent), step]);
  };
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { value } = place;
    if (Array.isArray(value))
      for (let index = 0; index < value.length; index++) visit(value[index], place, index);
    else
      for (const name of namesOf(value, place))
        visit((value as Readonly<Record<string, unknown>>)[name], place, name);
  }
}

/** @throws HttpError for too many, and for one that cannot be. */
function namesOf(object: object, place: Place): readonly string[] {
  const names = Object.keys(object);
  if (names.length > OBJECT_FIELDS_MAX && !hasFreeNames(place)) throw tooManyFields(stepsTo(place));
  if (Object.hasOwn(object, '__proto__')) throw unnameable([...stepsTo(place), '__proto__']);
  return names;
}

/** What has names of the client's own, in numbers that are bounded where it is read. */
const OF_FREE_NAMES = [
  ...['logit_bias', 'metadata', 'chat_template_kwargs'],
  ...['guided_json', 'json_schema', 'structured_outputs.json'],
  ...['response_format.schema', 'response_format.json_schema.schema', 'text.format.schema'],
  ...['tools[].function.parameters', 'tools[].parameters'],
].map((place) => place.replace('[]', '[0]'));

function hasFreeNames(place: Place): boolean {
  const general = `${pathText(stepsTo(place).map((step) => (typeof step === 'number' ? 0 : step)))}.`;
  return OF_FREE_NAMES.some((place) => general.startsWith(`${place}.`));
}

function stepsTo(place: Place): (string | number)[] {
  const steps: (string | number)[] = [];
  let at = place;
  for (; at.parent !== null; at = at.parent) steps.push(at.step);
  if (at.step !== '') steps.push(at.step);
  return steps.reverse();
}

function paramOf(steps: readonly (string | number)[]): string {
  return pathText(steps).slice(0, PLACE_CHARACTERS_MAX);
}

function tooManyFields(steps: readonly (string | number)[]): HttpError {
  const param = paramOf(steps);
  const place = param === '' ? 'The request body' : `'${param}'`;
  const message = `${place} has more than ${OBJECT_FIELDS_MAX} fields; only schemas may have more.`;
  return new HttpError(400, 'request_too_complex', message, param === '' ? {} : { param });
}

function unnameable(steps: readonly (string | number)[]): HttpError {
  const param = paramOf(steps);
  const message = `'${param}': no field of a request can have the name '__proto__'.`;
  return new HttpError(400, 'invalid_value', message, { param });
}

function notFinite(steps: readonly (string | number)[]): HttpError {
  const param = paramOf(steps);
  const message = `Invalid value for '${param}': expected a number that a double can hold, at most about 1.8e308.`;
  return new HttpError(400, 'invalid_value', message, { param });
}
