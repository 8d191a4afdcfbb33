/** Where the library that tokenises differs from Hugging Face tokenizers, against the latter. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';

type Fixture = {
  readonly preTokenizers: readonly {
    readonly preTokenizer: object;
    readonly texts: readonly { readonly text: string; readonly pieces: readonly string[] }[];
  }[];
};

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/text/repairs.json', import.meta.url), 'utf8'),
) as Fixture;

function tokenizerOf(preTokenizer: object, vocabulary: readonly string[]): Tokenizer {
  const vocab = Object.fromEntries(vocabulary.map((text, id) => [text, id]));
  const model = { type: 'BPE', vocab, merges: [], ignore_merges: true };
  return new Tokenizer({ tokenizerJson: { pre_tokenizer: preTokenizer, model }, tokenizerConfig: {} });
}

function encode(tokenizer: Tokenizer, text: string): number[] {
  return [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true })];
}

describe('a pre-tokenizer', () => {
  it.each(fixture.preTokenizers.map((each) => ({ ...each, shown: JSON.stringify(each.preTokenizer) })))(
    'cuts as Hugging Face tokenizers does: $shown',
    ({ preTokenizer, texts }) => {
      // A whole piece is one token; of one that is cut wrongly each character is.
      const pieces = texts.flatMap((each) => each.pieces);
      const characters = [...new Set([...texts.flatMap(({ text }) => [...text]), ...pieces.join('')])];
      const vocabulary = [...new Set([...characters, ...pieces])];
      const tokenizer = tokenizerOf(preTokenizer, vocabulary);
      for (const { text, pieces } of texts) {
        const cut = encode(tokenizer, text).map((id) => vocabulary[id]);
        expect(cut, JSON.stringify(text)).toEqual(pieces);
      }
    },
  );

  it('takes a time that grows with the text, also where its pattern is not met', () => {
    for (const behavior of ['MergedWithPrevious', 'MergedWithNext']) {
      const split = { type: 'Split', pattern: { String: ' ' }, behavior, invert: false };
      const ids = encode(tokenizerOf(split, ['a']), 'a'.repeat(300_000));
      expect(ids).toHaveLength(300_000);
    }
  });

  it.each([
    [{ type: 'Split', pattern: { Regex: '(a)b' }, behavior: 'Removed' }, 'groups'],
    [{ type: 'Split', pattern: { Regex: '(?<n>a)b' }, behavior: 'MergedWithNext' }, 'groups'],
    [{ type: 'Sequence', pretokenizers: [{ type: 'Punctuation', behavior: 'Glued' }] }, 'Glued'],
    [{ type: 'Split', pattern: {}, behavior: 'Isolated' }, 'pattern'],
  ])('that cannot be followed is refused: %j', (preTokenizer, said) => {
    expect(() => tokenizerOf(preTokenizer, ['a'])).toThrow(StartupError);
    expect(() => tokenizerOf(preTokenizer, ['a'])).toThrow(said);
  });
});
