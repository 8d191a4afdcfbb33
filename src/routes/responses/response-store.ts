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

type HeldItem = {
  readonly item: StoredItem;
  /** Responses that have it. */
  holderCount: number;
  newestHolderId: string;
};

export class ResponseStore {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #responses = new Map<string, StoredResponse>();
  readonly #items = new Map<string, HeldItem>();
  #bytes = 0;

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
    const hold = (item: StoredItem): StoredItem => this.#hold(item, response.id);
    const held = { ...response, input: response.input.map(hold), output: response.output.map(hold) };
    this.#responses.set(response.id, held);
    this.#bytes += ownBytes(held);
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
    const chain: StoredResponse[] = [];
    for (let one: StoredResponse | undefined = found; one !== undefined; one = this.#previousOf(one)) {
      chain.push(one);
    }
    for (const one of chain.reverse()) this.#use(one);
    return found;
  }

  /** An item by its name; the newest response that had it counts as used, if it is still here. */
  item(id: string): StoredItem | null {
    const held = this.#items.get(id);
    if (held === undefined) return null;
    const holder = this.#responses.get(held.newestHolderId);
    if (holder !== undefined) this.#use(holder);
    return held.item;
  }

  /** Whether its name does not stand for something else. */
  mayHold({ id, json }: StoredItem): boolean {
    const held = this.#items.get(id);
    return held === undefined || held.item.json === json;
  }

  /** @returns false where there is none of this name. */
  delete(id: string): boolean {
    const response = this.#responses.get(id);
    if (response === undefined) return false;
    this.#responses.delete(id);
    this.#bytes -= ownBytes(response);
    for (const item of itemsOf(response)) this.#letGo(item);
    return true;
  }

  #previousOf({ previousId }: StoredResponse): StoredResponse | undefined {
    return previousId === null ? undefined : this.#responses.get(previousId);
  }

  #use(response: StoredResponse): void {
    this.#responses.delete(response.id);
    this.#responses.set(response.id, response);
  }

  /** @returns the one that is held, which may be another of the same name and content. */
  #hold(item: StoredItem, holderId: string): StoredItem {
    const held = this.#items.get(item.id);
    if (held !== undefined) {
      held.holderCount++;
      held.newestHolderId = holderId;
      return held.item;
    }
    this.#items.set(item.id, { item, holderCount: 1, newestHolderId: holderId });
    this.#bytes += itemBytes(item);
    return item;
  }

  #letGo(item: StoredItem): void {
    const held = this.#items.get(item.id)!;
    held.holderCount--;
    if (held.holderCount > 0) return;
    this.#items.delete(item.id);
    this.#bytes -= itemBytes(item);
  }
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
