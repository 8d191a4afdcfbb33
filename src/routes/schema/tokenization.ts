/** Requests and answers of `/tokenize`, `/detokenize` and `/v1/chat/completions/render`, in vLLM's shapes. */

import { z } from 'zod';
import { DETOKENIZED_TOKENS_MAX } from '../../base/limits.ts';
import { messagesField } from './chat-completion-request.ts';
import { listOf, modelField } from './generation-fields.ts';
import { templateFields } from './template-fields.ts';
import { toolFields } from './tool-fields.ts';

const commonFields = {
  model: modelField.nullish().describe('Checked when given.'),
  return_token_strs: z.boolean().nullish().describe('Also answer with the text of each token.'),
};

export const tokenizeTextRequestSchema = z.looseObject({
  ...commonFields,
  prompt: z.string(),
  add_special_tokens: z
    .boolean()
    .nullish()
    .describe('What the tokenizer puts around a text; true by default.'),
});

export const tokenizeChatRequestSchema = z.looseObject({
  ...commonFields,
  messages: messagesField,
  ...templateFields,
  tools: toolFields.tools,
});

export const tokenizeResponseSchema = z.strictObject({
  count: z.int().min(0),
  max_model_len: z.int().describe('Tokens of prompt and output together.'),
  tokens: z.array(z.int().min(0)),
  token_strs: z
    .array(z.string())
    .nullable()
    .describe('Null unless asked for. Broken parts of characters are written as U+FFFD.'),
});

export const detokenizeRequestSchema = z.looseObject({
  model: commonFields.model,
  tokens: listOf(z.int().min(0), { min: 0, max: DETOKENIZED_TOKENS_MAX }),
});

export const detokenizeResponseSchema = z.strictObject({
  prompt: z.string().describe('Special tokens are spelled out.'),
});

export const renderedChatSchema = z.strictObject({
  model: z.string(),
  prompt: z.string().describe('What the chat template made of the messages.'),
  token_ids: z.array(z.int().min(0)).describe('What the model would get.'),
  count: z.int().min(0),
  max_model_len: z.int().describe('Tokens of prompt and output together.'),
});
