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
const chatFinishReasonSchema = z.enum(['stop', 'length', 'tool_calls']);

export const usageSchema = z.strictObject({
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0).describe('Of all choices together.'),
  total_tokens: z.int().min(0),
  prompt_tokens_details: z.strictObject({
    cached_tokens: z.int().min(0).describe('Prompt tokens that were found in the prefix cache.'),
  }),
  completion_tokens_details: z
    .strictObject({
      reasoning_tokens: z
        .int()
        .min(0)
        .optional()
        .describe('Completion tokens in which the model thinks; absent with `separate_reasoning: false`.'),
      accepted_prediction_tokens: z
        .int()
        .min(0)
        .optional()
        .describe('Completion tokens that came of the `prediction`, several in one step.'),
      rejected_prediction_tokens: z
        .int()
        .min(0)
        .optional()
        .describe('Tokens of the `prediction` that were computed in vain. They are no completion tokens.'),
    })
    .optional()
    .describe('Of chat completions; each where it was looked for.'),
});

/** In every chunk, where that is asked for, with tokens of its choice alone. */
export const chunkUsageField = usageSchema
  .partial({ prompt_tokens_details: true })
  .nullish()
  .describe(
    'There only with `stream_options.include_usage`, or with `continuous_usage_stats` alone: null until the last chunk. With `continuous_usage_stats` every chunk has the ' +
      'tokens of its own choice so far, without details.',
  );

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

const reasoningField = z
  .string()
  .optional()
  .describe('What the model thinks, where its template marks that; under both names.');

const messageSchema = z.strictObject({
  role: z.literal('assistant'),
  content: z.string().nullable().describe('Null where there are only calls.'),
  refusal: z.null(),
  reasoning_content: reasoningField,
  reasoning: reasoningField,
  tool_calls: z
    .array(
      z.strictObject({
        id: z.string(),
        type: z.literal('function'),
        function: z.strictObject({ name: z.string(), arguments: z.string().describe('A JSON object.') }),
      }),
    )
    .min(1)
    .optional(),
});

const deltaSchema = z.strictObject({
  role: z.literal('assistant').optional(),
  content: z.string().optional(),
  reasoning_content: reasoningField,
  reasoning: reasoningField,
  tool_calls: z
    .array(
      z.strictObject({
        index: z.int().min(0),
        id: z.string().optional(),
        type: z.literal('function').optional(),
        function: z.strictObject({ name: z.string().optional(), arguments: z.string() }),
      }),
    )
    .min(1)
    .optional()
    .describe('`id`, `type` and `name` come once a call; the `arguments` of all deltas are joined.'),
});

export const chatCompletionSchema = z.strictObject({
  ...commonFields,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.strictObject({
      index: z.int().min(0),
      message: messageSchema,
      logprobs: logprobsSchema,
      finish_reason: chatFinishReasonSchema,
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
        delta: deltaSchema,
        logprobs: logprobsSchema,
        finish_reason: chatFinishReasonSchema.nullable(),
        token_ids: tokenIdsField,
      }),
    )
    .describe('Empty in the chunk that carries the usage.'),
  usage: chunkUsageField,
  prompt_token_ids: promptTokenIdsField,
});

export type ChatCompletion = z.infer<typeof chatCompletionSchema>;
export type ChatCompletionChunk = z.infer<typeof chatCompletionChunkSchema>;
export type ChatCompletionUsage = z.infer<typeof usageSchema>;
export type PromptLogprobs = z.infer<typeof promptLogprobsField>;
