/**
 * The description of the API, made from the schemas that check it; how its paths are written is in `openapi-parts.ts`.
 * `openapi.yaml` in the repository is this document as text; a test compares the two.
 */

import type { Handler } from 'hono';
import { LISTED_ITEMS_DEFAULT, LISTED_ITEMS_MAX } from '../base/limits.ts';
import type { AppEnvironment } from './dependencies.ts';
import {
  chunked,
  errors,
  eventStream,
  generatingPath,
  getPath,
  HEADERS,
  headers,
  postPath,
  SECURED,
} from './openapi-parts.ts';
import { componentSchemas } from './openapi-schemas.ts';

/** The package's version; a test compares the two. */
const API_VERSION = '0.1.0';

const RESPONSE_STREAM_TEXT =
  'With `stream: true`: events `event: <type>` and `data: <ResponseStreamEvent>`. The last one is `response.completed`, ' +
  '`response.incomplete`, or, after an error, `response.failed`. Lines that begin with a colon only keep the line open.';

function generatingPaths() {
  const chat = { operationId: 'createChatCompletion', summary: 'Continue a conversation' };
  const text = { operationId: 'createCompletion', summary: 'Continue a text' };
  const response = {
    operationId: 'createResponse',
    summary: "Continue a conversation, in OpenAI's newer form",
  };
  return {
    '/v1/chat/completions': generatingPath({ ...chat, ...chunked('ChatCompletion') }),
    '/v1/completions': generatingPath({ ...text, ...chunked('Completion') }),
    '/v1/responses': generatingPath({
      ...response,
      request: 'ResponsesRequest',
      answer: 'Response',
      stream: eventStream('ResponseStreamEvent', RESPONSE_STREAM_TEXT),
    }),
  };
}

function tokenPaths() {
  const tokenizeSchemas = { request: 'TokenizeRequest', response: 'TokenizeResponse' };
  const detokenizeSchemas = { request: 'DetokenizeRequest', response: 'DetokenizeResponse' };
  const forth = { summary: 'Text or messages to token ids', ...tokenizeSchemas };
  const back = { summary: 'Token ids to text', ...detokenizeSchemas };
  return {
    '/v1/chat/completions/render': postPath({
      operationId: 'renderChat',
      summary: 'The prompt of a chat request, as text and as token ids',
      request: 'ChatCompletionRequest',
      response: 'RenderedChat',
    }),
    '/v1/responses/input_tokens': postPath({
      operationId: 'countInputTokens',
      summary: 'How many tokens the prompt of a request for a response has',
      request: 'ResponsesRequest',
      response: 'ResponseInputTokens',
    }),
    '/tokenize': postPath({ operationId: 'tokenize', ...forth }),
    '/v1/tokenize': postPath({ operationId: 'tokenizeV1', ...forth }),
    '/detokenize': postPath({ operationId: 'detokenize', ...back }),
    '/v1/detokenize': postPath({ operationId: 'detokenizeV1', ...back }),
  };
}

const ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

function modelPaths() {
  const list = { operationId: 'listModels', summary: 'The models that are served', schema: 'ModelList' };
  const one = { operationId: 'retrieveModel', summary: 'One model', schema: 'Model' };
  return {
    '/v1/models': { get: { security: SECURED, ...getPath({ ...list, errors: [400, 401, 405, 503] }) } },
    '/v1/models/{id}': {
      get: { security: SECURED, parameters: [ID], ...getPath({ ...one, errors: [400, 401, 404, 405, 503] }) },
    },
  };
}

const query = (name: string, schema: Readonly<Record<string, unknown>>, description: string) => ({
  name,
  in: 'query',
  description,
  schema,
});

const PAGE = [
  query(
    'limit',
    { type: 'integer', minimum: 1, maximum: LISTED_ITEMS_MAX, default: LISTED_ITEMS_DEFAULT },
    'How many.',
  ),
  query('order', { enum: ['asc', 'desc'], default: 'desc' }, '`asc`: as the model got them.'),
  query('after', { type: 'string' }, 'Those behind the item of this name.'),
];

