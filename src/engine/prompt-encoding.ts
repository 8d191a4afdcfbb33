/** A prompt of any kind -> token ids, and the checks that need them: the context's length, the vocabulary. */

import { ServerError } from '../base/errors.ts';
import { COUNTED_CONTEXTS_MAX } from '../base/limits.ts';
import { sharedArray } from '../sampling/grammar/shared-arrays.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';
import { findInfillMarkers } from '../text/infill.ts';
import { type ChatFormats, chatFormatOf } from '../text/message/chat-formats.ts';
import type { RenderedPrompt } from '../text/special-text-guard.ts';
import type { Tokenizer } from '../text/tokenizer.ts';
import type { EngineLimits } from './protocol.ts';
import type { Prompt } from './text-generation.ts';

type PromptLimits = Pick<EngineLimits, 'modelLengthMax' | 'vocabularySize'>;

export type EncodePromptOptions = {
  readonly limits: PromptLimits;
  /** The field that errors name. */
  readonly param: string;
};

export type EncodedPrompt = {
  /** `null` for a prompt that was given as tokens, or put together out of parts. */
  readonly text: string | null;
  /** In shared memory: neither other threads nor the choices of a prompt need a copy, and nobody writes there. */
  readonly tokenIds: Int32Array;
};

export type PromptEncoder = {
  readonly tokenizer: Tokenizer;
  /** `null`: the checkpoint has no template, and chat is refused. */
  readonly formats: ChatFormats | null;
};

/**
 * `messages`: special tokens are those that the template writes, and none are read out of what the messages say.
 * `text`: special tokens are read where the text spells them, as vLLM and llama.cpp do, so that a client can write a
 * whole prompt itself. `tokens`: taken as they are. `infill`: the markers are put around texts that are only texts.
 * @throws ServerError `invalid_request`; `unsupported_parameter` for what the tokenizer has no tokens for.
 */
export function encodePrompt(
  prompt: Prompt,
  encoder: PromptEncoder,
  { limits, param }: EncodePromptOptions,
): EncodedPrompt {
  // Before they become 32-bit numbers, where large ids would be others.
  const given = prompt.kind === 'tokens' ? prompt.tokenIds : [];
  for (const [index, tokenId] of given.entries()) {
    requireTokenId(tokenId, limits.vocabularySize, `${param}[${index}]`);
  }
  const { text, tokenIds } = encode(prompt, encoder, countedLengthMax(limits));
  for (const tokenId of tokenIds) requireTokenId(tokenId, limits.vocabularySize, param);
  const shared = sharedArray(Int32Array, tokenIds.length);
  shared.set(tokenIds);
  return { text, tokenIds: shared };
}

function encode(prompt: Prompt, { tokenizer, formats }: PromptEncoder, tokenCountMax: number): EncodedPrompt {
  switch (prompt.kind) {
    case 'tokens':
      return { text: null, tokenIds: Int32Array.from(prompt.tokenIds) };
    case 'text': {
      const { text, addSpecialTokens } = prompt;
      const options = { addSpecialTokens, parseSpecialTokens: true, tokenCountMax };
      return { text, tokenIds: tokenizer.encode(text, options) };
    }
    case 'infill':
      return { text: null, tokenIds: encodeInfill(prompt, tokenizer, tokenCountMax) };
    case 'messages': {
      if (formats === null) {
        throw new ServerError(
          'invalid_request',
          'The model has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json), ' +
            'so it cannot be given messages.',
          { param: promptsParam([prompt]) },
        );
      }
      const { text, breaks } = renderedMessages(prompt, formats);
      const { addSpecialTokens } = prompt;
      const options = { addSpecialTokens, parseSpecialTokens: true, breaks, tokenCountMax };
      return { text, tokenIds: tokenizer.encode(text, options) };
    }
  }
}

type MessagesPrompt = Extract<Prompt, { kind: 'messages' }>;

/** @throws ServerError naming the request's own field, which the chat template knows as messages. */
function renderedMessages(prompt: MessagesPrompt, formats: ChatFormats): RenderedPrompt {
  const { rendering, param } = prompt;
  const { template, dialect } = chatFormatOf(formats, rendering.tools);
  const { messages, tools } = dialect.shown({ messages: prompt.messages, tools: rendering.tools });
  try {
    return template.render(messages, { ...rendering, tools });
  } catch (error) {
    if (!(error instanceof ServerError) || param === undefined) throw error;
    throw new ServerError(error.code, error.message, { param, cause: error });
  }
}

