/** From OpenAI's chat request to the engine's own text request. Pure: the same body gives the same result. */

import type { JsonObject } from '../base/json-object.ts';
import type { TextRequest } from '../engine/text-generation.ts';
import type { ChatMessage, ToolCall } from '../text/chat-message.ts';
import {
  type ChatCompletionMessage,
  type ChatCompletionRequest,
  chatCompletionRequestSchema,
} from './schema/chat-completion-request.ts';
import {
  CHAT_FIELDS,
  contentPartFields,
  messageFields,
  PREDICTION_FIELDS,
  TEXT_PART_FIELDS,
} from './schema/field-tables.ts';
import { FieldCheck, type FieldPlace, TOP_LEVEL } from './schema/fields.ts';
import { STRUCTURE_FIELDS } from './schema/structured-fields.ts';
import { CALLED_FUNCTION_FIELDS, TOOL_CALL_FIELDS } from './schema/tool-field-tables.ts';
import { grammarOf } from './structured-output.ts';
import { renderingOf } from './template-request.ts';
import {
  callOf,
  checkGenerationFields,
  checkStreamOptions,
  checkTokensMin,
  type GenerationCall,
  generationOf,
  invalid,
  type ParseOptions,
  parseFields,
  tellableTokens,
  wellFormed,
} from './text-request.ts';
import { type GivenArguments, requireBoundedArguments } from './tool-arguments.ts';
import { refuseCustomTools, toolRequestOf } from './tool-request.ts';

export type ChatCall = GenerationCall & {
  /** The request names the function to be called; such an answer ends with `stop`, as OpenAI's do. */
  readonly isNamedCall: boolean;
};

/**
 * @throws ServerError `unsupported_parameter`, or `invalid_request` for values that do not go together.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseChatRequest(body: JsonObject, options: ParseOptions): ChatCall {
  const fields = new FieldCheck({ strict: options.strictFields });
  refuseCustomTools(body);
  const request = parseFields(body, chatCompletionRequestSchema, { table: CHAT_FIELDS, fields });
  checkMessages(request, fields, options);
  checkGenerationFields(request, fields, options);
  checkStreamOptions(request, fields);
  const extent = extentOf(request);
  checkTwoLengths(request, fields);
  const { definitions, form, isNamed } = toolRequestOf(request, fields);
  const grammar = grammarOf(request, fields);
  if (form.mustCall && grammar !== null) ignoreStructure(request, fields);
  return {
    ...callOf(request, fields),
    isNamedCall: isNamed,
    text: {
      ...generationOf(request, options),
      grammar,
      prompts: [
        {
          kind: 'messages',
          messages: request.messages.map(chatMessageOf),
          rendering: renderingOf(request, fields, { ...options, tools: definitions }),
          addSpecialTokens: request.add_special_tokens ?? false,
        },
      ],
      answerForm: form,
      prediction: predictionOf(request, fields, options),
      ...extent,
      promptLogprobCount: request.prompt_logprobs ?? null,
      wantsMeanLogprob: false,
      wantsStopLogprobs: false,
      wantsPrompts: request.return_token_ids ?? false,
    },
  };
}

/** @returns null where there is none, or none that could be of use. */
function predictionOf(
  { prediction, bad_words: badWords }: ChatCompletionRequest,
  fields: FieldCheck,
  { usesPredictions }: Pick<ParseOptions, 'usesPredictions'>,
): string | null {
  if (prediction == null) return null;
  const cannotKeep = badWords != null && badWords.length > 0;
  if (!usesPredictions || cannotKeep) {
    const reason = usesPredictions
      ? 'no drafts are made where bad_words are to be kept out'
      : 'the server makes no drafts (--speculation off)';
    fields.ignore('prediction', TOP_LEVEL, reason);
    return null;
  }
  const { content } = prediction;
  fields.check(prediction, PREDICTION_FIELDS, { exact: 'prediction.', general: 'prediction.' });
  if (typeof content === 'string') return wellFormed(content);
  for (const [index, part] of content.entries()) {
    const place = { exact: `prediction.content[${index}].`, general: 'prediction.content[].' };
    fields.check(part, TEXT_PART_FIELDS, place);
  }
  return wellFormed(content.map(({ text }) => text).join(''));
}

