/** GET and DELETE /v1/responses/{id}, its input items, and why it cannot be cancelled. */

import type { Context, Handler } from 'hono';
import { LISTED_ITEMS_DEFAULT, LISTED_ITEMS_MAX } from '../../base/limits.ts';
import { HttpError } from '../api-error.ts';
import type { AppDependencies, AppEnvironment } from '../dependencies.ts';
import { type Query, queryOf } from '../query.ts';
import { printableName } from '../schema/fields.ts';
import { INPUT_ITEMS_QUERY, NO_QUERY, RETRIEVE_QUERY } from '../schema/responses-field-tables.ts';
import type { DeletedResponse, InputItemList, ListedItem } from '../schema/stored-responses.ts';
import { invalid } from '../text-request.ts';
import type { OwnResponses, ResponseStore, StoredItem, StoredResponse } from './response-store.ts';
import { responseOf } from './stored-form.ts';

type RouteContext = Context<AppEnvironment>;
type Needed = Pick<AppDependencies, 'responseStore' | 'strictFields'>;

/** Handler of GET /v1/responses/:id. */
export function retrieveResponse({ responseStore, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    queryOf(context, RETRIEVE_QUERY, strictFields);
    return context.json(responseOf(stored(responseStore, context)));
  };
}

/** Handler of DELETE /v1/responses/:id. */
export function deleteResponse({ responseStore, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    queryOf(context, NO_QUERY, strictFields);
    const id = idOf(context);
    const own = responseStore.of(context.get('owner'));
    if (!own.delete(id)) throw notFound(own, id);
    const answer: DeletedResponse = { id, object: 'response', deleted: true };
    return context.json(answer);
  };
}

/** Handler of POST /v1/responses/:id/cancel. */
export function cancelResponse({ responseStore, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    queryOf(context, NO_QUERY, strictFields);
    stored(responseStore, context);
    const message =
      'Only a response that is made in the background can be cancelled, and this one has ended. Who ends a request ' +
      'whose answer has not come yet cancels it.';
    throw new HttpError(400, 'invalid_value', message);
  };
}

/** Handler of GET /v1/responses/:id/input_items: all that the response was made of, earlier responses included. */
export function listInputItems({ responseStore, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    const page = pageOf(queryOf(context, INPUT_ITEMS_QUERY, strictFields));
    return context.json(listed(stored(responseStore, context).input, page));
  };
}

function idOf(context: RouteContext): string {
  return context.req.param('id') ?? '';
}

/** @throws HttpError 404 */
function stored(store: ResponseStore, context: RouteContext): StoredResponse {
  const id = idOf(context);
  const own = store.of(context.get('owner'));
  const response = own.get(id);
  if (response === null) throw notFound(own, id);
  return response;
}

function notFound({ isOn }: OwnResponses, id: string): HttpError {
  const why = isOn
    ? 'it was not stored, has been deleted, or has left to make room'
    : 'this server stores none (--response-store-memory 0)';
  return new HttpError(404, 'response_not_found', `There is no response '${printableName(id)}': ${why}.`);
}

type Page = { readonly limit: number; readonly isAscending: boolean; readonly after: string | null };

function pageOf({ limit: text, order = 'desc', after }: Query): Page {
  const limit = text === undefined ? LISTED_ITEMS_DEFAULT : Number(/^\d{1,3}$/.exec(text)?.[0]);
  if (!(limit >= 1 && limit <= LISTED_ITEMS_MAX)) {
    throw invalid('limit', `'limit' has to be a whole number from 1 to ${LISTED_ITEMS_MAX}.`);
  }
  if (order !== 'asc' && order !== 'desc') throw invalid('order', "'order' has to be 'asc' or 'desc'.");
  return { limit, isAscending: order === 'asc', after: after ?? null };
}

function listed(input: readonly StoredItem[], { limit, isAscending, after }: Page): InputItemList {
  const items = isAscending ? input : input.toReversed();
  const start = after === null ? 0 : items.findIndex(({ id }) => id === after) + 1;
  if (after !== null && start === 0) {
    throw invalid(
      'after',
      `'after' has to be the id of an item in this list; '${printableName(after)}' is none.`,
    );
  }
  const page = items.slice(start, start + limit);
  return {
    object: 'list',
    data: page.map(({ json }) => JSON.parse(json) as ListedItem),
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
    has_more: start + limit < items.length,
  };
}
