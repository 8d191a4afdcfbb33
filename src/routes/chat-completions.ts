/**
 * POST /v1/chat/completions. The order of checks is by cost: headers, room in the queue, then the body; nothing
 * is tokenised before a place in the queue is held.
 */

import type { Context, Handler } from 'hono';
import { ServerError } from '../base/errors.ts';
import type { TextEvent } from '../engine/text-generation.ts';
import { HttpError, isServerFault, toApiError } from './api-error.ts';
import { type ChatRequest, parseChatRequest } from './chat-request.ts';
import { ChunkEncoder, CompletionBuilder, type CompletionIdentity, errorEvent } from './chat-response.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { readJsonObject, requireJson } from './request-body.ts';
import { RunningRequest } from './running-request.ts';
import { type EventSource, eventStream, SSE_HEADERS } from './sse.ts';

const IGNORED_HEADER = 'x-octavo-ignored';

type ChatContext = Context<AppEnvironment>;

async function readChatRequest(context: ChatContext, dependencies: AppDependencies): Promise<ChatRequest> {
  requireJson(context.req.raw.headers);
  // A full queue refuses before the body is read. The place itself is taken when the number of choices is known,
  // so that a client who sends slowly holds none.
  dependencies.engine.admit(1).leave();
  const body = await readJsonObject(context.req.raw, dependencies.bodyBytesMax);
  const { strictFields, engine, models } = dependencies;
  const request = parseChatRequest(body, { strictFields, limits: engine.limits });
  if (!models.some((model) => model.id === request.model)) throw modelNotFound(request.model);
  return request;
}

/** The name is the client's own, and is cut so that an answer is never longer than its question. */
export function modelNotFound(id: string): ServerError {
  return new ServerError('model_not_found', `The model '${id.slice(0, 128)}' does not exist.`);
}

/** Resolves when `promise` settles or the time is over, whichever is first; rejects when `promise` does. */
async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The answer as events. The first output is asked for before the stream is opened. */
class ChatEventSource implements EventSource {
  readonly #running: RunningRequest;
  readonly #encoder: ChunkEncoder;
  readonly #onFault: (error: unknown) => void;
  #firstOutput: Promise<TextEvent | null> | null;

  constructor(running: RunningRequest, encoder: ChunkEncoder, onFault: (error: unknown) => void) {
    this.#running = running;
    this.#encoder = encoder;
    this.#onFault = onFault;
    this.#firstOutput = running.nextOutput();
  }

  /**
   * Waits for the first output, so that what fails before it is answered with its own status, which clients
   * act on. Not longer than `limitMs`: then the stream is opened and kept open by comments.
   * @throws ServerError
   */
  async opened(limitMs: number): Promise<void> {
    if (this.#firstOutput !== null) await settledWithin(this.#firstOutput, limitMs);
  }

  async next(): Promise<string | null> {
    if (this.#firstOutput !== null) {
      const first = await this.#firstOutput;
      this.#firstOutput = null;
      return first === null ? null : this.#encoder.opening() + this.#encoder.encode(first);
    }
    for (;;) {
      const event = await this.#running.next();
      if (event === null) return null;
      const chunk = this.#encoder.encode(event);
      if (chunk !== '') return chunk;
    }
  }

  describeError(error: unknown): string {
    this.#onFault(error);
    return errorEvent(toApiError(error).body);
  }

  cancel(): void {
    this.#running.cancel();
  }
}

async function wholeAnswer(running: RunningRequest, choiceCount: number, identity: CompletionIdentity) {
  const builder = new CompletionBuilder(choiceCount);
  for (let event = await running.next(); event !== null; event = await running.next()) builder.add(event);
  const completion = builder.build(identity);
  // Nobody reads this answer; the status is for whoever counts answers.
  if (completion === null) throw new HttpError(408, 'client_closed_request', 'The client went away.');
  return completion;
}

/** Handler of POST /v1/chat/completions. */
export function chatCompletions(dependencies: AppDependencies): Handler<AppEnvironment> {
  const { clock, logger, newId, systemFingerprint, heartbeatMs } = dependencies;

  return async function createChatCompletion(context) {
    const startedMs = clock.monotonicMs();
    const { model, text, isStream, includeUsage, ignoredFields } = await readChatRequest(
      context,
      dependencies,
    );
    const clientSignal = context.req.raw.signal;
    const running = new RunningRequest({ dependencies, request: text, clientSignal, startedMs });
    const identity: CompletionIdentity = {
      id: `chatcmpl-${newId()}`,
      created: clock.unixSeconds(),
      model,
      systemFingerprint,
    };
    if (ignoredFields.size > 0) context.header(IGNORED_HEADER, [...ignoredFields].join(', '));
    const { choiceCount } = text;
    if (!isStream) return context.json(await wholeAnswer(running, choiceCount, identity));

    const encoder = new ChunkEncoder({ ...identity, choiceCount, includeUsage });
    const requestId = context.get('requestId');
    const source = new ChatEventSource(running, encoder, (error) => {
      if (isServerFault(error)) logger.error({ requestId, err: error }, 'a stream failed');
    });
    await source.opened(heartbeatMs);
    return context.body(eventStream(source, { heartbeatMs }), 200, SSE_HEADERS);
  };
}
