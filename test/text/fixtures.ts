/** Loads the tokenizer families of `test/fixtures/text` and what Hugging Face made of texts with them. */

import { readFileSync } from 'node:fs';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import type { TokenizerFiles } from '../../src/text/tokenizer-files.ts';

export const FAMILIES = ['llama3', 'qwen2', 'llama2', 'mistral'] as const;
export type Family = (typeof FAMILIES)[number];

export type Decoding = { readonly ids: readonly number[]; readonly text: string };

export type Expected = {
  readonly encodings: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly idsWithSpecialTokens: readonly number[];
  }[];
  readonly decodings: readonly Decoding[];
  readonly chats: readonly {
    readonly messages: readonly ChatMessage[];
    readonly addGenerationPrompt: boolean;
    readonly text: string;
    readonly ids: readonly number[];
  }[];
  readonly 'metaspace-first'?: readonly Decoding[];
  readonly 'metaspace-never'?: readonly Decoding[];
};

function load(family: Family, file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../fixtures/text/${family}/${file}`, import.meta.url), 'utf8'));
}

export function filesOf(family: Family): TokenizerFiles {
  return {
    tokenizerJson: load(family, 'tokenizer.json'),
    tokenizerConfig: load(family, 'tokenizer_config.json'),
  };
}

export function expectedOf(family: Family): Expected {
  return load(family, 'expected.json') as Expected;
}
