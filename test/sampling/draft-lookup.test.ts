import { describe, expect, it } from 'vitest';
import { DRAFT_TOKENS_MAX } from '../../src/base/limits.ts';
import { DraftLookup, emptyDraft } from '../../src/sampling/draft-lookup.ts';

type Text = {
  readonly prompt?: readonly number[];
  readonly output?: readonly number[];
  readonly predicted?: readonly number[];
  readonly looksBack?: boolean;
};

function aLookup({ prompt = [], predicted, looksBack = true }: Text): DraftLookup {
  const predictedTokenIds = predicted === undefined ? null : Int32Array.from(predicted);
  return new DraftLookup({ promptLength: prompt.length, predictedTokenIds, looksBack });
}

function guessOf(text: Text, countMax = DRAFT_TOKENS_MAX, lookup = aLookup(text)): number[] {
  const draft = emptyDraft(DRAFT_TOKENS_MAX);
  const tokenIds = Int32Array.of(...(text.prompt ?? []), ...(text.output ?? []));
  lookup.guess(tokenIds, tokenIds.length, countMax, draft);
  return [...draft.tokenIds.subarray(0, draft.count)];
}

describe('a draft out of what a sequence has said', () => {
  it('is what followed the same tokens before', () => {
    expect(guessOf({ prompt: [1, 2, 3, 4, 5, 6], output: [9, 2, 3, 4] })).toEqual([5, 6, 9, 2, 3, 4, 5]);
  });

  it('is none where fewer than three tokens are the same', () => {
    expect(guessOf({ prompt: [1, 2, 3, 4], output: [8, 2, 3] })).toEqual([]);
  });

  it('follows the longest run, and of equal ones the last', () => {
    expect(guessOf({ prompt: [7, 1, 2, 3, 50, 0, 1, 2, 3, 60], output: [7, 1, 2, 3] }, 1)).toEqual([50]);
    expect(guessOf({ prompt: [8, 1, 2, 3, 50, 8, 1, 2, 3, 60], output: [8, 1, 2, 3] }, 1)).toEqual([60]);
  });

  it('goes on through a run that repeats itself', () => {
    expect(guessOf({ output: [1, 2, 1, 2, 1, 2] })).toEqual([1, 2, 1, 2, 1, 2, 1]);
    expect(guessOf({ output: [9, 5, 5, 5, 5] }, 3)).toEqual([5, 5, 5]);
  });

  it('compares no more places than the nearest 256', () => {
    const far = [1, 2, 3, 70, ...Array.from({ length: 256 }, () => 3)];
    expect(guessOf({ prompt: [...far, 0], output: [1, 2, 3] }, 1)).toEqual([]);
    expect(guessOf({ prompt: [...far.slice(0, -2), 0], output: [1, 2, 3] }, 1)).toEqual([70]);
  });

  it('is no longer than there is room for', () => {
    const text = { prompt: Array.from({ length: 30 }, (_, token) => token), output: [0, 1, 2] };
    expect(guessOf(text, 2)).toEqual([3, 4]);
    expect(guessOf(text, 100)).toHaveLength(DRAFT_TOKENS_MAX);
  });

  it('is another with each guess: nothing of the one before is left in it', () => {
    const lookup = aLookup({});
    const draft = emptyDraft(DRAFT_TOKENS_MAX);
    const guess = (...tokenIds: readonly number[]) => {
      lookup.guess(Int32Array.from(tokenIds), tokenIds.length, 1, draft);
      return [...draft.tokenIds.subarray(0, draft.count)];
    };
    expect(guess(1, 2, 3, 4, 5, 9, 1, 2, 3, 4)).toEqual([5]);
    expect(guess(1, 2, 3, 4, 5, 9, 8, 2, 3, 4)).toEqual([5]);
    expect(guess(1, 2, 3, 4, 5, 9, 8, 2, 3, 7)).toEqual([]);
  });

  it('is none where only predictions are looked through', () => {
    expect(guessOf({ prompt: [1, 2, 3, 4], output: [1, 2, 3], looksBack: false })).toEqual([]);
  });
});

