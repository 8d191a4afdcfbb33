/** Starts the engine in its own thread, and puts its messages and a client together. */

import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { ENGINE_CLOSE_MS, ENGINE_YOUNG_GENERATION_MB } from '../base/limits.ts';
import { ChannelEngineClient, type ChannelEngineClientOptions } from './channel-engine-client.ts';
import type { EngineOptions } from './engine-options.ts';
import { disableTelemetry } from './native-environment.ts';
import type { EngineEvent } from './protocol.ts';

export type WorkerEngineOptions = {
  readonly engine: EngineOptions;
  readonly inFlightMax: number;
  readonly clock: Clock;
  readonly onLoading?: ChannelEngineClientOptions['onLoading'];
  /** The compiled worker; the one beside this file by default. */
  readonly workerUrl?: URL;
};

/** Returns at once; `client.ready` says when the model is loaded, or why it cannot be. */
export function startWorkerEngine(options: WorkerEngineOptions): ChannelEngineClient {
  disableTelemetry(process.env);
  const url = options.workerUrl ?? new URL('./engine-worker.js', import.meta.url);
  const worker = new Worker(url, {
    workerData: options.engine,
    resourceLimits: { maxYoungGenerationSizeMb: ENGINE_YOUNG_GENERATION_MB },
  });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const client = new ChannelEngineClient({
    send: (command) => worker.postMessage(command),
    close: async () => {
      worker.postMessage({ kind: 'engine-close' });
      // Not terminated: native code cannot be interrupted, and what it returns to an ended thread aborts the process.
      return isOverWithin(exited, ENGINE_CLOSE_MS);
    },
    inFlightMax: options.inFlightMax,
    clock: options.clock,
    ...(options.onLoading === undefined ? {} : { onLoading: options.onLoading }),
  });
  worker.on('message', (event: EngineEvent) => client.receive(event));
  worker.on('error', (error) => client.fail(error));
  worker.on('exit', (code) => client.fail(new Error(`the engine's thread has ended with code ${code}`)));
  return client;
}

async function isOverWithin(end: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const isOver = await Promise.race([end.then(() => true), timeout]);
  clearTimeout(timer);
  return isOver;
}
