import { describe, expect, it } from 'vitest';
import { wordsOf } from '../../bench/prompts.ts';
import { randomVocabulary, tokenizerFiles } from '../../bench/random-vocabulary.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';

const SPECIAL = ['<|endoftext|>', '<|im_end|>'];
const made = randomVocabulary(4000, 7);
const files = tokenizerFiles(made, SPECIAL);
const input = { tokenizerJson: files.tokenizer, tokenizerConfig: files.tokenizerConfig };
const tokenizer = new Tokenizer(input);
const vocabulary = new Vocabulary(input);
const encode = (text: string): readonly number[] => [
  ...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true }),
];

describe('randomVocabulary', () => {
  it('makes as many tokens as asked for, each once', () => {
    expect(new Set(made.tokens).size).toBe(4000);
  });

  it('merges every token beyond the bytes from two earlier ones', () => {
    const known = new Set(made.tokens.slice(0, 256));
    for (const [left, right] of made.merges) {
      expect(known.has(left) && known.has(right)).toBe(true);
      known.add(left + right);
    }
    expect(known.size).toBe(4000);
  });

  it('makes the same tokens for the same seed, and others for another', () => {
    expect(randomVocabulary(4000, 7).tokens).toEqual(made.tokens);
    expect(randomVocabulary(4000, 8).tokens).not.toEqual(made.tokens);
  });
});

describe('tokenizerFiles', () => {
  it('loses no byte of a text', () => {
    const text = 'The quick {"fox": [1, 2]}\n\tjumps über 人 и собаку 🦊';
    const bytes = encode(text).map((id) => Buffer.from(vocabulary.bytesOf(id)));
    expect(Buffer.concat(bytes).toString('utf8')).toBe(text);
  });

  it('uses its merges', () => {
    const text = wordsOf(1, 200);
    expect(encode(text).length).toBeLessThan(0.8 * text.length);
  });

  it('numbers the special tokens after the others', () => {
    expect(encode('<|im_end|>')).toEqual([4001]);
  });
});
