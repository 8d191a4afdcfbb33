import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { STORED_ITEM_BYTES, STORED_PLACE_BYTES, STORED_RESPONSE_BYTES } from '../../src/base/limits.ts';
import {
  type OwnResponses,
  ResponseStore,
  type StoredItem,
  type StoredResponse,
} from '../../src/routes/responses/response-store.ts';

const TEXT = 'x'.repeat(100);
/** Of a response as `response` makes them: one item in and one out. */
const BYTES = 100 + STORED_RESPONSE_BYTES + 2 * (STORED_PLACE_BYTES + STORED_ITEM_BYTES + 100);

const item = (id: string): StoredItem => ({ id, json: TEXT });

function response(id: string, more: Partial<StoredResponse> = {}): StoredResponse {
  return {
    id,
    previousId: null,
    json: TEXT,
    input: [item(`${id}-in`)],
    output: [item(`${id}-out`)],
    ...more,
  };
}

type Tested = OwnResponses & Pick<ResponseStore, 'bytes' | 'size'>;

/** What is one owner's, and what is counted of all. */
function ownedOf(store: ResponseStore, owner: number): Tested {
  return {
    ...store.of(owner),
    get bytes() {
      return store.bytes;
    },
    get size() {
      return store.size;
    },
  };
}

/** Of as many such responses as have room. */
function storeOf(count: number): Tested {
  return ownedOf(new ResponseStore({ bytesMax: count * BYTES }), 0);
}

function idsIn(store: OwnResponses, ...ids: string[]): string[] {
  return ids.filter((id) => store.item(`${id}-out`) !== null);
}

