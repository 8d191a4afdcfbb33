/** The response object: who it is, how far it has come, and what it tells of its request. Pure. */

import type { TextEvent, TextUsage } from '../../engine/text-generation.ts';
import type { AnswerIdentity } from '../answer.ts';
import type { ErrorBody } from '../api-error.ts';
import type { AnswerCollector } from '../collected-answer.ts';
import type { OutputItem, ResponseObject } from '../schema/responses-object.ts';
import type { GivenBack } from './given-back.ts';
import { OutputItems, type OutputOptions } from './output-items.ts';
import type { FunctionNames } from './response-tools.ts';

/** Everything of a response that is known before it is made. */
export type ResponseFrame = {
  readonly identity: AnswerIdentity;
  readonly givenBack: GivenBack;
  readonly functionNames: FunctionNames;
  /** Keeps one that has ended. @returns whether there is room for it */
  readonly keep: (response: ResponseObject) => boolean;
};

export function outputOptions({ identity, functionNames }: ResponseFrame): OutputOptions {
  return { newId: identity.newId, functionNames };
}

function responseIn(
  { identity, givenBack }: ResponseFrame,
  status: ResponseObject['status'],
  state: Partial<ResponseObject> = {},
): ResponseObject {
  return {
    id: identity.id,
    object: 'response',
    created_at: identity.created,
    status,
    completed_at: null,
    error: null,
    incomplete_details: null,
    output: [],
    usage: null,
    ...givenBack,
    ...state,
  };
}

export function begunResponse(frame: ResponseFrame): ResponseObject {
  return responseIn(frame, 'in_progress');
}

/** Keeps it, if that was asked for. @param output of which the last event has come */
export function endedResponse(frame: ResponseFrame, output: OutputItems): ResponseObject {
  const { isCutOff, usage } = output;
  const response = responseIn(frame, isCutOff ? 'incomplete' : 'completed', {
    ...(isCutOff
      ? { incomplete_details: { reason: 'max_output_tokens' } }
      : { completed_at: frame.identity.now() }),
    output: [...output.items],
    usage: usage === null ? null : usageOf(usage),
  });
  return response.store && !frame.keep(response) ? { ...response, store: false } : response;
}

/** @param items what has been made until then */
export function failedResponse(
  frame: ResponseFrame,
  items: readonly OutputItem[],
  { error }: ErrorBody,
): ResponseObject {
  const { message } = error;
  const output = [...items];
  return responseIn(frame, 'failed', { store: false, output, error: { code: failureOf(error), message } });
}

/**
 * In OpenAI's words, which say here whether another try is of use. That a prompt is too long is the one thing that clients
 * do something about by themselves: they make it shorter.
 */
function failureOf({ type, code }: ErrorBody['error']): string {
  if (code === 'context_length_exceeded') return code;
  return type === 'invalid_request_error' ? 'invalid_prompt' : 'server_error';
}

function usageOf(usage: TextUsage): NonNullable<ResponseObject['usage']> {
  const { promptTokenCount, completionTokenCount, cachedTokenCount, reasoningTokenCount } = usage;
  return {
    input_tokens: promptTokenCount,
    // What was not found there is computed, and that writes it.
    input_tokens_details: {
      cached_tokens: cachedTokenCount,
      cache_write_tokens: promptTokenCount - cachedTokenCount,
    },
    output_tokens: completionTokenCount,
    output_tokens_details: { reasoning_tokens: reasoningTokenCount ?? 0 },
    total_tokens: promptTokenCount + completionTokenCount,
  };
}

/** Collects a whole response. */
export class CollectedResponse implements AnswerCollector {
  readonly #frame: ResponseFrame;
  readonly #output: OutputItems;

  constructor(frame: ResponseFrame) {
    this.#frame = frame;
    this.#output = new OutputItems(outputOptions(frame), null);
  }

  get isWhole(): boolean {
    return this.#output.usage !== null;
  }

  add(event: TextEvent): void {
    this.#output.add(event);
  }

  toBody(): ResponseObject {
    return endedResponse(this.#frame, this.#output);
  }
}
