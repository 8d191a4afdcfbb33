/**
 * From OpenAI's chat request to the engine's own text request. Below this file nothing knows what OpenAI is.
 * Pure: the same body gives the same result.
 */

import { ServerError } from '../base/errors.ts';
import { TOOL_ARGUMENTS_DEPTH_MAX } from '../base/limits.ts';
import type { EngineLimits } from '../engine/protocol.ts';
import type { TextRequest } from '../engine/text-generation.ts';
import type { ChatMessage, ToolCall } from '../text/chat-template.ts';
import { HttpError } from './api-error.ts';
import { isNestedDeeper } from './json-structure.ts';
import type { JsonObject } from './request-body.ts';
import {
  type ChatCompletionMessage,
  type ChatCompletionRequest,
  chatCompletionRequestSchema,
} from './schema/chat-completion-request.ts';
import { describeIssue } from './schema/describe-issue.ts';
import {
  CONTENT_PART_FIELDS,
  FieldCheck,
  messageFields,
  REQUEST_FIELDS,
  STREAM_OPTIONS_FIELDS,
  TOP_LEVEL,
} from './schema/fields.ts';

export type ChatRequest = {
  readonly model: string;
  readonly isStream: boolean;
  readonly includeUsage: boolean;
  /** Fields that were given and have no effect, for the response header. */
  readonly ignoredFields: ReadonlySet<string>;
  readonly text: TextRequest;
};

export type ChatRequestOptions = {
  readonly strictFields: boolean;
  readonly limits: Pick<EngineLimits, 'vocabularySize'>;
};

/**
 * @throws ServerError `unsupported_parameter`, or `invalid_request` for values that do not go together.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseChatRequest(
  body: JsonObject,
  { strictFields, limits }: ChatRequestOptions,
): ChatRequest {
  const fields = new FieldCheck({ strict: strictFields });
  fields.check(body, REQUEST_FIELDS, TOP_LEVEL);
  const parsed = chatCompletionRequestSchema.safeParse(body);
  if (!parsed.success) {
    const { code, param, message } = describeIssue(parsed.error.issues[0]!, body);
    throw new HttpError(400, code, message, { param });
  }
  const request = parsed.data;
  checkNestedFields(request, fields);
  checkCombinations(request);
  checkTokenIds(request, limits.vocabularySize);
  checkToolArguments(request);
  return {
    model: request.model,
    isStream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    ignoredFields: fields.ignored,
    text: textRequestOf(request),
  };
}

function checkNestedFields(request: ChatCompletionRequest, fields: FieldCheck): void {
  if (request.stream_options) {
    const place = { exact: 'stream_options.', general: 'stream_options.' };
    fields.check(request.stream_options, STREAM_OPTIONS_FIELDS, place);
  }
  for (const [index, message] of request.messages.entries()) {
    const exact = `messages[${index}]`;
    fields.check(message, messageFields(message.role), { exact: `${exact}.`, general: 'messages[].' });
    if (!Array.isArray(message.content)) continue;
    for (const [partIndex, part] of message.content.entries()) {
      const place = { exact: `${exact}.content[${partIndex}].`, general: 'messages[].content[].' };
      fields.check(part, CONTENT_PART_FIELDS, place);
    }
  }
}

function invalid(param: string, message: string): ServerError {
  return new ServerError('invalid_request', message, { param });
}

function newTokensMaxOf(request: ChatCompletionRequest): number | null {
  return request.max_completion_tokens ?? request.max_tokens ?? null;
}

function checkCombinations(request: ChatCompletionRequest): void {
  if (request.top_logprobs != null && request.logprobs !== true) {
    throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs' to be true.");
  }
  if (request.stream_options != null && request.stream !== true) {
    throw invalid('stream_options', "'stream_options' needs 'stream' to be true.");
  }
  const tokensMax = newTokensMaxOf(request);
  if (tokensMax !== null && (request.min_tokens ?? 0) > tokensMax) {
    throw invalid('min_tokens', `'min_tokens' is above the greatest number of tokens, ${tokensMax}.`);
  }
}

function checkTokenIds(request: ChatCompletionRequest, vocabularySize: number): void {
  const check = (tokenId: number, param: string) => {
    if (tokenId < vocabularySize) return;
    throw invalid(param, `'${param}' names token ${tokenId}, but the model has ${vocabularySize} tokens.`);
  };
  for (const key of Object.keys(request.logit_bias ?? {})) check(Number(key), `logit_bias.${key}`);
  for (const [index, tokenId] of (request.stop_token_ids ?? []).entries()) {
    check(tokenId, `stop_token_ids[${index}]`);
  }
}

/** Arguments are JSON inside of a string; what is not JSON is handed on as the text that it is. */
function checkToolArguments(request: ChatCompletionRequest): void {
  for (const [index, message] of request.messages.entries()) {
    if (message.role !== 'assistant') continue;
    for (const [callIndex, call] of (message.tool_calls ?? []).entries()) {
      if (!isNestedDeeper(Buffer.from(call.function.arguments), TOOL_ARGUMENTS_DEPTH_MAX)) continue;
      const param = `messages[${index}].tool_calls[${callIndex}].function.arguments`;
      throw invalid(param, `'${param}' is nested more than ${TOOL_ARGUMENTS_DEPTH_MAX} deep.`);
    }
  }
}