describe('a draft out of a prediction', () => {
  const predicted = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

  it('begins with it', () => {
    expect(guessOf({ prompt: [1], predicted }, 3)).toEqual([10, 11, 12]);
  });

  it('goes on with it from the first token that agrees', () => {
    expect(guessOf({ prompt: [1], output: [10], predicted }, 3)).toEqual([11, 12, 13]);
  });

  it('finds it again behind what was left out, and behind what was put in', () => {
    expect(guessOf({ output: [10, 14, 15, 16], predicted }, 2)).toEqual([17, 18]);
    expect(guessOf({ output: [10, 90, 91, 92, 11, 12, 13], predicted }, 2)).toEqual([14, 15]);
  });

  it('passes over its end, where nothing follows', () => {
    const ending = [1, 2, 3, 50, 60, 7, 1, 2, 3];
    expect(guessOf({ output: [5, 7, 1, 2, 3], predicted: ending }, 2)).toEqual([50, 60]);
    const whole = [4, 1, 2, 3];
    expect(guessOf({ prompt: [1, 2, 3, 70, 0], output: whole, predicted: whole }, 1)).toEqual([70]);
  });

  it.each([
    ['in front of', [1, 2, 3, 4, 60, 8, 4, 70], [20, 21, 22, 23, 24, 25, 26, 27, 1, 2, 3, 4]],
    ['behind', [9, 9, 9, 9, 9, 8, 4, 70, 1, 2, 3, 4, 60], [0, 1, 2, 3, 4]],
  ])('looks beyond the nearest place %s where the output stands', (_, predicted, output) => {
    expect(guessOf({ prompt: [0], output, predicted }, 1)).toEqual([60]);
  });

  it('takes of equal places the one nearest to the output', () => {
    const twice = [1, 2, 3, 50, 1, 2, 3, 60];
    expect(guessOf({ output: [1, 2, 3], predicted: twice }, 1)).toEqual([50]);
    expect(guessOf({ output: [1, 2, 3, 51, 1, 2, 3], predicted: twice }, 1)).toEqual([60]);
  });

  it('ends with it', () => {
    expect(guessOf({ output: predicted.slice(0, 8), predicted, looksBack: false })).toEqual([18, 19]);
    expect(guessOf({ output: predicted, predicted, looksBack: false })).toEqual([]);
  });

  it('is followed while the output keeps to it, whatever the prompt has said', () => {
    const prompt = [50, 51, 10, 11, 90, 91, 50, 51];
    expect(guessOf({ prompt, output: [10, 11], predicted }, 2)).toEqual([12, 13]);
  });

  it('is told from what the sequence has said', () => {
    const isPredicted = (text: Text) => {
      const draft = emptyDraft(DRAFT_TOKENS_MAX);
      const tokenIds = Int32Array.of(...(text.prompt ?? []), ...(text.output ?? []));
      aLookup(text).guess(tokenIds, tokenIds.length, DRAFT_TOKENS_MAX, draft);
      return draft.count > 0 ? draft.isPredicted : null;
    };
    expect(isPredicted({ output: [10], predicted })).toBe(true);
    expect(isPredicted({ output: [1, 2, 3, 4, 1, 2, 3], predicted })).toBe(false);
  });

  it('does not take the prompt for output', () => {
    expect(guessOf({ prompt: [10, 11, 12], output: [], predicted, looksBack: false }, 1)).toEqual([10]);
  });
});

describe('how far drafts are trusted', () => {
  const text = { prompt: [1, 2, 3, 4, 5, 6, 7, 8, 9], output: [1, 2, 3] };

  it('falls with wrong ones until they ask for more that is the same', () => {
    const lookup = aLookup(text);
    lookup.settle(7, 0);
    expect(guessOf(text, 7, lookup)).toEqual([]);
    expect(guessOf({ ...text, output: [1, 2, 3, 4] }, 7, lookup)).toEqual([5]);
  });

  it('rises again with right ones', () => {
    const lookup = aLookup(text);
    lookup.settle(7, 0);
    lookup.settle(1, 1);
    lookup.settle(2, 2);
    expect(guessOf(text, 7, lookup)).toEqual([4, 5, 6, 7]);
  });

  it('keeps to what was right where a part was', () => {
    const lookup = aLookup(text);
    lookup.settle(7, 2);
    expect(guessOf(text, 7, lookup)).toEqual([4, 5, 6]);
  });
});
