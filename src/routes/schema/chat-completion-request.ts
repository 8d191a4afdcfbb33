/**
 * The served fields of a chat request: types, ranges and descriptions. Every object is loose, so that fields
 * which are not listed stay visible for `fields.ts`. Null means absent wherever OpenAI's schema allows null.
 * A list is counted before its items are looked at, so a million wrong items cost no more than their number does.
 */

import { z } from 'zod';
import {
  CACHE_SALT_CHARACTERS_MAX,
  CHOICES_MAX,
  CONTENT_PARTS_MAX,
  LOGIT_BIAS_ENTRIES_MAX,
  MESSAGES_MAX,
  REPETITION_PENALTY_MAX,
  STOP_STRING_CHARACTERS_MAX,
  STOP_STRINGS_MAX,
  STOP_TOKEN_IDS_MAX,
  TOOL_CALLS_MAX,
  TOP_LOGPROBS_MAX,
} from '../../base/limits.ts';

type ListBounds = { readonly min: number; readonly max: number };

function listOf<Item extends z.ZodType>(item: Item, { min, max }: ListBounds) {
  return z.array(item).min(min).max(max);
}

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });

const PARTS: ListBounds = { min: 1, max: CONTENT_PARTS_MAX };
const textContent = z.union([z.string(), listOf(z.discriminatedUnion('type', [textPart]), PARTS)]);
const assistantContent = z.union([
  z.string(),
  listOf(z.discriminatedUnion('type', [textPart, refusalPart]), PARTS),
]);

const name = z.string().nullish().describe('Handed to the chat template.');

const toolCall = z.discriminatedUnion('type', [
  z.looseObject({
    id: z.string(),
    type: z.literal('function'),
    function: z.looseObject({ name: z.string(), arguments: z.string() }),
  }),
]);

const messageSchema = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('system'), content: textContent, name }),
  z.looseObject({ role: z.literal('developer'), content: textContent, name }),
  z.looseObject({ role: z.literal('user'), content: textContent, name }),
  z.looseObject({
    role: z.literal('assistant'),
    content: assistantContent.nullish(),
    name,
    refusal: z.string().nullish(),
    tool_calls: listOf(toolCall, { min: 1, max: TOOL_CALLS_MAX }).nullish(),
  }),
  z.looseObject({ role: z.literal('tool'), content: textContent, name, tool_call_id: z.string() }),
]);

const stopString = z.string().min(1).max(STOP_STRING_CHARACTERS_MAX);

/** OpenAI's seeds are 64-bit integers; JSON numbers beyond 2^53 arrive rounded, which is as good a seed. */
const seedSchema = z
  .number()
  .min(-(2 ** 63))
  .max(2 ** 63)
  .refine(Number.isInteger, { error: 'expected an integer' })
  .meta({ type: 'integer' });

const logitBiasSchema = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    { error: 'expected an object' },
  )
  .refine((value) => Object.keys(value).length <= LOGIT_BIAS_ENTRIES_MAX, {
    error: `expected at most ${LOGIT_BIAS_ENTRIES_MAX} entries`,
  })
  // zod leaves this key out of records without a word.
  .refine((value) => !Object.hasOwn(value, '__proto__'), { error: 'expected token ids as the keys' })
  .pipe(
    z.record(
      z.string().regex(/^\d{1,9}$/, { error: 'expected a token id as the key' }),
      z.number().min(-100).max(100),
    ),
  );

const samplingFields = {
  temperature: z.number().min(0).max(2).nullish().describe('0 always takes the most likely token.'),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish().describe('Extension. -1 and 0 switch it off.'),
  min_p: z.number().min(0).max(1).nullish().describe('Extension.'),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(REPETITION_PENALTY_MAX)
    .nullish()
    .describe('Extension. 1 switches it off.'),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: logitBiasSchema.nullish().describe('Token id -> addend to its logit, -100 to 100.'),
  seed: seedSchema.nullish().describe('The same request with the same seed gives the same tokens.'),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(TOP_LOGPROBS_MAX).nullish().describe('Needs `logprobs: true`.'),
};

const lengthFields = {
  max_completion_tokens: z.int().min(1).nullish().describe('Wins over `max_tokens` when both are given.'),
  max_tokens: z.int().min(1).nullish(),
  min_tokens: z.int().min(0).nullish().describe('Extension. No choice ends by itself before so many tokens.'),
  stop: z
    .union([stopString, listOf(stopString, { min: 0, max: STOP_STRINGS_MAX })])
    .nullish()
    .describe('Text that ends a choice; it is not part of the answer.'),
  stop_token_ids: listOf(z.int().min(0), { min: 0, max: STOP_TOKEN_IDS_MAX })
    .nullish()
    .describe('Extension.'),
  ignore_eos: z
    .boolean()
    .nullish()
    .describe("Extension. The model's own end-of-text tokens do not end a choice."),
};

/** Body of `POST /v1/chat/completions`. */
export const chatCompletionRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: listOf(messageSchema, { min: 1, max: MESSAGES_MAX }),
  n: z.int().min(1).max(CHOICES_MAX).nullish(),
  ...samplingFields,
  ...lengthFields,
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({ include_usage: z.boolean().nullish() })
    .nullish()
    .describe('Only together with `stream: true`.'),
  priority: z.number().nullish().describe('Extension. As in vLLM: lower is served earlier; 0 by default.'),
  cache_salt: z
    .string()
    .min(1)
    .max(CACHE_SALT_CHARACTERS_MAX)
    .nullish()
    .describe('Extension. Only requests with the same salt share cached prefixes.'),
});

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequestSchema>;
export type ChatCompletionMessage = ChatCompletionRequest['messages'][number];
