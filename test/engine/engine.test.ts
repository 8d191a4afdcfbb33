import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { ServerError } from '../../src/base/errors.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import { Scheduler, type SchedulerLimits, type SchedulerSnapshot } from '../../src/batching/scheduler.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import { Engine, type StepResult } from '../../src/engine/engine.ts';
import { type ModelRunner, RunnerError, type StepOutcome } from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import { BlockPool } from '../../src/kv-cache/block-pool.ts';
import { KvCacheManager } from '../../src/kv-cache/kv-cache-manager.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../../src/sampling/step-logits.ts';
import { aRequest } from '../batching/factories.ts';
import { outputAlone } from '../simulation/fake-model.ts';
import { FakeModelRunner } from '../simulation/fake-model-runner.ts';
import { FakeRowSampler } from '../simulation/fake-row-sampler.ts';

const VOCABULARY_SIZE = 1_000;

const LIMITS: SchedulerLimits = {
  blockCount: 33,
  blockSize: 4,
  modelLengthMax: 64,
  sequencesPerStepMax: 4,
  tokensPerStepMax: 32,
  scoredTokensPerStepMax: 8,
};

/** The fake model, with errors to throw in order of runs, a record of the batches, and a word during each run. */
class ScriptedRunner implements ModelRunner {
  readonly limits = { ...LIMITS, vocabularySize: VOCABULARY_SIZE };
  readonly errors: (Error | null)[] = [];
  readonly rowCounts: number[] = [];
  duringRun: () => void = () => {};
  readonly #model = new FakeModelRunner({
    ...LIMITS,
    limits: this.limits,
    candidateCount: 2,
    drawFault: () => null,
  });

  /** Token ids that the model has no numbers for. */
  readonly brokenTokenIds = new Set<number>();

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    this.rowCounts.push(batch.rowCount);
    this.duringRun();
    const error = this.errors.shift() ?? null;
    if (error !== null) throw error;
    const outcome = await this.#model.run(batch, query);
    const isBroken = (_: unknown, token: number) => this.brokenTokenIds.has(batch.tokenIds[token]!);
    return { ...outcome, brokenTokens: Array.from(batch.tokenIds, (_, token) => token).filter(isBroken) };
  }

  async close(): Promise<void> {}
}

class RefusingSampler extends FakeRowSampler {
  /** Sequences whose row leads to no token. */
  readonly hopelessIds = new Set<number>();

  override choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    if (this.hopelessIds.has(sequenceId)) throw new ServerError('step_failed', 'no token can be chosen');
    return super.choose(sequenceId, row, logits);
  }

  /** Sequences that cannot go on with the next token that they accept. */
  readonly stuckIds = new Set<number>();

  override accept(sequenceId: number, tokenId: number): void {
    if (this.stuckIds.delete(sequenceId)) throw new ServerError('step_failed', 'too many readings');
    super.accept(sequenceId, tokenId);
  }

  readonly settled: [sequenceId: number, count: number, rightCount: number][] = [];

  override settleDraft(sequenceId: number, count: number, rightCount: number): void {
    this.settled.push([sequenceId, count, rightCount]);
  }

  override open(request: GenerationRequest): void {
    if (request.sampling.seed < 0) throw new ServerError('invalid_request', 'no such token');
    super.open(request);
  }
}

type Bench = {
  readonly engine: Engine;
  readonly scheduler: Scheduler;
  readonly runner: ScriptedRunner;
  readonly sampler: RefusingSampler;
  /** Answers, in order, to whether the candidates leave a draw undecided; then they decide. */
  readonly undecided: boolean[];
  submit(request: GenerationRequest): void;
  abort(sequenceId: number): void;
};

