/**
 * What the endpoints that generate have in common, from headers to the last event; each adds how its request is read
 * and how its answer is written. The order of checks is by cost: headers, room in the queue, then the body; nothing
 * is tokenised before a place in the queue is held.
 */

import type { Context, Handler } from 'hono';
import type { JsonObject } from '../base/json-object.ts';
import type { AnswerIdentity, StreamEncoder } from './answer.ts';
import { AnswerEvents } from './answer-events.ts';
import { clientGone, isServerFault } from './api-error.ts';
import type { AnswerCollector } from './collected-answer.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { ignoreQuery, nameIgnored } from './query.ts';
import { requireJson } from './request-body.ts';
import { RunningRequest } from './running-request.ts';
import { requireModel } from './served-models.ts';
import { eventStream, SSE_HEADERS } from './sse.ts';
import type { GenerationCall, ParseOptions } from './text-request.ts';

export type GenerationEndpoint<Call extends GenerationCall> = {
  /** Comes before every answer's own id. */
  readonly idPrefix: string;
  /** @throws ServerError or HttpError for what the endpoint does not allow. */
  readonly parse: (body: JsonObject, options: ParseOptions, owner: number) => Call;
  readonly collector: (call: Call, identity: AnswerIdentity) => AnswerCollector;
  readonly encoder: (call: Call, identity: AnswerIdentity) => StreamEncoder;
};

type RouteContext = Context<AppEnvironment>;

/** What reading a request needs to know of the server. @throws ServerError `not_ready` before the engine has loaded. */
export function parseOptions(dependencies: AppDependencies): ParseOptions {
  const { strictFields, usesPriority, usesPredictions, engine, generator } = dependencies;
  return {
    strictFields,
    usesPriority,
    usesPredictions,
    limits: engine.limits,
    templateReads: (variable) => generator.templateReads(variable),
    templateShowsName: (role) => generator.templateShowsName(role),
    templateReadsThoughts: () => generator.templateReadsThoughts(),
    defaults: generator.defaults,
  };
}

async function readCall<Call extends GenerationCall>(
  context: RouteContext,
  parse: GenerationEndpoint<Call>['parse'],
  dependencies: AppDependencies,
): Promise<Call> {
  requireJson(context.req.raw.headers);
  ignoreQuery(context, dependencies.strictFields);
  // A full queue refuses before the body is read. The place itself is taken when the number of choices is known,
  // so that a client who sends slowly holds none.
  dependencies.engine.admit(1).leave();
  const body = await dependencies.bodies.readJsonObject(context.req.raw);
  const call = parse(body, parseOptions(dependencies), context.get('owner'));
  requireModel(dependencies.models, call.model);
  return call;
}

/** Gives `answer` what is generated, until it is whole. @throws ServerError when the generation fails. */
function collect(running: RunningRequest, answer: AnswerCollector): Promise<void> {
  return new Promise((resolve, reject) => {
    const takeAll = () => {
      try {
        for (let event = running.take(); event !== null; event = running.take()) answer.add(event);
      } catch (error) {
        // Where it was not the generation that failed, nobody will take anything more of it.
        running.cancel();
        return reject(error);
      }
      if (answer.isWhole) return resolve();
      // Nobody reads this answer; the status is for whoever counts answers.
      if (running.isCancelled) reject(clientGone());
    };
    running.onReadable = takeAll;
    takeAll();
  });
}

/** Handler of an endpoint that generates. */
export function generationRoute<Call extends GenerationCall>(
  endpoint: GenerationEndpoint<Call>,
  dependencies: AppDependencies,
): Handler<AppEnvironment> {
  const { clock, logger, newId, systemFingerprint, heartbeatMs, pacer } = dependencies;

  return async function generate(context) {
    const startedMs = clock.monotonicMs();
    const call = await readCall(context, endpoint.parse, dependencies);
    const { model, ignoredFields, countParam, text: request } = call;
    const clientSignal = context.req.raw.signal;
    const running = new RunningRequest({ dependencies, request, countParam, clientSignal, startedMs });
    const identity: AnswerIdentity = {
      id: endpoint.idPrefix + newId(),
      created: clock.unixSeconds(),
      now: () => clock.unixSeconds(),
      model,
      systemFingerprint,
      newId,
    };
    nameIgnored(context, ignoredFields);
    if (!call.isStream) {
      const answer = endpoint.collector(call, identity);
      await collect(running, answer);
      return context.json(answer.toBody());
    }

    const requestId = context.get('requestId');
    const source = new AnswerEvents(running, endpoint.encoder(call, identity), (error) => {
      if (isServerFault(error)) logger.error({ requestId, err: error }, 'a stream failed');
    });
    await source.opened(heartbeatMs);
    const stream = eventStream(source, { heartbeatMs, pacer, response: context.env?.outgoing });
    return context.body(stream, 200, SSE_HEADERS);
  };
}
