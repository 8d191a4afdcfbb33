/**
 * What chat completions, completions and responses have in common on the way from OpenAI's request to the engine's own text
 * request. Below this file and its users nothing knows what OpenAI is. Pure: the same body gives the same result.
 */

import type { z } from 'zod';
import { ServerError } from '../base/errors.ts';
import type { JsonObject } from '../base/json-object.ts';
import { LOGPROBS_TOLD_MAX } from '../base/limits.ts';
import type { EngineLimits } from '../engine/protocol.ts';
import type { TextGenerator, TextRequest } from '../engine/text-generation.ts';
import { HttpError } from './api-error.ts';
import { describeIssue } from './schema/describe-issue.ts';
import { STREAM_OPTIONS_FIELDS } from './schema/field-tables.ts';
import { type FieldCheck, type FieldTable, TOP_LEVEL } from './schema/fields.ts';
import type { GenerationFields } from './schema/generation-fields.ts';

/** A request that asks for text, whichever of OpenAI's endpoints it came to. */
export type GenerationCall = {
  readonly model: string;
  readonly isStream: boolean;
  readonly includeUsage: boolean;
  /** Fields that were given and have no effect, for the response header. */
  readonly ignoredFields: ReadonlySet<string>;
  /** The field that asks for most of the choices: what is wrong where they are too many. */
  readonly countParam: string;
  readonly text: TextRequest;
};

export type ParseOptions = {
  readonly strictFields: boolean;
  /** Whether a request may say when it is served. */
  readonly usesPriority: boolean;
  readonly usesPredictions: boolean;
  readonly limits: Pick<EngineLimits, 'vocabularySize' | 'modelLengthMax'>;
  /** Whether the chat template looks at a variable of this name. */
  readonly templateReads: (variable: string) => boolean;
  readonly templateShowsName: (role: string) => boolean;
  readonly templateReadsThoughts: () => boolean;
  /** What stands where a request says nothing. */
  readonly defaults: TextGenerator['defaults'];
};

export function invalid(param: string, message: string): ServerError {
  return new ServerError('invalid_request', message, { param });
}

export function unsupported(param: string, message: string): ServerError {
  return new ServerError('unsupported_parameter', message, { param });
}

/**
 * @throws ServerError `unsupported_parameter` for a refused field.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseFields<Schema extends z.ZodType>(
  body: JsonObject,
  schema: Schema,
  options: { readonly table: FieldTable; readonly fields: FieldCheck },
): z.output<Schema> {
  options.fields.check(body, options.table, TOP_LEVEL);
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { code, param, message } = describeIssue(parsed.error.issues[0]!, body);
  throw new HttpError(400, code, message, { param });
}

/** Checks of the common fields that one field's schema cannot make. */
export function checkGenerationFields(
  request: GenerationFields,
  fields: FieldCheck,
  { limits, usesPriority }: ParseOptions,
): void {
  if (!usesPriority && request.priority) {
    const reason = 'requests are served as they come (--scheduling-policy fcfs)';
    fields.ignore('priority', TOP_LEVEL, reason);
  }
  checkWritable(request, fields);
  if (request.stream_options != null && request.stream !== true) {
    throw invalid('stream_options', "'stream_options' needs 'stream' to be true.");
  }
  if (request.prompt_logprobs != null && request.stream === true) {
    throw invalid('prompt_logprobs', "'prompt_logprobs' cannot be streamed: 'stream' has to be false.");
  }
  checkTokenIds(request, limits.vocabularySize);
}

/** Of chat completions and completions; responses have other ones. */
export function checkStreamOptions({ stream_options: options }: GenerationFields, fields: FieldCheck): void {
  if (options == null) return;
  const place = { exact: 'stream_options.', general: 'stream_options.' };
  fields.check(options, STREAM_OPTIONS_FIELDS, place);
  const { include_usage, continuous_usage_stats } = options;
  if (continuous_usage_stats === true && include_usage === false) {
    fields.ignore('continuous_usage_stats', place, 'include_usage is false');
  }
}

export function checkTokensMin(request: GenerationFields, tokensMax: number | null): void {
  if (tokensMax === null || (request.min_tokens ?? 0) <= tokensMax) return;
  throw invalid('min_tokens', `'min_tokens' is above the greatest number of tokens, ${tokensMax}.`);
}

/**
 * A whole answer is one JSON text, written on the thread that serves everybody; a stream tells the same in many.
 * @param told of what the answer is made: tokens that the request asks for, in choices of all prompts together, and
 *   alternatives of each; `null`: no log probabilities
 * @returns tokens of one choice that can be told; `null`: any number
 * @throws ServerError `invalid_request` for a request that asks for more.
 */
