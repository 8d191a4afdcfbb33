/**
 * GET /ready: whether this server should get traffic. 503 while it loads or drains, when the engine is dead, and
 * when it has work but has finished no step for some time, which a process that merely lives does not show.
 */

import type { Handler } from 'hono';
import { assertNever } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import type { EngineHealth } from '../engine/engine-client.ts';
import { HttpError } from './api-error.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';

function reasonAgainst({ state, withoutProgressMs }: EngineHealth, stalledAfterMs: number): Error | null {
  switch (state) {
    case 'loading':
      return new ServerError('not_ready', 'The model is being loaded.');
    case 'draining':
      return new ServerError('shutting_down', 'The server is shutting down.');
    case 'dead':
      return new ServerError('engine_dead', 'The engine has ended.');
    case 'ready': {
      if (withoutProgressMs <= stalledAfterMs) return null;
      const message = `The engine has work but has finished no step for ${Math.round(withoutProgressMs)} ms.`;
      return new HttpError(503, 'engine_stalled', message);
    }
    default:
      return assertNever(state);
  }
}

/** Handler of GET /ready. */
export function ready({
  engine,
  stalledAfterMs,
}: Pick<AppDependencies, 'engine' | 'stalledAfterMs'>): Handler<AppEnvironment> {
  return (context) => {
    const reason = reasonAgainst(engine.health, stalledAfterMs);
    if (reason !== null) throw reason;
    return context.json({ status: 'ready' });
  };
}
