/**
 * Entry of the engine's thread: loads the model, then turns the engine over until it is told to close. Everything
 * that runs steps lives here; the main thread sees it only through messages.
 */

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { systemClock } from '../base/clock.ts';
import { Scheduler } from '../batching/scheduler.ts';
import { buildGatheredModel, readDecoderShape } from '../graph/checkpoint.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import { sizeCache } from './cache-sizing.ts';
import { Engine } from './engine.ts';
import { EngineInbox, runEngineLoop } from './engine-loop.ts';
import type { EngineOptions } from './engine-options.ts';
import { bytesPerToken } from './gathered-cache.ts';
import { OnnxModelRunner } from './onnx-model-runner.ts';
import { scoredTokensPerStep } from './prompt-scorer.ts';
import type { EngineCommand, EngineEvent } from './protocol.ts';
import { SequenceSamplers } from './sequence-samplers.ts';

async function loadRunner(options: EngineOptions, shape: DecoderShape): Promise<OnnxModelRunner> {
  const limits = sizeCache(shape, options, process.availableMemory());
  const model = await buildGatheredModel(options.modelDirectory, shape, {
    cache: limits,
    positionCount: limits.modelLengthMax,
    cacheDirectory: options.cacheDirectory,
  });
  const { threadCount } = options;
  return OnnxModelRunner.create({ ...model, shape, limits, threadCount });
}

async function serve(port: MessagePort, options: EngineOptions): Promise<void> {
  const send = (event: EngineEvent): void => port.postMessage(event);
  const shape = await readDecoderShape(options.modelDirectory);
  const runner = await loadRunner(options, shape);
  const { sequencesPerStepMax, tokensPerStepMax } = options;
  const cacheBytes = runner.limits.blockCount * runner.limits.blockSize * bytesPerToken(shape);
  const limits = { ...runner.limits, sequencesPerStepMax, tokensPerStepMax, cacheBytes };
  const scheduler = new Scheduler({ ...limits, scoredTokensPerStepMax: scoredTokensPerStep(limits) });
  const engine = new Engine({ scheduler, runner, sampler: new SequenceSamplers(limits), clock: systemClock });

  const inbox = new EngineInbox();
  port.on('message', (command: EngineCommand) => inbox.push(command));
  // The run call blocks this thread, and with it the delivery of messages: what has arrived is fetched by hand.
  const poll = (): void => {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      inbox.push(next.message);
  };
  send({ kind: 'engine-ready', limits });
  await runEngineLoop({ engine, inbox, send, poll });
  await runner.close();
  port.close();
}

assert(parentPort !== null, 'engine-worker runs in a worker thread');
const port = parentPort;
await serve(port, workerData as EngineOptions).catch((error: Error) => {
  port.postMessage({ kind: 'engine-fatal', message: error.message } satisfies EngineEvent);
  port.close();
});
