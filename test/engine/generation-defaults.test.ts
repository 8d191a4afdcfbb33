import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import {
  OPENAI_DEFAULTS,
  readEndOfTextTokenIds,
  readGenerationDefaults,
} from '../../src/engine/generation-defaults.ts';

describe('readGenerationDefaults', () => {
  it("takes the checkpoint's values, and OpenAI's for what it does not say", () => {
    expect(readGenerationDefaults({ temperature: 0.6, top_k: 20, min_p: null, do_sample: false })).toEqual({
      ...OPENAI_DEFAULTS,
      temperature: 0.6,
      topK: 20,
    });
    expect(readGenerationDefaults(null)).toEqual(OPENAI_DEFAULTS);
  });

  it('takes a top_k of -1 for none', () => {
    expect(readGenerationDefaults({ top_k: -1 })).toEqual(OPENAI_DEFAULTS);
  });

  it.each([
    ['temperature', 2.5],
    ['top_p', 0],
    ['top_k', 1.5],
    ['min_p', 'x'],
    ['top_k', -2],
    ['repetition_penalty', 0],
    ['repetition_penalty', 11],
  ])('refuses %s of %s by name', (key, value) => {
    expect(() => readGenerationDefaults({ [key]: value })).toThrow(StartupError);
    expect(() => readGenerationDefaults({ [key]: value })).toThrow(key);
  });
});

describe('readEndOfTextTokenIds', () => {
  const read = (generationConfig: unknown, modelConfig: unknown, tokenizerEndOfTextId: number | null) =>
    readEndOfTextTokenIds({ generationConfig, modelConfig, tokenizerEndOfTextId });

  it("joins the checkpoint's list and the tokenizer's token", () => {
    expect(read({ eos_token_id: [9, 4] }, { eos_token_id: 1 }, 4)).toEqual([4, 9]);
    expect(read({ eos_token_id: 9 }, null, 4)).toEqual([4, 9]);
  });

  it('falls back to config.json, and to nothing', () => {
    expect(read(null, { eos_token_id: 1 }, null)).toEqual([1]);
    expect(read({}, { eos_token_id: null }, null)).toEqual([]);
  });
});
