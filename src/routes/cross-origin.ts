/** Lets pages of other origins use the server from a browser, as far as the operator allows it (the Fetch standard's CORS). */

import type { Context, MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { matchedRoutes } from 'hono/route';

/** How long browsers remember that they may ask. */
const PREFLIGHT_SECONDS = 600;

/** @param origins as browsers send them; `*` among them: all. */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler {
  const allow = cors({
    origin: origins.includes('*') ? '*' : [...origins],
    allowMethods: ['GET', 'POST', 'DELETE'],
    // Headers of requests are allowed as they are asked for: SDKs send their own.
    exposeHeaders: ['x-request-id', 'x-octavo-ignored', 'retry-after', 'retry-after-ms'],
    maxAge: PREFLIGHT_SECONDS,
  });
  return async function crossOriginOf(context, next) {
    // What answers preflights would answer all of them.
    if (context.req.method === 'OPTIONS' && !isServed(context)) return context.notFound();
    return allow(context, next);
  };
}

/** Whether anything but middleware is responsible for the path. */
function isServed(context: Context): boolean {
  return matchedRoutes(context).some(({ path }) => !path.includes('*'));
}
