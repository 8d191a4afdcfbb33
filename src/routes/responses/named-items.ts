/**
 * What a response is made of: the items of its input, and those that it names instead of sending them, by the response that
 * it goes on from or one by one. Pure: the same request over the same store gives the same items.
 */

import { MESSAGES_MAX, NAMED_ITEMS_BYTES_MAX } from '../../base/limits.ts';
import { HttpError } from '../api-error.ts';
import { type FieldCheck, printableName } from '../schema/fields.ts';
import { ITEM_FIELDS } from '../schema/responses-field-tables.ts';
import type { InputItem, ResponsesRequest, SentItem } from '../schema/responses-request.ts';
import { invalid } from '../text-request.ts';
import type { OwnResponses, StoredItem } from './response-store.ts';

/** An item that a response is made of. */
export type ContextItem = {
  readonly item: SentItem;
  /** The place in the request that it comes from. */
  readonly param: string;
  /** Null where the request has it itself. */
  readonly stored: StoredItem | null;
};

type ContextOptions = { readonly store: OwnResponses; readonly fields: FieldCheck };

/** @throws ServerError, or HttpError for what is not in the store. */
export function contextOf(
  request: Pick<ResponsesRequest, 'input' | 'previous_response_id'>,
  { store, fields }: ContextOptions,
): readonly ContextItem[] {
  const { input, previous_response_id: previousId } = request;
  const named = new NamedItems(store);
  const earlier = previousId == null ? [] : named.ofResponse(previousId, { next: countOf(input) });
  if (typeof input === 'string') return [...earlier, sent({ role: 'user', content: input }, 'input')];
  const given = input.map((item, index) => {
    const param = `input[${index}]`;
    fields.check(item, ITEM_FIELDS[item.type ?? 'message'], { exact: `${param}.`, general: 'input[].' });
    return isReference(item) ? named.one(item.id, `${param}.id`) : sent(item, param);
  });
  return [...earlier, ...given];
}

function countOf(input: ResponsesRequest['input']): number {
  return typeof input === 'string' ? 1 : input.length;
}

function isReference(item: InputItem): item is Exclude<InputItem, SentItem> {
  return item.type === 'item_reference';
}

function sent(item: SentItem, param: string): ContextItem {
  return { item, param, stored: null };
}

/** Takes from the store what one request names, and no more than it could have sent. */
class NamedItems {
  readonly #store: OwnResponses;
  #bytesLeft = NAMED_ITEMS_BYTES_MAX;

  constructor(store: OwnResponses) {
    this.#store = store;
  }

  /** What that one was made of, and what it said. */
  ofResponse(id: string, { next }: { readonly next: number }): readonly ContextItem[] {
    const param = 'previous_response_id';
    const previous = this.#store.get(id);
    if (previous === null) throw noPrevious(id);
    const items = [...previous.input, ...previous.output];
    if (items.length + next > MESSAGES_MAX) {
      const count = `${items.length} items and ${next} in 'input'`;
      throw invalid(
        param,
        `'${param}' stands for ${count}; a conversation has at most ${MESSAGES_MAX}. Begin a new one.`,
      );
    }
    return items.map((item) => this.#taken(item, param));
  }

  one(id: string, param: string): ContextItem {
    const item = this.#store.item(id);
    if (item === null) throw noItem(id, param);
    return this.#taken(item, param);
  }

  #taken(stored: StoredItem, param: string): ContextItem {
    this.#bytesLeft -= stored.json.length;
    if (this.#bytesLeft < 0) {
      const message = `What is named instead of sent is longer than ${NAMED_ITEMS_BYTES_MAX} bytes, which is as much as may be sent.`;
      throw invalid(param, `'${param}': ${message} Begin a new conversation.`);
    }
    return { item: JSON.parse(stored.json) as SentItem, param, stored };
  }
}

const WHAT_TO_DO = 'send the earlier items themselves';

function noPrevious(id: string): HttpError {
  const param = 'previous_response_id';
  const message =
    `The previous response '${printableName(id)}' is not in the store: it was not stored, has been deleted, or has ` +
    `left to make room; ${WHAT_TO_DO} in 'input'.`;
  return new HttpError(400, 'previous_response_not_found', message, { param });
}

function noItem(id: string, param: string): HttpError {
  const message =
    `The item '${printableName(id)}' is not in the store: its response was not stored, has been deleted, or has left ` +
    `to make room; ${WHAT_TO_DO}.`;
  return new HttpError(404, 'item_not_found', message, { param });
}
