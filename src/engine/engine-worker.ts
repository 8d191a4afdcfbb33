/**
 * Entry of the engine's thread: loads the model, then turns the engine over until it is told to close. Everything
 * that runs steps lives here; the main thread sees it only through messages.
 */

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { StartupError } from '../base/errors.ts';
import { Scheduler } from '../batching/scheduler.ts';
import { StepPace } from '../batching/step-pace.ts';
import { readDecoderShape } from '../graph/checkpoint.ts';
import { Engine } from './engine.ts';
import { EngineInbox, runEngineLoop } from './engine-loop.ts';
import type { EngineOptions } from './engine-options.ts';
import { loadModel } from './load-model.ts';
import { scoredTokensPerStep } from './prompt-scorer.ts';
import type { EngineCommand, EngineEvent } from './protocol.ts';
import { SequenceSamplers } from './sequence-samplers.ts';

async function serve(port: MessagePort, options: EngineOptions): Promise<void> {
  const send = (event: EngineEvent): void => port.postMessage(event);
  const shape = await readDecoderShape(options.modelDirectory);
  const { runner, limits, placement } = await loadModel(options, shape, (doneCount, totalCount) =>
    send({ kind: 'engine-loading', progress: { doneCount, totalCount } }),
  );
  const scheduler = new Scheduler(
    { ...limits, scoredTokensPerStepMax: scoredTokensPerStep(limits) },
    undefined,
    new StepPace(options.decodeSlowdownMax ?? Number.POSITIVE_INFINITY),
  );
  const { vocabularySize } = limits;
  const sampler = new SequenceSamplers({ vocabularySize, speculation: options.speculation });
  const engine = new Engine({ scheduler, runner, sampler, clock: systemClock });

  const inbox = new EngineInbox();
  port.on('message', (command: EngineCommand) => inbox.push(command));
  // The run call blocks this thread, and with it the delivery of messages: what has arrived is fetched by hand.
  const poll = (): void => {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      inbox.push(next.message);
  };
  send({ kind: 'engine-ready', limits, placement });
  await runEngineLoop({ engine, inbox, send, poll });
  await runner.close();
  port.close();
}

assert(parentPort !== null, 'engine-worker runs in a worker thread');
const port = parentPort;
await serve(port, workerData as EngineOptions).catch((error: Error) => {
  const { message, stack = message } = error;
  const fault = { message, stack, isStartupError: error instanceof StartupError };
  port.postMessage({ kind: 'engine-fatal', fault } satisfies EngineEvent);
  port.close();
});
