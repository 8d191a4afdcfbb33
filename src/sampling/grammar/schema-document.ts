/**
 * A JSON Schema as a tree of places: which schema stands where, what `$ref` points to, and errors that name the place.
 * Knows which keywords there are, and what becomes of each; nothing of what they mean.
 */

import { ServerError } from '../../base/errors.ts';
import { SCHEMA_DEPTH_MAX } from '../../base/grammar-limits.ts';
import { isJsonObject, type JsonObject } from '../../base/json-object.ts';

export type SchemaObject = JsonObject;

/** A schema and where it stands, as in `$.properties.name`. */
export type SchemaPlace = { readonly schema: SchemaObject | boolean; readonly path: string };

/** Keywords that promise nothing of a value. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  '$anchor',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'example',
  'deprecated',
  'readOnly',
  'writeOnly',
  'discriminator',
  'externalDocs',
  'contentMediaType',
  'contentEncoding',
  // Of `strict` requests to OpenAI; here it is a field beside the schema.
  'strict',
]);

/** Keywords that an output can be held to. */
const SERVED: ReadonlySet<string> = new Set([
  '$ref',
  'type',
  'enum',
  'const',
  'anyOf',
  'oneOf',
  'allOf',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'minProperties',
  'maxProperties',
  'items',
  'prefixItems',
  'additionalItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
]);

/** Values with which an unserved keyword asks for nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  uniqueItems: false,
  nullable: false,
  unevaluatedProperties: true,
  unevaluatedItems: true,
  propertyNames: true,
  additionalItems: true,
};

const PATH_CHARACTERS_MAX = 200;

export class SchemaDocument {
  readonly root: SchemaPlace;
  /** The field of the request that errors name. */
  readonly #param: string;
  readonly #checked = new Set<SchemaObject>();

  /** @throws ServerError when the schema is no schema, or nested too deep. */
  constructor(schema: unknown, param: string) {
    this.#param = param;
    this.#requireDepth(schema);
    this.root = this.place(schema, '$');
  }

  /** @throws ServerError when `schema` is no schema, or uses what is not served. */
  place(schema: unknown, path: string): SchemaPlace {
    if (typeof schema === 'boolean') return { schema, path };
    if (!isJsonObject(schema)) throw this.invalid(path, 'has to be a schema: an object, true or false');
    if (!this.#checked.has(schema)) {
      this.#checkKeywords(schema, path);
      this.#checked.add(schema);
    }
    return { schema, path };
  }

  /** Schemas of a list. @throws ServerError when it is none. */
  places(list: unknown, path: string): readonly SchemaPlace[] {
    if (!Array.isArray(list) || list.length === 0) throw this.invalid(path, 'has to be a list of schemas');
    return list.map((schema, index) => this.place(schema, `${path}[${index}]`));
  }

  /** @throws ServerError for references that leave the schema, or lead nowhere. */
  resolve(reference: unknown, path: string): SchemaPlace {
    if (typeof reference !== 'string') throw this.invalid(path, 'has to be a string');
    if (reference !== '#' && !reference.startsWith('#/')) {
      throw this.unsupported(path, 'only references into the same schema are followed, such as #/$defs/name');
    }
    let target: unknown = this.root.schema;
    for (const step of reference.split('/').slice(1)) {
      const key = decoded(step).replaceAll('~1', '/').replaceAll('~0', '~');
      const isThere = typeof target === 'object' && target !== null && Object.hasOwn(target, key);
      if (!isThere) throw this.invalid(path, 'points to nothing in the schema');
      target = (target as Record<string, unknown>)[key];
    }
    return this.place(target, `$${reference.slice(1).replaceAll('/', '.')}`);
  }

  /** A demand that makes no sense. */
  invalid(path: string, what: string): ServerError {
    const message = `Invalid schema in '${this.#param}': ${shortened(path)} ${what}.`;
    return new ServerError('invalid_request', message, { param: this.paramOf(path) });
  }

  /** A demand that this server cannot hold an output to. */
  unsupported(path: string, why: string): ServerError {
    const message = `'${this.#param}' holds ${shortened(path)}, which is not supported by this server: ${why}.`;
    return new ServerError('unsupported_parameter', message, { param: this.paramOf(path) });
  }

  /** The full name of a place, for errors. */
  paramOf(path: string): string {
    return `${this.#param}${shortened(path).slice(1)}`;
  }

  #checkKeywords(schema: SchemaObject, path: string): void {
    for (const keyword of Object.keys(schema)) {
      if (SERVED.has(keyword) || isAnnotation(keyword)) continue;
      if (Object.hasOwn(NEUTRAL, keyword) && NEUTRAL[keyword] === schema[keyword]) continue;
      if (keyword === 'propertyNames' && isOfAnyName(schema[keyword])) continue;
      throw this.unsupported(`${path}.${keyword}`, 'an output cannot be held to this keyword');
    }
  }

  /** Everything that looks at schemas and values below may use recursion. */
  #requireDepth(schema: unknown): void {
    let level: unknown[] = [schema];
    for (let depth = 0; level.length > 0; depth++) {
      // A level of lists and one of objects make one of schemas.
      if (depth > 2 * SCHEMA_DEPTH_MAX)
        throw this.invalid('$', `is nested more than ${SCHEMA_DEPTH_MAX} deep`);
      level = level.flatMap((value) =>
        typeof value === 'object' && value !== null ? Object.values(value) : [],
      );
    }
  }
}

function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith('x-');
}

/** A schema for names that all of them fit: they are strings. Zod writes one for every record. */
function isOfAnyName(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false;
  return Object.entries(schema).every(
    ([keyword, value]) => isAnnotation(keyword) || (keyword === 'type' && value === 'string'),
  );
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

/** Names are the client's own: printable, and cut. */
function shortened(path: string): string {
  const cut = path.length > PATH_CHARACTERS_MAX ? `${path.slice(0, PATH_CHARACTERS_MAX)}…` : path;
  return cut.replace(/[\p{Cc}\p{Surrogate}]/gu, '?');
}
