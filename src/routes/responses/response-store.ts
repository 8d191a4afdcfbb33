/**
 * Responses that may be asked for again, in memory: whole, or as what a further one goes on from. Those that were least
 * recently used leave first. An item that many responses have in common, as the turns of one conversation do, is held
 * once, until the last of them has left. Knows nothing of HTTP, and of JSON only how long it is.
 */

import { STORED_ITEM_BYTES, STORED_PLACE_BYTES, STORED_RESPONSE_BYTES } from '../../base/limits.ts';

/** An item of an input or an output. */
export type StoredItem = { readonly id: string; readonly json: string };

export type StoredResponse = {
  readonly id: string;
  readonly previousId: string | null;
  /** The response without its output. */
  readonly json: string;
  /** All that it was made of, those of earlier responses among them; no name comes twice. */
  readonly input: readonly StoredItem[];
  readonly output: readonly StoredItem[];
};

type HeldResponse = {
  readonly response: StoredResponse;
  /** Its place in the order in which responses came. */
  readonly number: number;
};

type HeldItem = {
  readonly item: StoredItem;
  /** Responses that have it, the newest last; never none. */
  readonly holders: HeldResponse[];
};

export class ResponseStore {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #responses = new Map<string, HeldResponse>();
  readonly #items = new Map<string, HeldItem>();
  #bytes = 0;
  #addedCount = 0;

  /** @param options.bytesMax 0: nothing is stored. */
  constructor(options: { readonly bytesMax: number }) {
    this.#bytesMax = options.bytesMax;
  }

  get isOn(): boolean {
    return this.#bytesMax > 0;
  }

  /** Of all that is held, in characters of JSON and what lies around them. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#responses.size;
  }

  /** @returns false for a response that does not fit, and for one of whose items a name stands for another one here. */
  add(response: StoredResponse): boolean {
    const items = itemsOf(response);
    if (bytesAlone(response) > this.#bytesMax || !items.every((item) => this.mayHold(item))) return false;
    this.#hold(response);
    // The new one is the last to leave, and fits alone. No iterator is kept: it would keep all that the map has outgrown.
    for (const id of this.#responses.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.delete(id);
    }
    return true;
  }

  /** A response; it and those that it goes on from count as used. */
  get(id: string): StoredResponse | null {
    const found = this.#responses.get(id);
    if (found === undefined) return null;
    const chain: HeldResponse[] = [];
    for (let one: HeldResponse | undefined = found; one !== undefined; one = this.#previousOf(one)) {
      chain.push(one);
    }
    for (const one of chain.reverse()) this.#use(one);
    return found.response;
  }

  /** An item by its name; of the responses that have it the newest counts as used. */
  item(id: string): StoredItem | null {
    const held = this.#items.get(id);
    if (held === undefined) return null;
    this.#use(held.holders.at(-1)!);
    return held.item;
  }

  /** Whether its name does not stand for something else. */
  mayHold({ id, json }: StoredItem): boolean {
    const held = this.#items.get(id);
    return held === undefined || held.item.json === json;
  }

  /** @returns false where there is none of this name. */
  delete(id: string): boolean {
    const held = this.#responses.get(id);
    if (held === undefined) return false;
    this.#responses.delete(id);
    this.#bytes -= ownBytes(held.response);
    for (const item of itemsOf(held.response)) this.#letGo(item, held);
    return true;
  }

  #previousOf({ response: { previousId } }: HeldResponse): HeldResponse | undefined {
    return previousId === null ? undefined : this.#responses.get(previousId);
  }

  #use(held: HeldResponse): void {
    const { id } = held.response;
    this.#responses.delete(id);
    this.#responses.set(id, held);
  }

  /** With the items that are held already in the place of others of the same name and content. */
  #hold(given: StoredResponse): void {
    const heldOr = (item: StoredItem): StoredItem => this.#items.get(item.id)?.item ?? item;
    const response = { ...given, input: given.input.map(heldOr), output: given.output.map(heldOr) };
    const held = { response, number: this.#addedCount++ };
    this.#responses.set(response.id, held);
    this.#bytes += ownBytes(response);
    for (const item of itemsOf(response)) this.#holdItem(item, held);
  }

  #holdItem(item: StoredItem, holder: HeldResponse): void {
    const held = this.#items.get(item.id);
    if (held !== undefined) {
      held.holders.push(holder);
      return;
    }
    this.#items.set(item.id, { item, holders: [holder] });
    this.#bytes += itemBytes(item);
  }

  #letGo(item: StoredItem, holder: HeldResponse): void {
    const { holders } = this.#items.get(item.id)!;
    holders.splice(placeOf(holder, holders), 1);
    if (holders.length > 0) return;
    this.#items.delete(item.id);
    this.#bytes -= itemBytes(item);
  }
}

/** By halves: an item may have thousands of holders, and a response thousands of items. */
function placeOf({ number }: HeldResponse, holders: readonly HeldResponse[]): number {
  let low = 0;
  let high = holders.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holders[middle]!.number < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

function itemsOf({ input, output }: StoredResponse): readonly StoredItem[] {
  return [...input, ...output];
}

function itemBytes({ json }: StoredItem): number {
  return json.length + STORED_ITEM_BYTES;
}

/** Without its items, which others may have too. */
function ownBytes({ json, input, output }: StoredResponse): number {
  return json.length + STORED_RESPONSE_BYTES + (input.length + output.length) * STORED_PLACE_BYTES;
}

function bytesAlone(response: StoredResponse): number {
  return itemsOf(response).reduce((sum, item) => sum + itemBytes(item), ownBytes(response));
}
