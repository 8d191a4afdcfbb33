/** Starts the engine in its own thread. The only user of worker threads on the main side. */

import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { ENGINE_CLOSE_MS } from '../base/limits.ts';
import { ChannelEngineClient } from './channel-engine-client.ts';
import type { EngineOptions } from './engine-options.ts';
import type { EngineEvent } from './protocol.ts';

export type WorkerEngineOptions = {
  readonly engine: EngineOptions;
  readonly inFlightMax: number;
  readonly clock: Clock;
  /** The compiled worker; the one beside this file by default. */
  readonly workerUrl?: URL;
};

/** Returns at once; `client.ready` says when the model is loaded, or why it cannot be. */
export function startWorkerEngine(options: WorkerEngineOptions): ChannelEngineClient {
  const url = options.workerUrl ?? new URL('./engine-worker.js', import.meta.url);
  const worker = new Worker(url, { workerData: options.engine });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const client = new ChannelEngineClient({
    send: (command) => worker.postMessage(command),
    close: async () => {
      worker.postMessage({ kind: 'engine-close' });
      const timer = setTimeout(() => worker.terminate(), ENGINE_CLOSE_MS);
      await exited;
      clearTimeout(timer);
    },
    inFlightMax: options.inFlightMax,
    clock: options.clock,
  });
  worker.on('message', (event: EngineEvent) => client.receive(event));
  worker.on('error', (error) => client.fail(`The engine failed: ${error.message}`));
  worker.on('exit', (code) => client.fail(`The engine ended unexpectedly (exit code ${code}).`));
  return client;
}
