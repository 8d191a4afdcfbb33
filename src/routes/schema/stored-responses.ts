/** What is told of stored responses: their input, a page at a time, and that they are gone. */

import { z } from 'zod';
import { LISTED_ITEMS_MAX } from '../../base/limits.ts';

const labels = { id: z.string(), status: z.enum(['completed', 'incomplete']) };

const inputText = z.strictObject({ type: z.literal('input_text'), text: z.string() });
const outputText = z.strictObject({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(z.never()),
});
const refusal = z.strictObject({ type: z.literal('refusal'), refusal: z.string() });

const thoughts = <Type extends string>(type: Type) =>
  z.array(z.strictObject({ type: z.literal(type), text: z.string() }));

/** An item that a response was made of. */
const listedItemSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message'),
    ...labels,
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: z.array(z.discriminatedUnion('type', [inputText, outputText, refusal])),
  }),
  z.strictObject({
    type: z.literal('reasoning'),
    ...labels,
    summary: thoughts('summary_text'),
    content: thoughts('reasoning_text'),
  }),
  z.strictObject({
    type: z.literal('function_call'),
    ...labels,
    call_id: z.string(),
    name: z.string(),
    namespace: z.string().optional(),
    arguments: z.string(),
  }),
  z.strictObject({
    type: z.literal('function_call_output'),
    ...labels,
    call_id: z.string(),
    output: z.union([z.string(), z.array(inputText)]),
  }),
]);

export const inputItemListSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(listedItemSchema).max(LISTED_ITEMS_MAX),
  first_id: z.string().nullable().describe('Null where the page is empty.'),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const deletedResponseSchema = z.strictObject({
  id: z.string(),
  object: z.literal('response'),
  deleted: z.literal(true),
});

export type ListedItem = z.infer<typeof listedItemSchema>;
export type InputItemList = z.infer<typeof inputItemListSchema>;
export type DeletedResponse = z.infer<typeof deletedResponseSchema>;
