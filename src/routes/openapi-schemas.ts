/** The schemas of requests and answers as JSON Schemas, by the names under which the API's description has them. */

import { z } from 'zod';
import { chatCompletionRequestSchema } from './schema/chat-completion-request.ts';
import { chatCompletionChunkSchema, chatCompletionSchema } from './schema/chat-completion-response.ts';
import { completionRequestSchema } from './schema/completion-request.ts';
import { completionChunkSchema, completionSchema } from './schema/completion-response.ts';
import { errorBodySchema } from './schema/error.ts';
import {
  CHAT_FIELDS,
  COMPLETION_FIELDS,
  TOKENIZE_CHAT_FIELDS,
  TOKENIZE_TEXT_FIELDS,
} from './schema/field-tables.ts';
import type { FieldTable } from './schema/fields.ts';
import { healthSchema, readySchema } from './schema/health.ts';
import { modelListSchema, modelSchema } from './schema/model.ts';
import { RESPONSES_FIELDS } from './schema/responses-field-tables.ts';
import {
  inputTokensSchema,
  outputItemSchema,
  responseSchema,
  responseStreamEventSchema,
} from './schema/responses-object.ts';
import { responsesRequestSchema } from './schema/responses-request.ts';
import { loadSchema, sleepingSchema, versionSchema } from './schema/server-state.ts';
import { deletedResponseSchema, inputItemListSchema } from './schema/stored-responses.ts';
import {
  detokenizeRequestSchema,
  detokenizeResponseSchema,
  renderedChatSchema,
  tokenizeChatRequestSchema,
  tokenizeResponseSchema,
  tokenizeTextRequestSchema,
} from './schema/tokenization.ts';

type JsonSchema = Record<string, unknown>;

/** How the description refers to one of them. */
export const reference = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function jsonSchema(schema: z.ZodType): JsonSchema {
  // `logit_bias` is checked in two stages (count, then entries); the second, the output, is the one that says what it holds.
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: 'output',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: made }) => {
      const inner: unknown = zodSchema;
      const name = inner === schema ? undefined : PARTS.get(inner);
      if (name === undefined) return;
      for (const key of Object.keys(made)) delete made[key];
      Object.assign(made, reference(name));
    },
  });
  return rest;
}

/** Schemas that others hold many times over, by the name under which they are found once. */
const PARTS = new Map<unknown, string>([
  [responseSchema, 'Response'],
  [outputItemSchema, 'ResponseOutputItem'],
]);

/** The served fields from the schema, and the others from the table with what becomes of them. */
function requestSchema(request: z.ZodType, table: FieldTable): JsonSchema {
  const schema = jsonSchema(request);
  const properties: JsonSchema = { ...(schema['properties'] as JsonSchema) };
  for (const [name, rule] of table) {
    if (rule.kind === 'served') continue;
    const fate = rule.kind === 'refused' ? 'Refused unless it asks for nothing' : 'Accepted without effect';
    properties[name] = { description: `${fate}: ${rule.reason}.` };
  }
  return { ...schema, properties };
}

/** All of them, by name. */
export function componentSchemas(): Record<string, JsonSchema> {
  return {
    ChatCompletionRequest: requestSchema(chatCompletionRequestSchema, CHAT_FIELDS),
    ChatCompletion: jsonSchema(chatCompletionSchema),
    ChatCompletionChunk: jsonSchema(chatCompletionChunkSchema),
    CompletionRequest: requestSchema(completionRequestSchema, COMPLETION_FIELDS),
    Completion: jsonSchema(completionSchema),
    CompletionChunk: jsonSchema(completionChunkSchema),
    ResponsesRequest: requestSchema(responsesRequestSchema, RESPONSES_FIELDS),
    Response: jsonSchema(responseSchema),
    ResponseOutputItem: jsonSchema(outputItemSchema),
    ResponseStreamEvent: jsonSchema(responseStreamEventSchema),
    ResponseInputTokens: jsonSchema(inputTokensSchema),
    ResponseInputItemList: jsonSchema(inputItemListSchema),
    DeletedResponse: jsonSchema(deletedResponseSchema),
    TokenizeRequest: {
      anyOf: [
        requestSchema(tokenizeTextRequestSchema, TOKENIZE_TEXT_FIELDS),
        requestSchema(tokenizeChatRequestSchema, TOKENIZE_CHAT_FIELDS),
      ],
    },
    TokenizeResponse: jsonSchema(tokenizeResponseSchema),
    DetokenizeRequest: jsonSchema(detokenizeRequestSchema),
    DetokenizeResponse: jsonSchema(detokenizeResponseSchema),
    RenderedChat: jsonSchema(renderedChatSchema),
    Version: jsonSchema(versionSchema),
    Load: jsonSchema(loadSchema),
    Sleeping: jsonSchema(sleepingSchema),
    Model: jsonSchema(modelSchema),
    ModelList: jsonSchema(modelListSchema),
    Health: jsonSchema(healthSchema),
    Ready: jsonSchema(readySchema),
    Error: jsonSchema(errorBodySchema),
  };
}