/** OpenAI's old name beside its new one, which says something else. */
function checkTwoLengths(
  { max_tokens: old, max_completion_tokens: length }: ChatCompletionRequest,
  fields: FieldCheck,
): void {
  if (old == null || length == null || old === length) return;
  fields.ignore('max_tokens', TOP_LEVEL, 'max_completion_tokens says another length');
}

/** An answer that is calls alone has no content that could have a structure. */
function ignoreStructure(request: ChatCompletionRequest, fields: FieldCheck): void {
  for (const name of STRUCTURE_FIELDS) {
    if (request[name] != null) fields.ignore(name, TOP_LEVEL, 'the answer has to be a call');
  }
}

/** What the chat template makes of messages. */
type MessageReader = Pick<ParseOptions, 'templateShowsName' | 'templateReadsThoughts'>;

type Conversation = {
  readonly messages: readonly ChatCompletionMessage[];
  readonly continue_final_message?: boolean | null | undefined;
};

/** @throws ServerError for what a message's schema lets pass and this server does not. */
export function checkMessages(
  { messages, continue_final_message: isContinued }: Conversation,
  fields: FieldCheck,
  template: MessageReader,
): void {
  if (isContinued === true) requireNoCalls(messages);
  checkMessageFields(messages, fields);
  checkNames(messages, fields, template);
  checkThoughts(messages, fields, template);
  requireBoundedArguments(messages.flatMap(argumentsOf));
}

/** Calls come behind the text that is written on, so they would not be shown. */
function requireNoCalls(messages: readonly ChatCompletionMessage[]): void {
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || last.tool_calls == null || last.tool_calls.length === 0) return;
  const param = `messages[${messages.length - 1}].tool_calls`;
  throw invalid(
    param,
    `'${param}': a message with calls cannot be continued. Leave them out, or 'continue_final_message'.`,
  );
}

function checkMessageFields(messages: readonly ChatCompletionMessage[], fields: FieldCheck): void {
  for (const [index, message] of messages.entries()) {
    const place = placeOf(index);
    fields.check(message, messageFields(message.role), place);
    if (message.role === 'assistant') checkAssistantFields(message, place, fields);
    if (!Array.isArray(message.content)) continue;
    for (const [partIndex, part] of message.content.entries()) {
      const exact = `${place.exact}content[${partIndex}].`;
      fields.check(part, contentPartFields(part.type), { exact, general: 'messages[].content[].' });
    }
  }
}

function checkAssistantFields(message: AssistantMessage, place: FieldPlace, fields: FieldCheck): void {
  if (message.refusal != null && message.content != null) {
    fields.ignore('refusal', place, 'the message has content in its place');
  }
  for (const [index, call] of (message.tool_calls ?? []).entries()) {
    const exact = `${place.exact}tool_calls[${index}].`;
    const general = 'messages[].tool_calls[].';
    fields.check(call, TOOL_CALL_FIELDS, { exact, general });
    const inside = { exact: `${exact}function.`, general: `${general}function.` };
    fields.check(call.function, CALLED_FUNCTION_FIELDS, inside);
  }
}

function checkNames(
  messages: readonly ChatCompletionMessage[],
  fields: FieldCheck,
  { templateShowsName }: MessageReader,
): void {
  const index = messages.findIndex(({ name, role }) => name != null && !templateShowsName(role));
  if (index >= 0) fields.ignore('name', placeOf(index), NOT_READ);
}

/** Thoughts of earlier answers, under both names that clients send back. */
const REASONING_FIELDS = ['reasoning_content', 'reasoning'] as const;

function checkThoughts(
  messages: readonly ChatCompletionMessage[],
  fields: FieldCheck,
  { templateReadsThoughts }: MessageReader,
): void {
  if (templateReadsThoughts()) {
    const index = messages.findIndex(hasTwoThoughts);
    if (index >= 0) fields.ignore('reasoning_content', placeOf(index), 'reasoning says other thoughts');
    return;
  }
  for (const field of REASONING_FIELDS) {
    const index = messages.findIndex((message) => (message as JsonObject)[field] != null);
    if (index >= 0) fields.ignore(field, placeOf(index), NOT_READ);
  }
}

