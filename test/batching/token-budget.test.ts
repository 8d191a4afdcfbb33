import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import {
  assertStepLimits,
  chunkLength,
  isDecoding,
  lengthForAdmission,
} from '../../src/batching/token-budget.ts';

describe('token budget', () => {
  it('gives a prompt what it can use of what is left', () => {
    expect(chunkLength(100, 40, 0)).toBe(40);
    expect(chunkLength(30, 40, 0)).toBe(30);
    expect(chunkLength(30, 0, 50)).toBe(0);
  });

  it('leaves a quarter to the prompts behind one that cannot end in this step, or what they can use', () => {
    expect(chunkLength(100, 40, Infinity)).toBe(30);
    expect(chunkLength(100, 40, 50)).toBe(30);
    expect(chunkLength(100, 40, 4)).toBe(36);
    expect(chunkLength(40, 40, 50)).toBe(40);
  });

  it('gives the first all of what is too little to share', () => {
    expect(chunkLength(100, 1, 50)).toBe(1);
    for (const tokensLeft of [2, 3, 4]) expect(chunkLength(100, tokensLeft, 50)).toBe(tokensLeft - 1);
  });

  it('keeps half of what running prompts find for those that wait, or what these can use', () => {
    expect(lengthForAdmission(40, Infinity)).toBe(20);
    expect(lengthForAdmission(40, 4)).toBe(4);
    expect(lengthForAdmission(1, Infinity)).toBe(1);
    expect(lengthForAdmission(40, 0)).toBe(0);
  });

  it('calls decoding whatever has one token to compute', () => {
    expect(isDecoding(1)).toBe(true);
    expect(isDecoding(2)).toBe(false);
  });

  it('refuses limits under which a prompt could starve', () => {
    const limits = { sequencesPerStepMax: 8, tokensPerStepMax: 8, scoredTokensPerStepMax: 2 };
    assertStepLimits(limits);
    for (const wrong of [
      { tokensPerStepMax: 7 },
      { sequencesPerStepMax: 0 },
      { scoredTokensPerStepMax: 1 },
    ]) {
      expect(() => assertStepLimits({ ...limits, ...wrong })).toThrow(AssertionError);
    }
  });
});
