/** What a request says behind its path, and how a client hears of what had no effect there or in the body. */

import type { Context } from 'hono';
import type { AppEnvironment } from './dependencies.ts';
import { FieldCheck, type FieldTable, TOP_LEVEL } from './schema/fields.ts';

const IGNORED_HEADER = 'x-octavo-ignored';

export type Query = Readonly<Record<string, string | undefined>>;

type RouteContext = Context<AppEnvironment>;

/** Adds to what is named already. */
export function nameIgnored(context: RouteContext, ignored: ReadonlySet<string>): void {
  if (ignored.size > 0) context.header(IGNORED_HEADER, [...ignored].join(', '), { append: true });
}

/** The first value of each; SDKs write the names of lists with brackets. @throws ServerError for what is not served. */
export function queryOf(context: RouteContext, table: FieldTable, strict: boolean): Query {
  const entries = Object.entries(context.req.query());
  const query = Object.fromEntries(entries.map(([name, value]) => [name.replace(/\[\d*\]$/, ''), value]));
  const fields = new FieldCheck({ strict });
  fields.check(query, table, TOP_LEVEL);
  nameIgnored(context, fields.ignored);
  return query;
}

/** Tells a field of the query from one of the body. */
const QUERY_PLACE = { exact: '?', general: '?' };

/** For paths whose requests say everything in their body. @throws ServerError when strict, for any query. */
export function ignoreQuery(context: RouteContext, strict: boolean): void {
  const fields = new FieldCheck({ strict });
  for (const name of Object.keys(context.req.query())) {
    fields.ignore(name, QUERY_PLACE, 'no query is read here; fields belong into the body');
  }
  nameIgnored(context, fields.ignored);
}