/** An item that nothing but the store holds. */
function heldItem(store: OwnResponses): WeakRef<StoredItem> {
  const one = response('a');
  store.add(one);
  return new WeakRef(one.input[0]!);
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describe('the store of responses', () => {
  it('gives back what it was given, and counts it', () => {
    const store = storeOf(1);
    expect(store.add(response('a'))).toBe(true);
    expect(store.get('a')).toEqual(response('a'));
    expect(store.item('a-in')).toEqual(item('a-in'));
    expect(store.bytes).toBe(BYTES);
  });

  it('knows nothing of other names', () => {
    const store = storeOf(1);
    expect([store.get('a'), store.item('a-in'), store.delete('a')]).toEqual([null, null, false]);
  });

  it('keeps nothing of a response that has left, however often another one was used before', async () => {
    const store = storeOf(2);
    const held = heldItem(store);
    store.add(response('b'));
    for (let use = 0; use < 100; use++) store.get('b');
    store.delete('a');
    // A target that was looked at lives until its turn has ended.
    await new Promise(setImmediate);
    collectGarbage();
    expect(held.deref()).toBeUndefined();
  });

  it('lets the least recently used leave when there is no room', () => {
    const store = storeOf(2);
    for (const id of ['a', 'b']) store.add(response(id));
    store.get('a');
    store.add(response('c'));
    expect(idsIn(store, 'a', 'b', 'c')).toEqual(['a', 'c']);
    expect(store.bytes).toBe(2 * BYTES);
  });

  it('takes the use of an item for one of its response', () => {
    const store = storeOf(2);
    for (const id of ['a', 'b']) store.add(response(id));
    store.item('a-out');
    store.add(response('c'));
    expect(store.get('a')).not.toBeNull();
    expect(store.get('b')).toBeNull();
  });

  it('takes the use of an item for one of the newest response that still has it, not of a deleted one', () => {
    const store = storeOf(3);
    const shared = item('shared');
    for (const id of ['a', 'b', 'c']) store.add(response(id, { input: [shared] }));
    store.delete('c');
    store.get('a');
    expect(store.item('shared')).toEqual(shared);
    store.add(response('large', { json: 'x'.repeat(BYTES) }));
    expect(idsIn(store, 'a', 'b', 'large')).toEqual(['b', 'large']);
    expect(store.item('shared')).toEqual(shared);
  });

  it('takes the use of an item for one of the newest response that still has it, not of one that has left', () => {
    const store = storeOf(3);
    const shared = item('shared');
    store.add(response('a', { input: [shared] }));
    store.add(response('b', { input: [shared] }));
    store.add(response('other'));
    store.get('a');
    store.add(response('new'));
    expect(store.get('b')).toBeNull();
    store.get('other');
    store.item('shared');
    for (const id of ['newer', 'newest']) store.add(response(id));
    expect(idsIn(store, 'a', 'other', 'new', 'newer', 'newest')).toEqual(['a', 'newer', 'newest']);
  });

  it('takes the use of a response for one of all that it goes on from', () => {
    const store = storeOf(4);
    store.add(response('a'));
    store.add(response('b', { previousId: 'a' }));
    store.add(response('c', { previousId: 'b' }));
    store.add(response('other'));
    store.get('c');
    store.add(response('new'));
    expect(idsIn(store, 'a', 'b', 'c', 'other', 'new')).toEqual(['a', 'b', 'c', 'new']);
  });

  it('lets the last of a chain stay the longest', () => {
    const store = storeOf(2);
    store.add(response('a'));
    store.add(response('b', { previousId: 'a' }));
    store.get('b');
    store.add(response('new'));
    expect(idsIn(store, 'a', 'b')).toEqual(['b']);
  });

  it('makes as much room as a larger one needs', () => {
    const store = storeOf(4);
    for (const id of ['a', 'b', 'c', 'd']) store.add(response(id));
    store.add(response('large', { json: 'x'.repeat(100 + BYTES) }));
    expect(idsIn(store, 'a', 'b', 'c', 'd', 'large')).toEqual(['c', 'd', 'large']);
  });

  it('refuses what is larger than itself, and keeps the others', () => {
    const store = storeOf(1);
    store.add(response('a'));
    expect(store.add(response('large', { json: `${TEXT}x` }))).toBe(false);
    expect(store.size).toBe(1);
  });

  it('holds an item once however many responses have it, until the last has left', () => {
    const store = storeOf(10);
    const shared = item('shared');
    store.add(response('a', { output: [shared] }));
    const { bytes } = store;
    store.add(response('b', { input: [{ ...shared }] }));
    expect(store.bytes - bytes).toBe(BYTES - STORED_ITEM_BYTES - 100);
    store.delete('a');
    expect(store.item('shared')).toEqual(shared);
    store.delete('b');
    expect(store.item('shared')).toBeNull();
    expect(store.bytes).toBe(0);
  });

  it('refuses a response in which a name stands for something else', () => {
    const store = storeOf(10);
    store.add(response('a', { output: [item('name')] }));
    const other = { id: 'name', json: 'else' };
    expect(store.mayHold(other)).toBe(false);
    expect(store.add(response('b', { input: [other] }))).toBe(false);
    expect(store.item('name')).toEqual(item('name'));
  });

  it('forgets what is deleted and has its room again', () => {
    const store = storeOf(2);
    for (const id of ['a', 'b']) store.add(response(id));
    expect(store.delete('a')).toBe(true);
    store.add(response('c'));
    expect(idsIn(store, 'a', 'b', 'c')).toEqual(['b', 'c']);
  });

  it('can be emptied and filled again', () => {
    const store = storeOf(2);
    for (const round of ['first', 'second']) {
      for (let index = 0; index < 5; index++) store.add(response(`${round}-${index}`));
      for (const index of [3, 4]) expect(store.delete(`${round}-${index}`)).toBe(true);
      expect([store.size, store.bytes]).toEqual([0, 0]);
    }
  });

  it('keeps the order of use over thousands of responses', () => {
    const store = storeOf(50);
    store.add(response('used'));
    for (let index = 0; index < 5000; index++) {
      store.add(response(`${index}`));
      store.get('used');
    }
    expect(store.size).toBe(50);
    expect(idsIn(store, 'used', '4950', '4951', '4999')).toEqual(['used', '4951', '4999']);
    expect(store.bytes).toBe(50 * BYTES);
  });

  it('that has no room at all takes nothing', () => {
    const store = storeOf(0);
    expect([store.isOn, store.add(response('a'))]).toEqual([false, false]);
  });
});

describe('two owners', () => {
  it('have what is theirs, items of the same name and content too', () => {
    const whole = new ResponseStore({ bytesMax: 10 * BYTES });
    const [mine, theirs] = [ownedOf(whole, 0), ownedOf(whole, 1)];
    const shared = item('shared');
    mine.add(response('a', { input: [shared] }));
    theirs.add(response('b', { input: [shared] }));
    expect(whole.bytes).toBe(2 * BYTES);
    expect([mine.get('b'), mine.item('b-out'), mine.delete('b')]).toEqual([null, null, false]);
    expect(theirs.delete('b')).toBe(true);
    expect([mine.item('shared'), theirs.item('shared')]).toEqual([shared, null]);
  });

  it('may call different items by one name', () => {
    const whole = new ResponseStore({ bytesMax: 10 * BYTES });
    const [mine, theirs] = [ownedOf(whole, 0), ownedOf(whole, 1)];
    const other = { id: 'name', json: 'else' };
    mine.add(response('a', { input: [item('name')] }));
    expect([theirs.mayHold(other), theirs.add(response('b', { input: [other] }))]).toEqual([true, true]);
    expect([mine.item('name'), theirs.item('name')]).toEqual([item('name'), other]);
  });

  it('have one bound, and one order of use', () => {
    const whole = new ResponseStore({ bytesMax: 2 * BYTES });
    const [mine, theirs] = [ownedOf(whole, 0), ownedOf(whole, 1)];
    mine.add(response('a'));
    theirs.add(response('b'));
    mine.get('a');
    theirs.get('a');
    theirs.add(response('c'));
    expect([idsIn(mine, 'a'), idsIn(theirs, 'b', 'c')]).toEqual([['a'], ['c']]);
  });
});
