/**
 * How the server's process ends: by a signal while it starts, by one after its requests have ended, with its engine. The one
 * rule: nothing ends the engine's thread, or the process by `process.exit`, while native code may run in it.
 */

import type { Server } from 'node:http';
import os from 'node:os';
import type { Logger } from 'pino';
import { systemClock } from './base/clock.ts';
import type { ServeConfig } from './config.ts';
import type { ChannelEngineClient } from './engine/channel-engine-client.ts';
import type { OpenAnswers } from './open-answers.ts';

/**
 * Until the model is loaded nothing runs that would have to be waited for, and loading cannot be interrupted.
 * @returns takes the listeners away
 */
export function exitOnSignal(): () => void {
  process.on('SIGTERM', endBySignal);
  process.on('SIGINT', endBySignal);
  return () => {
    process.off('SIGTERM', endBySignal);
    process.off('SIGINT', endBySignal);
  };
}

/**
 * By the signal's own way: `process.exit` takes libraries down under the engine's native code. The first process of a
 * container, which no signal of its own can end, has no other way to say so by its code.
 */
function endBySignal(signal: NodeJS.Signals): void {
  if (process.pid === 1) process.exit(128 + os.constants.signals[signal]);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/**
 * `process.exit` waits for the engine's native code, and aborts then; nor would the process end by itself before that is done.
 * The first process of a container takes no signal from itself, SIGKILL among them, but may abort at once.
 */
export async function endWithEngine(engine: ChannelEngineClient): Promise<void> {
  if (await engine.close()) return;
  if (process.pid === 1) process.abort();
  process.kill(process.pid, 'SIGKILL');
}

/** What listens, and the answers that are on their way. */
export type Http = { readonly server: Server; readonly answers: OpenAnswers };

type TakenDown = Http & {
  readonly engine: ChannelEngineClient;
  readonly config: ServeConfig;
  readonly logger: Logger;
};

/**
 * The first signal lets what runs finish, and be read; a second one, or the time limit, does not wait for it. Ctrl-C under
 * `npm start` arrives twice, from the terminal and from npm, so an echo does not count as a second one.
 */
export function takeDownOnSignal({ server, answers, engine, config, logger }: TakenDown): void {
  let stoppingSinceMs: number | null = null;
  let hurry = (): void => {};
  const hurried = new Promise<void>((resolve) => {
    hurry = resolve;
  });
  let exitCode = 0;
  void engine.died.then(() => {
    exitCode = 1;
  });
  const stop = (signal: NodeJS.Signals): void => {
    const nowMs = systemClock.monotonicMs();
    if (stoppingSinceMs !== null) {
      if (nowMs - stoppingSinceMs < SIGNAL_ECHO_MS) return;
      // The first process of a container cannot be ended by a signal of its own.
      if (process.pid === 1) {
        hurry();
        return;
      }
      endBySignal(signal);
      return;
    }
    stoppingSinceMs = nowMs;
    logger.info({ signal, inFlight: engine.health.inFlightCount }, 'finishing what runs, taking nothing new');
    const timeout = delay(config.shutdownTimeout * 1000);
    takeDown({ server, answers, engine }, Promise.race([timeout, hurried])).then(
      (isEngineGone) => (isEngineGone ? process.exit(exitCode) : endBySignal(signal)),
      (error) => {
        logger.error({ err: error }, 'the server did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** Within this time the same wish to stop may arrive by two ways. */
const SIGNAL_ECHO_MS = 500;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/**
 * @param impatience resolves when what runs need not be waited for any longer
 * @returns whether the engine has ended its last step
 */
async function takeDown(
  { server, answers, engine }: Http & { readonly engine: ChannelEngineClient },
  impatience: Promise<void>,
): Promise<boolean> {
  // The door stays open meanwhile: probes and new requests are told 503, which a closed port could not say.
  const drained = engine.drain().then(() => answers.settled());
  await Promise.race([drained, impatience]);
  // What is still open now fails with an error of its own before its connection is closed.
  const isEngineGone = await engine.close();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, delay(LAST_BYTES_MS)]);
  server.closeAllConnections();
  return isEngineGone;
}

/** How long clients get to read the end of what they were sent. */
const LAST_BYTES_MS = 1000;

/**
 * Native state is not to be trusted after a failure: the process ends, and its supervisor starts a new one. Nor is what the main
 * thread has left half done where it threw and nobody caught it: to its clients, the engine has failed then too.
 */
export function endWhenEngineDies(engine: ChannelEngineClient, logger: Logger): void {
  process.on('uncaughtException', (error) => {
    if (engine.health.state === 'dead') logger.error({ err: error }, 'a fault while the server ends');
    else engine.fail(error);
  });
  void engine.died.then(async (error) => {
    logger.fatal({ err: error }, 'the engine has failed; the server ends');
    // Open requests get their error, and probes their 503, before the line goes dead.
    await Promise.all([delay(LAST_BYTES_MS), endWithEngine(engine)]);
    process.exit(1);
  });
}
