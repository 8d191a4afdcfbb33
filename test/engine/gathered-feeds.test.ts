import { describe, expect, it } from 'vitest';
import type { GraphInputs } from '../../src/engine/cache-form.ts';
import { GatheredFeeds } from '../../src/engine/gathered-feeds.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import { GATHERED_INPUT, GROUP, GROUP_COLUMNS } from '../../src/graph/gathered-tiles.ts';

const BLOCK_SIZE = 16;
/** 32 query heads over 8 of 128 elements. */
const COSTS = { blockSize: BLOCK_SIZE, keyBytes: 8 * 128 * 4, scoreBytes: 32 * 4 };

/** A step in which sequences with these pasts compute one token each. */
function decodes(...pasts: readonly number[]): StepBatch {
  const rowCount = pasts.length;
  const blockTableWidth = Math.ceil((Math.max(...pasts) + 1) / BLOCK_SIZE);
  const upwards = Int32Array.from({ length: rowCount + 1 }, (_, i) => i);
  return {
    rowCount,
    tokenCount: rowCount,
    tokenIds: new Int32Array(rowCount),
    positions: Int32Array.from(pasts),
    slots: new Int32Array(rowCount),
    rowStart: upwards,
    pastLength: Int32Array.from(pasts),
    blockTable: new Int32Array(rowCount * blockTableWidth).fill(1),
    blockTableWidth,
    logitsTokens: upwards.slice(0, rowCount),
    logitsRowCount: rowCount,
  };
}

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
  const { data } = feeds[GATHERED_INPUT.groups]!;
  const column = (group: number, name: keyof typeof GROUP) =>
    Number(data[group * GROUP_COLUMNS + GROUP[name]]);
  const count = Number(feeds[GATHERED_INPUT.groupCount]!.data[0]);
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
    // The first result is of the tile that stands for decoding rows where there are none.
    expect(results).toEqual(Int32Array.from({ length: 200 }, (_, token) => 1 + token));
  });
});

describe('rows that decode', () => {
  const resultsOf = (feeds: GraphInputs, count: number) =>
    [...(feeds[GATHERED_INPUT.resultRows]!.data as Int32Array)].slice(0, count);

  it('are one group beside the others where their pasts are alike', () => {
    const feeds = new GatheredFeeds(COSTS).fill(decodes(20, 25, 30));
    expect(groupsOf(feeds)).toEqual([]);
    expect([...feeds[GATHERED_INPUT.decodePast]!.data]).toEqual([20, 25, 30]);
    expect(resultsOf(feeds, 3)).toEqual([0, 1, 2]);
  });

  it('are taken in turns, a token a tile, where they would pad a much longer one', () => {
    const feeds = new GatheredFeeds(COSTS).fill(decodes(20, 4000, 30));
    expect([...feeds[GATHERED_INPUT.decodePast]!.data]).toEqual([4000]);
    expect(feeds[GATHERED_INPUT.decodeBlocks]!.dims).toEqual([1, 250]);
    expect(groupsOf(feeds)).toEqual([{ tiles: 2, tokens: 1 }]);
    expect([...feeds[GATHERED_INPUT.groupedPast]!.data]).toEqual([20, 30]);
    expect(resultsOf(feeds, 3)).toEqual([1, 0, 2]);
  });

  it('leave nothing behind for a step without any', () => {
    const feeds = new GatheredFeeds(COSTS);
    feeds.fill(decodes(20, 4000, 30));
    const { [GATHERED_INPUT.decodePast]: past, [GATHERED_INPUT.decodeBlocks]: blocks } = feeds.fill(
      aChunk(0, 8),
    );
    expect([...past!.data]).toEqual([0]);
    expect([...blocks!.data]).toEqual([0]);
  });
});

describe('the feeds of a step', () => {
  it('hold nothing of the steps before it', () => {
    const feeds = new GatheredFeeds(COSTS);
    for (const batch of [aChunk(0, 100), decodes(5, 40), aChunk(40, 30), decodes(3, 100_000), aChunk(0, 2)]) {
      expect(feeds.fill(batch)).toEqual(new GatheredFeeds(COSTS).fill(batch));
    }
  });
});
