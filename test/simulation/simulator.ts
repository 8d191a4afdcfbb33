/**
 * Deterministic simulation: the real pool, scheduler, packer, engine, samplers and grammars over a fake model, in a world drawn from
 * one seed. First everything happens at once (arrivals, aborts, faults, forced preemption); then it is calm, and
 * everything must come to its end within a bound. After every step the invariants must hold, and every token must
 * be the one that its request would have got alone.
 */

import { assert } from '../../src/base/assert.ts';
import { checkInvariants } from '../../src/batching/invariants.ts';
import { Scheduler, type SchedulerSnapshot } from '../../src/batching/scheduler.ts';
import { StepPace } from '../../src/batching/step-pace.ts';
import { Engine, type StepResult } from '../../src/engine/engine.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { BlockPool } from '../../src/kv-cache/block-pool.ts';
import { KvCacheManager } from '../../src/kv-cache/kv-cache-manager.ts';
import { PrefixHasher } from '../../src/kv-cache/prefix-hash.ts';
import type { PromptScores } from '../../src/sampling/prompt-scores.ts';
import { CheckedRowSampler } from './checked-row-sampler.ts';
import { Dice } from './dice.ts';
import { heldText, logitOf, predictionsAlone } from './fake-model.ts';
import { FakeModelRunner, type Fault } from './fake-model-runner.ts';
import { MarkCounts } from './marks.ts';
import { observePool, observeScheduler } from './observe.ts';
import { drawOptions, type SimulationOptions } from './options.ts';
import { textOfToken } from './word-grammars.ts';
import { type TrackedRequest, Workload } from './workload.ts';

/** The classes under test; a canary puts broken ones in their place. */
export type Parts = {
  readonly BlockPool: typeof BlockPool;
  readonly KvCacheManager: typeof KvCacheManager;
  readonly PrefixHasher: typeof PrefixHasher;
  readonly Scheduler: typeof Scheduler;
  readonly SequenceSamplers: typeof SequenceSamplers;
};

export const REAL_PARTS: Parts = { BlockPool, KvCacheManager, PrefixHasher, Scheduler, SequenceSamplers };

export type SimulationResult = {
  readonly stepCount: number;
  readonly tokenCount: number;
  readonly preemptionCount: number;
  readonly prefixHitTokenCount: number;
  readonly marks: MarkCounts;
};

/** Names the seed, the step and the command that shows it again. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
  constructor(seed: number, step: number, cause: Error) {
    const replay = `npm run simulate -- --seeds 1 --from ${seed}`;
    super(`seed ${seed}, step ${step}: ${cause.message}\nreplay: ${replay}`, { cause });
  }
}

/** @throws SimulationFailure */
export async function simulate(seed: number, parts: Parts = REAL_PARTS): Promise<SimulationResult> {
  const simulation = new Simulation(seed, parts);
  try {
    return await simulation.run();
  } catch (error) {
    throw new SimulationFailure(seed, simulation.stepCount, error as Error);
  }
}

/** What a run takes besides a millisecond for each token. */
const RUN_MS = 8;

class Simulation {
  stepCount = 0;
  readonly #dice: Dice;
  readonly #options: SimulationOptions;
  readonly #marks = new MarkCounts();
  readonly #workload: Workload;
  readonly #scheduler: Scheduler;
  readonly #runner: FakeModelRunner;
  readonly #sampler: CheckedRowSampler;
  readonly #engine: Engine;
  /** Aborts that the engine takes in at the top of its next step. */
  readonly #aborting = new Set<number>();
  #snapshot: SchedulerSnapshot;
  #isCalm = false;
  /** The candidates of the last run did not decide: the next run is over the undecided rows. */
  #isRerunNext = false;
  #hasStepFailed = false;
  #nowMs = 0;
  #tokenCount = 0;
  #preemptionCount = 0;
  #prefixHitTokenCount = 0;

