/** API keys: a comparison whose time tells nothing about the keys, neither their bytes nor which one was close. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ServerError } from '../base/errors.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** Digests have one length whatever the key, which the constant-time comparison needs. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Lets a request pass that carries one of `apiKeys`; everything when there are none. */
export function authentication(apiKeys: readonly string[]): MiddlewareHandler {
  const digests = apiKeys.map(digest);
  return async function authenticate(context, next) {
    if (digests.length === 0) return next();
    const key = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
    if (key === undefined) {
      const message = "No API key was given. Send it in the header 'authorization: Bearer <key>'.";
      throw new ServerError('invalid_api_key', message);
    }
    const given = digest(key);
    let isKnown = false;
    for (const known of digests) isKnown = timingSafeEqual(given, known) || isKnown;
    if (!isKnown) throw new ServerError('invalid_api_key', 'The API key is not known.');
    return next();
  };
}
