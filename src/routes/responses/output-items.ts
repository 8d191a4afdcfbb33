/**
 * From text events to the items of a response's output: what the model thought, said and called, each an item, in its
 * order. A listener hears of every change, so that a whole response and a streamed one come of the same. Pure.
 */

import { assert } from '../../base/assert.ts';
import type { FinishReason, TextEvent, TextUsage } from '../../engine/text-generation.ts';
import { holdsJsonObject } from '../../text/message/call-object-reader.ts';
import type { MessagePart } from '../../text/message/message-part.ts';
import type { MessageDelta, TextDelta } from '../answer.ts';
import type { OutputItem, ResponsesTokenLogprob } from '../schema/responses-object.ts';
import { logprobOf } from '../token-logprobs.ts';
import { newItemId } from './item-id.ts';
import type { FunctionName, FunctionNames } from './response-tools.ts';

export type ItemKind = OutputItem['type'];

/** An item that is being made, or has been. */
export type GrowingItem = {
  readonly kind: ItemKind;
  readonly id: string;
  /** Its place in the output. */
  readonly index: number;
  /** What is said or thought, or a call's arguments as JSON text. */
  text: string;
  /** Of what is said. */
  readonly logprobs: ResponsesTokenLogprob[];
  /** Of a call. */
  readonly call: (FunctionName & { readonly id: string }) | null;
};

export interface OutputListener {
  onBegin(item: GrowingItem): void;
  /** More of its text; which may be empty where log probabilities are told. */
  onText(item: GrowingItem, text: string, logprobs: readonly ResponsesTokenLogprob[]): void;
  onEnd(item: GrowingItem, status: ItemStatus): void;
}

export type ItemStatus = OutputItem['status'];

const NO_LOGPROBS: readonly ResponsesTokenLogprob[] = [];

/** An item as it stands. */
export function outputItem(item: GrowingItem, status: ItemStatus): OutputItem {
  const { kind, id, call, text } = item;
  if (call !== null) {
    const { id: callId, name, namespace } = call;
    const place = namespace === null ? {} : { namespace };
    return { type: 'function_call', id, status, call_id: callId, name, ...place, arguments: text };
  }
  if (kind === 'reasoning') {
    return { type: 'reasoning', id, status, summary: [], content: [{ type: 'reasoning_text', text }] };
  }
  return { type: 'message', id, status, role: 'assistant', content: [textPart(item)] };
}

export function textPart({ text, logprobs }: Pick<GrowingItem, 'text' | 'logprobs'>) {
  return { type: 'output_text' as const, text, annotations: [], logprobs };
}

export type OutputOptions = {
  /** A new name on every call. */
  readonly newId: () => string;
  /** Of the functions that are in namespaces. */
  readonly functionNames: FunctionNames;
};

export class OutputItems {
  readonly #newId: () => string;
  readonly #functionNames: FunctionNames;
  readonly #listener: OutputListener | null;
  readonly #items: OutputItem[] = [];
  #open: GrowingItem | null = null;
  /** Of tokens whose text is yet to come. */
  #unplaced: readonly ResponsesTokenLogprob[] = NO_LOGPROBS;
  #reason: FinishReason | null = null;
  #usage: TextUsage | null = null;

  constructor({ newId, functionNames }: OutputOptions, listener: OutputListener | null) {
    this.#newId = newId;
    this.#functionNames = functionNames;
    this.#listener = listener;
  }

  /** Items that have ended. */
  get items(): readonly OutputItem[] {
    return this.#items;
  }

  /** `null` while the last event is missing. */
  get usage(): TextUsage | null {
    return this.#usage;
  }

  /** Whether it ended for want of room, not by itself. */
  get isCutOff(): boolean {
    return this.#reason === 'length';
  }

  add(event: TextEvent): void {
    switch (event.kind) {
      case 'text-delta':
        this.#addText('message', event.text, logprobsOf(event));
        return;
      case 'message-delta':
        this.#addParts(event);
        return;
      case 'choice-finish':
        this.#reason = event.reason;
        this.#finish();
        return;
      case 'usage':
        this.#usage = event.usage;
        return;
      default:
    }
  }

