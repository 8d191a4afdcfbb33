/** From a request for a response to the engine's own text request. Pure: the same body over the same store gives the same result. */

import { isJsonObject, type JsonObject } from '../../base/json-object.ts';
import { STORED_INPUT_BYTES_MAX } from '../../base/limits.ts';
import type { GrammarSource } from '../../sampling/grammar/grammar-source.ts';
import { FieldCheck, TOP_LEVEL } from '../schema/fields.ts';
import {
  REASONING_FIELDS,
  RESPONSES_FIELDS,
  RESPONSES_STREAM_OPTIONS_FIELDS,
  STORELESS_RESPONSES_FIELDS,
  TEXT_FIELDS,
  TEXT_FORMAT_FIELDS,
} from '../schema/responses-field-tables.ts';
import { type ResponsesRequest, responsesRequestSchema } from '../schema/responses-request.ts';
import { STRUCTURE_FIELDS } from '../schema/structured-fields.ts';
import { type Given, grammarOf, schemaFormat } from '../structured-output.ts';
import { renderingOf } from '../template-request.ts';
import {
  callOf,
  checkGenerationFields,
  checkTokensMin,
  type GenerationCall,
  generationOf,
  type ParseOptions,
  parseFields,
  tellableTokens,
  unsupported,
} from '../text-request.ts';
import { type GivenBack, givenBack } from './given-back.ts';
import { messagesOf } from './input-items.ts';
import { type ContextItem, contextOf } from './named-items.ts';
import type { OwnResponses, StoredItem } from './response-store.ts';
import { type FunctionNames, refuseTools, toolRequestOf } from './response-tools.ts';
import { type StoredFormOptions, storedInput } from './stored-form.ts';

export type ResponsesCall = GenerationCall & {
  /** What the response tells of its request. */
  readonly givenBack: GivenBack;
  readonly functionNames: FunctionNames;
  /** What it is made of, if it is to be stored. */
  readonly storedInput: readonly StoredItem[];
  /** Where it is stored then. */
  readonly store: OwnResponses;
};

export type ResponsesParseOptions = ParseOptions &
  Pick<StoredFormOptions, 'newId'> & { readonly store: OwnResponses };

/**
 * @throws ServerError `unsupported_parameter`, or `invalid_request` for values that do not go together.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseResponsesRequest(body: JsonObject, options: ResponsesParseOptions): ResponsesCall {
  const { store } = options;
  const fields = new FieldCheck({ strict: options.strictFields });
  refuseTools(body);
  const table = store.isOn ? RESPONSES_FIELDS : STORELESS_RESPONSES_FIELDS;
  const request = parseFields(withReferences(body, store), responsesRequestSchema, { table, fields });
  checkFields(request, fields, options);
  const showsThoughts = options.templateReadsThoughts();
  const context = contextOf(request, { store, fields });
  const input = store.isOn && request.store !== false ? inputToStore(context, options) : null;
  const messages = messagesOf(context, { instructions: request.instructions, fields, showsThoughts });
  const extent = extentOf(request);
  const { definitions, form, functionNames } = toolRequestOf(request, fields);
  const grammar = grammarOfText(request, fields, form.mustCall);
  const { chat_template_kwargs: kwargs, reasoning } = request;
  const rendering = renderingOf(
    { chat_template_kwargs: kwargs, reasoning_effort: reasoning?.effort },
    fields,
    {
      ...options,
      tools: definitions,
      effortField: { name: 'effort', place: REASONING_PLACE },
    },
  );
  return {
    ...callOf(request, fields),
    givenBack: givenBack(request, { defaults: options.defaults, isStored: input !== null }),
    functionNames,
    storedInput: input ?? [],
    store,
    text: {
      ...generationOf(request, options),
      grammar,
      prompts: [{ kind: 'messages', param: 'input', messages, rendering, addSpecialTokens: false }],
      answerForm: form,
      ...extent,
      promptLogprobCount: null,
      wantsMeanLogprob: false,
      wantsStopLogprobs: false,
      wantsPrompts: false,
    },
  };
}

/** @returns null where it is too long to be held until the response has been made. */
function inputToStore(
  context: readonly ContextItem[],
  options: ResponsesParseOptions,
): readonly StoredItem[] | null {
  const input = storedInput(context, options);
  const bytes = input.reduce((sum, { json }) => sum + json.length, 0);
  return bytes <= STORED_INPUT_BYTES_MAX ? input : null;
}

