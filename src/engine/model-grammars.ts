/** What compiling grammars needs to know of a model: its tokens' bytes, and its added tokens. */

import { GrammarCompiler } from '../sampling/grammar/grammar-compiler.ts';
import { buildTokenTrie } from '../sampling/grammar/token-trie.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';

/** Takes 0.5 s for 150,000 tokens on a machine with other load. */
export function grammarCompiler(tokenizer: Tokenizer, vocabulary: Vocabulary): GrammarCompiler {
  const trie = buildTokenTrie({
    size: vocabulary.size,
    bytesOf: (tokenId) => vocabulary.bytesOf(tokenId),
    isSpecial: (tokenId) => vocabulary.isSpecial(tokenId),
  });
  const added = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]));
  return new GrammarCompiler(trie, { addedTokenId: (text) => added.get(text) ?? null });
}
