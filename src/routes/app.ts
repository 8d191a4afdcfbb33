/**
 * All routes as one Hono application, and what is common to them: request ids, other origins, API keys, errors. Holds no server
 * and no socket: `main` listens, tests call `app.request()`.
 */

import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono';
import { REQUEST_ID_CHARACTERS_MAX } from '../base/limits.ts';
import { HttpError, isServerFault, toApiError } from './api-error.ts';
import { authentication } from './authentication.ts';
import { chatCompletions } from './chat-completions.ts';
import { completions } from './completions.ts';
import { crossOrigin } from './cross-origin.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { health } from './health.ts';
import { metricsText } from './metrics.ts';
import { listModels, retrieveModel } from './models.ts';
import { openApiJson } from './openapi.ts';
import { ready } from './ready.ts';
import { inputTokens, responses } from './responses/responses.ts';
import {
  cancelResponse,
  deleteResponse,
  listInputItems,
  retrieveResponse,
} from './responses/stored-responses.ts';
import { isSleeping, serverLoad, serverVersion } from './server-state.ts';
import { detokenize, renderChat, tokenize } from './tokenization.ts';

const REQUEST_ID_HEADER = 'x-request-id';
const PATH_SHOWN_MAX = 128;

/** Visible ASCII: safe in a header and in a log line. */
const SANE_REQUEST_ID = /^[\x21-\x7e]+$/;

function isSaneRequestId(id: string): boolean {
  return id.length <= REQUEST_ID_CHARACTERS_MAX && SANE_REQUEST_ID.test(id);
}

const MODEL_PATH = '/v1/models/:id{.+}';
const RESPONSE_PATH = '/v1/responses/:id{[^/]+}';

/** Paths in which there is a name, as labels: without it. */
const NAMED_PATHS: readonly (readonly [RegExp, string])[] = [
  [/^\/v1\/models\/.*$/s, '/v1/models/{id}'],
  [/^\/v1\/responses\/[^/]+(\/input_items|\/cancel|)$/, '/v1/responses/{id}$1'],
];

