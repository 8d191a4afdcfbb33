/**
 * Failures as OpenAI's clients know them: the only place that knows the statuses of error codes and the error body. Knows
 * codes, never matches on a message. The SDKs choose their error class by status and read `code` and `param`.
 */

import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { assertNever } from '../base/assert.ts';
import { type ErrorCode, ServerError } from '../base/errors.ts';
import { RETRY_AFTER_SECONDS } from '../base/limits.ts';

export type ErrorBody = {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
};

/** One failure, ready to be sent. */
export type ApiError = {
  readonly status: ContentfulStatusCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
};

export type HttpErrorDetails = {
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** A failure that exists in HTTP alone (a wrong method, type, size or shape of a request). */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: ContentfulStatusCode, code: string, message: string, details: HttpErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = details.param ?? null;
    this.headers = details.headers ?? {};
  }
}

export function clientGone(): HttpError {
  return new HttpError(408, 'client_closed_request', 'The client went away.');
}

type Rendering = {
  readonly status: ContentfulStatusCode;
  readonly type: string;
  readonly code: string;
  /** Named where the request has only one field that can be the reason. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** Both SDKs read the header in milliseconds first; proxies know the other one only. */
const COME_BACK = {
  'retry-after': String(RETRY_AFTER_SECONDS),
  'retry-after-ms': String(RETRY_AFTER_SECONDS * 1000),
} as const;

function renderingOf(code: ErrorCode): Rendering {
  switch (code) {
    case 'invalid_request':
      return { status: 400, type: 'invalid_request_error', code: 'invalid_value' };
    case 'unsupported_parameter':
      return { status: 400, type: 'invalid_request_error', code };
    case 'context_length_exceeded':
      return { status: 400, type: 'invalid_request_error', code, param: 'messages' };
    case 'model_not_found':
      return { status: 404, type: 'invalid_request_error', code, param: 'model' };
    case 'invalid_api_key':
      return {
        status: 401,
        type: 'invalid_request_error',
        code,
        headers: { 'www-authenticate': 'Bearer' },
      };
    case 'queue_full':
      return { status: 429, type: 'rate_limit_error', code, headers: COME_BACK };
    case 'shutting_down':
    case 'not_ready':
      return { status: 503, type: 'server_error', code, headers: COME_BACK };
    case 'step_failed':
      return { status: 500, type: 'server_error', code };
    case 'engine_dead':
      return { status: 503, type: 'server_error', code };
    default:
      return assertNever(code);
  }
}

/** What the client is told about `error`. Nothing of an unexpected error leaves the server. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ServerError) {
    const rendering = renderingOf(error.code);
    const param = error.param ?? rendering.param ?? null;
    return {
      status: rendering.status,
      headers: rendering.headers ?? {},
      body: { error: { message: error.message, type: rendering.type, param, code: rendering.code } },
    };
  }
  if (error instanceof HttpError) {
    const type = error.status >= 500 ? 'server_error' : 'invalid_request_error';
    const { message, param, code } = error;
    return { status: error.status, headers: error.headers, body: { error: { message, type, param, code } } };
  }
  const message = 'The server failed to answer this request. The fault is not in the request.';
  return {
    status: 500,
    headers: {},
    body: { error: { message, type: 'server_error', param: null, code: 'internal_error' } },
  };
}

/** Whether the server's owner should hear of it: a fault of ours, and not the engine's plain refusal. */
export function isServerFault(error: unknown): boolean {
  return toApiError(error).status === 500;
}

/** Whether the request itself is the reason, or a server that takes no more at the moment. */
export function isRefusal(error: unknown): boolean {
  return toApiError(error).status < 500;
}