const REASONING_PLACE = { exact: 'reasoning.', general: 'reasoning.' };
const TEXT_PLACE = { exact: 'text.', general: 'text.' };
const FORMAT_PLACE = { exact: 'text.format.', general: 'text.format.' };

const LOGPROBS = 'message.output_text.logprobs';

/** With the type of items that are named by their id alone. @throws ServerError where none are stored. */
function withReferences(body: JsonObject, store: OwnResponses): JsonObject {
  const { input } = body;
  const first = Array.isArray(input) ? input.findIndex(isReference) : -1;
  if (!Array.isArray(input) || first === -1) return body;
  if (!store.isOn) {
    const param = `input[${first}].${typeOf(input[first]) == null ? 'id' : 'type'}`;
    throw unsupported(param, `'${param}': items are not stored by this server; send the item itself.`);
  }
  const named = (item: unknown) =>
    isReference(item) ? { ...(item as JsonObject), type: 'item_reference' } : item;
  return { ...body, input: input.map(named) };
}

function typeOf(value: unknown): unknown {
  return (value as { type?: unknown } | null)?.type;
}

/** An item that is named and not sent; its type may be left out. */
function isReference(item: unknown): boolean {
  if (!isJsonObject(item)) return false;
  const { type, id, role, content } = item;
  const isBare = type == null && typeof id === 'string' && role === undefined && content === undefined;
  return type === 'item_reference' || isBare;
}

function checkFields(request: ResponsesRequest, fields: FieldCheck, options: ParseOptions): void {
  const { stream_options: streamOptions, reasoning, text, include } = request;
  checkGenerationFields(request, fields, options);
  if (streamOptions != null) {
    const place = { exact: 'stream_options.', general: 'stream_options.' };
    fields.check(streamOptions, RESPONSES_STREAM_OPTIONS_FIELDS, place);
  }
  if (reasoning != null) fields.check(reasoning, REASONING_FIELDS, REASONING_PLACE);
  if (text != null) fields.check(text, TEXT_FIELDS, TEXT_PLACE);
  if (include?.some((name) => name !== LOGPROBS)) {
    fields.ignore('include', TOP_LEVEL, `of what can be asked for, '${LOGPROBS}' alone is known`);
  }
}

/** @throws ServerError `invalid_request` for lengths that do not go together, and for too many log probabilities. */
function extentOf(request: ResponsesRequest) {
  const newTokensMax = request.max_output_tokens ?? null;
  checkTokensMin(request, newTokensMax);
  const topCount = request.top_logprobs ?? 0;
  const areTold = topCount > 0 || request.include?.includes(LOGPROBS) === true;
  const logprobCount = areTold ? topCount : null;
  const tokenCount = newTokensMax ?? request.min_tokens ?? 0;
  const tellable = tellableTokens(request, {
    logprobCount,
    sequenceCount: 1,
    tokenCount,
    param: 'top_logprobs',
  });
  return { newTokensMax, newTokensRoomMax: newTokensMax === null ? tellable : null, logprobCount };
}

function grammarOfText(
  request: ResponsesRequest,
  fields: FieldCheck,
  mustCall: boolean,
): GrammarSource | null {
  const grammar = grammarOf(request, fields, fromTextFormat(request, fields));
  if (!mustCall || grammar === null) return grammar;
  const reason = 'the answer has to be a call';
  for (const name of STRUCTURE_FIELDS) if (request[name] != null) fields.ignore(name, TOP_LEVEL, reason);
  if (request.text?.format != null) fields.ignore('format', TEXT_PLACE, reason);
  return grammar;
}

function fromTextFormat({ text }: ResponsesRequest, fields: FieldCheck): readonly Given[] {
  const format = text?.format;
  if (format == null) return [];
  fields.check(format, TEXT_FORMAT_FIELDS[format.type], FORMAT_PLACE);
  if (format.type === 'text') return [];
  if (format.type === 'json_object') return [{ param: 'text.format', grammar: { kind: 'json-object' } }];
  return [schemaFormat(format, { param: 'text.format', place: FORMAT_PLACE.exact })];
}
