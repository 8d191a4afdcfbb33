import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/batching/scheduler.ts';
import { Engine } from '../../src/engine/engine.ts';
import { EngineInbox, runEngineLoop } from '../../src/engine/engine-loop.ts';
import type { EngineEvent } from '../../src/engine/protocol.ts';
import { aRequest } from '../batching/factories.ts';
import { FakeModelRunner } from '../simulation/fake-model-runner.ts';
import { FakeRowSampler } from '../simulation/fake-row-sampler.ts';

const LIMITS = {
  blockCount: 33,
  blockSize: 4,
  modelLengthMax: 64,
  sequencesPerStepMax: 4,
  tokensPerStepMax: 32,
  scoredTokensPerStepMax: 4,
};

function anEngine(): Engine {
  const runner = new FakeModelRunner({
    ...LIMITS,
    limits: { ...LIMITS, vocabularySize: 100 },
    candidateCount: 2,
    drawFault: () => null,
  });
  return new Engine({
    scheduler: new Scheduler(LIMITS),
    runner,
    sampler: new FakeRowSampler(() => false),
    clock: { monotonicMs: () => 0, unixSeconds: () => 0 },
  });
}

type StepResult = Extract<EngineEvent, { kind: 'step-result' }>;

describe('EngineInbox', () => {
  it('does not wait where a command is there already', async () => {
    const inbox = new EngineInbox();
    inbox.push({ kind: 'engine-close' });
    await inbox.waitForCommand();
    expect(inbox.takeAll()).toHaveLength(1);
  });
});

describe('runEngineLoop', () => {
  it('polls before every step: what has arrived but was not delivered is taken in there', async () => {
    const inbox = new EngineInbox();
    const results: StepResult[] = [];
    let polls = 0;
    inbox.push({ kind: 'request-submit', request: aRequest({ sequenceId: 1, newTokensMax: 8 }) });
    await runEngineLoop({
      engine: anEngine(),
      inbox,
      send: (event) => results.push(event as StepResult),
      // Nothing else delivers the abort: it is there when it is polled for, before the third step.
      poll: () => {
        polls++;
        if (polls === 3) inbox.push({ kind: 'request-abort', sequenceId: 1, takenCount: null });
        if (polls === 4) inbox.push({ kind: 'engine-close' });
      },
    });
    expect(results.map(({ tokens }) => tokens.length)).toEqual([1, 1, 0]);
    expect(polls).toBe(4);
  });

  it('sleeps without work until a command comes, and then takes it', async () => {
    const inbox = new EngineInbox();
    const results: StepResult[] = [];
    let polls = 0;
    const ended = runEngineLoop({
      engine: anEngine(),
      inbox,
      send: (event) => {
        results.push(event as StepResult);
        inbox.push({ kind: 'engine-close' });
      },
      // One that does not sleep would leave no turn to anybody else.
      poll: () => {
        if (++polls > 3) throw new Error('it looks again and again');
      },
    });
    await nextTurn();
    inbox.push({ kind: 'request-submit', request: aRequest({ sequenceId: 1 }) });
    await ended;
    expect(results.map(({ tokens }) => tokens.length)).toEqual([1]);
    // Asleep, woken, and after the step.
    expect(polls).toBe(3);
  });

  it('ends with what breaks the engine', async () => {
    const inbox = new EngineInbox();
    inbox.push({ kind: 'request-submit', request: aRequest({ sequenceId: 1 }) });
    inbox.push({ kind: 'request-submit', request: aRequest({ sequenceId: 1 }) });
    await expect(runEngineLoop({ engine: anEngine(), inbox, send: () => {} })).rejects.toThrow(
      'a sequence is opened once',
    );
  });
});