  constructor(seed: number, parts: Parts) {
    this.#dice = new Dice(seed);
    this.#options = drawOptions(seed);
    this.#workload = new Workload(this.#options, this.#dice);
    const { limits, usesPrefixCache, vocabularySize, candidateCount, speculation } = this.#options;
    const pool = new parts.BlockPool(limits);
    const hasher = new parts.PrefixHasher(limits.blockSize);
    this.#scheduler = new parts.Scheduler(
      limits,
      new parts.KvCacheManager({ pool, usesPrefixCache }, hasher),
      new StepPace(this.#options.decodeSlowdownMax, 4),
    );
    this.#runner = new FakeModelRunner({
      ...limits,
      limits: { ...limits, vocabularySize },
      candidateCount,
      drawFault: ({ tokenCount }) => this.#onRun(tokenCount),
    });
    this.#sampler = new CheckedRowSampler(new parts.SequenceSamplers({ vocabularySize, speculation }), {
      isUndecided: () => this.#dice.chance(this.#options.undecidedRate),
      onUndecided: (sequenceId) => {
        this.#isRerunNext = true;
        if (this.#workload.at(sequenceId).grammar !== null) this.#marks.hit('held-to-grammar-by-whole-row');
      },
    });
    observePool(pool, this.#marks, (blockId) => this.#runner.poison(blockId));
    observeScheduler(this.#scheduler, this.#marks, () => this.#snapshot);
    this.#snapshot = this.#scheduler.snapshot();
    this.#engine = new Engine({
      scheduler: this.#scheduler,
      runner: this.#runner,
      sampler: this.#sampler,
      clock: { monotonicMs: () => this.#nowMs, unixSeconds: () => 0 },
    });
  }

  async run(): Promise<SimulationResult> {
    let stormLeft = this.#dice.below(30);
    while (!this.#workload.isComplete || stormLeft-- > 0) {
      this.#disturb();
      await this.#step();
    }
    this.#isCalm = true;
    const calmStepsMax = this.#calmStepsMax();
    for (let steps = 0; this.#engine.hasWork; steps++) {
      assert(steps < calmStepsMax, `every request ends within ${calmStepsMax} calm steps`);
      await this.#step();
    }
    this.#checkEnd();
    return {
      stepCount: this.stepCount,
      tokenCount: this.#tokenCount,
      preemptionCount: this.#preemptionCount,
      prefixHitTokenCount: this.#prefixHitTokenCount,
      marks: this.#marks,
    };
  }

  /** What happens between two steps. */
  #disturb(): void {
    const { arrivalRate, abortRate, preemptionRate } = this.#options;
    while (!this.#workload.isComplete && this.#dice.chance(arrivalRate)) {
      this.#engine.receive({ kind: 'request-submit', request: this.#workload.next() });
    }
    if (this.#dice.chance(abortRate)) this.#abortOne();
    const { running } = this.#snapshot;
    if (running.length > 0 && this.#dice.chance(preemptionRate)) {
      this.#scheduler.preempt(this.#dice.pick(running).sequenceId);
      this.#snapshot = this.#scheduler.snapshot();
    }
  }

  #abortOne(): void {
    const { open } = this.#workload;
    if (open.length === 0) return;
    const { sequenceId } = this.#dice.pick(open).request;
    this.#engine.receive({ kind: 'request-abort', sequenceId, takenCount: null });
    this.#aborting.add(sequenceId);
  }

  /** Called when the runner starts: others go on living, and the run may be about to fail. */
  #onRun(tokenCount: number): Fault | null {
    const isRerun = this.#isRerunNext;
    this.#isRerunNext = false;
    this.#nowMs += RUN_MS + tokenCount;
    if (isRerun) this.#marks.hit('rerun');
    else this.#tokenCount = tokenCount;
    if (this.#isCalm) return null;
    if (this.#dice.chance(this.#options.abortRate)) {
      this.#marks.hit('abort-during-run');
      this.#abortOne();
    }
    if (!this.#dice.chance(this.#options.faultRate)) return null;
    if (isRerun) this.#marks.hit('fault-in-rerun');
    this.#hasStepFailed = true;
    const when = this.#dice.pick(['before', 'during', 'after'] as const);
    this.#marks.hit(`fault-${when}-write`);
    return when === 'during' ? { afterTokens: this.#dice.below(tokenCount) } : when;
  }

  async #step(): Promise<void> {
    this.stepCount++;
    this.#applyAborts();
    this.#hasStepFailed = false;
    const runCountBefore = this.#runner.runCount;
    const result = await this.#engine.step();
    this.#isRerunNext = false;
    this.#snapshot = this.#scheduler.snapshot();
    const violations = checkInvariants(this.#snapshot);
    assert(violations.length === 0, violations.join('; '));
    if (result === null) assert(this.#runner.runCount === runCountBefore, 'a step that ran has a result');
    else this.#checkResult(result);
  }

  #applyAborts(): void {
    for (const sequenceId of this.#aborting) {
      const tracked = this.#workload.at(sequenceId);
      if (tracked.state !== 'open') continue;
      tracked.state = 'aborted';
      const waiting = this.#snapshot.waiting.find((sequence) => sequence.sequenceId === sequenceId);
      if (waiting === undefined) this.#marks.hit('abort-while-running');
      else this.#marks.hit(waiting.preemptionCount > 0 ? 'abort-while-preempted' : 'abort-while-waiting');
    }
    this.#aborting.clear();
  }

  #checkResult({ tokens, promptScores, failures, report }: StepResult): void {
    for (const { sequenceId, scores } of promptScores)
      this.#checkScores(this.#workload.at(sequenceId), scores);
    for (const failure of failures) this.#checkFailure(failure);
    for (const token of tokens) this.#checkToken(this.#workload.at(token.sequenceId), token);
    this.#markTokens(tokens, report);
    for (const sequence of [...this.#snapshot.running, ...this.#snapshot.waiting]) {
      if (sequence.cachedTokenCount !== null)
        this.#checkCached(sequence.sequenceId, sequence.cachedTokenCount);
    }
    const { running, waiting, stepLimits, pool } = this.#snapshot;
    if (pool.freeBlockIds.length === 0) this.#marks.hit('cache-full-to-the-block');
    assert(report.runningCount === running.length, 'the report counts the running');
    assert(report.waitingCount === waiting.length, 'the report counts the waiting');
    assert(report.rowCount <= stepLimits.sequencesPerStepMax, 'rows are within bounds');
    assert(report.tokenCount === 0 || report.tokenCount === this.#tokenCount, 'the report counts what ran');
    assert(!this.#isCalm || report.tokenCount > 0 || report.rowCount === 0, 'a calm step makes progress');
    this.#preemptionCount += report.preemptionCount;
    this.#prefixHitTokenCount += report.prefixHitTokenCount;
  }

  #checkFailure({ sequenceId, code }: StepResult['failures'][number]): void {
    const tracked = this.#workload.at(sequenceId);
    const isOversize = tracked.output.length === 0;
    assert(
      (code === 'context_length_exceeded') === isOversize,
      'what can never fit is refused, nothing else',
    );
    this.#marks.hit(isOversize ? 'request-refused' : 'rows-failed');
    if (isOversize && this.#options.fillsContext) this.#marks.hit('refused-by-one-token');
    assert(tracked.state === 'open' || isOversize, 'only an open request fails');
    tracked.state = isOversize ? 'refused' : 'failed';
  }

  #markTokens(
    tokens: StepResult['tokens'],
    { draftedCount, draftAcceptedCount }: StepResult['report'],
  ): void {
    const heldCount = tokens.filter(
      ({ sequenceId }) => this.#workload.at(sequenceId).grammar !== null,
    ).length;
    if (heldCount > 0 && heldCount < tokens.length) this.#marks.hit('held-to-grammar-beside-free');
    assert(draftAcceptedCount <= draftedCount, 'no more is right than was guessed');
    if (draftedCount === 0) return;
    if (heldCount > 0 && draftAcceptedCount > 0) this.#marks.hit('draft-held-to-grammar');
    if (draftAcceptedCount === 0) this.#marks.hit('draft-wrong');
    else this.#marks.hit(draftAcceptedCount === draftedCount ? 'draft-right' : 'draft-right-in-part');
  }

  /** Every prompt token but the first is scored once, in order, as if the request had the model to itself. */
  #checkScores(tracked: TrackedRequest, { firstPosition, logprobs, topTokenIds }: PromptScores): void {
    const { request } = tracked;
    const { vocabularySize } = this.#options;
    const who = `sequence ${request.sequenceId}`;
    assert(request.sampling.promptLogprobCount !== null, `${who} asked for scores`);
    assert(firstPosition === tracked.scoredCount + 1, `${who}: scores come in order, each once`);
    const predictions = predictionsAlone(request, vocabularySize);
    for (const [index, logprob] of logprobs.entries()) {
      const position = firstPosition + index;
      const predicted = predictions[position - 1]!;
      const expected = logitOf(request.promptTokenIds[position]!, predicted, this.#options);
      assert(
        logprob === expected,
        `${who}: token ${position} scores ${expected} alone, ${logprob} in the batch`,
      );
      assert(
        topTokenIds[index] === predicted,
        `${who}: the best token in place ${position} is another alone`,
      );
    }
    tracked.scoredCount += logprobs.length;
    if (firstPosition > 1) this.#marks.hit('prompt-scored-in-many-steps');
    const running = this.#snapshot.running.find(({ sequenceId }) => sequenceId === request.sequenceId);
    if (running !== undefined && running.preemptionCount > 0)
      this.#marks.hit('prompt-scored-after-preemption');
  }

  #checkToken(tracked: TrackedRequest, token: StepResult['tokens'][number]): void {
    const { request, output } = tracked;
    const which = `token ${tracked.receivedCount} of sequence ${request.sequenceId}`;
    assert(tracked.state === 'open', `${which} comes while the request is open, not ${tracked.state}`);
    const expected = output[tracked.receivedCount++];
    this.#checkGrammar(tracked, token.tokenId, which);
    assert(token.tokenId === expected, `${which} is ${expected} alone, ${token.tokenId} in the batch`);
    const scoredMax = request.sampling.promptLogprobCount === null ? 0 : request.promptTokenIds.length - 1;
    assert(tracked.scoredCount === scoredMax, `${which} comes when the whole prompt has its scores`);
    this.#checkCached(request.sequenceId, token.cachedTokenCount);
    const isLast = tracked.receivedCount === output.length;
    assert((token.finishReason !== null) === isLast, `${which} ends the output when it is the last`);
    if (token.finishReason === null) return;
    assert(token.finishReason === tracked.endsBy, `${which} ends it for the right reason`);
    this.#markEnd(tracked, token);
    tracked.state = 'finished';
  }

  #markEnd(
    { request, output }: TrackedRequest,
    { tokenId, finishReason }: StepResult['tokens'][number],
  ): void {
    const promptLength = request.promptTokenIds.length;
    const { lengthMax } = this.#scheduler;
    if (promptLength === lengthMax) this.#marks.hit('prompt-as-long-as-context');
    else if (promptLength + output.length === lengthMax) this.#marks.hit('context-full-to-the-token');
    const isStop = request.stopTokenIds.includes(tokenId);
    if (finishReason === 'length') this.#marks.hit('finished-by-length');
    else this.#marks.hit(isStop ? 'finished-by-stop-token' : 'finished-by-grammar');
  }

  /** Whatever was rolled back, preempted or run again: the output so far fits, by an oracle without states. */
  #checkGrammar(
    { request, output, grammar, receivedCount }: TrackedRequest,
    tokenId: number,
    which: string,
  ): void {
    if (grammar === null) return;
    const text = heldText(request, grammar, output.slice(0, receivedCount - 1));
    if (text === null) return;
    if (request.grammar!.trigger !== null) this.#marks.hit('held-to-grammar-behind-trigger');
    const isStop = request.stopTokenIds.includes(tokenId);
    const fits = isStop ? grammar.isWhole(text) : grammar.isBeginning(text + textOfToken(tokenId));
    assert(fits, `${which} fits the grammar`);
    if (this.#hasStepFailed) this.#marks.hit('held-to-grammar-after-fault');
    const running = this.#snapshot.running.find(({ sequenceId }) => sequenceId === request.sequenceId);
    if ((running?.preemptionCount ?? 0) > 0) this.#marks.hit('held-to-grammar-after-preemption');
  }

  #checkCached(sequenceId: number, cachedTokenCount: number): void {
    const tracked = this.#workload.at(sequenceId);
    if (tracked.cachedTokenCount === null) {
      assert(cachedTokenCount % this.#options.limits.blockSize === 0, 'whole blocks are found in the cache');
      const shareable = this.#workload.shareableLength(tracked);
      assert(
        cachedTokenCount <= shareable,
        `${cachedTokenCount} tokens were cached, ${shareable} can be shared`,
      );
    }
    tracked.cachedTokenCount ??= cachedTokenCount;
    assert(tracked.cachedTokenCount === cachedTokenCount, 'what was cached at first admission stays told');
  }

  /**
   * Every calm step computes a token, and each must be computed at least once. A preempted sequence computes again
   * what the cache has lost; that is allowed to cost as much once more.
   */
  #calmStepsMax(): number {
    let lengthSum = 0;
    for (const { request } of this.#workload.open) {
      lengthSum += request.promptTokenIds.length + request.newTokensMax;
    }
    return 2 * lengthSum + 10;
  }

  #checkEnd(): void {
    for (const { request, state } of this.#workload.requests.values()) {
      assert(state !== 'open', `sequence ${request.sequenceId} has ended`);
    }
    const { pool, running, waiting } = this.#snapshot;
    assert(running.length === 0 && waiting.length === 0, 'nobody is left in the scheduler');
    assert(pool.freeBlockIds.length === pool.blockCount - 1, 'every block is free at the end');
    assert(this.#sampler.openCount === 0, 'every sequence is closed in the sampler');
    let cachedSum = 0;
    for (const { cachedTokenCount } of this.#workload.requests.values()) cachedSum += cachedTokenCount ?? 0;
    assert(this.#prefixHitTokenCount === cachedSum, 'the reports count every cached token once');
  }
}
