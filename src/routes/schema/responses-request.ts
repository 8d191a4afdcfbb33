/**
 * The served fields of a request for a response: types, ranges and descriptions. Every object is loose, so that fields
 * which are not listed stay visible for `responses-field-tables.ts`; that table also refuses the generation fields for
 * which a response has no place.
 */

import { z } from 'zod';
import {
  CONTENT_PARTS_MAX,
  INCLUDES_MAX,
  MESSAGES_MAX,
  METADATA_ENTRIES_MAX,
  METADATA_KEY_CHARACTERS_MAX,
  METADATA_VALUE_CHARACTERS_MAX,
  TOOLS_MAX,
  TOP_LOGPROBS_MAX,
} from '../../base/limits.ts';
import { boundedRecord, generationFields, type ListBounds, listOf, modelField } from './generation-fields.ts';
import { schemaFormatFields } from './structured-fields.ts';
import { templateFields } from './template-fields.ts';
import { callFields, functionFields } from './tool-fields.ts';

const PARTS: ListBounds = { min: 1, max: CONTENT_PARTS_MAX };

const inputText = z.looseObject({ type: z.literal('input_text'), text: z.string() });
const outputText = z.looseObject({ type: z.literal('output_text'), text: z.string() });
const refusal = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });

const messageItem = z.looseObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([
    z.string(),
    listOf(z.discriminatedUnion('type', [inputText, outputText, refusal]), PARTS),
  ]),
});

const callItem = z.looseObject({
  type: z.literal('function_call'),
  call_id: z.string(),
  name: z.string(),
  namespace: z.string().nullish(),
  arguments: z.string(),
});

const callOutputItem = z.looseObject({
  type: z.literal('function_call_output'),
  call_id: z.string(),
  output: z.union([z.string(), listOf(z.discriminatedUnion('type', [inputText]), PARTS)]),
});

const thoughtParts: ListBounds = { min: 0, max: CONTENT_PARTS_MAX };

const reasoningItem = z
  .looseObject({
    type: z.literal('reasoning'),
    content: listOf(
      z.looseObject({ type: z.literal('reasoning_text'), text: z.string() }),
      thoughtParts,
    ).nullish(),
    summary: listOf(
      z.looseObject({ type: z.literal('summary_text'), text: z.string() }),
      thoughtParts,
    ).nullish(),
  })
  .describe('What the assistant thought; handed to the chat template where that looks at it.');

const referenceItem = z
  .looseObject({ type: z.literal('item_reference'), id: z.string() })
  .describe('An item of a stored response, by its name. The type may be left out.');

const inputItem = z.discriminatedUnion('type', [
  messageItem,
  callItem,
  callOutputItem,
  reasoningItem,
  referenceItem,
]);

const functionTool = z.looseObject({ type: z.literal('function'), ...functionFields });
const namespaceTool = z
  .looseObject({
    type: z.literal('namespace'),
    name: functionFields.name,
    description: functionFields.description,
    tools: listOf(functionTool, { min: 1, max: TOOLS_MAX }),
  })
  .describe('Functions under one name, which a call of one of them has as its `namespace`.');

/** Tools that a server runs and that coding clients offer with every request, beside functions of their own. */
export const SERVER_TOOLS = ['web_search', 'image_generation'] as const;
const serverTool = z
  .looseObject({ type: z.enum(SERVER_TOOLS) })
  .describe('Accepted without effect beside functions: this server runs no tools of its own. Refused alone.');

const namedFunction = z.looseObject({
  type: z.literal('function'),
  name: z.string(),
  namespace: z.string().nullish().describe('Of a function that is in one.'),
});
const allowedTools = z.looseObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: listOf(namedFunction, { min: 1, max: TOOLS_MAX }),
});

const textFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), ...schemaFormatFields }),
]);

const metadataField = boundedRecord(
  z.string().max(METADATA_KEY_CHARACTERS_MAX),
  z.string().max(METADATA_VALUE_CHARACTERS_MAX),
  { entriesMax: METADATA_ENTRIES_MAX },
);

/** Body of `POST /v1/responses`. */
export const responsesRequestSchema = z.looseObject({
  model: modelField,
  input: z
    .union([z.string(), listOf(inputItem, { min: 1, max: MESSAGES_MAX })])
    .describe(
      'What the user says, or the conversation so far, of which `previous_response_id` may stand for a part.',
    ),
  instructions: z.string().nullish().describe('A system message before the input.'),
  max_output_tokens: z.int().min(1).nullish().describe('Thoughts are counted too.'),
  ...generationFields,
  chat_template_kwargs: templateFields.chat_template_kwargs,
  reasoning: z
    .looseObject({ effort: templateFields.reasoning_effort })
    .nullish()
    .describe('How much the model is to think before it answers.'),
  text: z.looseObject({ format: textFormat.nullish().describe('What the text has to be.') }).nullish(),
  ...callFields(
    z.discriminatedUnion('type', [functionTool, namespaceTool, serverTool]),
    namedFunction,
    allowedTools,
  ),
  include: listOf(z.string(), { min: 0, max: INCLUDES_MAX })
    .nullish()
    .describe('`message.output_text.logprobs` is served; what else is told is told always, or is not there.'),
  top_logprobs: z
    .int()
    .min(0)
    .max(TOP_LOGPROBS_MAX)
    .nullish()
    .describe('Above 0 the log probabilities are told as if `include` asked for them.'),
  metadata: metadataField.nullish().describe('Given back in the response.'),
  store: z
    .boolean()
    .nullish()
    .describe('False: the response is not kept. Others are, as long as there is room for them.'),
  previous_response_id: z
    .string()
    .nullish()
    .describe(
      'What that response was made of, and its output, come before the input; its instructions do not.',
    ),
  stream_options: z.looseObject({}).nullish().describe('Only together with `stream: true`.'),
});

export type ResponsesRequest = z.infer<typeof responsesRequestSchema>;
export type InputItem = Exclude<ResponsesRequest['input'], string>[number];
/** An item that is sent, and not only named. */
export type SentItem = Exclude<InputItem, { type: 'item_reference' }>;
export type ResponsesTool = NonNullable<ResponsesRequest['tools']>[number];
export type ChosenFunction = z.infer<typeof namedFunction>;
export type FunctionTool = Extract<ResponsesTool, { type: 'function' }>;
export type NamespaceTool = Extract<ResponsesTool, { type: 'namespace' }>;