/** Halves of surrogate pairs have no place in UTF-8, which is all that a tokenizer knows. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** What an assistant refused with stands in the place of what it said. */
function contentOf(message: ChatCompletionMessage): ChatMessage['content'] {
  const { content } = message;
  if (typeof content === 'string') return wellFormed(content);
  if (content == null) {
    const refusal = message.role === 'assistant' ? message.refusal : null;
    return refusal == null ? null : wellFormed(refusal);
  }
  return content.map((part) => ({
    type: 'text',
    text: wellFormed(part.type === 'text' ? part.text : part.refusal),
  }));
}

type HistoryToolCalls = NonNullable<Extract<ChatCompletionMessage, { role: 'assistant' }>['tool_calls']>;

function toolCallsOf(calls: HistoryToolCalls): readonly ToolCall[] {
  return calls.map((call) => ({
    id: wellFormed(call.id),
    type: 'function',
    function: { name: wellFormed(call.function.name), arguments: wellFormed(call.function.arguments) },
  }));
}

function chatMessageOf(message: ChatCompletionMessage): ChatMessage {
  return {
    role: message.role,
    content: contentOf(message),
    ...(message.name == null ? {} : { name: wellFormed(message.name) }),
    ...(message.role === 'assistant' && message.tool_calls != null
      ? { tool_calls: toolCallsOf(message.tool_calls) }
      : {}),
    ...(message.role === 'tool' ? { tool_call_id: wellFormed(message.tool_call_id) } : {}),
  };
}

function stopStringsOf(stop: ChatCompletionRequest['stop']): readonly string[] {
  if (stop == null) return [];
  return typeof stop === 'string' ? [stop] : stop;
}

/** The engine's range leaves out 0, which OpenAI allows: the smallest set that holds any mass is the best token. */
function topPOf(topP: number | null | undefined): number | null {
  return topP === 0 ? Number.MIN_VALUE : (topP ?? null);
}

function samplingOf(request: ChatCompletionRequest) {
  const bias = Object.entries(request.logit_bias ?? {});
  return {
    temperature: request.temperature ?? null,
    topP: topPOf(request.top_p),
    topK: request.top_k == null ? null : Math.max(0, request.top_k),
    minP: request.min_p ?? null,
    repetitionPenalty: request.repetition_penalty ?? null,
    presencePenalty: request.presence_penalty ?? null,
    frequencyPenalty: request.frequency_penalty ?? null,
    logitBias: new Map(bias.map(([tokenId, addend]) => [Number(tokenId), addend])),
    seed: request.seed ?? null,
    logprobCount: request.logprobs === true ? (request.top_logprobs ?? 0) : null,
  };
}

function textRequestOf(request: ChatCompletionRequest): TextRequest {
  return {
    prompt: { kind: 'messages', messages: request.messages.map(chatMessageOf) },
    choiceCount: request.n ?? 1,
    ...samplingOf(request),
    newTokensMax: newTokensMaxOf(request),
    newTokensMin: request.min_tokens ?? 0,
    stop: stopStringsOf(request.stop).map(wellFormed),
    stopTokenIds: request.stop_token_ids ?? [],
    ignoreEndOfText: request.ignore_eos ?? false,
    cacheSalt: wellFormed(request.cache_salt ?? ''),
    // vLLM's field, with vLLM's meaning: lower is earlier. The engine counts the other way.
    priority: 0 - (request.priority ?? 0),
  };
}