function storedResponsePaths() {
  const get = { operationId: 'retrieveResponse', summary: 'A stored response', schema: 'Response' };
  const gone = { operationId: 'deleteResponse', summary: 'Forget a response', schema: 'DeletedResponse' };
  const items = {
    operationId: 'listInputItems',
    summary: 'What a stored response was made of, earlier responses included',
    schema: 'ResponseInputItemList',
  };
  const cancel = 'Refused: only what is made in the background can be cancelled, and nothing is';
  const path = { security: SECURED, parameters: [ID] };
  const statuses = [400, 401, 404, 405];
  return {
    '/v1/responses/{id}': {
      get: { ...path, ...getPath({ ...get, errors: statuses }) },
      delete: { ...path, ...getPath({ ...gone, errors: statuses }) },
    },
    '/v1/responses/{id}/input_items': {
      get: { ...path, ...getPath({ ...items, errors: statuses }), parameters: [ID, ...PAGE] },
    },
    '/v1/responses/{id}/cancel': {
      post: { ...path, operationId: 'cancelResponse', summary: cancel, responses: errors(...statuses) },
    },
  };
}

function operationPaths() {
  const text = (description: string, type: string) => ({
    200: { description, headers: headers(), content: { [type]: { schema: { type: 'string' } } } },
  });
  const alive = { operationId: 'health', summary: 'Whether the process is worth keeping', schema: 'Health' };
  const traffic = { operationId: 'ready', summary: 'Whether it should get traffic', schema: 'Ready' };
  const metrics = 'Prometheus series under the names of vLLM V1, and `octavo:response_store_*`';
  return {
    '/health': { get: getPath({ ...alive, errors: [405, 503] }) },
    '/ready': { get: getPath({ ...traffic, errors: [405, 503] }) },
    '/version': {
      get: getPath({ operationId: 'version', summary: 'Version', schema: 'Version', errors: [405] }),
    },
    '/load': {
      get: getPath({ operationId: 'load', summary: 'Work in flight', schema: 'Load', errors: [405] }),
    },
    '/is_sleeping': {
      get: getPath({
        operationId: 'isSleeping',
        summary: 'Whether it was put to sleep; never',
        schema: 'Sleeping',
        errors: [405],
      }),
    },
    '/metrics': {
      get: {
        operationId: 'metrics',
        summary: metrics,
        responses: { ...text(metrics, 'text/plain'), ...errors(405) },
      },
    },
    '/openapi.json': {
      get: {
        operationId: 'openapi',
        summary: 'This document',
        responses: {
          200: {
            description: 'This document',
            headers: headers(),
            content: { 'application/json': { schema: { type: 'object' } } },
          },
          ...errors(405),
        },
      },
    },
  };
}

/** The OpenAPI 3.1 document. */
export function openApiDocument(): Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Octavo',
      version: API_VERSION,
      description:
        "An inference server with OpenAI's chat completions, completions and responses. Errors have OpenAI's shape everywhere.",
    },
    servers: [{ url: 'http://127.0.0.1:8000' }],
    paths: {
      ...generatingPaths(),
      ...tokenPaths(),
      ...storedResponsePaths(),
      ...modelPaths(),
      ...operationPaths(),
    },
    components: {
      schemas: componentSchemas(),
      headers: HEADERS,
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description:
            'Needed on /v1/*, /tokenize and /detokenize when the server was started with `--api-key`.',
        },
      },
    },
  };
}

/** The document as it lies in `openapi.yaml`. The library is loaded here, for it takes a tenth of a server's start. */
export async function openApiYaml(): Promise<string> {
  const { stringify } = await import('yaml');
  const note = '# Made by `npm run openapi` from src/routes/schema; not edited by hand.\n';
  return note + stringify(openApiDocument(), { lineWidth: 110, aliasDuplicateObjects: false });
}

/** Handler of GET /openapi.json. The document is made when it is first asked for, not while the server starts. */
export function openApiJson(): Handler<AppEnvironment> {
  let body: string | null = null;
  return (context) => {
    body ??= JSON.stringify(openApiDocument());
    return context.body(body, 200, { 'content-type': 'application/json' });
  };
}
