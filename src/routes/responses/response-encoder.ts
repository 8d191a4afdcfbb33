/**
 * From text events to the events of a streamed response. Pure: no clock, no stream, no HTTP.
 *
 * A delta of text is written by joining a prefix that never changes within its item, the text as JSON, and a suffix;
 * tests hold every event against the schema.
 */

import type { TextEvent } from '../../engine/text-generation.ts';
import type { StreamEncoder } from '../answer.ts';
import type { ErrorBody } from '../api-error.ts';
import type { ResponseStreamEvent, ResponsesTokenLogprob } from '../schema/responses-object.ts';
import {
  type GrowingItem,
  type ItemStatus,
  OutputItems,
  type OutputListener,
  outputItem,
  textPart,
} from './output-items.ts';
import {
  begunResponse,
  endedResponse,
  failedResponse,
  outputOptions,
  type ResponseFrame,
} from './response-object.ts';

/** An event without its number. */
type Numberless<Event> = Event extends unknown ? Omit<Event, 'sequence_number'> : never;

export class ResponseEncoder implements StreamEncoder, OutputListener {
  readonly #frame: ResponseFrame;
  readonly #output: OutputItems;
  /** Of the item that is being made: its deltas up to their text. */
  #deltaHead = '';
  #sequenceNumber = 0;
  #events = '';

  constructor(frame: ResponseFrame) {
    this.#frame = frame;
    this.#output = new OutputItems(outputOptions(frame), this);
  }

  encode(event: TextEvent): string {
    if (event.kind === 'prompt') this.#open();
    this.#output.add(event);
    if (event.kind === 'usage') this.#close();
    return this.#taken();
  }

  /** Clients build the response from `response.created`, so that comes first in any case. */
  failed(body: ErrorBody): string {
    if (this.#sequenceNumber === 0) this.#open();
    this.#output.cut();
    this.#send({ type: 'response.failed', response: failedResponse(this.#frame, this.#output.items, body) });
    return this.#taken();
  }

  onBegin(item: GrowingItem): void {
    const { id, index, kind } = item;
    const bare = outputItem(item, 'in_progress');
    const begun = 'content' in bare ? { ...bare, content: [] } : bare;
    this.#send({ type: 'response.output_item.added', output_index: index, item: begun });
    if (kind !== 'function_call') this.#send({ type: 'response.content_part.added', ...partOf(item) });
    const place = JSON.stringify({ item_id: id, output_index: index, ...CONTENT_INDEX[kind] });
    const type = DELTAS[kind];
    this.#deltaHead = `event: ${type}\ndata: {"type":"${type}",${place.slice(1, -1)},"delta":`;
  }

  onText({ kind }: GrowingItem, text: string, logprobs: readonly ResponsesTokenLogprob[]): void {
    const told =
      kind === 'message' ? `,"logprobs":${logprobs.length === 0 ? '[]' : JSON.stringify(logprobs)}` : '';
    const number = this.#sequenceNumber++;
    this.#events += `${this.#deltaHead + JSON.stringify(text) + told},"sequence_number":${number}}\n\n`;
  }

  onEnd(item: GrowingItem, status: ItemStatus): void {
    this.#sendText(item);
    if (item.kind !== 'function_call') this.#send({ type: 'response.content_part.done', ...partOf(item) });
    this.#send({
      type: 'response.output_item.done',
      output_index: item.index,
      item: outputItem(item, status),
    });
  }

  /** The item's whole text, once more. */
  #sendText(item: GrowingItem): void {
    const { kind, text, logprobs, call } = item;
    if (kind === 'message') {
      this.#send({ type: 'response.output_text.done', ...placeOf(item), content_index: 0, text, logprobs });
    } else if (kind === 'reasoning') {
      this.#send({ type: 'response.reasoning_text.done', ...placeOf(item), content_index: 0, text });
    } else {
      const name = call?.name ?? '';
      this.#send({ type: 'response.function_call_arguments.done', ...placeOf(item), name, arguments: text });
    }
  }

  #open(): void {
    const response = begunResponse(this.#frame);
    this.#send({ type: 'response.created', response });
    this.#send({ type: 'response.in_progress', response });
  }

  #close(): void {
    const response = endedResponse(this.#frame, this.#output);
    this.#send({ type: this.#output.isCutOff ? 'response.incomplete' : 'response.completed', response });
  }

  #send(event: Numberless<ResponseStreamEvent>): void {
    const json = JSON.stringify({ ...event, sequence_number: this.#sequenceNumber++ });
    this.#events += `event: ${event.type}\ndata: ${json}\n\n`;
  }

  #taken(): string {
    const events = this.#events;
    this.#events = '';
    return events;
  }
}

const DELTAS = {
  message: 'response.output_text.delta',
  reasoning: 'response.reasoning_text.delta',
  function_call: 'response.function_call_arguments.delta',
} as const;

/** An item has one part, or none. */
const CONTENT_INDEX = {
  message: { content_index: 0 },
  reasoning: { content_index: 0 },
  function_call: {},
} as const;

function placeOf({ id, index }: GrowingItem) {
  return { item_id: id, output_index: index };
}

function partOf(item: GrowingItem) {
  const part =
    item.kind === 'reasoning' ? { type: 'reasoning_text' as const, text: item.text } : textPart(item);
  return { ...placeOf(item), content_index: 0 as const, part };
}
