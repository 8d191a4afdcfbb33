/** GET /metrics: the exposition that Prometheus reads. */

import type { Handler } from 'hono';
import type { AppEnvironment } from './dependencies.ts';
import type { EngineMetrics } from './engine-metrics.ts';

/** Handler of GET /metrics. */
export function metricsText(metrics: EngineMetrics): Handler<AppEnvironment> {
  return async (context) =>
    context.body(await metrics.exposition(), 200, { 'content-type': metrics.contentType });
}
