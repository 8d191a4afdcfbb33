/**
 * Responses that may be asked for again, in memory: whole, or as what a further one goes on from. Those that were least
 * recently used leave first. An item that many responses have in common, as the turns of one conversation do, is held
 * once, until the last of them has left. Whoever has a response is the only one for whom it, its items and their names are
 * there; room and order of use are common to all. Knows nothing of HTTP, and of JSON only how long it is.
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
  readonly owner: number;
  readonly response: StoredResponse;
  /** Its place in the order in which responses came. */
  readonly number: number;
};

type HeldItem = {
  readonly item: StoredItem;
  /** Responses that have it, the newest last; never none. */
  readonly holders: HeldResponse[];
};

/** What one owner has: what others have is not there. */
export type OwnResponses = {
  /** Whether anything is stored. */
  readonly isOn: boolean;
  /** @returns false for a response that does not fit, and for one of whose items a name stands for another one here. */
  add(response: StoredResponse): boolean;
  /** A response; it and those that it goes on from count as used. */
  get(id: string): StoredResponse | null;
  /** An item by its name; of the responses that have it the newest counts as used. */
  item(id: string): StoredItem | null;
  /** Whether its name does not stand for something else. */
  mayHold(item: StoredItem): boolean;
  /** @returns false where there is none of this name. */
  delete(id: string): boolean;
};

export class ResponseStore {
  /** What `bytes` may be; 0: nothing is stored. */
  readonly bytesMax: number;
  /** Least recently used first. */
  readonly #responses = new Map<string, HeldResponse>();
  /** By owner and name. */
  readonly #items = new Map<number, Map<string, HeldItem>>();
  #bytes = 0;
  #addedCount = 0;
  #evictedCount = 0;

  constructor({ bytesMax }: { readonly bytesMax: number }) {
    this.bytesMax = bytesMax;
  }

  /** Of all that is held, in characters of JSON and what lies around them. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#responses.size;
  }

  /** How many have left to make room. */
  get evictedCount(): number {
    return this.#evictedCount;
  }

  /** The store as one of a few owners sees it. */
  of(owner: number): OwnResponses {
    return {
      isOn: this.bytesMax > 0,
      add: (response) => this.#add(response, owner),
      get: (id) => this.#get(id, owner),
      item: (id) => this.#item(id, owner),
      mayHold: (item) => this.#mayHold(item, owner),
      delete: (id) => this.#delete(id, owner),
    };
  }

  #add(response: StoredResponse, owner: number): boolean {
    const items = itemsOf(response);
    const isHeldable = items.every((item) => this.#mayHold(item, owner));
    if (bytesAlone(response) > this.bytesMax || !isHeldable) return false;
    this.#hold(response, owner);
    // The new one is the last to leave, and fits alone. No iterator is kept: it would keep all that the map has outgrown.
    for (const held of this.#responses.values()) {
      if (this.#bytes <= this.bytesMax) break;
      this.#remove(held);
      this.#evictedCount++;
    }
    return true;
  }

  #get(id: string, owner: number): StoredResponse | null {
    const found = this.#own(id, owner);
    if (found === undefined) return null;
    const chain: HeldResponse[] = [];
    for (let one: HeldResponse | undefined = found; one !== undefined; one = this.#previousOf(one)) {
      chain.push(one);
    }
    for (const one of chain.reverse()) this.#use(one);
    return found.response;
  }

  #item(id: string, owner: number): StoredItem | null {
    const held = this.#itemsOf(owner).get(id);
    if (held === undefined) return null;
    this.#use(held.holders.at(-1)!);
    return held.item;
  }

  #mayHold({ id, json }: StoredItem, owner: number): boolean {
    const held = this.#itemsOf(owner).get(id);
    return held === undefined || held.item.json === json;
  }

  #delete(id: string, owner: number): boolean {
    const held = this.#own(id, owner);
    if (held !== undefined) this.#remove(held);
    return held !== undefined;
  }

  #own(id: string, owner: number): HeldResponse | undefined {
    const held = this.#responses.get(id);
    return held?.owner === owner ? held : undefined;
  }

  #itemsOf(owner: number): Map<string, HeldItem> {
    const items = this.#items.get(owner) ?? new Map<string, HeldItem>();
    this.#items.set(owner, items);
    return items;
  }

  #previousOf({ response: { previousId }, owner }: HeldResponse): HeldResponse | undefined {
    return previousId === null ? undefined : this.#own(previousId, owner);
  }

  #use(held: HeldResponse): void {
    const { id } = held.response;
    this.#responses.delete(id);
    this.#responses.set(id, held);
  }

  /** With the items that are held already in the place of others of the same name and content. */
  #hold(given: StoredResponse, owner: number): void {
    const held = this.#itemsOf(owner);
    const heldOr = (item: StoredItem): StoredItem => held.get(item.id)?.item ?? item;
    const response = { ...given, input: given.input.map(heldOr), output: given.output.map(heldOr) };
    const holder = { owner, response, number: this.#addedCount++ };
    this.#responses.set(response.id, holder);
    this.#bytes += ownBytes(response);
    for (const item of itemsOf(response)) this.#holdItem(item, holder);
  }

  #holdItem(item: StoredItem, holder: HeldResponse): void {
    const items = this.#itemsOf(holder.owner);
    const held = items.get(item.id);
    if (held !== undefined) {
      held.holders.push(holder);
      return;
    }
    items.set(item.id, { item, holders: [holder] });
    this.#bytes += itemBytes(item);
  }

  #remove(held: HeldResponse): void {
    this.#responses.delete(held.response.id);
    this.#bytes -= ownBytes(held.response);
    for (const item of itemsOf(held.response)) this.#letGo(item, held);
  }

  #letGo(item: StoredItem, holder: HeldResponse): void {
    const items = this.#itemsOf(holder.owner);
    const { holders } = items.get(item.id)!;
    holders.splice(placeOf(holder, holders), 1);
    if (holders.length > 0) return;
    items.delete(item.id);
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
