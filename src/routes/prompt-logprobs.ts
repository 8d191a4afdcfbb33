/** Scores of prompt tokens in the two shapes that clients know: vLLM's `prompt_logprobs`, OpenAI's legacy lists. Pure. */

import type { PromptTokenText, TokenText, TokenTextLogprobs } from '../engine/text-generation.ts';
import { finiteLogprob } from './answer.ts';
import type { PromptLogprobs } from './schema/chat-completion-response.ts';
import type { CompletionLogprobs } from './schema/completion-response.ts';

const REPLACEMENT = '\uFFFD';

/** By token id, the token itself and the `topCount` most likely ones; null for the first token. */
export function promptLogprobsOf(tokens: readonly PromptTokenText[], topCount: number): PromptLogprobs {
  return tokens.map(({ tokenId, text, score }) => {
    if (score === null) return null;
    const { logprob, rank } = score;
    const top = score.top.slice(0, topCount).map((each, index) => scored(each, each.logprob, index + 1));
    return Object.fromEntries([...top, scored({ tokenId, text }, logprob, rank)]);
  });
}

function scored(
  { tokenId, text }: Pick<TokenText, 'tokenId' | 'text'>,
  logprob: number,
  rank: number | null,
) {
  return [String(tokenId), { logprob: finiteLogprob(logprob), rank, decoded_token: text }] as const;
}

/** As OpenAI writes it: the text, or the bytes where they are no text by themselves, so that keys do not collide. */
function tokenName({ text, bytes }: Pick<TokenText, 'text' | 'bytes'>): string {
  if (!text.includes(REPLACEMENT)) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}

/** The most likely tokens, and the chosen one where it is not among them. */
function topLogprobsOf(top: readonly TokenText[], chosen: TokenText): Record<string, number> {
  const entries = [...top, chosen].map((each) => [tokenName(each), finiteLogprob(each.logprob)]);
  return Object.fromEntries(entries) as Record<string, number>;
}

/** @param textStart characters before the text that the tokens' own places count from. */
export function legacyLogprobs(tokens: readonly TokenTextLogprobs[], textStart: number): CompletionLogprobs {
  return {
    tokens: tokens.map(tokenName),
    token_logprobs: tokens.map(({ logprob }) => finiteLogprob(logprob)),
    top_logprobs: tokens.map((token) => topLogprobsOf(token.top, token)),
    text_offset: tokens.map((token) => textStart + token.textStart),
  };
}

/** A prompt that is told as a part of the answer; its first token has no probability. */
export function legacyPromptLogprobs(
  tokens: readonly PromptTokenText[],
  topCount: number,
): CompletionLogprobs {
  return {
    tokens: tokens.map(tokenName),
    token_logprobs: tokens.map(({ score }) => score && finiteLogprob(score.logprob)),
    top_logprobs: tokens.map((token) => {
      const { score } = token;
      return score && topLogprobsOf(score.top.slice(0, topCount), { ...token, logprob: score.logprob });
    }),
    text_offset: tokens.map(({ textStart }) => textStart),
  };
}

export function joinLogprobs(first: CompletionLogprobs, second: CompletionLogprobs): CompletionLogprobs {
  return {
    tokens: [...first.tokens, ...second.tokens],
    token_logprobs: [...first.token_logprobs, ...second.token_logprobs],
    top_logprobs: [...first.top_logprobs, ...second.top_logprobs],
    text_offset: [...first.text_offset, ...second.text_offset],
  };
}
