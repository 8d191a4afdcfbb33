/**
 * The request fields that chat completions, completions and responses have in common: types, ranges and descriptions. Null means
 * absent wherever OpenAI's schema allows null. A list is counted before its items are looked at, so a million wrong
 * items cost no more than their number does.
 */

import { z } from 'zod';
import { isJsonObject } from '../../base/json-object.ts';
import {
  ALLOWED_TOKEN_IDS_MAX,
  BAD_WORD_CHARACTERS_MAX,
  BAD_WORDS_MAX,
  CACHE_SALT_CHARACTERS_MAX,
  CHOICES_MAX,
  LOGIT_BIAS_ENTRIES_MAX,
  REPETITION_PENALTY_MAX,
  REPETITION_PENALTY_MIN,
  STOP_STRING_CHARACTERS_MAX,
  STOP_STRINGS_MAX,
  STOP_TOKEN_IDS_MAX,
  TOP_LOGPROBS_MAX,
} from '../../base/limits.ts';
import { structuredFields } from './structured-fields.ts';

export type ListBounds = { readonly min: number; readonly max: number };

export function listOf<Item extends z.ZodType>(item: Item, { min, max }: ListBounds) {
  return z.array(item).min(min).max(max);
}

const stopString = z.string().min(1).max(STOP_STRING_CHARACTERS_MAX);

/** OpenAI's seeds are 64-bit integers; JSON numbers beyond 2^53 arrive rounded, which is as good a seed. */
const seedSchema = z
  .number()
  .min(-(2 ** 63))
  .max(2 ** 63)
  .refine(Number.isInteger, { error: 'expected an integer', params: { isType: true } })
  .meta({ type: 'integer' });

/**
 * An object with keys and values of a kind, counted before they are looked at. Its bound is told by `meta`, as a
 * refinement before a pipe leaves no trace in the description.
 */
export function boundedRecord<Key extends z.ZodString, Value extends z.ZodType>(
  key: Key,
  value: Value,
  { entriesMax }: { readonly entriesMax: number },
) {
  return z
    .custom<Record<string, unknown>>(isJsonObject, { error: 'expected an object' })
    .refine((given) => Object.keys(given).length <= entriesMax, {
      error: `expected at most ${entriesMax} entries`,
    })
    .pipe(z.record(key, value).meta({ maxProperties: entriesMax }));
}

const logitBiasSchema = boundedRecord(
  z.string().regex(/^(0|[1-9]\d{0,8})$/, { error: 'expected a token id as the key' }),
  z.number().min(-100).max(100),
  { entriesMax: LOGIT_BIAS_ENTRIES_MAX },
);

const samplingFields = {
  temperature: z.number().min(0).max(2).nullish().describe('0 always takes the most likely token.'),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish().describe('Extension. -1 and 0 switch it off.'),
  min_p: z.number().min(0).max(1).nullish().describe('Extension.'),
  repetition_penalty: z
    .number()
    .min(REPETITION_PENALTY_MIN)
    .max(REPETITION_PENALTY_MAX)
    .nullish()
    .describe('Extension. 1 switches it off.'),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  allowed_token_ids: listOf(z.int().min(0), { min: 1, max: ALLOWED_TOKEN_IDS_MAX })
    .nullish()
    .describe('Extension. Only these tokens are chosen; an end-of-text token only where it is one of them.'),
  bad_words: listOf(z.string().min(1).max(BAD_WORD_CHARACTERS_MAX), { min: 0, max: BAD_WORDS_MAX })
    .nullish()
    .describe(
      'Extension. As in vLLM: the tokens of each word, with and without a space before it, never come in a row.',
    ),
  logit_bias: logitBiasSchema.nullish().describe('Token id -> addend to its logit, -100 to 100.'),
  seed: seedSchema.nullish().describe('The same request with the same seed gives the same tokens.'),
};

const lengthFields = {
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

export const modelField = z.string().min(1);

/** Everything else that these requests have; each adds its own prompt, lengths and log probabilities. */
export const generationFields = {
  n: z.int().min(1).max(CHOICES_MAX).nullish(),
  ...samplingFields,
  ...lengthFields,
  ...structuredFields,
  return_token_ids: z
    .boolean()
    .nullish()
    .describe('Extension. As in vLLM: the answer holds the token ids of prompt and choices.'),
  prompt_logprobs: z
    .int()
    .min(0)
    .max(TOP_LOGPROBS_MAX)
    .nullish()
    .describe(
      "Extension. As in vLLM: the log probability of each of the prompt's tokens, and so many most likely ones. Such a " +
        'request does not take its prompt from the cache. Not with `stream`.',
    ),
  stream: z.boolean().nullish(),
  stream_options: z
    .looseObject({
      include_usage: z.boolean().nullish(),
      continuous_usage_stats: z
        .boolean()
        .nullish()
        .describe(
          'Extension. As in vLLM: every chunk tells the tokens of its choice so far. Without effect where `include_usage` is false.',
        ),
    })
    .nullish()
    .describe('Only together with `stream: true`.'),
  priority: z
    .number()
    .nullish()
    .describe(
      'Extension. As in vLLM: with `--scheduling-policy priority` lower is served earlier, 0 by default; else without effect.',
    ),
  cache_salt: z
    .string()
    .min(1)
    .max(CACHE_SALT_CHARACTERS_MAX)
    .nullish()
    .describe('Extension. Only requests with the same salt share cached prefixes.'),
};

const generationRequestSchema = z.looseObject({ model: modelField, ...generationFields });

export type GenerationFields = z.infer<typeof generationRequestSchema>;
