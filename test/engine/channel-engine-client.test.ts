/** What the client says of the engine's progress: `/ready` tells a stalled engine by it. With a clock given by hand. */

import { describe, expect, it } from 'vitest';
import { PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import { ChannelEngineClient } from '../../src/engine/channel-engine-client.ts';
import type { GenerationInput } from '../../src/engine/engine-client.ts';
import type { EngineCommand, EngineEvent, StepReport } from '../../src/engine/protocol.ts';
import { FAKE_LIMITS } from '../support/fake-engine-client.ts';

type StepResult = Extract<EngineEvent, { kind: 'step-result' }>;

const REPORT: StepReport = {
  tokenCount: 1,
  rowCount: 1,
  draftCount: 0,
  draftedCount: 0,
  draftAcceptedCount: 0,
  draftAcceptedAt: [],
  newTokenCount: 1,
  tokenGapsMs: [],
  promptTokenCount: 0,
  cachedPromptTokenCount: 0,
  ended: [],
  preemptionCount: 0,
  prefixQueryTokenCount: 0,
  prefixHitTokenCount: 0,
  runningCount: 1,
  waitingCount: 0,
  cacheUsage: 0,
  stepMs: 1,
  runMs: 1,
};

const INPUT: GenerationInput = {
  promptTokenIds: Int32Array.of(1, 2, 3),
  ...PLAIN_GENERATION,
  newTokensMax: 4,
};

function aClient() {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs, unixSeconds: () => 0 };
  const sent: EngineCommand[] = [];
  const client = new ChannelEngineClient({
    send: (command) => sent.push(command),
    close: async () => true,
    inFlightMax: 8,
    clock,
  });
  client.receive({ kind: 'engine-ready', limits: FAKE_LIMITS });
  const start = () => client.generate(INPUT, () => {});
  const step = (tokens: StepResult['tokens'] = [], report: Partial<StepReport> = {}): void =>
    client.receive({
      kind: 'step-result',
      tokens,
      promptScores: [],
      predictions: [],
      failures: [],
      report: { ...REPORT, ...report },
    });
  return { client, clock, sent, start, step };
}

describe('time without progress', () => {
  it('is counted from the arrival of work at an idle engine, not from the last step before', () => {
    const { client, clock, start } = aClient();
    clock.nowMs = 100_000;
    expect(client.health.withoutProgressMs).toBe(0);
    start();
    expect(client.health.withoutProgressMs).toBe(0);
    clock.nowMs += 700;
    expect(client.health.withoutProgressMs).toBe(700);
  });

  it('goes on when more work arrives at a busy engine, and ends with a step', () => {
    const { client, clock, start, step } = aClient();
    start();
    clock.nowMs = 500;
    start();
    expect(client.health.withoutProgressMs).toBe(500);
    step();
    expect(client.health.withoutProgressMs).toBe(0);
    clock.nowMs = 800;
    expect(client.health.withoutProgressMs).toBe(300);
  });

  it('goes on when readers leave an engine that does not let go of their sequences', () => {
    const { client, clock, start } = aClient();
    start().cancel();
    clock.nowMs = 20_000;
    expect(client.health.withoutProgressMs).toBe(20_000);
    start().cancel();
    clock.nowMs = 40_000;
    expect(client.health.withoutProgressMs).toBe(40_000);
  });

  it('is none when the engine has let go of the last sequence whose reader has left', () => {
    const { client, clock, start, step } = aClient();
    start().cancel();
    clock.nowMs = 500;
    step([], { runningCount: 1 });
    clock.nowMs = 700;
    expect(client.health.withoutProgressMs).toBe(200);
    step([], { runningCount: 0 });
    clock.nowMs = 9_000;
    expect(client.health.withoutProgressMs).toBe(0);
    start();
    clock.nowMs = 9_100;
    expect(client.health.withoutProgressMs).toBe(100);
  });

  it('is none when the last sequence has ended', () => {
    const { client, clock, sent, start, step } = aClient();
    start();
    const submitted = sent[0]!;
    if (submitted.kind !== 'request-submit') throw new Error('nothing was submitted');
    const { sequenceId } = submitted.request;
    step([{ sequenceId, tokenId: 5, logprobs: null, finishReason: 'length', cachedTokenCount: 0 }]);
    clock.nowMs = 9_000;
    expect(client.health.withoutProgressMs).toBe(0);
  });
});

describe('what the engine tells', () => {
  it('of a prediction reaches its own sequence, with the tokens of the step', () => {
    const { client, start } = aClient();
    const [first, second] = [start(), start()];
    client.receive({
      kind: 'step-result',
      tokens: [1, 2].map((sequenceId) => {
        return { sequenceId, tokenId: 5, logprobs: null, finishReason: null, cachedTokenCount: 0 };
      }),
      promptScores: [],
      predictions: [{ sequenceId: 2, acceptedCount: 3, rejectedCount: 1 }],
      failures: [],
      report: REPORT,
    });
    expect(first.take()).toMatchObject({ predicted: { acceptedCount: 0, rejectedCount: 0 } });
    expect(second.take()).toMatchObject({ predicted: { acceptedCount: 3, rejectedCount: 1 } });
  });

  it('of its steps reaches all that listen', () => {
    const { client, step } = aClient();
    const told: string[] = [];
    client.onStep(({ rowCount }) => told.push(`first ${rowCount}`));
    client.onStep(({ rowCount }) => told.push(`second ${rowCount}`));
    step([], { rowCount: 7 });
    expect(told).toEqual(['first 7', 'second 7']);
  });

  it('after it was closed concerns nobody', async () => {
    const { client, step } = aClient();
    let steps = 0;
    client.onStep(() => steps++);
    await client.close();
    step();
    client.receive({ kind: 'engine-ready', limits: FAKE_LIMITS });
    expect({ steps, state: client.health.state }).toEqual({ steps: 0, state: 'dead' });
  });
});

describe('the end of the engine', () => {
  it.each([
    ['that was asked for', async (client: ChannelEngineClient) => client.close(), 'shutting_down'],
    [
      'that came by itself',
      async (client: ChannelEngineClient) => client.fail(new Error('x')),
      'engine_dead',
    ],
  ])('is told once to those that listen: %s', async (_, end, code) => {
    const { client } = aClient();
    const told: string[] = [];
    client.onEnd((error) => told.push(error.code));
    const forget = client.onEnd(() => told.push('forgotten'));
    forget();
    await end(client);
    client.fail(new Error('again'));
    expect(told).toEqual([code]);
  });

  it('ends a drain that waits for what can end no more', async () => {
    const { client } = aClient();
    client.admit(1);
    const drained = client.drain();
    client.fail(new Error('x'));
    await expect(drained).resolves.toBeUndefined();
  });

  it('that came by itself says why to whoever waits for it', async () => {
    const { client } = aClient();
    client.fail(new Error('x'));
    await expect(client.died).resolves.toMatchObject({ code: 'engine_dead', cause: new Error('x') });
  });

  it.each([
    ['was asked for', async (client: ChannelEngineClient) => client.close(), 'The server was stopped.'],
    ['came by itself', async (client: ChannelEngineClient) => client.fail(new Error('x')), 'x'],
  ])('while the model is loaded is told to whoever waits for that, when it %s', async (_, end, message) => {
    const client = new ChannelEngineClient({
      send: () => {},
      close: async () => true,
      inFlightMax: 8,
      clock: { monotonicMs: () => 0, unixSeconds: () => 0 },
    });
    await end(client);
    await expect(client.ready).rejects.toThrow(message);
  });
});
