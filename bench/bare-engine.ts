/**
 * The engine without the server: the same worker with the same options as `octavo serve` gets from the environment
 * and by default, so that the comparison leaves out HTTP and text and nothing else. Needs the compiled worker in
 * `dist/`.
 */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/base/clock.ts';
import { engineOptions, serveConfig } from '../src/config.ts';
import type { EngineClient } from '../src/engine/engine-client.ts';
import { startWorkerEngine } from '../src/engine/worker-engine.ts';

export type BareEngine = {
  readonly client: EngineClient;
  close(): Promise<void>;
};

/**
 * Resolves when the model is loaded; `model` is a checkpoint directory, by default the one that ships.
 * @param options environment variables of the server that are set besides the process's own
 */
export async function startBareEngine(
  model: string | undefined,
  options: Readonly<Record<string, string>> = {},
): Promise<BareEngine> {
  const workerUrl = new URL('../dist/engine/engine-worker.js', import.meta.url);
  if (!existsSync(fileURLToPath(workerUrl))) throw new Error('dist/ is missing: run `npm run build` first');
  const config = serveConfig({ model }, { ...process.env, ...options });
  const client = startWorkerEngine({
    engine: engineOptions(config),
    inFlightMax: config.maxInFlight,
    clock: systemClock,
    workerUrl,
  });
  await client.ready;
  return { client, close: async () => void (await client.close()) };
}
