import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { FAMILIES, filesOf } from './fixtures.ts';

/** A byte-level tokenizer.json with just these tokens. */
function byteLevel(vocab: Record<string, number>, added: readonly object[] = []): Vocabulary {
  const tokenizerJson = {
    model: { type: 'BPE', vocab },
    added_tokens: added,
    decoder: { type: 'ByteLevel' },
  };
  return new Vocabulary({ tokenizerJson, tokenizerConfig: {} });
}

describe('Vocabulary', () => {
  it('gives every byte of a byte-level alphabet exactly once', () => {
    const vocabulary = new Vocabulary(filesOf('llama3'));
    const bytes = new Set<number>();
    for (let id = 0; id < 256; id++) {
      expect(vocabulary.bytesOf(id)).toHaveLength(1);
      bytes.add(vocabulary.bytesOf(id)[0]!);
    }
    expect(bytes.size).toBe(256);
  });

  it('maps byte tokens to bytes and U+2581 to a space in the manner of sentencepiece', () => {
    const files = filesOf('llama2');
    const vocabulary = new Vocabulary(files);
    const ids = (files.tokenizerJson as { model: { vocab: Record<string, number> } }).model.vocab;
    expect([...vocabulary.bytesOf(ids['<0xE2>']!)]).toEqual([0xe2]);
    expect(vocabulary.textOf(ids['▁the']!)).toBe(' the');
    expect(vocabulary.isWhole(ids['<0xE2>']!)).toBe(false);
    expect(vocabulary.isWhole(ids['<0x41>']!)).toBe(true);
  });

  it.each(FAMILIES)('marks exactly the special tokens of the %s family', (family) => {
    const files = filesOf(family);
    const vocabulary = new Vocabulary(files);
    const added = (files.tokenizerJson as { added_tokens: { id: number; special: boolean }[] }).added_tokens;
    const special = added.filter((token) => token.special).map((token) => token.id);
    const marked = Array.from({ length: vocabulary.size }, (_, id) => id).filter((id) =>
      vocabulary.isSpecial(id),
    );
    expect(marked).toEqual(special);
  });

  it('takes the text of an added token as it stands, and of a token outside the byte alphabet too', () => {
    const vocabulary = byteLevel({ Ġa: 0, 'x y': 1 }, [{ id: 2, content: '<é>', special: false }]);
    expect(vocabulary.textOf(0)).toBe(' a');
    expect(vocabulary.textOf(1)).toBe('x y');
    expect(vocabulary.textOf(2)).toBe('<é>');
  });

  it('has no bytes for ids without a token', () => {
    const vocabulary = byteLevel({ a: 0, b: 5 });
    expect(vocabulary.size).toBe(6);
    for (const id of [-1, 1, 6, 1_000_000, Number.NaN]) {
      expect(vocabulary.bytesOf(id)).toHaveLength(0);
      expect(vocabulary.textOf(id)).toBe('');
      expect(vocabulary.isSpecial(id)).toBe(false);
      expect(vocabulary.isWhole(id)).toBe(true);
    }
  });

  it('shows U+FFFD for what is no character by itself, and keeps its bytes', () => {
    const vocabulary = byteLevel({ â: 0, ĤĹ: 1 });
    expect([...vocabulary.bytesOf(0)]).toEqual([0xe2]);
    expect(vocabulary.textOf(0)).toBe('\ufffd');
    expect(vocabulary.isWhole(0)).toBe(false);
  });

  it.each([
    ['WordPiece', { type: 'WordPiece' }],
    ['none', null],
    ['Replace', { type: 'Replace', pattern: { Regex: 'a' }, content: '' }],
    ['Strip', { type: 'Strip', content: 'x', start: 1, stop: 0 }],
    ['CTC', { type: 'Sequence', decoders: [{ type: 'CTC' }] }],
  ])('refuses a decoder that it cannot apply token by token: %s', (name, decoder) => {
    const files = { tokenizerJson: { model: { vocab: { a: 0 } }, decoder }, tokenizerConfig: {} };
    expect(() => new Vocabulary(files)).toThrow(StartupError);
    expect(() => new Vocabulary(files)).toThrow(name);
  });
});
