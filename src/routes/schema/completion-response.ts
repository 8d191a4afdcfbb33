/**
 * What a completion looks like, streamed and not, in OpenAI's legacy shape. The server builds its answers by hand;
 * tests hold every answer against these schemas, which are strict: a key too many is a fault.
 */

import { z } from 'zod';
import {
  chunkUsageField,
  commonFields,
  finishReasonSchema,
  promptLogprobsField,
  promptTokenIdsField,
  tokenIdsField,
  usageSchema,
} from './chat-completion-response.ts';

const logprobsSchema = z.strictObject({
  tokens: z
    .array(z.string())
    .describe('Tokens that are not UTF-8 by themselves are written as `bytes:\\xe2\\x80`.'),
  token_logprobs: z.array(z.number().nullable()).describe('Null for the first token of an echoed prompt.'),
  top_logprobs: z
    .array(z.record(z.string(), z.number()).nullable())
    .describe('The most likely tokens, and the chosen one where it is not among them.'),
  text_offset: z.array(z.int().min(0)).describe('Characters (code points) of the text before each token.'),
});

const choiceFields = {
  index: z.int().min(0).describe('Choice i of prompt p has the index p * n + i.'),
  text: z.string(),
  logprobs: logprobsSchema.nullable(),
  token_ids: tokenIdsField,
  prompt_token_ids: promptTokenIdsField,
};

export const completionSchema = z.strictObject({
  ...commonFields,
  object: z.literal('text_completion'),
  choices: z.array(
    z.strictObject({
      ...choiceFields,
      finish_reason: finishReasonSchema,
      prompt_logprobs: promptLogprobsField.optional().describe('Only with `prompt_logprobs`.'),
    }),
  ),
  usage: usageSchema,
});

/** One `data:` event of a stream. */
export const completionChunkSchema = z.strictObject({
  ...commonFields,
  object: z.literal('text_completion'),
  choices: z
    .array(z.strictObject({ ...choiceFields, finish_reason: finishReasonSchema.nullable() }))
    .describe('Empty in the chunk that carries the usage.'),
  usage: chunkUsageField,
});

export type Completion = z.infer<typeof completionSchema>;
export type CompletionChunk = z.infer<typeof completionChunkSchema>;
export type CompletionLogprobs = z.infer<typeof logprobsSchema>;
