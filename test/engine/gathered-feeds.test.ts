import { describe, expect, it } from 'vitest';
import type { GraphInputs } from '../../src/engine/cache-form.ts';
import { GatheredFeeds } from '../../src/engine/gathered-feeds.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import { GATHERED_INPUT, GROUP, GROUP_COLUMNS } from '../../src/graph/gathered-tiles.ts';

const BLOCK_SIZE = 16;
/** 32 query heads over 8 of 128 elements. */
const COSTS = { blockSize: BLOCK_SIZE, keyBytes: 8 * 128 * 4, scoreBytes: 32 * 4 };

/** A step of one sequence. */
function aChunk(pastLength: number, tokenCount: number): StepBatch {
  const blockTableWidth = Math.ceil((pastLength + tokenCount) / BLOCK_SIZE);
  const upwards = (length: number, from: number) => Int32Array.from({ length }, (_, i) => from + i);
  return {
    rowCount: 1,
    tokenCount,
    tokenIds: new Int32Array(tokenCount),
    positions: upwards(tokenCount, pastLength),
    slots: upwards(tokenCount, BLOCK_SIZE + pastLength),
    rowStart: Int32Array.of(0, tokenCount),
    pastLength: Int32Array.of(pastLength),
    blockTable: upwards(blockTableWidth, 1),
    blockTableWidth,
    logitsTokens: Int32Array.of(tokenCount - 1),
    logitsRowCount: 1,
  };
}

/** Tiles and tokens of a tile, by group. */
function groupsOf(feeds: GraphInputs): { tiles: number; tokens: number }[] {
  const { data } = feeds[GATHERED_INPUT.prefillGroups]!;
  const column = (group: number, name: keyof typeof GROUP) =>
    Number(data[group * GROUP_COLUMNS + GROUP[name]]);
  const count = Number(feeds[GATHERED_INPUT.prefillGroupCount]!.data[0]);
  return Array.from({ length: count }, (_, group) => ({
    tiles: column(group, 'end') - column(group, 'start'),
    tokens: column(group, 'rows'),
  }));
}

describe('the tokens of a chunk', () => {
  it('are cut into tiles of 64 where its context is an ordinary one', () => {
    const groups = groupsOf(new GatheredFeeds(COSTS).fill(aChunk(3584, 512)));
    expect(groups.map(({ tokens }) => tokens)).toEqual(groups.map(() => 64));
    expect(groups.reduce((sum, { tiles }) => sum + tiles, 0)).toBe(8);
  });

  it('are cut into smaller tiles behind a very long past, each a turn of its own', () => {
    const groups = groupsOf(new GatheredFeeds(COSTS).fill(aChunk(130_960, 66)));
    expect(groups).toEqual([
      ...Array.from({ length: 16 }, () => ({ tiles: 1, tokens: 4 })),
      { tiles: 1, tokens: 2 },
    ]);
  });

  it.each([3584, 131_000])('each have one result behind %d others', (pastLength) => {
    const feeds = new GatheredFeeds(COSTS).fill(aChunk(pastLength, 200));
    const results = (feeds[GATHERED_INPUT.resultRows]!.data as Int32Array).slice(0, 200).sort();
    expect(results).toEqual(Int32Array.from({ length: 200 }, (_, token) => token));
  });
});
