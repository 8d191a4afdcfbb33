/**
 * What becomes of a field of a request. Nothing is ignored in silence: a field is served, or refused by name because
 * the caller would get something else than he relies on, or it has no effect and is named in a response header. Which
 * field is which stands in `field-tables.ts`.
 */

import { ServerError } from '../../base/errors.ts';
import { FIELD_NAME_CHARACTERS_MAX, IGNORED_FIELDS_LISTED_MAX } from '../../base/limits.ts';

export type FieldRule =
  | { readonly kind: 'served' }
  | {
      readonly kind: 'refused';
      readonly reason: string;
      /** Values that ask for nothing: they are what happens without the field. */
      readonly isNeutral: (value: unknown) => boolean;
    }
  | {
      readonly kind: 'ignored';
      readonly reason: string;
      /** Values that are served as they stand, because they ask for nothing. */
      readonly isNeutral: (value: unknown) => boolean;
    };

export type FieldTable = ReadonlyMap<string, FieldRule>;

export const SERVED: FieldRule = { kind: 'served' };

const never = (): boolean => false;
export const isEmpty = (value: unknown): boolean =>
  value === false || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
export const is =
  (...neutral: readonly unknown[]) =>
  (value: unknown): boolean =>
    neutral.includes(value);

export function refused(reason: string, isNeutral: (value: unknown) => boolean = never): FieldRule {
  return { kind: 'refused', reason, isNeutral };
}

export function ignored(reason: string, isNeutral: (value: unknown) => boolean = never): FieldRule {
  return { kind: 'ignored', reason, isNeutral };
}

/** A client's own key, safe to be repeated in a message or a header: printable ASCII, bounded, and never nothing. */
export function printableName(name: string): string {
  if (name === '') return '""';
  const cut =
    name.length > FIELD_NAME_CHARACTERS_MAX ? `${name.slice(0, FIELD_NAME_CHARACTERS_MAX)}...` : name;
  return cut.replace(/[^\w.\-[\]]/g, '?');
}

/** For example `messages[2].content`; empty for the body itself. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${printableName(String(step))}`;
  }
  return text;
}

/** Where an object of the request lies: `exact` for error messages, `general` (without indices) for the header. */
export type FieldPlace = { readonly exact: string; readonly general: string };

export const TOP_LEVEL: FieldPlace = { exact: '', general: '' };

/** Collects the names of fields without effect; `strict` refuses them instead. */
export class FieldCheck {
  readonly #strict: boolean;
  readonly #ignored = new Set<string>();

  constructor(options: { readonly strict: boolean }) {
    this.#strict = options.strict;
  }

  /** Names of fields that were given and have no effect, each once; the first so many of them. */
  get ignored(): ReadonlySet<string> {
    return this.#ignored;
  }

  /**
   * Checks the keys of one object of the request. A null value counts as absent, as in OpenAI's schema.
   * @throws ServerError `unsupported_parameter` naming the first refused field.
   */
  check(object: Readonly<Record<string, unknown>>, table: FieldTable, place: FieldPlace): void {
    for (const name of Object.keys(object)) {
      const value = object[name];
      const rule = table.get(name);
      if (value === null || value === undefined || rule?.kind === 'served' || rule?.isNeutral(value))
        continue;
      if (rule?.kind === 'refused') throw unsupported(place.exact + name, rule.reason);
      this.ignore(name, place, rule?.reason ?? 'the field is not known');
    }
  }

  /** A field whose lack of effect does not show in the tables. @throws ServerError when strict. */
  ignore(name: string, place: FieldPlace, reason: string): void {
    if (this.#strict) throw unsupported(place.exact + printableName(name), reason);
    if (this.#ignored.size < IGNORED_FIELDS_LISTED_MAX)
      this.#ignored.add(place.general + printableName(name));
  }
}

function unsupported(param: string, reason: string): ServerError {
  const message = `'${param}' is not supported by this server: ${reason}.`;
  return new ServerError('unsupported_parameter', message, { param });
}