function aBench({ limits = LIMITS, scheduler = new Scheduler(limits) } = {}): Bench {
  const runner = new ScriptedRunner();
  const undecided: boolean[] = [];
  const sampler = new RefusingSampler(() => undecided.shift() ?? false);
  let now = 0;
  const clock = { monotonicMs: () => now++, unixSeconds: () => 0 };
  const engine = new Engine({ scheduler, runner, sampler, clock });
  return {
    engine,
    scheduler,
    runner,
    sampler,
    undecided,
    submit: (request) => engine.receive({ kind: 'request-submit', request }),
    abort: (sequenceId) => engine.receive({ kind: 'request-abort', sequenceId, takenCount: null }),
  };
}

/** Steps until nothing is left. @returns the tokens of each sequence. */
async function runToEnd(engine: Engine): Promise<Map<number, number[]>> {
  const outputs = new Map<number, number[]>();
  while (engine.hasWork) {
    for (const { sequenceId, tokenId } of (await engine.step())?.tokens ?? []) {
      outputs.set(sequenceId, [...(outputs.get(sequenceId) ?? []), tokenId]);
    }
  }
  return outputs;
}

async function stepOf(bench: Bench): Promise<StepResult> {
  const result = await bench.engine.step();
  if (result === null) throw new Error('the step had nothing to do');
  return result;
}

const retryable = (): RunnerError => new RunnerError('retryable', 'the device was busy');

