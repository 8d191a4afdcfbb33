import { describe, expect, it } from 'vitest';
import { TileGroups, tileTokensMax } from '../../src/engine/tile-groups.ts';
import { Dice } from '../simulation/dice.ts';

const BLOCK_SIZE = 16;
/** A token's keys take 1 KiB and the scores of a query and a key 64 bytes. */
const COSTS = { blockSize: BLOCK_SIZE, keyBytes: 1024, scoreBytes: 64 };
const MIB = 2 ** 20;

type Tile = { readonly rows: number; readonly blocks: number; readonly newTokens: number };

/** Tiles of each group. */
function groupsOf(tiles: readonly Tile[], groups = new TileGroups(COSTS)): number[][] {
  const sizes = (of: (tile: Tile) => number): Int32Array => Int32Array.from(tiles.map(of));
  groups.fill({
    count: tiles.length,
    rows: sizes(({ rows }) => rows),
    blocks: sizes(({ blocks }) => blocks),
    newTokens: sizes(({ newTokens }) => newTokens),
  });
  return Array.from({ length: groups.groupCount }, (_, group) => [
    ...groups.order.subarray(groups.start[group]!, groups.start[group + 1]!),
  ]);
}

const bytesOf = ({ rows, blocks, newTokens }: Tile): number =>
  (blocks * BLOCK_SIZE + newTokens) * (1024 + rows * 64);

const decode = (tokenCount: number): Tile => ({
  rows: 1,
  blocks: Math.ceil(tokenCount / BLOCK_SIZE),
  newTokens: 1,
});

describe('a tile', () => {
  const heads = (count: number) => ({ scoreBytes: 4 * count });

  it.each([
    [8192, 14],
    [4096, 32],
    [1, 1],
  ])('has up to 64 tokens before %d keys with %d heads', (keyCount, headCount) => {
    expect(tileTokensMax(keyCount + BLOCK_SIZE, heads(headCount))).toBe(64);
  });

  it.each([
    [130_064, 6, 21],
    [131_072, 32, 4],
    [1_000_000, 64, 1],
  ])('has fewer before %d keys with %d heads, so that its scores take 64 MiB at most', (...example) => {
    const [keyCount, headCount, expected] = example;
    expect(tileTokensMax(keyCount, heads(headCount))).toBe(expected);
  });
});

describe('groups of tiles', () => {
  it('are one where all fit into the cache together', () => {
    expect(groupsOf([decode(40), decode(100), decode(20)])).toEqual([[1, 0, 2]]);
  });

  it('hold no more than 4 MiB, but for a single tile that is larger', () => {
    const each = decode(900);
    expect(groupsOf(Array.from({ length: 10 }, () => each)).map(({ length }) => length)).toEqual([4, 4, 2]);
    expect(groupsOf([decode(9000), decode(9000)])).toEqual([[0], [1]]);
  });

  it('may be as many as there is room for at first', () => {
    for (const count of [63, 64, 65]) {
      const large = Array.from({ length: count }, (_, index) => decode(9000 + BLOCK_SIZE * index));
      const groups = new TileGroups({ ...COSTS, groupsMax: 1000 });
      expect(groupsOf(large, groups).length).toBe(count);
      expect([...groups.start.subarray(0, count + 1)]).toEqual(
        Array.from({ length: count + 1 }, (_, at) => at),
      );
    }
  });

  it('are few where they would be many, for each costs a turn and a copy of the results so far', () => {
    const groups = groupsOf(Array.from({ length: 128 }, () => decode(9000)));
    expect(groups.length).toBeLessThanOrEqual(32);
    expect(new Set(groups.map(({ length }) => length)).size).toBe(1);
  });

  it('hold no more than 64 MiB, however many they become', () => {
    const groups = groupsOf(Array.from({ length: 200 }, () => decode(20_000)));
    expect(bytesOf(decode(20_000))).toBeGreaterThan(20 * MIB);
    expect(new Set(groups.map(({ length }) => length))).toEqual(new Set([2, 3]));
    expect(Math.max(...groups.map(({ length }) => length)) * bytesOf(decode(20_000))).toBeLessThan(64 * MIB);
  });

  it('are not widened in one direction by a tile and in the other by the rest', () => {
    const manyRows: Tile = { rows: 64, blocks: 1, newTokens: 64 };
    const manyKeys: Tile = { rows: 2, blocks: 20, newTokens: 2 };
    const costs = { ...COSTS, keyBytes: 512, scoreBytes: 56 };
    expect(groupsOf([manyRows, manyKeys], new TileGroups(costs))).toEqual([[0], [1]]);
  });

  it('keep one long sequence apart from many short ones', () => {
    const short = Array.from({ length: 63 }, () => decode(20));
    const groups = groupsOf([...short, decode(1900)]);
    expect(groups[0]).toEqual([63]);
    expect(groups.slice(1).flat()).toEqual(short.map((_, index) => index));
  });

  it('take full tiles of a prompt few at a time, and many short prompts together', () => {
    const full = (index: number): Tile => ({ rows: 64, blocks: 1, newTokens: 64 * (index + 1) });
    expect(groupsOf([0, 1, 2, 3, 4, 5, 6, 7].map(full)).length).toBeGreaterThanOrEqual(3);
    const short: Tile = { rows: 2, blocks: 1, newTokens: 2 };
    const groups = groupsOf([...Array.from({ length: 30 }, () => short), full(3)]);
    expect(groups[0]).toEqual([30]);
    expect(groups.length).toBe(2);
  });

  it('hold every tile once and are as wide as their widest, in memory that is used again', () => {
    const groups = new TileGroups(COSTS);
    for (let seed = 0; seed < 300; seed++) {
      const dice = new Dice(seed);
      const tiles = Array.from({ length: dice.below(200) }, () => ({
        rows: dice.between(1, 64),
        blocks: dice.between(1, 200),
        newTokens: dice.between(1, 512),
      }));
      const found = groupsOf(tiles, groups);
      expect(
        found.flat().sort((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(tiles.map((_, index) => index));
      for (const [group, members] of found.entries()) {
        const widest = (of: (tile: Tile) => number): number =>
          Math.max(...members.map((index) => of(tiles[index]!)));
        const [rows, blocks, newTokens] = [
          groups.rows[group]!,
          groups.blocks[group]!,
          groups.newTokens[group]!,
        ];
        expect([rows, blocks, newTokens], `seed ${seed}`).toEqual([
          widest((tile) => tile.rows),
          widest((tile) => tile.blocks),
          widest((tile) => tile.newTokens),
        ]);
        const bytes = members.length * (blocks * BLOCK_SIZE + newTokens) * (1024 + rows * 64);
        const needed = tiles.reduce((sum, tile) => sum + bytesOf(tile), 0);
        expect(bytes <= Math.max(4 * MIB, needed / 32) || members.length === 1, `seed ${seed}`).toBe(true);
        const own = members.reduce((sum, index) => sum + bytesOf(tiles[index]!), 0);
        expect(bytes <= Math.max(2 ** 19, 2 * own), `seed ${seed}`).toBe(true);
      }
    }
  });
});
