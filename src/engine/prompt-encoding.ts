/** A prompt of any kind -> token ids, and the checks that need them: the context's length, the vocabulary. */

import { ServerError } from '../base/errors.ts';
import { COUNTED_CONTEXTS_MAX } from '../base/limits.ts';
import type { ChatTemplate } from '../text/chat-template.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { EngineLimits } from './protocol.ts';
import type { Prompt, TextRequest } from './text-generation.ts';

export type PromptEncoder = {
  readonly tokenizer: Tokenizer;
  /** `null`: the checkpoint has none, and chat is refused. */
  readonly template: ChatTemplate | null;
};

/**
 * `messages`: special tokens are those that the template writes, none are added, and none are read out of what the
 * messages say. `text`: special tokens are added as the checkpoint says, and read where the text spells them, as
 * vLLM and llama.cpp do, so that a client can write a whole prompt itself. `tokens`: taken as they are.
 * @throws ServerError `invalid_request`
 */
export function encodePrompt(prompt: Prompt, encoder: PromptEncoder, limits: EngineLimits): Int32Array {
  const tokenIds = tokenIdsOf(prompt, encoder, countedLengthMax(limits));
  const param = promptParam(prompt);
  if (tokenIds.length === 0) throw new ServerError('invalid_request', 'The prompt is empty.', { param });
  for (const tokenId of tokenIds) requireTokenId(tokenId, limits.vocabularySize, param);
  return tokenIds;
}

function tokenIdsOf(
  prompt: Prompt,
  { tokenizer, template }: PromptEncoder,
  tokenCountMax: number,
): Int32Array {
  switch (prompt.kind) {
    case 'tokens':
      return Int32Array.from(prompt.tokenIds);
    case 'text':
      return tokenizer.encode(prompt.text, {
        addSpecialTokens: true,
        parseSpecialTokens: true,
        tokenCountMax,
      });
    case 'messages': {
      if (template === null) {
        throw new ServerError(
          'invalid_request',
          'The model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), ' +
            'so it cannot be given messages.',
          { param: 'messages' },
        );
      }
      const { text, breaks } = template.render(prompt.messages, { addGenerationPrompt: true });
      return tokenizer.encode(text, {
        addSpecialTokens: false,
        parseSpecialTokens: true,
        breaks,
        tokenCountMax,
      });
    }
  }
}

function promptParam(prompt: Prompt): string {
  return prompt.kind === 'messages' ? 'messages' : 'prompt';
}

/** @throws ServerError `invalid_request` for ids that the model does not know. */
export function requireTokenId(tokenId: number, vocabularySize: number, param: string): void {
  if (Number.isInteger(tokenId) && tokenId >= 0 && tokenId < vocabularySize) return;
  throw new ServerError(
    'invalid_request',
    `Token id ${tokenId} is not in the model's vocabulary of ${vocabularySize} tokens.`,
    { param },
  );
}

/** Tokens of one sequence, prompt and output: what the model was made for, and what the cache can hold at all. */
export function contextLength(limits: EngineLimits): number {
  return Math.min(limits.modelLengthMax, (limits.blockCount - 1) * limits.blockSize);
}

/** Prompts are counted to the end up to this length; of longer ones it is only known that they are longer. */
function countedLengthMax(limits: EngineLimits): number {
  return COUNTED_CONTEXTS_MAX * contextLength(limits);
}

/**
 * The tokens that a choice may generate: as asked, or all that the context leaves.
 * @throws ServerError `context_length_exceeded`, with both numbers.
 */
export function newTokensAllowed(
  request: Pick<TextRequest, 'prompt' | 'newTokensMax'>,
  promptLength: number,
  limits: EngineLimits,
): number {
  const lengthMax = contextLength(limits);
  const room = lengthMax - promptLength;
  const wanted = request.newTokensMax ?? Math.max(room, 1);
  if (wanted <= room) return wanted;
  const param = promptParam(request.prompt);
  const atLeast = promptLength > countedLengthMax(limits) ? 'at least ' : '';
  const asked =
    request.newTokensMax === null
      ? `your ${param} resulted in ${atLeast}${promptLength} tokens`
      : `you requested ${atLeast}${promptLength + wanted} tokens ` +
        `(${promptLength} in the ${param}, ${wanted} in the completion)`;
  throw new ServerError(
    'context_length_exceeded',
    `This model's maximum context length is ${lengthMax} tokens. However, ${asked}. ` +
      `Please reduce the length of the ${param}${request.newTokensMax === null ? '' : ' or completion'}.`,
    { param },
  );
}