function encodeInfill(
  { prefix, suffix, addSpecialTokens }: Extract<Prompt, { kind: 'infill' }>,
  tokenizer: Tokenizer,
  tokenCountMax: number,
): Int32Array {
  const markers = findInfillMarkers(tokenizer.addedTokens);
  if (markers === null) {
    throw new ServerError(
      'unsupported_parameter',
      "'suffix' is not supported by this model: its tokenizer has no tokens for filling in the middle.",
      { param: 'suffix' },
    );
  }
  const options = { addSpecialTokens: false, parseSpecialTokens: false, continuesText: true, tokenCountMax };
  return Int32Array.from([
    ...tokenizer.encode('', { addSpecialTokens, parseSpecialTokens: false }),
    markers.prefixId,
    ...tokenizer.encode(prefix, options),
    markers.suffixId,
    ...tokenizer.encode(suffix, options),
    markers.middleId,
  ]);
}

/** The field that a complaint about one of the prompts names. */
export function promptParam(prompts: readonly Prompt[], promptIndex: number): string {
  return prompts.length > 1 ? `prompt[${promptIndex}]` : promptsParam(prompts);
}

/** The field that a complaint about all prompts together names. */
export function promptsParam([first]: readonly Prompt[]): string {
  return first?.kind === 'messages' ? (first.param ?? 'messages') : 'prompt';
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

/**
 * Each word as it is cut at the beginning of a text and behind a space, as in vLLM: the two ways in which a model
 * writes a word. A word that is put together out of other tokens is not recognised. One that spells a special token
 * means that.
 */
export function bannedSequences(words: readonly string[], tokenizer: Tokenizer): Int32Array[] {
  const sequences = new Map<string, Int32Array>();
  for (const word of words) {
    for (const text of [word, ` ${word.trimStart()}`]) {
      const tokenIds = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
      if (tokenIds.length > 0) sequences.set(tokenIds.join(' '), tokenIds);
    }
  }
  return [...sequences.values()];
}

/**
 * @param forbiddenTokenIds stop tokens that may not come yet.
 * @throws ServerError `invalid_request` when these and banned words of one token leave nothing of what is allowed.
 */
export function requireAllowedToken(
  {
    allowedTokenIds,
    bannedSequences: sequences,
  }: Pick<SamplingParams, 'allowedTokenIds' | 'bannedSequences'>,
  forbiddenTokenIds: readonly number[],
): void {
  if (allowedTokenIds === null) return;
  const forbidden = new Set(forbiddenTokenIds);
  for (const sequence of sequences) if (sequence.length === 1) forbidden.add(sequence[0]!);
  if (allowedTokenIds.some((tokenId) => !forbidden.has(tokenId))) return;
  throw new ServerError(
    'invalid_request',
    "No token of 'allowed_token_ids' can be chosen: 'bad_words' and 'min_tokens' forbid them all.",
    { param: 'allowed_token_ids' },
  );
}

/** @throws ServerError `context_length_exceeded` for a prompt that was not tokenised to its end. */
export function requireCounted(promptLength: number, { limits, param }: EncodePromptOptions): void {
  const lengthMax = countedLengthMax(limits);
  if (promptLength <= lengthMax) return;
  throw new ServerError(
    'context_length_exceeded',
    `This model's maximum context length is ${limits.modelLengthMax} tokens. However, your ${param} resulted in ` +
      `more than ${lengthMax} tokens, and longer ones are not tokenised. Please reduce the length of the ${param}.`,
    { param },
  );
}

/** Prompts are counted to the end up to this length; of longer ones it is only known that they are longer. */
function countedLengthMax({ modelLengthMax }: PromptLimits): number {
  return COUNTED_CONTEXTS_MAX * modelLengthMax;
}

/**
 * The tokens that a choice may generate: as asked, or all that the context leaves.
 * @throws ServerError `context_length_exceeded`, with both numbers.
 */
export function newTokensAllowed(
  newTokensMax: number | null,
  promptLength: number,
  { limits, param }: EncodePromptOptions,
): number {
  const lengthMax = limits.modelLengthMax;
  const room = lengthMax - promptLength;
  const wanted = newTokensMax ?? Math.max(room, 1);
  if (wanted <= room) return wanted;
  const atLeast = promptLength > countedLengthMax(limits) ? 'at least ' : '';
  const asked =
    newTokensMax === null
      ? `your ${param} resulted in ${atLeast}${promptLength} tokens`
      : `you requested ${atLeast}${promptLength + wanted} tokens ` +
        `(${promptLength} in the ${param}, ${wanted} in the completion)`;
  throw new ServerError(
    'context_length_exceeded',
    `This model's maximum context length is ${lengthMax} tokens. However, ${asked}. ` +
      `Please reduce the length of the ${param}${newTokensMax === null ? '' : ' or completion'}.`,
    { param },
  );
}
