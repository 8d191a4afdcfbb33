/** A whole list of token ids -> text, special tokens spelled out, as Hugging Face's `decode` writes it by default. */

import { IncrementalDetokenizer } from './incremental-detokenizer.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Decoding them takes some microseconds; more at once saves no time worth naming. */
const BYTES_AT_ONCE = 4096;

/** The space that a model in the manner of sentencepiece puts before the first word is taken off at the very start only. */
export function decodeTokens(tokenIds: ArrayLike<number>, vocabulary: Vocabulary): string {
  const startsWithText = tokenIds.length > 0 && !vocabulary.isSpecial(tokenIds[0]!);
  const detokenizer = new IncrementalDetokenizer(vocabulary, {
    stripLeadingSpaces: startsWithText,
    bytesAtOnce: BYTES_AT_ONCE,
  });
  let text = '';
  for (let i = 0; i < tokenIds.length; i++) {
    const tokenId = tokenIds[i]!;
    text += vocabulary.isSpecial(tokenId)
      ? detokenizer.flush() + vocabulary.textOf(tokenId)
      : detokenizer.push(tokenId);
  }
  return text + detokenizer.flush();
}
