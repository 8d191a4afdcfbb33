/**
 * The rules that OpenAI makes for a schema with `strict: true`, as far as OpenAI checks them: the root is an object, and
 * every object forbids other keys and requires all that it lists. Software that is tested here then runs there.
 */

import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import { PLACE_CHARACTERS_MAX } from '../base/limits.ts';
import { invalid } from './text-request.ts';

type Place = { readonly schema: unknown; readonly path: string };

const NAMED = ['properties', '$defs', 'definitions'] as const;
const LISTED = ['anyOf', 'allOf', 'oneOf', 'prefixItems'] as const;

/** @throws ServerError `invalid_request` naming the first place that breaks a rule. */
export function requireStrictSchema(schema: JsonObject | boolean, param: string): void {
  if (!isJsonObject(schema) || schema['type'] !== 'object') {
    throw invalid(param, `Invalid schema in '${param}': with strict, its root has to be of type object.`);
  }
  const open: Place[] = [{ schema, path: param }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (!isJsonObject(place.schema)) continue;
    requireClosed(place.schema, place.path);
    open.push(...schemasIn(place.schema, place.path));
  }
}

function requireClosed(schema: JsonObject, path: string): void {
  const { type, properties, required } = schema;
  const isObjectType = type === 'object' || (Array.isArray(type) && type.includes('object'));
  if (!isObjectType && properties === undefined) return;
  if (schema['additionalProperties'] !== false) {
    throw broken(path, "with strict, 'additionalProperties' has to be given, and to be false");
  }
  const listed: readonly unknown[] = Array.isArray(required) ? required : [];
  const known = new Set(listed);
  const missing = Object.keys(isJsonObject(properties) ? properties : {}).find((name) => !known.has(name));
  if (missing === undefined) return;
  throw broken(
    path,
    `with strict, 'required' has to list every property, and '${missing.slice(0, 64)}' is missing`,
  );
}

function broken(path: string, what: string) {
  const place = path.slice(0, PLACE_CHARACTERS_MAX);
  return invalid(place, `Invalid schema in '${place}': ${what}.`);
}

/** Schemas directly inside of one. */
function schemasIn(schema: JsonObject, path: string): Place[] {
  const places: Place[] = [];
  for (const keyword of NAMED) {
    const named = schema[keyword];
    if (!isJsonObject(named)) continue;
    for (const [name, inner] of Object.entries(named))
      places.push({ schema: inner, path: `${path}.${keyword}.${name}` });
  }
  for (const keyword of LISTED) {
    const list = schema[keyword];
    if (!Array.isArray(list)) continue;
    list.forEach((inner: unknown, index) => {
      places.push({ schema: inner, path: `${path}.${keyword}[${index}]` });
    });
  }
  places.push({ schema: schema['items'], path: `${path}.items` });
  return places;
}
