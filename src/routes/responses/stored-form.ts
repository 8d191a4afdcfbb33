/** A response, and what it was made of, in the form in which they are stored and listed. Pure. */

import { ITEM_ID_CHARACTERS_MAX } from '../../base/limits.ts';
import type { ResponseObject } from '../schema/responses-object.ts';
import type { SentItem } from '../schema/responses-request.ts';
import type { ListedItem } from '../schema/stored-responses.ts';
import { newItemId } from './item-id.ts';
import type { ContextItem } from './named-items.ts';
import type { OwnResponses, StoredItem, StoredResponse } from './response-store.ts';

export type StoredFormOptions = {
  readonly newId: () => string;
  /** Where names may stand for something already. */
  readonly store: Pick<OwnResponses, 'mayHold'>;
};

/** @param input by `storedInput` */
export function storedResponse(response: ResponseObject, input: readonly StoredItem[]): StoredResponse {
  const { id, previous_response_id: previousId, output } = response;
  return {
    id,
    previousId,
    json: JSON.stringify({ ...response, output: [] }),
    input,
    output: output.map((item) => storedItem(item, item.id)),
  };
}

/** The response as it was answered, but for log probabilities, which are not stored. */
export function responseOf({ json, output }: StoredResponse): ResponseObject {
  const items = output.map((item) => JSON.parse(item.json) as ResponseObject['output'][number]);
  return { ...(JSON.parse(json) as ResponseObject), output: items };
}

/**
 * All that is remembered of the input while its response is made: no field that was ignored, so that it is no longer than what counts
 * when it is stored. Items keep the names that they came with, where these are names and stand for nothing else.
 */
export function storedInput(
  context: readonly ContextItem[],
  { newId, store }: StoredFormOptions,
): readonly StoredItem[] {
  const taken = new Set<string>();
  return context.map(({ item, stored }) => {
    const given = stored ?? asNamed(item);
    const isFree = given !== null && !taken.has(given.id) && store.mayHold(given);
    const kept = isFree ? given : renamed(item, newId);
    taken.add(kept.id);
    return kept;
  });
}

function asNamed(item: SentItem): StoredItem | null {
  const { id } = item;
  const isName = typeof id === 'string' && id !== '' && id.length <= ITEM_ID_CHARACTERS_MAX;
  return isName ? storedItem(item, id) : null;
}

function renamed(item: SentItem, newId: () => string): StoredItem {
  return storedItem(item, newItemId(item.type ?? 'message', newId));
}

function storedItem(item: SentItem, id: string): StoredItem {
  return { id, json: JSON.stringify(listedItem(item, id)) };
}

function listedItem(item: SentItem, id: string): ListedItem {
  const status = item['status'] === 'incomplete' ? 'incomplete' : 'completed';
  switch (item.type) {
    case 'function_call': {
      const { type, call_id, name, namespace, arguments: json } = item;
      return { type, id, status, call_id, name, ...(namespace && { namespace }), arguments: json };
    }
    case 'function_call_output': {
      const { type, call_id, output } = item;
      return {
        type,
        id,
        status,
        call_id,
        output: typeof output === 'string' ? output : output.map(inputText),
      };
    }
    case 'reasoning': {
      const { type, summary, content } = item;
      return { type, id, status, summary: texts(summary), content: texts(content) };
    }
    default:
      return { type: 'message', id, status, role: item.role, content: partsOf(item) };
  }
}

type MessageItem = Extract<SentItem, { role: string }>;
type Part = Exclude<MessageItem['content'], string>[number];

function partsOf({ role, content }: MessageItem) {
  const textOf = role === 'assistant' ? outputText : inputText;
  if (typeof content === 'string') return [textOf({ text: content })];
  return content.map((part: Part) =>
    part.type === 'refusal' ? { type: part.type, refusal: part.refusal } : textOf(part),
  );
}

type WithText = { readonly text: string };

function inputText({ text }: WithText) {
  return { type: 'input_text' as const, text };
}

/** With the two fields that clients look for. */
function outputText({ text }: WithText) {
  return { type: 'output_text' as const, text, annotations: [], logprobs: [] };
}

function texts<Type extends string>(
  parts: readonly (WithText & { readonly type: Type })[] | null | undefined,
) {
  return (parts ?? []).map(({ type, text }) => ({ type, text }));
}
