import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IncrementalDetokenizer } from '../../src/text/incremental-detokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { expectedOf, FAMILIES, filesOf } from './fixtures.ts';

/** Deltas of each token, and of the end. */
function deltasOf(vocabulary: Vocabulary, ids: readonly number[], stripLeadingSpaces = true): string[] {
  const detokenizer = new IncrementalDetokenizer(vocabulary, { stripLeadingSpaces });
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

function bytesOf(vocabulary: Vocabulary, ids: readonly number[]): Uint8Array {
  return Uint8Array.from(
    ids.filter((id) => !vocabulary.isSpecial(id)).flatMap((id) => [...vocabulary.bytesOf(id)]),
  );
}

describe.each(FAMILIES)('IncrementalDetokenizer of the %s family', (family) => {
  const vocabulary = new Vocabulary(filesOf(family));
  const tokenIds = fc.array(fc.nat({ max: vocabulary.size }), { maxLength: 40 });
  /** Nearly all of it bytes, so that characters are often broken, completed and broken again. */
  const byteIds = fc.array(fc.nat({ max: 260 }), { maxLength: 40 });

  const wholeText = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\ufffd'));

  it('gives the text that Hugging Face tokenizers decodes', () => {
    for (const { ids, text } of expectedOf(family).decodings) {
      expect(deltasOf(vocabulary, ids).join(''), JSON.stringify(ids)).toBe(text);
    }
  });

  it('gives in deltas what the bytes of all tokens are as a whole', () => {
    fc.assert(
      fc.property(fc.oneof(tokenIds, byteIds), (ids) => {
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytesOf(vocabulary, ids));
        expect(deltasOf(vocabulary, ids, false).join('')).toBe(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('shows no U+FFFD while the text is whole characters, however they are cut', () => {
    const byteToken = new Map<number, number>();
    for (let id = 0; id < vocabulary.size; id++) {
      const bytes = vocabulary.bytesOf(id);
      if (bytes.length === 1 && !byteToken.has(bytes[0]!)) byteToken.set(bytes[0]!, id);
    }
    fc.assert(
      fc.property(wholeText, (text) => {
        const ids = [...new TextEncoder().encode(text)].map((byte) => byteToken.get(byte)!);
        const deltas = deltasOf(vocabulary, ids, false);
        expect(deltas.join('')).toBe(text);
        expect(deltas.at(-1)).toBe('');
        for (const delta of deltas) expect(delta).not.toMatch(/\ufffd|\p{Surrogate}/u);
      }),
      { numRuns: 300 },
    );
  });

  it('shows every character with its last byte, not later', () => {
    const files = filesOf(family).tokenizerJson as { model: { vocab: Record<string, number> } };
    const byteToken = (byte: number): number =>
      files.model.vocab[`<0x${byte.toString(16).toUpperCase()}>`] ??
      Array.from({ length: 256 }, (_, id) => id).find((id) => vocabulary.bytesOf(id)[0] === byte)!;
    const ids = [...new TextEncoder().encode('é日😀')].map(byteToken);
    expect(deltasOf(vocabulary, ids, false)).toEqual(['', 'é', '', '', '日', '', '', '', '😀', '']);
  });
});

describe('IncrementalDetokenizer', () => {
  it('shows a character that is never completed as U+FFFD when the next token comes, or at the end', () => {
    const vocabulary = new Vocabulary(filesOf('llama2'));
    const [lead, letter] = [0xe2 + 3, 0x41 + 3];
    expect(deltasOf(vocabulary, [lead, letter])).toEqual(['', '\ufffdA', '']);
    expect(deltasOf(vocabulary, [letter, lead])).toEqual(['A', '', '\ufffd']);
  });

  it('completes a character across a special token', () => {
    const vocabulary = new Vocabulary(filesOf('llama2'));
    expect(deltasOf(vocabulary, [0xc3 + 3, 2, 0xa9 + 3])).toEqual(['', '', 'é', '']);
  });

  it('takes off the first space only, and only when asked', () => {
    const files = filesOf('llama2');
    const vocabulary = new Vocabulary(files);
    const the = (files.tokenizerJson as { model: { vocab: Record<string, number> } }).model.vocab['▁the']!;
    expect(deltasOf(vocabulary, [1, the, the])).toEqual(['', 'the', ' the', '']);
    expect(deltasOf(vocabulary, [1, the, the], false)).toEqual(['', ' the', ' the', '']);
  });

  it.each(['first', 'never'] as const)(
    'decodes Metaspace with prefix scheme %s as Hugging Face does',
    (scheme) => {
      const files = filesOf('mistral');
      const decoder = { type: 'Metaspace', replacement: '▁', prepend_scheme: scheme, split: true };
      const vocabulary = new Vocabulary({
        ...files,
        tokenizerJson: { ...(files.tokenizerJson as object), decoder },
      });
      const decodings = expectedOf('mistral')[`metaspace-${scheme}`]!;
      expect(decodings.length).toBeGreaterThan(100);
      for (const { ids, text } of decodings) {
        expect(deltasOf(vocabulary, ids).join(''), JSON.stringify(ids)).toBe(text);
      }
    },
  );
});
