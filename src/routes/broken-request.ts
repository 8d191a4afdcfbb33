/**
 * What never reached a route: bytes that are not HTTP, headers too long, a target or host that makes no URL, an expectation
 * that is not known, a wish for a tunnel, a request that did not arrive in time. Answered in the form of every other error.
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { LINGER_MS } from '../base/limits.ts';
import { type ApiError, HttpError, toApiError } from './api-error.ts';

const STATUS_BY_CODE: Readonly<Record<string, 408 | 431>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const MESSAGES = {
  400: 'The request is not valid HTTP.',
  behind: "What follows the request is not HTTP: 'content-length' has to be that of the body, in bytes.",
  408: 'The request did not arrive in time.',
  417: "The header 'expect' may only say '100-continue'.",
  431: 'The headers of the request are too long.',
  connect: 'CONNECT asks for a proxy, which this server is not.',
} as const;

/** RFC 9112, section 3.2: a server must refuse it. HTTP/1.0 knows no such header. */
export function lacksHost({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.host === undefined;
}

/** Writes to the bare connection, and closes its own half. */
function writeBare(
  socket: Duplex,
  { status, body }: ApiError,
  headers: Readonly<Record<string, string>>,
): void {
  const json = JSON.stringify(body);
  const all = { ...headers, 'content-length': String(Buffer.byteLength(json)), connection: 'close' };
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${json}`);
}

/** Closes the client's half too, when that does or has had the time to. */
function linger(socket: Duplex, forMs: number): void {
  const timer = setTimeout(() => socket.destroy(), forMs).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** What the adaptor says of a request that makes no URL is the client's fault; anything else is not. */
function adaptorsError(error: unknown): ApiError {
  const isRequest = error instanceof Error && error.name === 'RequestError';
  return toApiError(isRequest ? new HttpError(400, 'invalid_http', `${error.message}.`) : error);
}

/** Handlers for Node's server and its adaptor; `newId` names the request, which has not said its own name. */
export function brokenRequests(newId: () => string, { lingerMs = LINGER_MS } = {}) {
  const headersOf = ({ headers }: ApiError) => ({
    ...headers,
    'content-type': 'application/json',
    'x-request-id': newId(),
  });
  const answer = (response: ServerResponse, error: HttpError): void => {
    const apiError = toApiError(error);
    const json = JSON.stringify(apiError.body);
    const headers = { ...headersOf(apiError), 'content-length': Buffer.byteLength(json) };
    response.writeHead(apiError.status, headers).end(json);
  };
  const answerBare = (socket: Duplex, status: 400 | 408 | 431, message: string): void => {
    const apiError = toApiError(new HttpError(status, 'invalid_http', message));
    writeBare(socket, apiError, headersOf(apiError));
    linger(socket, lingerMs);
  };
  return {
    /** The adaptor's `errorHandler`: the request could be read but not understood. */
    respond(error: unknown): Response {
      const apiError = adaptorsError(error);
      return new Response(JSON.stringify(apiError.body), {
        status: apiError.status,
        headers: headersOf(apiError),
      });
    },

    /** Listener of the server's `checkExpectation`: an `Expect` header that is not `100-continue`. */
    onUnknownExpectation(_request: IncomingMessage, response: ServerResponse): void {
      answer(response, new HttpError(417, 'invalid_http', MESSAGES[417]));
    },

    /** For a request that `lacksHost`. */
    onMissingHost(_request: IncomingMessage, response: ServerResponse): void {
      answer(response, new HttpError(400, 'invalid_http', "The request has no header 'host'."));
    },

    /** For the server's `clientError`: writes to the bare connection, and closes it. */
    onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
      if (!socket.writable || error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      const status = STATUS_BY_CODE[error.code ?? ''] ?? 400;
      answerBare(socket, status, MESSAGES[status]);
    },

    /**
     * For the server's `clientError` behind a whole request that waits for its answer: told in its place where it can be the rest
     * of its body, as of a client that counts characters. Else, and where the connection itself failed, that only ends.
     */
    onBytesBehind(error: NodeJS.ErrnoException, socket: Duplex): void {
      const code = error.code ?? '';
      if (!socket.writable || !code.startsWith('HPE_') || code in STATUS_BY_CODE) {
        socket.destroy();
        return;
      }
      answerBare(socket, 400, MESSAGES.behind);
    },

    /** For the server's `connect`: without a listener Node closes the connection and says nothing. */
    onConnect(socket: Duplex): void {
      // Node has let go of the connection: nobody hears of its errors, and nobody ends it where the client does not.
      socket.on('error', () => {});
      socket.on('finish', () => socket.destroy());
      answerBare(socket, 400, MESSAGES.connect);
    },
  };
}
