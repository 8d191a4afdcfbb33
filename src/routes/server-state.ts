/**
 * GET /version, /load and /is_sleeping: what routers and gateways made for vLLM ask of a replica. They tell nothing
 * of any request, so they are open, like the probes and the metrics.
 */

import type { Handler } from 'hono';
import type { z } from 'zod';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import type { loadSchema, sleepingSchema, versionSchema } from './schema/server-state.ts';

/** Handler of GET /version. */
export function serverVersion({ version }: Pick<AppDependencies, 'version'>): Handler<AppEnvironment> {
  return (context) => context.json({ version } satisfies z.infer<typeof versionSchema>);
}

/** Handler of GET /load. */
export function serverLoad({ engine }: Pick<AppDependencies, 'engine'>): Handler<AppEnvironment> {
  return (context) => {
    const load: z.infer<typeof loadSchema> = { server_load: engine.health.inFlightCount };
    return context.json(load);
  };
}

/** Handler of GET /is_sleeping. This server is never put to sleep; what is not there needs no waking either. */
export function isSleeping(): Handler<AppEnvironment> {
  return (context) => context.json({ is_sleeping: false } satisfies z.infer<typeof sleepingSchema>);
}
