/**
 * The served fields of a completion request. The object is loose, so that fields which are not listed stay visible
 * for `field-tables.ts`.
 */

import { z } from 'zod';
import {
  BEST_OF_MAX,
  CHOICES_MAX,
  LOGPROBS_TOLD_MAX,
  PROMPTS_MAX,
  TOP_LOGPROBS_MAX,
} from '../../base/limits.ts';
import { generationFields, modelField } from './generation-fields.ts';

export type PromptField = string | readonly string[] | readonly number[] | readonly (readonly number[])[];

/** What is wrong with a prompt: where, and what was expected there. */
type PromptFault = { readonly path: number[]; readonly expected: string; readonly isType: boolean };

function typeFault(path: number[], expected: string): PromptFault {
  return { path, expected, isType: true };
}

function valueFault(path: number[], expected: string): PromptFault {
  return { path, expected, isType: false };
}

/** @returns the first fault of a list of token ids; their upper bound is the model's business. */
function tokenIdsFault(tokenIds: readonly unknown[], path: number[]): PromptFault | null {
  if (tokenIds.length === 0) return valueFault(path, 'at least 1 item(s)');
  for (const [index, tokenId] of tokenIds.entries()) {
    if (!Number.isInteger(tokenId)) return typeFault([...path, index], 'an integer');
    if ((tokenId as number) < 0) return valueFault([...path, index], 'at least 0');
  }
  return null;
}

function promptsFault(prompts: readonly unknown[]): PromptFault | null {
  if (prompts.length > PROMPTS_MAX) return valueFault([], `at most ${PROMPTS_MAX} prompts`);
  const isText = typeof prompts[0] === 'string';
  for (const [index, prompt] of prompts.entries()) {
    if (isText && typeof prompt !== 'string') return typeFault([index], 'a string');
    if (isText) continue;
    if (!Array.isArray(prompt)) return typeFault([index], 'an array');
    const fault = tokenIdsFault(prompt, [index]);
    if (fault !== null) return fault;
  }
  return null;
}

/** One pass with one answer: a union of the four forms would look at a hundred thousand numbers four times. */
function promptFault(prompt: unknown): PromptFault | null {
  if (typeof prompt === 'string') return null;
  if (!Array.isArray(prompt)) return typeFault([], 'a string or an array');
  const first: unknown = prompt[0];
  if (prompt.length === 0) return valueFault([], 'at least 1 item(s)');
  if (typeof first === 'number') return tokenIdsFault(prompt, []);
  if (typeof first === 'string' || Array.isArray(first)) return promptsFault(prompt);
  return typeFault([0], 'a string, an integer or an array');
}

const tokenIdsJson = { type: 'array', minItems: 1, items: { type: 'integer', minimum: 0 } };
const promptsJson = (items: Record<string, unknown>) => ({
  type: 'array',
  minItems: 1,
  maxItems: PROMPTS_MAX,
  items,
});

const promptSchema = z
  .custom<PromptField>()
  .superRefine((prompt, context) => {
    const fault = promptFault(prompt);
    if (fault === null) return;
    const { path, expected, isType } = fault;
    context.addIssue({ code: 'custom', path, message: `expected ${expected}`, params: { isType } });
  })
  .meta({
    description: 'Text, token ids, or a list of either; each prompt of a list has `n` choices of its own.',
    anyOf: [{ type: 'string' }, promptsJson({ type: 'string' }), tokenIdsJson, promptsJson(tokenIdsJson)],
  });

/** Body of `POST /v1/completions`. */
export const completionRequestSchema = z.looseObject({
  model: modelField,
  prompt: promptSchema,
  ...generationFields,
  max_tokens: z
    .int()
    .min(0)
    .nullish()
    .describe(
      '16 by default, as with OpenAI. 0 with `echo` or `prompt_logprobs`: only the prompt is looked at.',
    ),
  logprobs: z
    .int()
    .min(0)
    .max(TOP_LOGPROBS_MAX)
    .nullish()
    .describe(
      `So many most likely tokens, besides the chosen one. OpenAI allows 5. Not streamed, choices of all prompts times \`max_tokens\` \
times (1 + \`logprobs\`) are at most ${LOGPROBS_TOLD_MAX}.`,
    ),
  best_of: z
    .int()
    .min(1)
    .max(CHOICES_MAX)
    .nullish()
    .describe(
      `So many choices are generated, and the \`n\` with the highest mean log probability of their tokens told, best \
first. Above \`n\` at most ${BEST_OF_MAX}, and not with \`stream\`.`,
    ),
  add_special_tokens: z
    .boolean()
    .nullish()
    .describe(
      'Extension. What the tokenizer puts around a text; true by default. Token ids are taken as they are.',
    ),
  suffix: z.string().nullish().describe(
    'What comes after the completion, for models with tokens for filling in the middle (Qwen Coder, CodeLlama, DeepSeek \
Coder, StarCoder); refused for others. The prompt has to be text; not with `echo`.',
  ),
  echo: z
    .boolean()
    .nullish()
    .describe(
      'Puts the prompt before each choice. With `logprobs` also its tokens, the first one without a value, and at the end ' +
        'the end-of-text token.',
    ),
});

export type CompletionRequest = z.infer<typeof completionRequestSchema>;
