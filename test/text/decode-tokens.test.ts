import { describe, expect, it } from 'vitest';
import { decodeTokens } from '../../src/text/decode-tokens.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { filesOf } from './fixtures.ts';

const TEXTS = ['the cat', 'two  spaces ', 'Grüße, 漢字 🂡!', '<s> and </s>', ''];

describe.each(['llama2', 'llama3', 'mistral', 'qwen2'] as const)('decodeTokens with %s', (family) => {
  const files = filesOf(family);
  const tokenizer = new Tokenizer(files);
  const vocabulary = new Vocabulary(files);

  it.each(TEXTS)('gives back what was tokenised: %j', (text) => {
    const tokenIds = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
    expect(decodeTokens(tokenIds, vocabulary)).toBe(text);
  });

  it('spells special tokens out, and keeps broken characters apart from them', () => {
    const special = tokenizer.addedTokens.find((token) => token.special)!;
    const broken = tokenizer.encode('🂡', { addSpecialTokens: false, parseSpecialTokens: false }).at(-1)!;
    const text = decodeTokens([special.id, broken, special.id], vocabulary);
    expect(text).toBe(`${special.content}\ufffd${special.content}`);
  });
});
