/**
 * POST /tokenize, /detokenize and /v1/chat/completions/render: between text and tokens, without the engine. They hold
 * no place in the queue, so what they take is bounded by the context and by the bodies' size: these count as arriving
 * until they are answered.
 */

import type { Context, Handler } from 'hono';
import type { z } from 'zod';
import type { JsonObject } from '../base/json-object.ts';
import type { Prompt, PromptTokens } from '../engine/text-generation.ts';
import { clientGone } from './api-error.ts';
import { chatMessageOf, checkMessages, parseChatRequest } from './chat-request.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { parseOptions } from './generation-route.ts';
import { ignoreQuery, nameIgnored } from './query.ts';
import { requireJson } from './request-body.ts';
import { DETOKENIZE_FIELDS, TOKENIZE_CHAT_FIELDS, TOKENIZE_TEXT_FIELDS } from './schema/field-tables.ts';
import { FieldCheck } from './schema/fields.ts';
import {
  detokenizeRequestSchema,
  type detokenizeResponseSchema,
  type renderedChatSchema,
  tokenizeChatRequestSchema,
  type tokenizeResponseSchema,
  tokenizeTextRequestSchema,
} from './schema/tokenization.ts';
import { requireModel } from './served-models.ts';
import { renderingOf } from './template-request.ts';
import { type ParseOptions, parseFields, wellFormed } from './text-request.ts';
import { refuseCustomTools, toolRequestOf } from './tool-request.ts';

type RouteContext = Context<AppEnvironment>;

/** Handler that answers a JSON body without generating. */
export function answering(
  { bodies, strictFields }: AppDependencies,
  answer: (context: RouteContext, body: JsonObject) => Promise<Response>,
): Handler<AppEnvironment> {
  return (context) => {
    const request = context.req.raw;
    requireJson(request.headers);
    ignoreQuery(context, strictFields);
    return bodies.withJsonObject(request, (body) => answer(context, body));
  };
}

/** Every name is one of the same model, so any will do where none is given. */
function checkModel({ models }: AppDependencies, name: string | null | undefined): void {
  if (name != null) requireModel(models, name);
}

type TokenizeCall = { readonly model: string | null; readonly prompt: Prompt; readonly withTexts: boolean };

function parseTokenizeRequest(body: JsonObject, fields: FieldCheck, options: ParseOptions): TokenizeCall {
  if (body['messages'] == null) {
    const request = parseFields(body, tokenizeTextRequestSchema, { table: TOKENIZE_TEXT_FIELDS, fields });
    const addSpecialTokens = request.add_special_tokens ?? true;
    return {
      model: request.model ?? null,
      prompt: { kind: 'text', text: wellFormed(request.prompt), addSpecialTokens },
      withTexts: request.return_token_strs ?? false,
    };
  }
  refuseCustomTools(body);
  const request = parseFields(body, tokenizeChatRequestSchema, { table: TOKENIZE_CHAT_FIELDS, fields });
  checkMessages(request, fields, options);
  const { definitions } = toolRequestOf({ tools: request.tools }, fields);
  return {
    model: request.model ?? null,
    prompt: {
      kind: 'messages',
      messages: request.messages.map(chatMessageOf),
      rendering: renderingOf(request, fields, { ...options, tools: definitions }),
      addSpecialTokens: request.add_special_tokens ?? false,
    },
    withTexts: request.return_token_strs ?? false,
  };
}

/** @throws HttpError 408 when the client has left meanwhile; ServerError of `TextGenerator.tokenize`. */
export async function tokensOf(
  prompt: Prompt,
  context: RouteContext,
  generator: AppDependencies['generator'],
): Promise<PromptTokens> {
  const { signal } = context.req.raw;
  try {
    return await generator.tokenize(prompt, () => !signal.aborted);
  } catch (error) {
    // Nobody reads this answer; the status is for whoever counts answers.
    throw signal.aborted ? clientGone() : error;
  }
}

/** Handler of POST /tokenize. */
export function tokenize(dependencies: AppDependencies): Handler<AppEnvironment> {
  const { generator, strictFields } = dependencies;
  return answering(dependencies, async (context, body) => {
    const fields = new FieldCheck({ strict: strictFields });
    const options = parseOptions(dependencies);
    const { model, prompt, withTexts } = parseTokenizeRequest(body, fields, options);
    checkModel(dependencies, model);
    const { tokenIds } = await tokensOf(prompt, context, generator);
    const answer: z.infer<typeof tokenizeResponseSchema> = {
      count: tokenIds.length,
      max_model_len: options.limits.modelLengthMax,
      tokens: [...tokenIds],
      token_strs: withTexts ? tokenIds.map((id) => generator.tokenText(id)) : null,
    };
    nameIgnored(context, fields.ignored);
    return context.json(answer);
  });
}

/** Handler of POST /detokenize. */
export function detokenize(dependencies: AppDependencies): Handler<AppEnvironment> {
  const { generator, strictFields } = dependencies;
  return answering(dependencies, async (context, body) => {
    const fields = new FieldCheck({ strict: strictFields });
    const request = parseFields(body, detokenizeRequestSchema, { table: DETOKENIZE_FIELDS, fields });
    checkModel(dependencies, request.model);
    const answer: z.infer<typeof detokenizeResponseSchema> = { prompt: generator.detokenize(request.tokens) };
    nameIgnored(context, fields.ignored);
    return context.json(answer);
  });
}

/**
 * Handler of POST /v1/chat/completions/render: the prompt of a chat request, whose fields are checked as if it were to run.
 * Whether the answer fits the context, and whether its form can be compiled, is not: both are told where it runs.
 */
export function renderChat(dependencies: AppDependencies): Handler<AppEnvironment> {
  const { generator, models } = dependencies;
  return answering(dependencies, async (context, body) => {
    const options = parseOptions(dependencies);
    const call = parseChatRequest(body, options);
    requireModel(models, call.model);
    const { text, tokenIds } = await tokensOf(call.text.prompts[0]!, context, generator);
    const answer: z.infer<typeof renderedChatSchema> = {
      model: call.model,
      prompt: text,
      token_ids: [...tokenIds],
      count: tokenIds.length,
      max_model_len: options.limits.modelLengthMax,
    };
    nameIgnored(context, call.ignoredFields);
    return context.json(answer);
  });
}
