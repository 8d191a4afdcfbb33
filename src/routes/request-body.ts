/**
 * From bytes to a JSON object, bounded at every step: a body is measured while it arrives, decoded strictly and
 * parsed once. Knows nothing of what the object means.
 */

import { ServerError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import { JSON_VALUES_MAX, READ_AT_ONCE_BYTES_MAX } from '../base/limits.ts';
import { HttpError } from './api-error.ts';
import { requirePlainValues } from './body-values.ts';
import { hasMoreValues } from './json-structure.ts';

const JSON_TYPE = /^application\/json\s*(;|$)/i;

function tooLarge(bytesMax: number): HttpError {
  return new HttpError(413, 'request_too_large', `The request body is larger than ${bytesMax} bytes.`);
}

/** Says that the body is compressed on its way. Node undoes chunks and nothing else. */
function isTransferCompressed(headers: Headers): boolean {
  const coding = headers.get('transfer-encoding') || 'chunked';
  return coding.toLowerCase() !== 'chunked';
}

/** @throws HttpError 415 unless the headers announce plain JSON. */
export function requireJson(headers: Headers): void {
  const contentType = headers.get('content-type') ?? '';
  if (!JSON_TYPE.test(contentType)) {
    throw new HttpError(
      415,
      'unsupported_media_type',
      `Expected the header 'content-type: application/json', but got '${contentType.slice(0, 64)}'.`,
    );
  }
  const encoding = headers.get('content-encoding') || 'identity';
  if (encoding.toLowerCase() !== 'identity' || isTransferCompressed(headers)) {
    throw new HttpError(415, 'unsupported_media_type', 'Compressed request bodies are not supported.');
  }
}

export type BodyReaderOptions = {
  /** Of one request. */
  readonly bytesMax: number;
  /** Of all requests whose bodies are arriving: clients that send slowly must not add up to the machine's memory. */
  readonly arrivingBytesMax: number;
};

/** Reads request bodies, and counts what is on its way. One for all routes. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  #arrivingBytes = 0;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
  }

  /**
   * Reads and parses the body.
   * @throws HttpError 413 above `bytesMax`; 400 `request_too_complex` for more structure than text, and `invalid_json`
   *   for what is not UTF-8, not JSON or not an object; that of `requirePlainValues`.
   * @throws ServerError `queue_full` when too much is arriving already.
   */
  readJsonObject(request: Request): Promise<JsonObject> {
    return this.withJsonObject(request, async (body) => body);
  }

  /**
   * The same, and counts the body as arriving until `use` has ended: of requests that hold no place in the queue, nothing
   * else bounds how many wait with what they have sent.
   */
  async withJsonObject<Result>(
    request: Request,
    use: (body: JsonObject) => Promise<Result>,
  ): Promise<Result> {
    const { bytesMax, arrivingBytesMax } = this.#options;
    const announced = announcedLength(request);
    if (announced !== null && announced > bytesMax) throw tooLarge(bytesMax);
    // Bytes count when they are here: what is only announced takes no memory, and would keep others out for nothing.
    let counted = 0;
    const count = (byteCount: number): void => {
      if (this.#arrivingBytes + byteCount > arrivingBytesMax) {
        throw new ServerError('queue_full', 'Too many request bodies are arriving at once; try again.');
      }
      this.#arrivingBytes += byteCount;
      counted += byteCount;
    };
    try {
      return await use(parseObject(await readBytes(request, bytesMax, count)));
    } finally {
      this.#arrivingBytes -= counted;
    }
  }
}

/** `null` for a body that is sent in chunks. */
function announcedLength(request: Request): number | null {
  if (request.headers.has('transfer-encoding')) return null;
  const announced = Number.parseInt(request.headers.get('content-length') ?? '', 10);
  return announced >= 0 ? announced : null;
}

/** @throws ServerError when there is no room for so many bytes more. */
type CountBytes = (byteCount: number) => void;

/** The bytes are counted as they come, and reading stops at the bound of this body, or of all. */
async function readStream(request: Request, bytesMax: number, count: CountBytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (request.body !== null) {
    const reader = request.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      length += part.value.byteLength;
      try {
        if (length > bytesMax) throw tooLarge(bytesMax);
        count(part.value.byteLength);
      } catch (error) {
        await reader.cancel();
        throw error;
      }
      chunks.push(part.value);
    }
  }
  return Buffer.concat(chunks, length);
}

async function readBytes(request: Request, bytesMax: number, count: CountBytes): Promise<Uint8Array> {
  try {
    const announced = announcedLength(request);
    if (announced === null || announced > READ_AT_ONCE_BYTES_MAX) {
      return await readStream(request, bytesMax, count);
    }
    const bytes = new Uint8Array(await request.arrayBuffer());
    count(bytes.byteLength);
    return bytes;
  } catch (error) {
    if (error instanceof HttpError || error instanceof ServerError) throw error;
    throw invalidJson('The request body ended early.');
  }
}

function invalidJson(message: string): HttpError {
  return new HttpError(400, 'invalid_json', message);
}

function parseObject(bytes: Uint8Array): JsonObject {
  if (hasMoreValues(bytes, JSON_VALUES_MAX)) {
    const message = `The request body holds more than ${JSON_VALUES_MAX} values, token ids among them; send prompts as text, or fewer at once.`;
    throw new HttpError(400, 'request_too_complex', message);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidJson('The request body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidJson('The request body is not valid JSON.');
  }
  if (!isJsonObject(value)) throw invalidJson('The request body has to be a JSON object.');
  requirePlainValues(value);
  return value;
}
