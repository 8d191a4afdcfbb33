/**
 * What a chat completion looks like, streamed and not. The server builds its answers by hand for speed; tests
 * hold every answer against these schemas, which are strict: a key too many is a fault. Keys without a value are
 * left out, except those that OpenAI sends as null.
 */

import { z } from 'zod';

const topLogprobSchema = z.strictObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)).nullable(),
});

const tokenLogprobSchema = topLogprobSchema.extend({ top_logprobs: z.array(topLogprobSchema) });

const logprobsSchema = z.strictObject({ content: z.array(tokenLogprobSchema), refusal: z.null() }).nullable();

export const finishReasonSchema = z.enum(['stop', 'length']);

export const usageSchema = z.strictObject({
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0).describe('Of all choices together.'),
  total_tokens: z.int().min(0),
  prompt_tokens_details: z.strictObject({
    cached_tokens: z.int().min(0).describe('Prompt tokens that were found in the prefix cache.'),
  }),
});

/** There with `return_token_ids` only. */
export const tokenIdsField = z
  .array(z.int().min(0))
  .optional()
  .describe('Only with `return_token_ids`: also tokens that are no text, such as the end-of-text token.');
export const promptTokenIdsField = z
  .array(z.int().min(0))
  .optional()
  .describe('Only with `return_token_ids`; in a stream, once.');

/** vLLM's: one entry a token of the prompt, null for the first, else by token id. */
export const promptLogprobsField = z.array(
  z
    .record(
      z.string(),
      z.strictObject({
        logprob: z.number(),
        rank: z.int().min(1).nullable().describe('Null beyond the ranks that are looked at.'),
        decoded_token: z.string(),
      }),
    )
    .nullable(),
);

export const commonFields = {
  id: z.string(),
  created: z.int().describe('Seconds since 1970.'),
  model: z.string(),
  system_fingerprint: z.string().describe('Names the build that computed the answer.'),
};

export const chatCompletionSchema = z.strictObject({
  ...commonFields,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      index: z.int().min(0),
      message: z.strictObject({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: logprobsSchema,
      finish_reason: finishReasonSchema,
      token_ids: tokenIdsField,
    }),
  ),
  usage: usageSchema,
  prompt_token_ids: promptTokenIdsField,
  prompt_logprobs: promptLogprobsField.optional().describe('Only with `prompt_logprobs`.'),
});

/** One `data:` event of a stream. */
export const chatCompletionChunkSchema = z.strictObject({
  ...commonFields,
  object: z.literal('chat.completion.chunk'),
  choices: z
    .array(
      z.strictObject({
        index: z.int().min(0),
        delta: z.strictObject({ role: z.literal('assistant').optional(), content: z.string().optional() }),
        logprobs: logprobsSchema,
        finish_reason: finishReasonSchema.nullable(),
        token_ids: tokenIdsField,
      }),
    )
    .describe('Empty in the chunk that carries the usage.'),
  usage: usageSchema
    .nullish()
    .describe('There only with `stream_options.include_usage`: null until the last chunk.'),
  prompt_token_ids: promptTokenIdsField,
});

export type ChatCompletion = z.infer<typeof chatCompletionSchema>;
export type ChatCompletionChunk = z.infer<typeof chatCompletionChunkSchema>;
export type ChatCompletionUsage = z.infer<typeof usageSchema>;
export type PromptLogprobs = z.infer<typeof promptLogprobsField>;
export type ChatTokenLogprob = z.infer<typeof tokenLogprobSchema>;
