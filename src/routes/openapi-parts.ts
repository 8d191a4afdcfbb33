/** What the paths of the API's description are put together from: headers, error answers, and an operation of each kind. */

import { reference } from './openapi-schemas.ts';

/** A key is needed where the server was started with one. */
export const SECURED = [{ apiKey: [] }, {}];

const json = (name: string) => ({ 'application/json': { schema: reference(name) } });
const header = (name: string) => ({ $ref: `#/components/headers/${name}` });

export const HEADERS = {
  'x-request-id': {
    description: 'Names this request in logs. Taken over from the request when it is sane there.',
    schema: { type: 'string' },
  },
  'x-octavo-ignored': {
    description:
      'Fields of the request that had no effect, separated by commas: the first 32 of its body, and of its query. Absent when there are none.',
    schema: { type: 'string' },
  },
  'retry-after': { description: 'Seconds to wait before trying again.', schema: { type: 'integer' } },
  'retry-after-ms': { description: 'The same in milliseconds.', schema: { type: 'integer' } },
  allow: { description: 'Methods that the path knows.', schema: { type: 'string' } },
  'www-authenticate': { description: 'How to send the key.', schema: { type: 'string' } },
} as const;

type HeaderName = keyof typeof HEADERS;

export function headers(...names: HeaderName[]) {
  return Object.fromEntries((['x-request-id', ...names] as const).map((name) => [name, header(name)]));
}

const COME_BACK: HeaderName[] = ['retry-after', 'retry-after-ms'];

/** Error answers: description and further headers by status. */
const ERRORS: Readonly<Record<string, { readonly description: string; readonly headers: HeaderName[] }>> = {
  400: {
    description:
      'The request is not what the API allows: `invalid_json`, `request_too_complex`, `missing_required_parameter`, `invalid_type`, ' +
      '`invalid_value`, `unsupported_parameter`, `context_length_exceeded` or `previous_response_not_found`. `param` names ' +
      'the field.',
    headers: [],
  },
  401: { description: '`invalid_api_key`: no key, or an unknown one.', headers: ['www-authenticate'] },
  404: {
    description: '`model_not_found`, `response_not_found` or `item_not_found`: there is no such thing.',
    headers: [],
  },
  405: { description: '`method_not_allowed`', headers: ['allow'] },
  413: { description: '`request_too_large`: the body is over the limit.', headers: [] },
  415: { description: '`unsupported_media_type`: the body is not announced as plain JSON.', headers: [] },
  429: {
    description: '`queue_full`: too many choices are in flight, or too many bodies arriving.',
    headers: COME_BACK,
  },
  500: { description: '`step_failed` or `internal_error`: a fault of the server.', headers: [] },
  503: {
    description: '`not_ready`, `shutting_down`, `engine_dead`, and from `/ready` also `engine_stalled`.',
    headers: COME_BACK,
  },
};

export function errors(...statuses: number[]) {
  const entries = statuses.map((status) => {
    const { description, headers: names } = ERRORS[status]!;
    return [status, { description, headers: headers(...names), content: json('Error') }];
  });
  return Object.fromEntries(entries);
}

const chunkStreamText = (chunk: string): string =>
  `With \`stream: true\`: events \`data: <${chunk}>\`, closed by \`data: [DONE]\`. An error after the stream ` +
  'has begun arrives as `data: <Error>` and ends it. Lines that begin with a colon only keep the line open.';

/** Without a type: OpenAPI 3.1 leaves open whether that is the whole text's or each event's, and readers do both. */
export const eventStream = (event: string, description: string) => ({
  schema: { description },
  'x-event-schema': reference(event),
});

type GeneratingOptions = {
  readonly operationId: string;
  readonly summary: string;
  readonly request: string;
  /** Of the whole answer. */
  readonly answer: string;
  readonly stream: ReturnType<typeof eventStream>;
};

export function generatingPath({ operationId, summary, request, answer, stream }: GeneratingOptions) {
  return {
    post: {
      operationId,
      summary,
      description:
        'Fields without effect are named in the header `x-octavo-ignored`; with `--strict-fields` they are refused. ' +
        'Null means absent.',
      security: SECURED,
      requestBody: { required: true, content: json(request) },
      responses: {
        200: {
          description: 'The answer, whole or as a stream.',
          headers: headers('x-octavo-ignored'),
          content: { ...json(answer), 'text/event-stream': stream },
        },
        ...errors(400, 401, 404, 405, 413, 415, 429, 500, 503),
      },
    },
  };
}

/** An answer after which its request and its chunk are named. */
export function chunked(answer: string) {
  const chunk = `${answer}Chunk`;
  return { request: `${answer}Request`, answer, stream: eventStream(chunk, chunkStreamText(chunk)) };
}

type PostOptions = {
  readonly operationId: string;
  readonly summary: string;
  readonly request: string;
  readonly response: string;
};

export function postPath({ operationId, summary, request, response }: PostOptions) {
  const ok = { description: summary, headers: headers('x-octavo-ignored'), content: json(response) };
  return {
    post: {
      operationId,
      summary,
      security: SECURED,
      requestBody: { required: true, content: json(request) },
      responses: { 200: ok, ...errors(400, 401, 404, 405, 413, 415, 429, 500, 503) },
    },
  };
}

type GetOptions = {
  readonly operationId: string;
  readonly summary: string;
  readonly schema: string;
  readonly errors: number[];
};

export function getPath({ operationId, summary, schema, errors: statuses }: GetOptions) {
  const ok = { description: summary, headers: headers(), content: json(schema) };
  return { operationId, summary, responses: { 200: ok, ...errors(...statuses) } };
}
