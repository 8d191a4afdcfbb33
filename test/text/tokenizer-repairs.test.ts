/** Where the library that tokenises differs from Hugging Face tokenizers, against the latter. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';

type WithIds = {
  readonly tokenizer: { readonly pre_tokenizer: object | null; readonly model: object };
  readonly encodings: readonly { readonly text: string; readonly ids: readonly number[] }[];
};

type Fixture = {
  readonly preTokenizers: readonly {
    readonly preTokenizer: object;
    readonly texts: readonly { readonly text: string; readonly pieces: readonly string[] }[];
  }[];
  readonly firsts: readonly WithIds[];
  readonly flags: WithIds;
  readonly unigrams: readonly WithIds[];
};

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/text/repairs.json', import.meta.url), 'utf8'),
) as Fixture;

function tokenizerOf(preTokenizer: object, vocabulary: readonly string[]): Tokenizer {
  const vocab = Object.fromEntries(vocabulary.map((text, id) => [text, id]));
  const model = { type: 'BPE', vocab, merges: [], ignore_merges: true };
  return new Tokenizer({ tokenizerJson: { pre_tokenizer: preTokenizer, model }, tokenizerConfig: {} });
}

function encode(tokenizer: Tokenizer, text: string, parseSpecialTokens = true): number[] {
  return [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens })];
}

function expectIds({ tokenizer: tokenizerJson, encodings }: WithIds): void {
  const tokenizer = new Tokenizer({ tokenizerJson, tokenizerConfig: {} });
  for (const { text, ids } of encodings) expect(encode(tokenizer, text), JSON.stringify(text)).toEqual(ids);
}

describe('an added token', () => {
  it('stands alone, and takes white space with it, where Hugging Face tokenizers says so', () => {
    expectIds(fixture.flags);
  });
});

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

  it.each(fixture.firsts.map((each) => ({ ...each, shown: JSON.stringify(each.tokenizer.pre_tokenizer) })))(
    'puts a mark before the first piece alone, added tokens or not: $shown',
    expectIds,
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

describe.each(fixture.unigrams.map((each, index) => ({ ...each, index })))(
  'a Unigram model with byte fallback, $index',
  (unigram) => {
    it('spells unknown characters as Hugging Face tokenizers does', () => {
      expectIds(unigram);
    });

    it('reads no special token out of text when told not to', () => {
      const tokenizer = new Tokenizer({ tokenizerJson: unigram.tokenizer, tokenizerConfig: {} });
      const ids = encode(tokenizer, 'a <s> b </s>c<unk> ~<unk>~', false);
      expect(ids.filter((id) => id < 3)).toEqual([]);
    });
  },
);
