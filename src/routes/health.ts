/**
 * GET /health: whether the process is worth keeping. Stays 200 while loading and draining; a supervisor that reads
 * 503 here should restart the server. Whether it should get traffic is the question of `ready.ts`.
 */

import type { Handler } from 'hono';
import { ServerError } from '../base/errors.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';

/** Handler of GET /health. */
export function health({ engine }: Pick<AppDependencies, 'engine'>): Handler<AppEnvironment> {
  return (context) => {
    if (engine.health.state === 'dead') throw new ServerError('engine_dead', 'The engine has ended.');
    return context.json({ status: 'alive' });
  };
}