export function tellableTokens(
  { stream }: GenerationFields,
  told: {
    readonly logprobCount: number | null;
    readonly sequenceCount: number;
    readonly tokenCount: number;
    /** The field that a complaint names. */
    readonly param?: string;
  },
): number | null {
  const { logprobCount, sequenceCount, tokenCount, param = 'logprobs' } = told;
  if (stream === true || logprobCount === null) return null;
  const perToken = sequenceCount * (logprobCount + 1);
  if (perToken * tokenCount <= LOGPROBS_TOLD_MAX) return Math.floor(LOGPROBS_TOLD_MAX / perToken);
  throw invalid(
    param,
    `The log probabilities of the answer may be ${perToken * tokenCount} numbers (${tokenCount} tokens, ` +
      `${logprobCount + 1} of each, in ${sequenceCount} choices); at most ${LOGPROBS_TOLD_MAX} are told at once. ` +
      "Ask for fewer tokens, choices or alternatives, or for a stream ('stream').",
  );
}

function checkTokenIds(request: GenerationFields, vocabularySize: number): void {
  const check = (tokenId: number, param: string) => {
    if (tokenId < vocabularySize) return;
    throw invalid(param, `'${param}' names token ${tokenId}, but the model has ${vocabularySize} tokens.`);
  };
  for (const key of Object.keys(request.logit_bias ?? {})) check(Number(key), `logit_bias.${key}`);
  for (const field of ['stop_token_ids', 'allowed_token_ids'] as const) {
    for (const [index, tokenId] of (request[field] ?? []).entries()) check(tokenId, `${field}[${index}]`);
  }
}

/** Halves of surrogate pairs have no place in UTF-8, which is all that a tokenizer knows. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** Well-formed strings at any depth, keys included. */
export function withWellFormedText(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map(withWellFormedText);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [wellFormed(key), withWellFormedText(inner)]);
  return Object.fromEntries(entries);
}

/** Templates print values by recursion. */
export function isNestedTooDeep(value: unknown, depthMax: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depthMax === 0 || Object.values(value).some((inner) => isNestedTooDeep(inner, depthMax - 1));
}

/** A text with half of a surrogate pair is never written; with U+FFFD in its place it would be another. */
export const isWritable = (text: string): boolean => text === wellFormed(text);

function checkWritable({ stop, bad_words }: GenerationFields, fields: FieldCheck): void {
  for (const [name, given] of [['stop', stop] as const, ['bad_words', bad_words] as const]) {
    const lost = listOf(given).some((text) => !isWritable(text));
    if (lost) fields.ignore(name, TOP_LEVEL, 'half of a surrogate pair is in no text');
  }
}

function listOf(given: string | readonly string[] | null | undefined): readonly string[] {
  return typeof given === 'string' ? [given] : (given ?? []);
}

/** The engine's range leaves out 0, which OpenAI allows: the smallest set that holds any mass is the best token. */
function topPOf(topP: number | null | undefined): number | null {
  return topP === 0 ? Number.MIN_VALUE : (topP ?? null);
}

function samplingOf(request: GenerationFields) {
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
    allowedTokenIds: request.allowed_token_ids ?? null,
    badWords: listOf(request.bad_words).filter(isWritable),
    seed: request.seed ?? null,
  };
}

/** What all of these requests say in the same words; the prompt, lengths and log probabilities are left to each. */
export function generationOf(request: GenerationFields, { usesPriority }: ParseOptions) {
  return {
    ...samplingOf(request),
    choiceCount: request.n ?? 1,
    newTokensMin: request.min_tokens ?? 0,
    stop: listOf(request.stop).filter(isWritable),
    stopTokenIds: request.stop_token_ids ?? [],
    ignoreEndOfText: request.ignore_eos ?? false,
    answerForm: null,
    prediction: null,
    cacheSalt: wellFormed(request.cache_salt ?? ''),
    // vLLM's field, with vLLM's meaning: lower is earlier. The engine counts the other way.
    priority: usesPriority ? 0 - (request.priority ?? 0) : 0,
    wantsTokenIds: request.return_token_ids ?? false,
    wantsRunningUsage: includesUsage(request) && (request.stream_options?.continuous_usage_stats ?? false),
  };
}

/** Who asks for usage in every chunk asks for usage. */
function includesUsage({ stream_options: options }: GenerationFields): boolean {
  return options?.include_usage ?? options?.continuous_usage_stats ?? false;
}

/** The parts of a call that do not concern the text. */
export function callOf(request: GenerationFields, fields: FieldCheck): Omit<GenerationCall, 'text'> {
  return {
    model: request.model,
    isStream: request.stream ?? false,
    includeUsage: includesUsage(request),
    ignoredFields: fields.ignored,
    countParam: 'n',
  };
}