function hasTwoThoughts(message: ChatCompletionMessage): boolean {
  if (message.role !== 'assistant' || message.reasoning == null || message.reasoning_content == null)
    return false;
  return message.reasoning !== message.reasoning_content;
}

function placeOf(messageIndex: number): FieldPlace {
  return { exact: `messages[${messageIndex}].`, general: 'messages[].' };
}

const NOT_READ = "the model's chat template does not look at it";

/** @throws ServerError `invalid_request` for lengths that do not go together, and for too many log probabilities. */
function extentOf(
  request: ChatCompletionRequest,
): Pick<TextRequest, 'newTokensMax' | 'newTokensRoomMax' | 'logprobCount'> {
  const newTokensMax = request.max_completion_tokens ?? request.max_tokens ?? null;
  checkTokensMin(request, newTokensMax);
  // 0 asks for nothing; it is what vLLM's request has where nothing is said, so proxies write it out.
  if (request.top_logprobs && request.logprobs !== true) {
    throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs' to be true.");
  }
  const logprobCount = request.logprobs === true ? (request.top_logprobs ?? 0) : null;
  const tokenCount = newTokensMax ?? request.min_tokens ?? 0;
  const tellable = tellableTokens(request, { logprobCount, sequenceCount: request.n ?? 1, tokenCount });
  return { newTokensMax, newTokensRoomMax: newTokensMax === null ? tellable : null, logprobCount };
}

function argumentsOf(message: ChatCompletionMessage, index: number): GivenArguments[] {
  if (message.role !== 'assistant') return [];
  return (message.tool_calls ?? []).map((call, callIndex) => ({
    json: call.function.arguments,
    param: `messages[${index}].tool_calls[${callIndex}].function.arguments`,
  }));
}

/**
 * What an assistant refused with stands in the place of what it said. Who said nothing at all said an empty text: null,
 * with which many templates can do nothing, is for those who called instead.
 */
function contentOf(message: ChatCompletionMessage): ChatMessage['content'] {
  const { content } = message;
  if (typeof content === 'string') return wellFormed(content);
  if (content == null) {
    const { refusal = null, tool_calls: calls = null } = message.role === 'assistant' ? message : {};
    if (refusal !== null) return wellFormed(refusal);
    return calls === null || calls.length === 0 ? '' : null;
  }
  return content.map((part) => ({
    type: 'text',
    text: wellFormed(part.type === 'text' ? part.text : part.refusal),
  }));
}

type AssistantMessage = Extract<ChatCompletionMessage, { role: 'assistant' }>;
type HistoryToolCalls = NonNullable<AssistantMessage['tool_calls']>;

function toolCallsOf(calls: HistoryToolCalls): readonly ToolCall[] {
  return calls.map((call) => ({
    id: wellFormed(call.id),
    type: 'function',
    function: { name: wellFormed(call.function.name), arguments: wellFormed(call.function.arguments) },
  }));
}

function assistantPartsOf(message: AssistantMessage): Pick<ChatMessage, 'tool_calls' | 'reasoning'> {
  const { tool_calls: calls } = message;
  const reasoning = message.reasoning ?? message.reasoning_content;
  return {
    ...(calls == null || calls.length === 0 ? {} : { tool_calls: toolCallsOf(calls) }),
    ...(reasoning == null ? {} : { reasoning: wellFormed(reasoning) }),
  };
}

export function chatMessageOf(message: ChatCompletionMessage): ChatMessage {
  return {
    role: message.role,
    content: contentOf(message),
    ...(message.name == null ? {} : { name: wellFormed(message.name) }),
    ...(message.role === 'assistant' ? assistantPartsOf(message) : {}),
    ...(message.role === 'tool' ? { tool_call_id: wellFormed(message.tool_call_id) } : {}),
  };
}