describe('Engine.step', () => {
  it('has nothing to do and nothing to tell without requests', async () => {
    const { engine } = aBench();
    expect(engine.hasWork).toBe(false);
    expect(await engine.step()).toBeNull();
  });

  it('fails a request for which no token can be chosen, and no other', async () => {
    const bench = aBench();
    const [good, hopeless] = [aRequest({ sequenceId: 1 }), aRequest({ sequenceId: 2 })];
    for (const request of [good, hopeless]) bench.submit(request);
    bench.sampler.hopelessIds.add(2);
    const first = await stepOf(bench);
    expect(first.failures).toEqual([
      { sequenceId: 2, code: 'step_failed', message: 'no token can be chosen' },
    ]);
    const rest = await runToEnd(bench.engine);
    const tokens = [first.tokens[0]!.tokenId, ...rest.get(1)!];
    expect(tokens).toEqual(outputAlone(good, VOCABULARY_SIZE));
    expect(bench.scheduler.cacheUsage).toBe(0);
  });

  it('fails a request that cannot go on with its token, which is told, and no other', async () => {
    const bench = aBench();
    const [good, stuck] = [aRequest({ sequenceId: 1 }), aRequest({ sequenceId: 2 })];
    for (const request of [good, stuck]) bench.submit(request);
    bench.sampler.stuckIds.add(2);
    const first = await stepOf(bench);
    expect(first.tokens.map(({ sequenceId }) => sequenceId)).toEqual([1, 2]);
    expect(first.failures).toEqual([{ sequenceId: 2, code: 'step_failed', message: 'too many readings' }]);
    const rest = await runToEnd(bench.engine);
    expect([first.tokens[0]!.tokenId, ...rest.get(1)!]).toEqual(outputAlone(good, VOCABULARY_SIZE));
    expect(bench.sampler.openCount).toBe(0);
    expect(bench.scheduler.cacheUsage).toBe(0);
  });

  it('fails a request for which the whole row leads to no token, and no other', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1 }));
    bench.undecided.push(true);
    bench.runner.duringRun = () => {
      if (bench.runner.rowCounts.length === 2) bench.sampler.hopelessIds.add(1);
    };
    const { failures, tokens } = await stepOf(bench);
    expect({ failures: failures.length, tokens: tokens.length }).toEqual({ failures: 1, tokens: 0 });
    expect(bench.engine.hasWork).toBe(false);
  });

  it('fails a request with a token that the model has no numbers for, in whichever chunk, and no other', async () => {
    const bench = aBench({ limits: { ...LIMITS, tokensPerStepMax: 8 } });
    const good = aRequest({ sequenceId: 1, promptLength: 2 });
    for (const request of [good, aRequest({ sequenceId: 2, promptLength: 20 })]) bench.submit(request);
    bench.runner.brokenTokenIds.add(2003);
    const first = await stepOf(bench);
    expect(first.failures).toMatchObject([
      { sequenceId: 2, code: 'step_failed', message: expect.stringContaining('token 3 ') },
    ]);
    const rest = await runToEnd(bench.engine);
    expect([first.tokens[0]!.tokenId, ...rest.get(1)!]).toEqual(outputAlone(good, VOCABULARY_SIZE));
    expect(bench.sampler.openCount).toBe(0);
  });

  it('blames nobody whose row lies beside the one with that token, and names the first of several', async () => {
    const bench = aBench();
    for (const sequenceId of [1, 2, 3]) bench.submit(aRequest({ sequenceId, promptLength: 3 }));
    for (const tokenId of [2000, 2002]) bench.runner.brokenTokenIds.add(tokenId);
    const { tokens, failures } = await stepOf(bench);
    expect(tokens.map(({ sequenceId }) => sequenceId)).toEqual([1, 3]);
    expect(failures).toMatchObject([{ sequenceId: 2, message: expect.stringContaining('token 0 ') }]);
  });

  it('never serves keys and values that are no numbers from the cache: the same prompt is computed again', async () => {
    const bench = aBench({ limits: { ...LIMITS, tokensPerStepMax: 8 } });
    bench.submit(aRequest({ sequenceId: 2, promptLength: 20 }));
    bench.runner.brokenTokenIds.add(2003);
    await stepOf(bench);
    const again = aRequest({
      sequenceId: 3,
      promptTokenIds: aRequest({ sequenceId: 2, promptLength: 20 }).promptTokenIds,
    });
    bench.submit(again);
    const { failures } = await stepOf(bench);
    expect(failures).toMatchObject([{ sequenceId: 3, code: 'step_failed' }]);
  });

  it('gives every request what it would get alone', async () => {
    const bench = aBench();
    const requests = [3, 9, 20, 1, 6].map((promptLength, index) =>
      aRequest({ sequenceId: index + 1, promptLength }),
    );
    for (const request of requests) bench.submit(request);
    const outputs = await runToEnd(bench.engine);
    for (const request of requests) {
      expect(outputs.get(request.sequenceId)).toEqual(outputAlone(request, VOCABULARY_SIZE));
    }
    expect(bench.sampler.openCount).toBe(0);
  });

  it('takes commands in the order in which they came', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1 }));
    bench.abort(1);
    bench.submit(aRequest({ sequenceId: 2 }));
    bench.abort(99);
    const { tokens } = await stepOf(bench);
    expect(tokens.map(({ sequenceId }) => sequenceId)).toEqual([2]);
    expect(bench.sampler.openCount).toBe(1);
  });

  it('takes an abort that comes during a run at the top of the next step', async () => {
    const bench = aBench();
    bench.submit(aRequest());
    bench.runner.duringRun = () => bench.abort(1);
    expect((await stepOf(bench)).tokens).toHaveLength(1);
    expect(bench.engine.hasWork).toBe(true);
    const { tokens, report } = await stepOf(bench);
    expect(tokens).toEqual([]);
    expect(report).toMatchObject({ rowCount: 0, runningCount: 0, cacheUsage: 0 });
    expect(bench.scheduler.cacheUsage).toBe(0);
  });

  it('refuses a request that can never fit, and disturbs nobody', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1, newTokensMax: 1_000 }));
    bench.submit(aRequest({ sequenceId: 2 }));
    const { tokens, failures } = await stepOf(bench);
    expect(failures).toMatchObject([{ sequenceId: 1, code: 'context_length_exceeded' }]);
    expect(tokens).toMatchObject([{ sequenceId: 2 }]);
    expect(bench.sampler.openCount).toBe(1);
  });

  it('tells of a refusal although there is nothing to run', async () => {
    const bench = aBench();
    bench.submit(aRequest({ newTokensMax: 1_000 }));
    expect((await stepOf(bench)).report).toMatchObject({ rowCount: 0, tokenCount: 0, runMs: 0 });
    expect(bench.runner.rowCounts).toEqual([]);
  });

  it('refuses a request that the sampler refuses', async () => {
    const bench = aBench();
    const request = aRequest();
    bench.submit({ ...request, sampling: { ...request.sampling, seed: -1 } });
    expect((await stepOf(bench)).failures).toMatchObject([{ sequenceId: 1, code: 'invalid_request' }]);
    expect(bench.engine.hasWork).toBe(false);
  });

  it('runs only the undecided rows again, and puts their tokens where they belong', async () => {
    const bench = aBench();
    const requests = [1, 2, 3].map((sequenceId) => aRequest({ sequenceId, promptLength: 5 }));
    for (const request of requests) bench.submit(request);
    bench.undecided.push(true, false, true);
    const { tokens } = await stepOf(bench);
    expect(bench.runner.rowCounts).toEqual([3, 2]);
    expect(tokens.map(({ tokenId }) => tokenId)).toEqual(
      requests.map((request) => outputAlone(request, VOCABULARY_SIZE)[0]),
    );
  });

  it('tries a failed step once more', async () => {
    const bench = aBench();
    const request = aRequest();
    bench.submit(request);
    bench.runner.errors.push(retryable());
    const { tokens, failures } = await stepOf(bench);
    expect(failures).toEqual([]);
    expect(tokens[0]?.tokenId).toBe(outputAlone(request, VOCABULARY_SIZE)[0]);
    expect(bench.runner.rowCounts).toEqual([1, 1]);
  });

  it('tries a step once more that failed in its second run', async () => {
    const bench = aBench();
    const request = aRequest();
    bench.submit(request);
    bench.undecided.push(true, true);
    bench.runner.errors.push(null, retryable());
    const { tokens } = await stepOf(bench);
    expect(bench.runner.rowCounts).toEqual([1, 1, 1, 1]);
    expect(tokens[0]?.tokenId).toBe(outputAlone(request, VOCABULARY_SIZE)[0]);
  });

  it('fails the rows of a step that failed twice, and only them', async () => {
    const bench = aBench({ limits: { ...LIMITS, sequencesPerStepMax: 2 } });
    const requests = [1, 2, 3].map((sequenceId) => aRequest({ sequenceId }));
    for (const request of requests) bench.submit(request);
    bench.runner.errors.push(retryable(), retryable());
    const { tokens, failures, report } = await stepOf(bench);
    expect(tokens).toEqual([]);
    expect(failures).toEqual([
      { sequenceId: 1, code: 'step_failed', message: 'the device was busy' },
      { sequenceId: 2, code: 'step_failed', message: 'the device was busy' },
    ]);
    expect(report).toMatchObject({ rowCount: 0, runningCount: 0, waitingCount: 1, cacheUsage: 0 });
    expect(bench.sampler.openCount).toBe(1);
    const outputs = await runToEnd(bench.engine);
    expect(outputs.get(3)).toEqual(outputAlone(requests[2]!, VOCABULARY_SIZE));
  });

  it('fails once a row that led to no token in a step which then failed', async () => {
    const bench = aBench();
    for (const sequenceId of [1, 2]) bench.submit(aRequest({ sequenceId }));
    // The first attempt fails; in the second the first row leads to no token, and the rerun for the other fails.
    bench.sampler.hopelessIds.add(1);
    bench.undecided.push(true);
    bench.runner.errors.push(retryable(), null, retryable());
    const { failures } = await stepOf(bench);
    expect(failures).toEqual([
      { sequenceId: 1, code: 'step_failed', message: 'no token can be chosen' },
      { sequenceId: 2, code: 'step_failed', message: 'the device was busy' },
    ]);
    expect(bench.sampler.openCount).toBe(0);
    expect(bench.engine.hasWork).toBe(false);
  });

  it('tells the scheduler how long steps ran, and not of one that had to be repeated', async () => {
    class WatchedScheduler extends Scheduler {
      readonly observedMs: number[] = [];
      override observe(_plan: StepPlan, runMs: number): void {
        this.observedMs.push(runMs);
      }
    }
    const scheduler = new WatchedScheduler(LIMITS);
    const bench = aBench({ scheduler });
    bench.submit(aRequest());
    // A run takes one of the clock's milliseconds; the first step needs a second one.
    bench.undecided.push(true);
    await stepOf(bench);
    bench.runner.errors.push(retryable());
    await stepOf(bench);
    await stepOf(bench);
    expect(scheduler.observedMs).toEqual([2, 1]);
  });

  it('takes the time between the tokens of each sequence, wherever they are read', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1, newTokensMax: 3 }));
    const gaps = [(await stepOf(bench)).report.tokenGapsMs];
    bench.submit(aRequest({ sequenceId: 2, newTokensMax: 3 }));
    while (bench.engine.hasWork) gaps.push((await stepOf(bench)).report.tokenGapsMs);
    // Each step looks at the clock four times.
    expect(gaps).toEqual([[], [4], [4, 4], [4]]);
  });

  it('takes how long each sequence waited, was prepared and answered', async () => {
    const bench = aBench({ limits: { ...LIMITS, sequencesPerStepMax: 1 } });
    for (const sequenceId of [1, 2]) bench.submit(aRequest({ sequenceId, newTokensMax: 3 }));
    const ended = [];
    while (bench.engine.hasWork) ended.push(...(await stepOf(bench)).report.ended);
    // A step takes three of the clock's milliseconds, and the next begins with a fourth.
    const answered = { tokenCount: 3, prefillMs: 3, decodeMs: 8 };
    expect(ended).toMatchObject([
      { ...answered, queueMs: 0 },
      { ...answered, queueMs: 12 },
    ]);
  });

  it('takes the wait of a sequence that is computed again until it was taken up for the first time', async () => {
    const bench = aBench();
    // It does not come at 0.
    await bench.engine.step();
    bench.submit(aRequest({ sequenceId: 1, newTokensMax: 2 }));
    await stepOf(bench);
    bench.scheduler.preempt(1);
    expect((await stepOf(bench)).report.ended).toMatchObject([{ queueMs: 0, prefillMs: 3, decodeMs: 4 }]);
  });

  it('takes nothing of a sequence that was given up', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1 }));
    await stepOf(bench);
    bench.engine.receive({ kind: 'request-abort', sequenceId: 1, takenCount: null });
    expect((await stepOf(bench)).report).toMatchObject({ ended: [], tokenGapsMs: [] });
  });

  it('takes a sequence whose reader has all it wants for one that has ended', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1, newTokensMax: 9 }));
    await stepOf(bench);
    await stepOf(bench);
    bench.engine.receive({ kind: 'request-abort', sequenceId: 1, takenCount: 1 });
    expect((await stepOf(bench)).report.ended).toMatchObject([
      { tokenCount: 1, queueMs: 0, prefillMs: 3, decodeMs: 4 },
    ]);
  });

  it('has no token of one of which only the prompt was wanted', async () => {
    const bench = aBench();
    bench.submit(aRequest({ sequenceId: 1, newTokensMax: 0 }));
    expect((await stepOf(bench)).report.ended).toMatchObject([{ tokenCount: 0 }]);
  });

  it.each([
    ['a fatal runner error', new RunnerError('fatal', 'the device is gone')],
    ['any other error', new TypeError('undefined is not a tensor')],
  ])('ends with %s', async (_name, error) => {
    const bench = aBench();
    bench.submit(aRequest());
    bench.runner.errors.push(error);
    await expect(bench.engine.step()).rejects.toBe(error);
    expect(bench.runner.rowCounts).toEqual([1]);
  });

  it('has in one step what was right of a draft, and goes on as if there had been none', async () => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 12 });
    const [first, second, third] = outputAlone(request, VOCABULARY_SIZE).slice(1, 4);
    bench.sampler.drafts.push([first!, second!, third! + 1]);
    bench.submit(request);
    const begun = await stepOf(bench);
    const drafted = await stepOf(bench);
    expect(drafted.tokens.map(({ tokenId }) => tokenId)).toEqual([first, second, third]);
    expect(drafted.report).toMatchObject({
      tokenCount: 4,
      draftCount: 1,
      draftedCount: 3,
      draftAcceptedCount: 2,
      draftAcceptedAt: [1, 1],
      newTokenCount: 3,
      tokenGapsMs: [expect.any(Number), 0, 0],
    });
    expect(drafted.predictions).toEqual([]);
    const rest = (await runToEnd(bench.engine)).get(1)!;
    const output = [...begun.tokens, ...drafted.tokens].map(({ tokenId }) => tokenId);
    expect([...output, ...rest]).toEqual(outputAlone(request, VOCABULARY_SIZE));
    expect(bench.scheduler.cacheUsage).toBe(0);
  });

  it('tells the sampler of each sequence how right its draft was, and adds them up', async () => {
    const bench = aBench();
    const requests = [1, 2, 3].map((sequenceId) => aRequest({ sequenceId, newTokensMax: 12 }));
    const [first, , third] = requests.map((request) => outputAlone(request, VOCABULARY_SIZE));
    bench.sampler.drafts.push([first![1]!], [], [third![1]!, third![2]! + 1]);
    for (const request of requests) bench.submit(request);
    await stepOf(bench);
    const { report } = await stepOf(bench);
    expect(bench.sampler.settled).toEqual([
      [1, 1, 1],
      [3, 2, 1],
    ]);
    expect(report).toMatchObject({ draftCount: 2, draftedCount: 3, draftAcceptedCount: 2 });
    expect(report.draftAcceptedAt).toEqual([2]);
  });

  it.each([1, 2])(
    'runs a row again without its draft of %i tokens where one has no numbers, and no other row, and fails nobody',
    async (draftLength) => {
      const bench = aBench();
      const requests = [1, 2].map((sequenceId) => aRequest({ sequenceId, newTokensMax: 12 }));
      const [output, other] = requests.map((request) => outputAlone(request, VOCABULARY_SIZE));
      bench.sampler.drafts.push([output![1]!, 999].slice(-draftLength), [other![1]!], [output![2]!]);
      bench.runner.brokenTokenIds.add(999);
      for (const request of requests) bench.submit(request);
      await stepOf(bench);
      const { tokens, failures } = await stepOf(bench);
      expect(failures).toEqual([]);
      expect(bench.runner.rowCounts).toEqual([2, 2, 1]);
      expect(tokens.map(({ tokenId }) => tokenId)).toEqual([output![1], other![1], other![2]]);
      expect((await runToEnd(bench.engine)).get(1)).toEqual(output!.slice(2));
      // The next draft of the row is not spoilt.
      expect(bench.runner.rowCounts.slice(3, 5)).toEqual([2, 2]);
    },
  );

  it('has the sampler take in all that a draft brought, and forget a sequence that it ended', async () => {
    const bench = aBench();
    const requests = [1, 2].map((sequenceId) => aRequest({ sequenceId, newTokensMax: 2 + sequenceId }));
    const accepted: number[] = [];
    const { accept } = bench.sampler;
    bench.sampler.accept = (sequenceId, tokenId) => {
      accepted.push(tokenId);
      accept.call(bench.sampler, sequenceId, tokenId);
    };
    const outputs = requests.map((request) => outputAlone(request, VOCABULARY_SIZE));
    bench.sampler.drafts.push(...outputs.map((output) => [output[1]!]));
    for (const request of requests) bench.submit(request);
    await stepOf(bench);
    await stepOf(bench);
    const [ended, other] = outputs;
    expect(accepted).toEqual([ended![0], other![0], ended![1], other![1], other![2]]);
    expect(bench.sampler.openCount).toBe(1);
  });

  it('fails once a request that cannot go on with the first of the tokens that a draft brought', async () => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 12 });
    bench.sampler.drafts.push(outputAlone(request, VOCABULARY_SIZE).slice(1, 4));
    bench.submit(request);
    await stepOf(bench);
    bench.sampler.stuckIds.add(1);
    const { tokens, failures } = await stepOf(bench);
    expect(tokens).toHaveLength(4);
    expect(failures).toEqual([{ sequenceId: 1, code: 'step_failed', message: 'too many readings' }]);
    expect(bench.sampler.openCount).toBe(0);
    expect(bench.engine.hasWork).toBe(false);
  });

  it('does not fail one that ended with a later token of the same step', async () => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 3 });
    bench.sampler.drafts.push(outputAlone(request, VOCABULARY_SIZE).slice(1, 2));
    bench.submit(request);
    await stepOf(bench);
    bench.sampler.stuckIds.add(1);
    const { tokens, failures } = await stepOf(bench);
    expect(tokens.map(({ finishReason }) => finishReason)).toEqual([null, 'length']);
    expect(failures).toEqual([]);
    expect(bench.sampler.openCount).toBe(0);
  });

  it('fails it where its own token has none', async () => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 12 });
    const output = outputAlone(request, VOCABULARY_SIZE);
    bench.sampler.drafts.push([output[1]!]);
    bench.runner.brokenTokenIds.add(output[0]!);
    bench.submit(request);
    await stepOf(bench);
    const { tokens, failures } = await stepOf(bench);
    expect(tokens).toEqual([]);
    expect(failures).toMatchObject([{ sequenceId: 1, message: expect.stringContaining('token 4 ') }]);
    expect(bench.sampler.openCount).toBe(0);
  });

  it.each([
    [3, { acceptedCount: 2, rejectedCount: 1 }],
    [1, { acceptedCount: 1, rejectedCount: 0 }],
  ])('tells what came of a draft of %i tokens that the client predicted', async (draftLength, counts) => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 12 });
    const [first, second, third] = outputAlone(request, VOCABULARY_SIZE).slice(1, 4);
    bench.sampler.drafts.push([first!, second!, third! + 1].slice(0, draftLength));
    bench.sampler.arePredicted = true;
    bench.submit(request);
    expect((await stepOf(bench)).predictions).toEqual([]);
    const { predictions } = await stepOf(bench);
    expect(predictions).toEqual([{ sequenceId: 1, ...counts }]);
  });

  it('leaves a draft alone where the candidates do not decide the token in front of it', async () => {
    const bench = aBench();
    const request = aRequest({ promptLength: 4, newTokensMax: 12 });
    const output = outputAlone(request, VOCABULARY_SIZE);
    bench.sampler.drafts.push(output.slice(1, 4));
    bench.submit(request);
    await stepOf(bench);
    bench.undecided.push(true);
    expect((await stepOf(bench)).tokens.map(({ tokenId }) => tokenId)).toEqual([output[1]]);
    expect((await runToEnd(bench.engine)).get(1)).toEqual(output.slice(2));
  });

  it('reports what the step did', async () => {
    const bench = aBench({ limits: { ...LIMITS, sequencesPerStepMax: 2 } });
    for (const sequenceId of [1, 2, 3]) {
      const promptTokenIds = Int32Array.from({ length: 9 }, (_, position) => position);
      bench.submit(aRequest({ sequenceId, promptTokenIds, newTokensMax: sequenceId === 2 ? 1 : 8 }));
    }
    // The clock ticks once for every look at it: at the start, before and after the run, at the end.
    expect((await stepOf(bench)).report).toEqual({
      tokenCount: 18,
      rowCount: 2,
      draftCount: 0,
      draftedCount: 0,
      draftAcceptedCount: 0,
      draftAcceptedAt: [],
      newTokenCount: 2,
      tokenGapsMs: [],
      promptTokenCount: 18,
      cachedPromptTokenCount: 0,
      ended: [
        { promptTokenCount: 9, cachedTokenCount: 0, tokenCount: 1, queueMs: 0, prefillMs: 3, decodeMs: 0 },
      ],
      preemptionCount: 0,
      prefixQueryTokenCount: 18,
      prefixHitTokenCount: 0,
      runningCount: 1,
      waitingCount: 1,
      cacheUsage: 3 / 32,
      stepMs: 3,
      runMs: 1,
    });
    expect((await stepOf(bench)).report).toMatchObject({
      tokenCount: 2,
      rowCount: 2,
      stepMs: 3,
      // Sequence 1 has its second token; the third sequence its first.
      tokenGapsMs: [4],
      promptTokenCount: 9,
      cachedPromptTokenCount: 8,
      prefixQueryTokenCount: 9,
      prefixHitTokenCount: 8,
    });
  });

  it('reports a prompt when it has been computed to its end, once', async () => {
    const bench = aBench({ limits: { ...LIMITS, tokensPerStepMax: 4 } });
    bench.submit(aRequest({ promptLength: 9, newTokensMax: 2 }));
    const counts: number[] = [];
    while (bench.engine.hasWork) counts.push((await stepOf(bench)).report.promptTokenCount);
    expect(counts).toEqual([0, 0, 9, 0]);
  });

  it('tells of a sequence that ended how much of its prompt was cached', async () => {
    const bench = aBench();
    const promptTokenIds = Int32Array.from({ length: 9 }, (_, position) => position);
    const cachedCounts: number[] = [];
    for (const sequenceId of [1, 2]) {
      bench.submit(aRequest({ sequenceId, promptTokenIds, newTokensMax: 1 }));
      cachedCounts.push((await stepOf(bench)).report.ended[0]!.cachedTokenCount);
    }
    expect(cachedCounts).toEqual([0, 8]);
  });

  it('reports the preemptions of a step', async () => {
    const bench = aBench({ limits: { ...LIMITS, blockCount: 5 } });
    for (const sequenceId of [1, 2]) bench.submit(aRequest({ sequenceId, promptLength: 4 }));
    const counts: number[] = [];
    while (bench.engine.hasWork) counts.push((await stepOf(bench)).report.preemptionCount);
    expect(counts.filter((count) => count > 0)).toEqual([1]);
  });

  it('notices when it falls idle that a block was never given back', async () => {
    class LeakingManager extends KvCacheManager {
      override release(): void {}
    }
    const pool = new BlockPool(LIMITS);
    const scheduler = new Scheduler(LIMITS, new LeakingManager({ pool, usesPrefixCache: true }));
    const bench = aBench({ scheduler });
    bench.submit(aRequest({ newTokensMax: 1 }));
    await expect(bench.engine.step()).rejects.toThrow(AssertionError);
  });

  it('looks through the whole cache once for as many tokens as there are blocks, and fails where it is broken', async () => {
    class WatchedScheduler extends Scheduler {
      snapshotCount = 0;
      isBroken = false;
      override snapshot(): SchedulerSnapshot {
        this.snapshotCount++;
        const snapshot = super.snapshot();
        if (!this.isBroken) return snapshot;
        return { ...snapshot, pool: { ...snapshot.pool, freeBlockIds: Int32Array.of(1, 1) } };
      }
    }
    const scheduler = new WatchedScheduler(LIMITS);
    const bench = aBench({ scheduler });
    let sequenceId = 0;
    const run = async (promptLength: number) => {
      bench.submit(aRequest({ sequenceId: ++sequenceId, promptLength, newTokensMax: 1 }));
      await runToEnd(bench.engine);
      return scheduler.snapshotCount;
    };
    const { blockCount } = LIMITS;
    expect([await run(blockCount), await run(blockCount - 1), await run(1)]).toEqual([1, 1, 2]);
    scheduler.isBroken = true;
    await expect(run(blockCount)).rejects.toThrow('block 1 is in the free list twice');
  });
});
