/**
 * The served fields of a chat request: types, ranges and descriptions. Every object is loose, so that fields
 * which are not listed stay visible for `field-tables.ts`.
 */

import { z } from 'zod';
import {
  CONTENT_PARTS_MAX,
  LOGPROBS_TOLD_MAX,
  MESSAGES_MAX,
  TOOL_CALLS_MAX,
  TOP_LOGPROBS_MAX,
} from '../../base/limits.ts';
import { generationFields, type ListBounds, listOf, modelField } from './generation-fields.ts';
import { templateFields } from './template-fields.ts';
import { toolFields } from './tool-fields.ts';

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });

const PARTS: ListBounds = { min: 1, max: CONTENT_PARTS_MAX };
const textContent = z.union([z.string(), listOf(z.discriminatedUnion('type', [textPart]), PARTS)]);
const assistantContent = z.union([
  z.string(),
  listOf(z.discriminatedUnion('type', [textPart, refusalPart]), PARTS),
]);

const name = z
  .string()
  .nullish()
  .describe('Handed to the chat template where that looks at it; without effect otherwise.');

const reasoning = z
  .string()
  .nullish()
  .describe('Extension. What the assistant thought; handed to the chat template where that looks at it.');

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
    reasoning_content: reasoning,
    reasoning,
    tool_calls: listOf(toolCall, { min: 0, max: TOOL_CALLS_MAX }).nullish(),
  }),
  z.looseObject({ role: z.literal('tool'), content: textContent, name, tool_call_id: z.string() }),
]);

export const messagesField = listOf(messageSchema, { min: 1, max: MESSAGES_MAX });

/** Body of `POST /v1/chat/completions`. */
export const chatCompletionRequestSchema = z.looseObject({
  model: modelField,
  messages: messagesField,
  ...generationFields,
  ...templateFields,
  ...toolFields,
  prediction: z
    .discriminatedUnion('type', [z.looseObject({ type: z.literal('content'), content: textContent })])
    .nullish()
    .describe(
      'The answer, where most of it is known: as far as it comes so, it comes sooner. It does not decide what is answered. ' +
        'Named as ignored beside `bad_words`, which drafts cannot keep to; of more than two contexts of tokens nothing is used.',
    ),
  max_completion_tokens: z
    .int()
    .min(1)
    .nullish()
    .describe('Wins over `max_tokens`, which is named as ignored where it says another length.'),
  max_tokens: z.int().min(1).nullish(),
  logprobs: z
    .boolean()
    .nullish()
    .describe(
      `Not streamed, choices times tokens times (1 + \`top_logprobs\`) are at most ${LOGPROBS_TOLD_MAX}; without \`max_tokens\` each \
choice ends there, with \`length\`.`,
    ),
  top_logprobs: z.int().min(0).max(TOP_LOGPROBS_MAX).nullish().describe('Above 0 it needs `logprobs: true`.'),
});

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequestSchema>;
export type ChatCompletionMessage = ChatCompletionRequest['messages'][number];
