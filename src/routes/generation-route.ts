/**
 * What the endpoints that generate have in common, from headers to the last event; each adds how its request is read
 * and how its answer is written. The order of checks is by cost: headers, room in the queue, then the body; nothing
 * is tokenised before a place in the queue is held.
 */

import type { Context, Handler } from 'hono';
import { sequenceCountOf, type TextEvent } from '../engine/text-generation.ts';
import { type AnswerEncoder, type AnswerIdentity, errorEvent } from './answer.ts';
import { HttpError, isServerFault, toApiError } from './api-error.ts';
import { CollectedAnswer } from './collected-answer.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { type JsonObject, requireJson } from './request-body.ts';
import { RunningRequest } from './running-request.ts';
import { requireModel } from './served-models.ts';
import { type EventSource, eventStream, SSE_HEADERS } from './sse.ts';
import type { GenerationCall, ParseOptions } from './text-request.ts';

export const IGNORED_HEADER = 'x-octavo-ignored';

export type GenerationEndpoint<Call extends GenerationCall> = {
  /** Comes before every answer's own id. */
  readonly idPrefix: string;
  /** @throws ServerError or HttpError for what the endpoint does not allow. */
  readonly parse: (body: JsonObject, options: ParseOptions) => Call;
  readonly whole: (call: Call, answer: CollectedAnswer, identity: AnswerIdentity) => object;
  readonly encoder: (call: Call, identity: AnswerIdentity) => AnswerEncoder;
};

type RouteContext = Context<AppEnvironment>;

/** What reading a request needs to know of the server. @throws ServerError `not_ready` before the engine has loaded. */
export function parseOptions({ strictFields, engine, generator }: AppDependencies): ParseOptions {
  return {
    strictFields,
    limits: engine.limits,
    templateReads: (variable) => generator.templateReads(variable),
    templateReadsField: (field) => generator.templateReadsField(field),
  };
}

async function readCall<Call extends GenerationCall>(
  context: RouteContext,
  parse: GenerationEndpoint<Call>['parse'],
  dependencies: AppDependencies,
): Promise<Call> {
  requireJson(context.req.raw.headers);
  // A full queue refuses before the body is read. The place itself is taken when the number of choices is known,
  // so that a client who sends slowly holds none.
  dependencies.engine.admit(1).leave();
  const body = await dependencies.bodies.readJsonObject(context.req.raw);
  const call = parse(body, parseOptions(dependencies));
  requireModel(dependencies.models, call.model);
  return call;
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
class AnswerEvents implements EventSource {
  readonly #running: RunningRequest;
  readonly #encoder: AnswerEncoder;
  readonly #onFault: (error: unknown) => void;
  #firstOutput: Promise<string | null> | null;

  constructor(running: RunningRequest, encoder: AnswerEncoder, onFault: (error: unknown) => void) {
    this.#running = running;
    this.#encoder = encoder;
    this.#onFault = onFault;
    this.#firstOutput = this.#untilFirstOutput();
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
      if (first !== '') return first;
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

  /** What opens the choices, and the first event that belongs to the answer. */
  async #untilFirstOutput(): Promise<string | null> {
    let chunks = '';
    let event: TextEvent | null;
    do {
      event = await this.#running.next();
      if (event === null) return null;
      chunks += this.#encoder.encode(event);
    } while (event.kind === 'prompt');
    return chunks;
  }
}

async function collect(running: RunningRequest, call: GenerationCall): Promise<CollectedAnswer> {
  const answer = new CollectedAnswer(sequenceCountOf(call.text));
  for (let event = await running.next(); event !== null; event = await running.next()) answer.add(event);
  // Nobody reads this answer; the status is for whoever counts answers.
  if (!answer.isWhole) throw new HttpError(408, 'client_closed_request', 'The client went away.');
  return answer;
}

/** Handler of an endpoint that generates. */
export function generationRoute<Call extends GenerationCall>(
  endpoint: GenerationEndpoint<Call>,
  dependencies: AppDependencies,
): Handler<AppEnvironment> {
  const { clock, logger, newId, systemFingerprint, heartbeatMs } = dependencies;

  return async function generate(context) {
    const startedMs = clock.monotonicMs();
    const call = await readCall(context, endpoint.parse, dependencies);
    const { model, ignoredFields } = call;
    const clientSignal = context.req.raw.signal;
    const running = new RunningRequest({ dependencies, request: call.text, clientSignal, startedMs });
    const identity: AnswerIdentity = {
      id: endpoint.idPrefix + newId(),
      created: clock.unixSeconds(),
      model,
      systemFingerprint,
    };
    if (ignoredFields.size > 0) context.header(IGNORED_HEADER, [...ignoredFields].join(', '));
    if (!call.isStream) return context.json(endpoint.whole(call, await collect(running, call), identity));

    const requestId = context.get('requestId');
    const source = new AnswerEvents(running, endpoint.encoder(call, identity), (error) => {
      if (isServerFault(error)) logger.error({ requestId, err: error }, 'a stream failed');
    });
    await source.opened(heartbeatMs);
    return context.body(eventStream(source, { heartbeatMs }), 200, SSE_HEADERS);
  };
}