/** For metrics, whose labels must be few: paths that are served, with what may be anything in them left out. */
function handlerOf(path: string, served: ReadonlySet<string>): string {
  if (served.has(path)) return path;
  const named = NAMED_PATHS.find(([pattern]) => pattern.test(path));
  return named === undefined ? 'none' : path.replace(...named);
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

type Handlers = Partial<Readonly<Record<'GET' | 'POST' | 'DELETE', Handler<AppEnvironment>>>>;

/** What is answered on one path; every other method is answered 405. */
function addRoutes(app: Hono<AppEnvironment>, path: string, handlers: Handlers): void {
  const methods = Object.entries(handlers);
  const allow = methods.map(([method]) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ');
  for (const [method, handler] of methods) app.on(method, path, handler);
  app.all(path, (context) => {
    const message = `${context.req.method} is not allowed here; use ${allow}.`;
    throw new HttpError(405, 'method_not_allowed', message, { headers: { allow } });
  });
}

function sendError(context: Context<AppEnvironment>, error: unknown): Response {
  const { status, headers, body } = toApiError(error);
  return context.json(body, status, { ...headers });
}

type Middleware = MiddlewareHandler<AppEnvironment>;

/** Calls back when the answer has been written, or nobody is there any more to write it to. */
function onEnd({ env }: Context<AppEnvironment>, listener: () => void): void {
  const outgoing = env?.outgoing;
  if (outgoing === undefined || outgoing.destroyed) listener();
  else outgoing.once('close', listener);
}

function requestIds({ newId }: AppDependencies): Middleware {
  return async function requestId(context, next) {
    const given = context.req.header(REQUEST_ID_HEADER) ?? '';
    const id = isSaneRequestId(given) ? given : newId();
    context.set('requestId', id);
    context.header(REQUEST_ID_HEADER, id);
    await next();
  };
}

/**
 * Counts every answer to what is HTTP, refusals too, and tells of it for who looks closely. Of a stream it is the beginning
 * whose time is told, and the end that the metrics time.
 */
function accounts({ metrics, clock, logger }: AppDependencies, served: ReadonlySet<string>): Middleware {
  return async function account(context, next) {
    const startedMs = clock.monotonicMs();
    await next();
    const { method, path } = context.req;
    const { status } = context.res;
    const answered = { handler: handlerOf(path, served), method: METHODS.has(method) ? method : 'other' };
    metrics.http.begin(answered, status);
    onEnd(context, () => metrics.http.end(answered, clock.monotonicMs() - startedMs));
    const ms = Math.round(clock.monotonicMs() - startedMs);
    const requestId = context.get('requestId');
    logger.debug({ requestId, method, path: path.slice(0, PATH_SHOWN_MAX), status, ms }, 'answered');
  };
}

/** The whole HTTP side of the server. */
export function createApp(dependencies: AppDependencies): Hono<AppEnvironment> {
  const { metrics, apiKeys, corsOrigins } = dependencies;
  const app = new Hono<AppEnvironment>();

  app.use(requestIds(dependencies));
  const served = new Set<string>();
  app.use(accounts(dependencies, served));
  // Before the keys: browsers ask without one whether they may send it.
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  const authenticate = authentication(apiKeys);
  for (const path of ['/v1/*', '/tokenize', '/detokenize']) app.use(path, authenticate);

  addRoutes(app, '/v1/chat/completions', { POST: chatCompletions(dependencies) });
  addRoutes(app, '/v1/completions', { POST: completions(dependencies) });
  addRoutes(app, '/v1/responses', { POST: responses(dependencies) });
  addRoutes(app, '/v1/responses/input_tokens', { POST: inputTokens(dependencies) });
  // OpenAI's path, which would be taken for the name of a response that knows other methods.
  app.all('/v1/responses/compact', (context) => context.notFound());
  addRoutes(app, RESPONSE_PATH, {
    GET: retrieveResponse(dependencies),
    DELETE: deleteResponse(dependencies),
  });
  addRoutes(app, `${RESPONSE_PATH}/input_items`, { GET: listInputItems(dependencies) });
  addRoutes(app, `${RESPONSE_PATH}/cancel`, { POST: cancelResponse(dependencies) });
  addRoutes(app, '/v1/chat/completions/render', { POST: renderChat(dependencies) });
  // vLLM has them at the root, SGLang at both places; the key is asked for at both.
  for (const prefix of ['', '/v1']) {
    addRoutes(app, `${prefix}/tokenize`, { POST: tokenize(dependencies) });
    addRoutes(app, `${prefix}/detokenize`, { POST: detokenize(dependencies) });
  }
  addRoutes(app, '/v1/models', { GET: listModels(dependencies) });
  addRoutes(app, MODEL_PATH, { GET: retrieveModel(dependencies) });
  addRoutes(app, '/health', { GET: health(dependencies) });
  addRoutes(app, '/ready', { GET: ready(dependencies) });
  addRoutes(app, '/version', { GET: serverVersion(dependencies) });
  addRoutes(app, '/load', { GET: serverLoad(dependencies) });
  addRoutes(app, '/is_sleeping', { GET: isSleeping() });
  addRoutes(app, '/metrics', { GET: metricsText(metrics) });
  addRoutes(app, '/openapi.json', { GET: openApiJson() });

  for (const { path } of app.routes) if (!path.includes('*')) served.add(path);
  app.notFound((context) => {
    const message = `There is no ${context.req.method} ${context.req.path.slice(0, PATH_SHOWN_MAX)}.`;
    return sendError(context, new HttpError(404, 'not_found', message));
  });
  app.onError((error, context) => {
    if (isServerFault(error)) {
      dependencies.logger.error({ requestId: context.get('requestId'), err: error }, 'a request failed');
    }
    return sendError(context, error);
  });
  return app;
}
