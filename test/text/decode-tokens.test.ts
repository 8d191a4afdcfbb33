import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTokens } from '../../src/text/decode-tokens.ts';
import { IncrementalDetokenizer } from '../../src/text/incremental-detokenizer.ts';
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

  it('says the same of many tokens as when each is decoded where it comes', () => {
    const tokenId = fc.oneof(
      fc.nat(vocabulary.size - 1),
      fc.constantFrom(
        ...Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) => !vocabulary.isWhole(id)),
      ),
    );
    const oneByOne = (tokenIds: readonly number[]): string => {
      const startsWithText = tokenIds.length > 0 && !vocabulary.isSpecial(tokenIds[0]!);
      const detokenizer = new IncrementalDetokenizer(vocabulary, { stripLeadingSpaces: startsWithText });
      const texts = tokenIds.map((id) =>
        vocabulary.isSpecial(id) ? detokenizer.flush() + vocabulary.textOf(id) : detokenizer.push(id),
      );
      return texts.join('') + detokenizer.flush();
    };
    fc.assert(
      fc.property(fc.array(tokenId, { maxLength: 40 }), fc.constantFrom(1, 300), (some, times) => {
        const tokenIds = Array.from({ length: times }, () => some).flat();
        expect(decodeTokens(tokenIds, vocabulary)).toBe(oneByOne(tokenIds));
      }),
    );
  });
});
