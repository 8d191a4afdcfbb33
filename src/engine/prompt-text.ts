/** Prompts as they are told to whoever asked: their text, their token ids, and how likely each token was. */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { PROMPT_LOGPROBS_TOLD_MAX, PROMPT_TOKENS_TOLD_MAX } from '../base/limits.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import { characterCount } from '../text/character-count.ts';
import { decodeTokens } from '../text/decode-tokens.ts';
import { IncrementalDetokenizer } from '../text/incremental-detokenizer.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { tokenText } from './choice-text.ts';
import { type EncodedPrompt, promptsParam } from './prompt-encoding.ts';
import type { PromptTokenScore, PromptTokens, PromptTokenText, TextRequest } from './text-generation.ts';

export function promptTokens({ text, tokenIds }: EncodedPrompt, vocabulary: Vocabulary): PromptTokens {
  return { text: text ?? decodeTokens(tokenIds, vocabulary), tokenIds: Array.from(tokenIds) };
}

type Tellable = Pick<TextRequest, 'prompts' | 'promptLogprobCount' | 'choiceCount' | 'wantsPrompts'>;

/** @throws ServerError `invalid_request` for more prompt tokens, or scores of them, than one answer may hold. */
export function requireTellable(request: Tellable, prompts: readonly EncodedPrompt[]): void {
  const tokenCount = prompts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  requireRepeatable(request, tokenCount);
  requireScoresTellable(request, tokenCount);
}

function requireRepeatable({ prompts, wantsPrompts, choiceCount }: Tellable, tokenCount: number): void {
  const count = tokenCount * choiceCount;
  if (!wantsPrompts || count <= PROMPT_TOKENS_TOLD_MAX) return;
  throw new ServerError(
    'invalid_request',
    `The answer would repeat ${count} tokens of the prompt (${tokenCount}, ${choiceCount} times); at most ` +
      `${PROMPT_TOKENS_TOLD_MAX} are told. Ask for fewer choices, or for fewer prompts.`,
    { param: promptsParam(prompts) },
  );
}

function requireScoresTellable(
  { prompts, promptLogprobCount, choiceCount }: Tellable,
  tokenCount: number,
): void {
  if (promptLogprobCount === null) return;
  const count = tokenCount * choiceCount * (promptLogprobCount + 1);
  if (count <= PROMPT_LOGPROBS_TOLD_MAX) return;
  throw new ServerError(
    'invalid_request',
    `The log probabilities of the prompt would be ${count} numbers (${tokenCount} tokens, ${promptLogprobCount + 1} of ` +
      `each, ${choiceCount} times); at most ${PROMPT_LOGPROBS_TOLD_MAX} are told. Ask for fewer, or for fewer prompts.`,
    { param: promptsParam(prompts) },
  );
}

/** @param scores of every token but the first, in order, in pieces. */
export function scoredPrompt(
  { text, tokenIds }: EncodedPrompt,
  scores: readonly PromptScores[],
  vocabulary: Vocabulary,
): readonly PromptTokenText[] {
  const told = scores.flatMap((piece) => scoresOf(piece, vocabulary));
  assert(told.length === tokenIds.length - 1, 'every token but the first is scored');
  const starts = textStarts(tokenIds, text ?? decodeTokens(tokenIds, vocabulary), vocabulary);
  return Array.from(tokenIds, (tokenId, position) => {
    const { text: ownText, bytes } = tokenText(tokenId, 0, vocabulary);
    const score = position === 0 ? null : told[position - 1]!;
    return { tokenId, text: ownText, bytes, textStart: starts[position]!, score };
  });
}

function scoresOf(piece: PromptScores, vocabulary: Vocabulary): PromptTokenScore[] {
  const { logprobs, ranks, topCount, topTokenIds, topLogprobs } = piece;
  return Array.from(logprobs, (logprob, index) => ({
    logprob,
    rank: ranks[index] === 0 ? null : ranks[index]!,
    top: Array.from({ length: topCount }, (_, rank) => {
      const place = index * topCount + rank;
      return tokenText(topTokenIds[place]!, topLogprobs[place]!, vocabulary);
    }),
  }));
}

/**
 * Characters of `text` before each token: what the tokens spell, laid along the text. What the tokenizer put there by
 * itself (a beginning-of-text token, the space before a first word) has no place in it and takes none; a text that it
 * changed is followed by length.
 */
function textStarts(tokenIds: Int32Array, text: string, vocabulary: Vocabulary): number[] {
  const detokenizer = new IncrementalDetokenizer(vocabulary, { stripLeadingSpaces: false });
  let [index, count] = [0, 0];
  const advance = (piece: string, isSpecial: boolean): void => {
    const spelled = [piece, piece.replace(/^ /, '')].find((each) => text.startsWith(each, index));
    if (spelled === undefined && isSpecial) return;
    const length = (spelled ?? piece).length;
    count += characterCount(text.slice(index, index + length));
    index += length;
  };
  return Array.from(tokenIds, (tokenId) => {
    const start = count;
    const isSpecial = vocabulary.isSpecial(tokenId);
    advance(isSpecial ? detokenizer.flush() : detokenizer.push(tokenId), false);
    if (isSpecial) advance(vocabulary.textOf(tokenId), true);
    return start;
  });
}
