/** What an `EngineClient` promises, checked on both: the engine in this thread, and the engine in a worker. */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { ServerError } from '../../src/base/errors.ts';
import { PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import { Scheduler } from '../../src/batching/scheduler.ts';
import type { ChannelEngineClient } from '../../src/engine/channel-engine-client.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { EngineClient, GenerationInput, TokenEvent } from '../../src/engine/engine-client.ts';
import type { EngineOptions } from '../../src/engine/engine-options.ts';
import { startInlineEngine } from '../../src/engine/inline-engine.ts';
import { loadModel } from '../../src/engine/load-model.ts';
import { scoredTokensPerStep } from '../../src/engine/prompt-scorer.ts';
import type { StepReport } from '../../src/engine/protocol.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { startWorkerEngine } from '../../src/engine/worker-engine.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { tokenEvents } from '../support/feeds.ts';
import { eventually } from '../support/server-process.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-client-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

const OPTIONS: EngineOptions = {
  modelDirectory: path.join(ROOT, 'test/fixtures/checkpoints/qwen3'),
  cacheDirectory,
  cacheMemory: { kind: 'bytes', bytes: 1_000_000 },
  cacheType: 'auto',
  blockSize: 8,
  modelLengthMax: 64,
  sequencesPerStepMax: 8,
  tokensPerStepMax: 32,
  quantization: 'none',
  profilePrefix: null,
  decodeSlowdownMax: null,
  speculation: 'off',
  threadCount: 1,
  device: 'cpu',
  strictDevice: false,
  dtype: 'auto',
  gpuMemoryUtilization: 0.9,
};
const IN_FLIGHT_MAX = 4;

function startWorker(options = OPTIONS): ChannelEngineClient {
  const workerUrl = new URL('../../dist/engine/engine-worker.js', import.meta.url);
  return startWorkerEngine({ engine: options, inFlightMax: IN_FLIGHT_MAX, clock: systemClock, workerUrl });
}

async function startInline(): Promise<ChannelEngineClient> {
  const shape = await readDecoderShape(OPTIONS.modelDirectory);
  const { runner, limits } = await loadModel(OPTIONS, shape);
  const engine = new Engine({
    scheduler: new Scheduler({ ...limits, scoredTokensPerStepMax: scoredTokensPerStep(limits) }),
    runner,
    sampler: new SequenceSamplers(limits),
    clock: systemClock,
  });
  return startInlineEngine({ engine, limits, inFlightMax: IN_FLIGHT_MAX, clock: systemClock });
}

function input(changes: Partial<GenerationInput> = {}): GenerationInput {
  return {
    promptTokenIds: Int32Array.of(5, 17, 90, 3, 44, 12, 7, 8, 9, 10),
    ...PLAIN_GENERATION,
    newTokensMax: 6,
    ...changes,
  };
}

/** One sequence's events, to be waited for. */
function events(client: EngineClient, request: GenerationInput): AsyncIterable<TokenEvent> {
  return tokenEvents((onReadable) => client.generate(request, onReadable));
}

async function collect(events: AsyncIterable<TokenEvent>) {
  const tokenIds: number[] = [];
  let reason: string | null = null;
  for await (const event of events) {
    if (event.kind === 'finish') reason = event.reason;
    else for (const { tokenId } of event.tokens) tokenIds.push(tokenId);
  }
  return { tokenIds, reason };
}

const STARTS = [
  { name: 'in this thread', start: startInline },
  { name: 'in a worker', start: async () => startWorker() },
];

describe.each(STARTS)('an engine $name', ({ start }) => {
  let client: ChannelEngineClient;
  let reports: StepReport[];
  beforeEach(async () => {
    client = await start();
    reports = [];
    client.onStep((report) => reports.push(report));
    await client.ready;
  });
  afterEach(() => client.close());

  it('generates the same tokens alone and with others', async () => {
    const alone = await collect(events(client, input()));
    expect(alone).toMatchObject({ reason: 'length' });
    expect(alone.tokenIds.length).toBe(6);
    const others = [1, 2, 3].map((seed) =>
      collect(events(client, input({ sampling: { ...GREEDY, temperature: 1, seed } }))),
    );
    const [among] = await Promise.all([collect(events(client, input())), ...others]);
    expect(among).toEqual(alone);
  });

  it('ends with reason stop at a stop token, which is part of the output', async () => {
    const { tokenIds } = await collect(events(client, input()));
    const stop = tokenIds.findIndex((tokenId, i) => tokenIds.indexOf(tokenId) === i && i > 0);
    const stopped = await collect(events(client, input({ stopTokenIds: [tokenIds[stop]!] })));
    expect(stopped).toEqual({ tokenIds: tokenIds.slice(0, stop + 1), reason: 'stop' });
  });

  it('refuses a prompt that leaves no room, before anything runs', async () => {
    const long = () => client.generate(input({ promptTokenIds: new Int32Array(64).fill(1) }), () => {});
    expect(long).toThrow(expect.objectContaining({ code: 'context_length_exceeded' }));
    expect(reports).toEqual([]);
  });

  it('frees the blocks of a sequence whose reader leaves', async () => {
    for await (const event of events(client, input({ newTokensMax: 50 }))) {
      if (event.kind === 'tokens-delta') break;
    }
    await collect(events(client, input({ newTokensMax: 1 })));
    expect(reports.at(-1)).toMatchObject({ runningCount: 0, waitingCount: 0, cacheUsage: 0 });
  });

  it('gives nothing more to a reader that has left', async () => {
    const feed = client.generate(input({ newTokensMax: 50 }), () => {
      feed.cancel();
      feed.cancel();
    });
    await collect(events(client, input({ newTokensMax: 4 })));
    expect(feed.take()).toBeNull();
    // The engine has heard of the leaving before it hears of this one.
    await collect(events(client, input({ newTokensMax: 1 })));
    expect(reports.at(-1)).toMatchObject({ runningCount: 0, cacheUsage: 0 });
  });

  it('admits so many and no more, and again when one has left', () => {
    const first = client.admit(IN_FLIGHT_MAX);
    expect(() => client.admit(1)).toThrow(expect.objectContaining({ code: 'queue_full' }));
    first.leave();
    first.leave();
    expect(client.health.inFlightCount).toBe(0);
    client.admit(1).leave();
  });

  it('refuses at once what it could never admit', () => {
    const refusal = (param: string) => expect.objectContaining({ code: 'invalid_request', param });
    expect(() => client.admit(IN_FLIGHT_MAX + 1)).toThrow(refusal('n'));
    expect(() => client.admit(IN_FLIGHT_MAX + 1, 'prompt')).toThrow(refusal('prompt'));
  });

  it('drains: takes nothing new, and is done when what runs has left', async () => {
    const admission = client.admit(1);
    let drained = false;
    const alsoDraining = client.drain();
    const draining = client.drain().then(() => {
      drained = true;
    });
    expect(() => client.admit(1)).toThrow(expect.objectContaining({ code: 'shutting_down' }));
    await collect(events(client, input({ newTokensMax: 2 })));
    expect(drained).toBe(false);
    admission.leave();
    await Promise.all([draining, alsoDraining]);
  });

  it('counts as progressing while idle, and from the arrival of work', async () => {
    expect(client.health.withoutProgressMs).toBe(0);
    const running = collect(events(client, input({ newTokensMax: 30 })));
    await eventually(async () => reports.length > 3);
    expect(client.health.withoutProgressMs).toBeLessThan(1000);
    await running;
    expect(client.health.withoutProgressMs).toBe(0);
  });

  it('fails what is open when it is closed', async () => {
    const running = collect(events(client, input({ newTokensMax: 50 })));
    const failed = expect(running).rejects.toMatchObject({ code: 'shutting_down' });
    await client.close();
    await failed;
    expect(client.health.state).toBe('dead');
    expect(() => client.admit(1)).toThrow(ServerError);
  });
});

describe('an engine in a worker', () => {
  it('that cannot load says why, and takes no request', async () => {
    const client = startWorker({ ...OPTIONS, modelDirectory: '/no/such/model' });
    expect(() => client.admit(1)).toThrow(expect.objectContaining({ code: 'not_ready' }));
    await expect(client.ready).rejects.toThrow('/no/such/model/config.json: cannot be read (ENOENT)');
    expect(client.health.state).toBe('dead');
    await client.close();
  });

  it('that was closed while it loaded stays closed', async () => {
    const client = startWorker();
    await client.close();
    expect(client.health.state).toBe('dead');
    expect(() => client.admit(1)).toThrow(ServerError);
    const died = await Promise.race([client.died.then(() => true), client.close().then(() => false)]);
    expect(died).toBe(false);
  });

  it('gives the same tokens as one in this thread', async () => {
    const [inline, worker] = [await startInline(), startWorker()];
    await worker.ready;
    const request = input({ newTokensMax: 20, sampling: { ...GREEDY, temperature: 1, seed: 4 } });
    expect(await collect(events(worker, request))).toEqual(await collect(events(inline, request)));
    await Promise.all([inline.close(), worker.close()]);
  });
});