  /** Ends what is being made; for an output that ends before its time. A call may be whole by then. */
  cut(): void {
    this.#end(isWholeCall(this.#open) ? 'completed' : 'incomplete');
  }

  /** The log probabilities of a delta go with what it says. */
  #addParts(event: MessageDelta): void {
    let logprobs = logprobsOf(event);
    for (const part of event.parts) {
      const isSaid = part.kind === 'content';
      this.#addPart(part, isSaid ? logprobs : NO_LOGPROBS);
      if (isSaid) logprobs = NO_LOGPROBS;
    }
    if (logprobs.length > 0) this.#addText('message', '', logprobs);
  }

  #addPart(part: MessagePart, logprobs: readonly ResponsesTokenLogprob[]): void {
    switch (part.kind) {
      case 'content':
        this.#addText('message', part.text, logprobs);
        return;
      case 'reasoning':
        this.#addText('reasoning', part.text, NO_LOGPROBS);
        return;
      case 'tool-call':
        this.#begin('function_call', part.name);
        return;
      case 'tool-arguments':
        this.#append(this.#openItem(), part.text, NO_LOGPROBS);
    }
  }

  /** What says nothing begins nothing: a marker of thoughts or of a call may come of it. */
  #addText(kind: ItemKind, text: string, logprobs: readonly ResponsesTokenLogprob[]): void {
    const all = kind === 'message' ? this.#withUnplaced(logprobs) : logprobs;
    const isOpen = this.#open?.kind === kind;
    if (text === '' && (!isOpen || all.length === 0)) {
      if (kind === 'message') this.#unplaced = all;
      return;
    }
    if (kind === 'message') this.#unplaced = NO_LOGPROBS;
    this.#append(isOpen ? this.#open! : this.#begin(kind, null), text, all);
  }

  #withUnplaced(logprobs: readonly ResponsesTokenLogprob[]): readonly ResponsesTokenLogprob[] {
    return this.#unplaced.length === 0 ? logprobs : [...this.#unplaced, ...logprobs];
  }

  #begin(kind: ItemKind, callName: string | null): GrowingItem {
    this.#end('completed');
    const item: GrowingItem = {
      kind,
      id: newItemId(kind, this.#newId),
      index: this.#items.length,
      text: '',
      logprobs: [],
      call: callName === null ? null : this.#called(callName),
    };
    this.#open = item;
    this.#listener?.onBegin(item);
    return item;
  }

  #called(toldName: string): GrowingItem['call'] {
    const names = this.#functionNames.get(toldName) ?? { name: toldName, namespace: null };
    return { id: newItemId('call', this.#newId), ...names };
  }

  #append(item: GrowingItem, text: string, logprobs: readonly ResponsesTokenLogprob[]): void {
    item.text += text;
    item.logprobs.push(...logprobs);
    this.#listener?.onText(item, text, logprobs);
  }

  #openItem(): GrowingItem {
    assert(this.#open !== null, 'arguments belong to a call');
    return this.#open;
  }

  /** Who ended by itself without a word said an empty text. */
  #finish(): void {
    const isCutOff = this.isCutOff;
    if (this.#open === null && this.#items.length === 0 && !isCutOff) this.#begin('message', null);
    if (isCutOff) this.cut();
    else this.#end('completed');
  }

  #end(status: ItemStatus): void {
    const item = this.#open;
    this.#open = null;
    if (item === null) return;
    this.#items.push(outputItem(item, status));
    this.#listener?.onEnd(item, status);
  }
}

/** What begins an object is none before its end. */
function isWholeCall(item: GrowingItem | null): boolean {
  return item !== null && item.call !== null && holdsJsonObject(item.text);
}

function logprobsOf({ logprobs }: TextDelta | MessageDelta): readonly ResponsesTokenLogprob[] {
  if (logprobs === null || logprobs.length === 0) return NO_LOGPROBS;
  return logprobs.filter(({ isSaid }) => isSaid).map(logprobOf);
}
