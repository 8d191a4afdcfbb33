import { describe, expect, it } from 'vitest';
import { CANDIDATE_COUNT } from '../../src/base/limits.ts';
import { RankedHead } from '../../src/sampling/ranked-head.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery, type StepLogits } from '../../src/sampling/step-logits.ts';
import { type AllowedByGrammar, TokenEdits } from '../../src/sampling/token-edits.ts';
import { answer } from './row-driver.ts';

/** A head over tokens with the logits 0, -1, -2, …, all biased tokens read. */
function aHead(
  vocabularySize: number,
  biases: readonly (readonly [number, number])[],
  grammar: AllowedByGrammar | null = null,
): RankedHead {
  const row = Float32Array.from({ length: vocabularySize }, (_, tokenId) => -tokenId);
  return aHeadOf(row, biases, { grammar });
}

type HeadOptions = {
  readonly grammar?: AllowedByGrammar | null;
  /** What the device answers. */
  readonly pick?: (logits: StepLogits) => StepLogits;
};

function aHeadOf(
  row: Float32Array,
  biases: readonly (readonly [number, number])[],
  { grammar = null, pick = (logits) => logits }: HeadOptions = {},
): RankedHead {
  const edits = new TokenEdits({
    sampling: { ...GREEDY, logitBias: new Map(biases) },
    promptTokenIds: Int32Array.of(0),
    stopTokenIds: [],
    newTokensMin: 0,
    grammar,
    vocabularySize: row.length,
  });
  const query = new LogitsQuery();
  for (let entry = 0; entry < edits.count; entry++) query.addRead(0, edits.tokenIdAt(entry));
  const head = new RankedHead();
  const logits = pick(answer([row], query));
  head.fill({ logits, row: 0, edits, readStart: 0, readCount: edits.count, onlyTokenIds: null });
  return head;
}

function tokenIdsOf({ tokenIds, count }: RankedHead): number[] {
  return Array.from(tokenIds.subarray(0, count));
}

describe('RankedHead', () => {
  it('holds the candidates in order, and knows what is outside', () => {
    const head = aHead(100, []);
    expect(tokenIdsOf(head)).toEqual([...Array(CANDIDATE_COUNT).keys()]);
    expect([head.floorLogit, head.untoldCount, head.unrankedCount]).toEqual([-63, 36, 0]);
  });

  it('moves edited candidates to their new place', () => {
    const head = aHead(100, [
      [0, -2.5],
      [5, 20],
    ]);
    expect(tokenIdsOf(head).slice(0, 5)).toEqual([5, 1, 2, 0, 3]);
    expect(head.count).toBe(CANDIDATE_COUNT);
  });

  it('takes in read tokens that now come before the last candidate, and counts the others as told', () => {
    const head = aHead(100, [
      [70, 60],
      [80, 1],
    ]);
    expect(tokenIdsOf(head).slice(9, 13)).toEqual([9, 10, 70, 11]);
    expect([head.count, head.untoldCount]).toEqual([CANDIDATE_COUNT + 1, 34]);
    expect(Array.from(head.unrankedLogits.subarray(0, head.unrankedCount))).toEqual([-79]);
  });

  it('does not rank what was lowered below the last candidate', () => {
    const head = aHead(100, [[3, -100]]);
    expect(tokenIdsOf(head)).not.toContain(3);
    expect(Array.from(head.unrankedLogits.subarray(0, head.unrankedCount))).toEqual([-103]);
  });

  it('ranks an edited token that equals the last candidate by its id', () => {
    const row = new Float32Array(100).fill(-5);
    row[90] = 5;
    row[20] = 5;
    const head = aHeadOf(row, [
      [90, -10],
      [20, -10],
    ]);
    expect(tokenIdsOf(head)).toContain(20);
    expect(tokenIdsOf(head)).not.toContain(90);
  });

  it('takes in a read token that equals the last candidate and that the device did not pick', () => {
    const picked = Int32Array.from({ length: CANDIDATE_COUNT }, (_, index) => index + 30);
    const head = aHeadOf(
      new Float32Array(100).fill(-5),
      [
        [20, 7],
        [40, 2],
      ],
      { pick: (logits) => ({ ...logits, candidateIds: picked }) },
    );
    expect(tokenIdsOf(head).slice(0, 3)).toEqual([20, 40, 30]);
    expect([head.count, head.untoldCount]).toEqual([CANDIDATE_COUNT + 1, 35]);
    expect(head.modelLogitCount).toBe(CANDIDATE_COUNT + 1);
  });

  it('holds everything that has a probability when the vocabulary is small', () => {
    const head = aHeadOf(Float32Array.of(1, -Infinity, 2), [[0, -90]]);
    expect(tokenIdsOf(head)).toEqual([2, 0]);
    expect([head.floorLogit, head.untoldCount]).toEqual([-Infinity, 0]);
  });

  it("keeps the model's logits of all told tokens", () => {
    const head = aHead(70, [[66, 80]]);
    const told = Array.from(head.modelLogits.subarray(0, head.modelLogitCount), (logit) => -logit);
    expect(told.toSorted((a, b) => a - b)).toEqual([...Array(CANDIDATE_COUNT).keys(), 66]);
  });

  it('asks the grammar once for each token that it looks at, edited or not', () => {
    const asked: number[] = [];
    const grammar: AllowedByGrammar = {
      isHolding: true,
      allows: (tokenId) => asked.push(tokenId) > 0,
      forbidOthers: () => {},
    };
    aHead(
      100,
      [
        [3, 1],
        [70, 1],
        [80, 20],
      ],
      grammar,
    );
    expect(asked.toSorted((a, b) => a - b)).toEqual([...Array(CANDIDATE_COUNT).keys(), 70, 80]);
  });

  it('leaves out a read token that the grammar does not allow', () => {
    const grammar: AllowedByGrammar = {
      isHolding: true,
      allows: (tokenId) => tokenId !== 70,
      forbidOthers: () => {},
    };
    const head = aHead(
      100,
      [
        [70, 90],
        [80, 90],
      ],
      grammar,
    );
    expect(tokenIdsOf(head).slice(0, 2)).toEqual([80, 0]);
    expect(head.untoldCount).toBe(35);
  });
});
