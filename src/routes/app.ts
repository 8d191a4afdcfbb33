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

/** For metrics, whose labels must be few: paths that are served, with what may be anything in them left out. */
function handlerOf(path: string, served: ReadonlySet<string>): string {
  if (served.has(path)) return path;
  return path.startsWith('/v1/models/') ? '/v1/models/{id}' : 'none';
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** One method on one path; every other method is answered 405. */
function addRoute(app: Hono<AppEnvironment>, method: 'GET' | 'POST', path: string, handler: Handler) {
  const allow = method === 'GET' ? 'GET, HEAD' : method;
  app.on(method, path, handler);
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
 * that is timed.
 */
function accounts({ metrics, clock, logger }: AppDependencies, served: ReadonlySet<string>): Middleware {
  return async function account(context, next) {
    const startedMs = clock.monotonicMs();
    await next();
    const { method, path } = context.req;
    const { status } = context.res;
    metrics.countAnswer(handlerOf(path, served), METHODS.has(method) ? method : 'other', status);
    const ms = Math.round(clock.monotonicMs() - startedMs);
    const requestId = context.get('requestId');
    logger.debug({ requestId, method, path: path.slice(0, PATH_SHOWN_MAX), status, ms }, 'answered');
  };
}

/** The whole HTTP side of the server. */
export function createApp(dependencies: AppDependencies): Hono<AppEnvironment> {
  const { models, metrics, apiKeys, corsOrigins } = dependencies;
  const app = new Hono<AppEnvironment>();

  app.use(requestIds(dependencies));
  const served = new Set<string>();
  app.use(accounts(dependencies, served));
  // Before the keys: browsers ask without one whether they may send it.
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  const authenticate = authentication(apiKeys);
  for (const path of ['/v1/*', '/tokenize', '/detokenize']) app.use(path, authenticate);

  addRoute(app, 'POST', '/v1/chat/completions', chatCompletions(dependencies));
  addRoute(app, 'POST', '/v1/completions', completions(dependencies));
  addRoute(app, 'POST', '/v1/responses', responses(dependencies));
  addRoute(app, 'POST', '/v1/responses/input_tokens', inputTokens(dependencies));
  addRoute(app, 'POST', '/v1/chat/completions/render', renderChat(dependencies));
  // vLLM has them at the root, SGLang at both places; the key is asked for at both.
  for (const prefix of ['', '/v1']) {
    addRoute(app, 'POST', `${prefix}/tokenize`, tokenize(dependencies));
    addRoute(app, 'POST', `${prefix}/detokenize`, detokenize(dependencies));
  }
  addRoute(app, 'GET', '/v1/models', listModels(models));
  addRoute(app, 'GET', MODEL_PATH, retrieveModel(models));
  addRoute(app, 'GET', '/health', health(dependencies));
  addRoute(app, 'GET', '/ready', ready(dependencies));
  addRoute(app, 'GET', '/version', serverVersion(dependencies));
  addRoute(app, 'GET', '/load', serverLoad(dependencies));
  addRoute(app, 'GET', '/is_sleeping', isSleeping());
  addRoute(app, 'GET', '/metrics', metricsText(metrics));
  addRoute(app, 'GET', '/openapi.json', openApiJson());

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
