import { describe, expect, it } from 'vitest';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { TokenEdits, type TokenEditsOptions } from '../../src/sampling/token-edits.ts';

function anEdits(sampling: Partial<SamplingParams>, options: Partial<TokenEditsOptions> = {}): TokenEdits {
  return new TokenEdits({
    sampling: { ...GREEDY, ...sampling },
    promptTokenIds: Int32Array.of(1, 2, 1),
    stopTokenIds: [],
    newTokensMin: 0,
    grammar: null,
    vocabularySize: 10,
    ...options,
  });
}

/** The logit of a token whose model's logit is `raw`. */
function edited(edits: TokenEdits, tokenId: number, raw: number): number {
  return edits.logitOf(tokenId, raw);
}

describe('TokenEdits', () => {
  it('is not active and has no entries with everything off', () => {
    const edits = anEdits({});
    edits.accept(3);
    expect(edits.isActive).toBe(false);
    expect(edits.count).toBe(0);
  });

  it('adds the bias to its tokens alone', () => {
    const edits = anEdits({ logitBias: new Map([[4, 2.5]]) });
    expect(edited(edits, 4, -1)).toBe(1.5);
    expect(edited(edits, 5, -1)).toBe(-1);
  });

  it('divides positive and multiplies negative logits of prompt and output by the repetition penalty, once', () => {
    const edits = anEdits({ repetitionPenalty: 2 });
    edits.accept(5);
    edits.accept(5);
    expect(edited(edits, 1, 3)).toBe(1.5);
    expect(edited(edits, 2, -3)).toBe(-6);
    expect(edited(edits, 5, 3)).toBe(1.5);
    expect(edited(edits, 5, 0)).toBe(0);
    expect(edited(edits, 6, 3)).toBe(3);
  });

  it('subtracts the presence penalty from tokens of the output, however often they are in it', () => {
    const edits = anEdits({ presencePenalty: 0.75 });
    edits.accept(5);
    edits.accept(5);
    expect(edited(edits, 5, 3)).toBe(2.25);
    expect(edited(edits, 1, 3)).toBe(3);
  });

  it('subtracts the frequency penalty once for every time that the token is in the output', () => {
    const edits = anEdits({ frequencyPenalty: 0.5 });
    edits.accept(5);
    edits.accept(6);
    edits.accept(5);
    expect(edited(edits, 5, 3)).toBe(2);
    expect(edited(edits, 6, 3)).toBe(2.5);
    expect(edited(edits, 1, 3)).toBe(3);
  });

  it('applies bias, then repetition, then frequency and presence', () => {
    const sampling = { repetitionPenalty: 4, presencePenalty: 1, frequencyPenalty: 0.25 };
    const edits = anEdits({ ...sampling, logitBias: new Map([[5, 3]]) });
    edits.accept(5);
    edits.accept(5);
    // (-1 + 3) / 4 - 2 * 0.25 - 1
    expect(edited(edits, 5, -1)).toBe(-1);
  });

  it('leaves a logit of -Infinity where it is', () => {
    const edits = anEdits({ repetitionPenalty: 0.5, logitBias: new Map([[1, 100]]) });
    expect(edited(edits, 1, -Infinity)).toBe(-Infinity);
  });

  it('forbids stop tokens until the minimum is reached, whatever their bias', () => {
    const options = { stopTokenIds: [7, 8], newTokensMin: 2 };
    const edits = anEdits({ logitBias: new Map([[7, 100]]) }, options);
    edits.accept(3);
    expect(edited(edits, 7, 5)).toBe(-Infinity);
    expect(edited(edits, 8, 5)).toBe(-Infinity);
    edits.accept(3);
    expect(edited(edits, 7, 5)).toBe(105);
    expect(edited(edits, 8, 5)).toBe(5);
  });

  it('is active without bias and penalties only as long as stop tokens are forbidden', () => {
    const edits = anEdits({}, { stopTokenIds: [7], newTokensMin: 1 });
    expect(edits.isActive).toBe(true);
    edits.accept(3);
    expect(edits.isActive).toBe(false);
  });

  it('leaves tokens beyond the vocabulary out', () => {
    const edits = anEdits({ repetitionPenalty: 2 }, { stopTokenIds: [10, -1, 9], newTokensMin: 1 });
    expect([10, -1, 9].map((tokenId) => edits.entryOf(tokenId) >= 0)).toEqual([false, false, true]);
  });

  it('rounds to float32 and has no -0', () => {
    const edits = anEdits({ repetitionPenalty: 1.1, logitBias: new Map([[1, -1]]) });
    expect(edited(edits, 2, 1)).toBe(Math.fround(1 / 1.1));
    expect(Object.is(edited(edits, 1, 1), 0)).toBe(true);
  });

  it('counts as raising the tokens with a positive bias when penalties only lower', () => {
    const logitBias = new Map([
      [4, -1],
      [5, 1],
      [6, 0],
    ]);
    const edits = anEdits({ repetitionPenalty: 1.5, presencePenalty: 1, logitBias });
    expect(edits.raisingCount).toBe(1);
    expect(edits.tokenIdAt(0)).toBe(5);
  });

  it.each([{ repetitionPenalty: 0.9 }, { presencePenalty: -1 }, { frequencyPenalty: -1 }])(
    'counts every entry as raising with %o',
    (sampling) => {
      const edits = anEdits(sampling);
      edits.accept(5);
      expect(edits.raisingCount).toBe(edits.count);
      expect(edits.entryOf(5)).toBeGreaterThanOrEqual(0);
    },
  );

  it('keeps what it knows when it grows', () => {
    const edits = anEdits({ frequencyPenalty: 1, logitBias: new Map([[999, 3]]) }, { vocabularySize: 1000 });
    for (let tokenId = 0; tokenId < 500; tokenId++) edits.accept(tokenId);
    for (let tokenId = 0; tokenId < 500; tokenId++) expect(edited(edits, tokenId, 0)).toBe(-1);
    expect(edited(edits, 999, 0)).toBe(3);
  });
});

describe('TokenEdits with allowed tokens', () => {
  it('has few allowed tokens as its first entries, so that all that can be chosen is read', () => {
    const edits = anEdits({ allowedTokenIds: Int32Array.of(7, 3), logitBias: new Map([[4, -1]]) });
    expect(edits.isActive).toBe(true);
    expect(edits.hasAllowedEntries).toBe(true);
    expect([...Array(edits.raisingCount).keys()].map((entry) => edits.tokenIdAt(entry))).toEqual([7, 3]);
    expect([3, 4, 5].map((tokenId) => edits.allows(tokenId))).toEqual([true, false, false]);
    expect(edited(edits, 4, 2)).toBe(-Infinity);
    expect(edited(edits, 3, 2)).toBe(2);
  });

  it('keeps many allowed tokens as a set alone', () => {
    const allowedTokenIds = Int32Array.from({ length: 600 }, (_, tokenId) => tokenId);
    const edits = anEdits({ allowedTokenIds }, { vocabularySize: 1000 });
    expect([edits.hasAllowedEntries, edits.allowedCountMax, edits.count]).toEqual([false, 600, 0]);
  });
});
