/**
 * What a response looks like, whole and as the events of a stream. The server builds its answers by hand; tests hold
 * every answer against these schemas, which are strict: a key too many is a fault. Keys without a value are null where
 * OpenAI has them so.
 */

import { z } from 'zod';
import { METADATA_ENTRIES_MAX } from '../../base/limits.ts';

const topLogprob = z.strictObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)),
});
const tokenLogprob = topLogprob.extend({ top_logprobs: z.array(topLogprob) });

const itemStatus = z.enum(['in_progress', 'completed', 'incomplete']);

const outputText = z.strictObject({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(tokenLogprob).describe('Of the tokens of the text alone; empty unless asked for.'),
});
const reasoningText = z.strictObject({ type: z.literal('reasoning_text'), text: z.string() });

export const outputItemSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('message'),
    id: z.string(),
    status: itemStatus,
    role: z.literal('assistant'),
    content: z.array(outputText).max(1),
  }),
  z.strictObject({
    type: z.literal('reasoning'),
    id: z.string(),
    status: itemStatus,
    summary: z.array(z.never()),
    content: z.array(reasoningText).max(1),
  }),
  z.strictObject({
    type: z.literal('function_call'),
    id: z.string(),
    status: itemStatus,
    call_id: z.string(),
    name: z.string(),
    namespace: z.string().optional().describe('Of a function that the request has in a namespace.'),
    arguments: z.string().describe('A JSON object.'),
  }),
]);

const responsesUsage = z.strictObject({
  input_tokens: z.int().min(0),
  input_tokens_details: z.strictObject({
    cached_tokens: z.int().min(0).describe('Input tokens that were found in the prefix cache.'),
    cache_write_tokens: z.int().min(0).describe('The others.'),
  }),
  output_tokens: z.int().min(0),
  output_tokens_details: z.strictObject({
    reasoning_tokens: z.int().min(0).describe('Output tokens in which the model thinks.'),
  }),
  total_tokens: z.int().min(0),
});

const functionTool = z.strictObject({
  type: z.literal('function'),
  name: z.string(),
  description: z.string().nullable(),
  parameters: z.record(z.string(), z.unknown()).nullable(),
  strict: z.boolean(),
});

const namespaceTool = z.strictObject({
  type: z.literal('namespace'),
  name: z.string(),
  description: z.string().nullable(),
  tools: z.array(functionTool),
});

const namedFunction = z.strictObject({
  type: z.literal('function'),
  name: z.string(),
  namespace: z.string().optional(),
});
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    namedFunction,
    z.strictObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']),
      tools: z.array(namedFunction),
    }),
  ]),
]);

const textFormat = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    name: z.string().nullable(),
    schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).nullable(),
    strict: z.boolean(),
  }),
]);

export const responseSchema = z.strictObject({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int().describe('Seconds since 1970.'),
  completed_at: z.int().nullable(),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.strictObject({ reason: z.literal('max_output_tokens') }).nullable(),
  model: z.string(),
  output: z.array(outputItemSchema),
  usage: responsesUsage.nullable().describe('Null until the response has ended.'),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  metadata: z.record(z.string(), z.string()).meta({ maxProperties: METADATA_ENTRIES_MAX }),
  parallel_tool_calls: z.boolean(),
  reasoning: z.strictObject({ effort: z.string().nullable(), summary: z.null() }),
  text: z.strictObject({ format: textFormat }),
  tools: z.array(z.discriminatedUnion('type', [functionTool, namespaceTool])),
  tool_choice: toolChoice,
  temperature: z.number(),
  top_p: z.number(),
  frequency_penalty: z.number(),
  presence_penalty: z.number(),
  top_logprobs: z.int().min(0),
  truncation: z.literal('disabled'),
  store: z
    .boolean()
    .describe('Whether it can be asked for again. False also where it was to be stored and found no room.'),
  background: z.literal(false),
  previous_response_id: z.string().nullable(),
  max_tool_calls: z.null(),
  service_tier: z.literal('default'),
  safety_identifier: z.null(),
  prompt_cache_key: z.null(),
});

const event = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.strictObject({ type: z.literal(type), sequence_number: z.int().min(0), ...fields });

const ofItem = { output_index: z.int().min(0) };
const insideItem = { ...ofItem, item_id: z.string() };
const ofPart = { ...insideItem, content_index: z.literal(0) };
const response = { response: responseSchema };
const part = z.discriminatedUnion('type', [outputText, reasoningText]);
const textLogprobs = z.array(tokenLogprob);

/** One event of a stream: its name is its `type`. */
export const responseStreamEventSchema = z.discriminatedUnion('type', [
  event('response.created', response),
  event('response.in_progress', response),
  event('response.output_item.added', { ...ofItem, item: outputItemSchema }),
  event('response.content_part.added', { ...ofPart, part }),
  event('response.output_text.delta', { ...ofPart, delta: z.string(), logprobs: textLogprobs }),
  event('response.output_text.done', { ...ofPart, text: z.string(), logprobs: textLogprobs }),
  event('response.reasoning_text.delta', { ...ofPart, delta: z.string() }),
  event('response.reasoning_text.done', { ...ofPart, text: z.string() }),
  event('response.content_part.done', { ...ofPart, part }),
  event('response.function_call_arguments.delta', { ...insideItem, delta: z.string() }),
  event('response.function_call_arguments.done', { ...insideItem, name: z.string(), arguments: z.string() }),
  event('response.output_item.done', { ...ofItem, item: outputItemSchema }),
  event('response.completed', response),
  event('response.incomplete', response),
  event('response.failed', response),
]);

export const inputTokensSchema = z.strictObject({
  object: z.literal('response.input_tokens'),
  input_tokens: z.int().min(0),
});

export type InputTokens = z.infer<typeof inputTokensSchema>;
export type ResponseObject = z.infer<typeof responseSchema>;
export type OutputItem = ResponseObject['output'][number];
export type ResponsesTokenLogprob = z.infer<typeof tokenLogprob>;
export type ResponseStreamEvent = z.infer<typeof responseStreamEventSchema>;
