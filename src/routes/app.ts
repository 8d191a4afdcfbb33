/**
 * All routes as one Hono application, and what is common to them: request ids, other origins, API keys, errors. Holds no server
 * and no socket: `main` listens, tests call `app.request()`.
 */

import { type Context, type Handler, Hono } from 'hono';
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
import { isSleeping, serverLoad, serverVersion } from './server-state.ts';
import { detokenize, renderChat, tokenize } from './tokenization.ts';

const REQUEST_ID_HEADER = 'x-request-id';

/** Visible ASCII: safe in a header and in a log line. */
const SANE_REQUEST_ID = /^[\x21-\x7e]+$/;

function isSaneRequestId(id: string): boolean {
  return id.length <= REQUEST_ID_CHARACTERS_MAX && SANE_REQUEST_ID.test(id);
}

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

/** The whole HTTP side of the server. */
export function createApp(dependencies: AppDependencies): Hono<AppEnvironment> {
  const { models, metrics, apiKeys, corsOrigins, newId, logger } = dependencies;
  const app = new Hono<AppEnvironment>();

  app.use(async function requestId(context, next) {
    const given = context.req.header(REQUEST_ID_HEADER) ?? '';
    const id = isSaneRequestId(given) ? given : newId();
    context.set('requestId', id);
    context.header(REQUEST_ID_HEADER, id);
    await next();
  });
  // Before the keys: browsers ask without one whether they may send it.
  if (corsOrigins.length > 0) app.use(crossOrigin(corsOrigins));
  const authenticate = authentication(apiKeys);
  for (const path of ['/v1/*', '/tokenize', '/detokenize']) app.use(path, authenticate);

  addRoute(app, 'POST', '/v1/chat/completions', chatCompletions(dependencies));
  addRoute(app, 'POST', '/v1/completions', completions(dependencies));
  addRoute(app, 'POST', '/v1/chat/completions/render', renderChat(dependencies));
  // vLLM has them at the root, SGLang at both places; the key is asked for at both.
  for (const prefix of ['', '/v1']) {
    addRoute(app, 'POST', `${prefix}/tokenize`, tokenize(dependencies));
    addRoute(app, 'POST', `${prefix}/detokenize`, detokenize(dependencies));
  }
  addRoute(app, 'GET', '/v1/models', listModels(models));
  addRoute(app, 'GET', '/v1/models/:id{.+}', retrieveModel(models));
  addRoute(app, 'GET', '/health', health(dependencies));
  addRoute(app, 'GET', '/ready', ready(dependencies));
  addRoute(app, 'GET', '/version', serverVersion(dependencies));
  addRoute(app, 'GET', '/load', serverLoad(dependencies));
  addRoute(app, 'GET', '/is_sleeping', isSleeping());
  addRoute(app, 'GET', '/metrics', metricsText(metrics));
  addRoute(app, 'GET', '/openapi.json', openApiJson());

  app.notFound((context) => {
    const message = `There is no ${context.req.method} ${context.req.path.slice(0, 128)}.`;
    return sendError(context, new HttpError(404, 'not_found', message));
  });
  app.onError((error, context) => {
    if (isServerFault(error)) {
      logger.error({ requestId: context.get('requestId'), err: error }, 'a request failed');
    }
    return sendError(context, error);
  });
  return app;
}
