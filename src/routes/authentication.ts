/** API keys: a comparison whose time tells nothing about the keys, neither their bytes nor which one was close. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ServerError } from '../base/errors.ts';
import type { AppEnvironment } from './dependencies.ts';

const BEARER = /^Bearer +(\S+) *$/i;

/** Digests have one length whatever the key, which the constant-time comparison needs. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Whose everything is where there are no keys. */
const EVERYBODY = 0;

/**
 * Lets a request pass that carries one of `apiKeys`, and says which by its place among them: the key itself goes no further.
 * Lets everything pass when there are none.
 */
export function authentication(apiKeys: readonly string[]): MiddlewareHandler<AppEnvironment> {
  const digests = apiKeys.map(digest);
  return async function authenticate(context, next) {
    if (digests.length === 0) {
      context.set('owner', EVERYBODY);
      return next();
    }
    const key = BEARER.exec(context.req.header('authorization') ?? '')?.[1];
    if (key === undefined) {
      const message = "No API key was given. Send it in the header 'authorization: Bearer <key>'.";
      throw new ServerError('invalid_api_key', message);
    }
    const given = digest(key);
    // All of them are compared.
    const owner = digests.map((known) => timingSafeEqual(given, known)).indexOf(true);
    if (owner === -1) throw new ServerError('invalid_api_key', 'The API key is not known.');
    context.set('owner', owner);
    return next();
  };
}
