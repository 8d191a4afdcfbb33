/**
 * The closed set of ways in which a request, or the server, can fail as expected. HTTP statuses and OpenAI's
 * error body are known in `routes/api-error.ts` alone; nobody ever matches on a message.
 */

export type ErrorCode =
  /** A value that the API does not allow; `param` names it. */
  | 'invalid_request'
  /** A field of OpenAI's API, or a combination, that this server does not serve; `param` names it. */
  | 'unsupported_parameter'
  | 'context_length_exceeded'
  | 'model_not_found'
  | 'invalid_api_key'
  /** Too many requests are in flight; the client may come back. */
  | 'queue_full'
  | 'shutting_down'
  /** The engine has not finished loading. */
  | 'not_ready'
  /** This request's step failed and was not worth another try; the engine lives on. */
  | 'step_failed'
  /** The engine is gone; the process is about to end. */
  | 'engine_dead';

export type ServerErrorDetails = {
  /** Path of the offending field in the request body, for example `messages[2].content`. */
  readonly param?: string;
  readonly cause?: unknown;
};

/** An expected failure, told to the client with its code. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ErrorCode;
  readonly param: string | null;

  constructor(code: ErrorCode, message: string, details: ServerErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.param = details.param ?? null;
  }
}

/** The user gave the program something that it cannot work with: told as one line, exit code 1. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
