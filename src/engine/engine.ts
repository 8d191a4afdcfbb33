/**
 * The step transaction: takes in what arrived, asks the scheduler for a plan, has it computed and its tokens
 * chosen, then commits all of it or none of it. Owns the scheduler and the sampler's sequences; knows nothing of
 * threads, messages or ONNX. Waits for nothing but the model runner.
 */

import { assert, assertNever } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { ServerError } from '../base/errors.ts';
import { STEP_ATTEMPTS_MAX } from '../base/limits.ts';
import type { GenerationRequest } from '../batching/generation-request.ts';
import { checkInvariants } from '../batching/invariants.ts';
import type { Scheduler } from '../batching/scheduler.ts';
import type { StepPlan } from '../batching/step-plan.ts';
import type { Drafter } from '../batching/step-planner.ts';
import { LogitsQuery } from '../sampling/step-logits.ts';
import { type ModelRunner, RunnerError, type StepOutcome } from './model-runner.ts';
import { StepPacker } from './pack-step.ts';
import { PromptScorer } from './prompt-scorer.ts';
import type { EngineCommand, EngineEvent, SequenceFailure, SequenceScores } from './protocol.ts';
import type { RowSampler } from './row-sampler.ts';
import { SequenceTimes } from './sequence-times.ts';
import type { StepBatch } from './step-batch.ts';
import { type FailSequence, StepChooser } from './step-chooser.ts';
import { emptyRecord, type StepRecord, stepReport } from './step-record.ts';

/** The commands that concern a sequence. */
export type SequenceCommand = Exclude<EngineCommand, { kind: 'engine-close' }>;

type SequenceAbort = Extract<EngineCommand, { kind: 'request-abort' }>;

export type StepResult = Omit<Extract<EngineEvent, { kind: 'step-result' }>, 'kind'>;

export type EngineParts = {
  readonly scheduler: Scheduler;
  readonly runner: ModelRunner;
  readonly sampler: RowSampler;
  readonly clock: Clock;
};

export class Engine {
  readonly #scheduler: Scheduler;
  readonly #runner: ModelRunner;
  readonly #sampler: RowSampler;
  readonly #clock: Clock;
  readonly #packer: StepPacker;
  readonly #query = new LogitsQuery();
  readonly #scorer = new PromptScorer();
  readonly #inbox: SequenceCommand[] = [];
  readonly #chooser: StepChooser;
  readonly #times = new SequenceTimes();
  readonly #drafter: Drafter = ({ sequenceId, tokenIds }, countMax, draft) =>
    this.#sampler.guess(sequenceId, tokenIds, countMax, draft);
  /** Of the last attempt at a step. */
  #promptScores: SequenceScores[] = [];
  #uncheckedTokenCount = 0;

  constructor({ scheduler, runner, sampler, clock }: EngineParts) {
    this.#scheduler = scheduler;
    this.#runner = runner;
    this.#sampler = sampler;
    this.#chooser = new StepChooser(sampler);
    this.#clock = clock;
    this.#packer = new StepPacker(scheduler.stepLimits);
  }

  /** There is something to do for `step`. */
  get hasWork(): boolean {
    return this.#inbox.length > 0 || this.#scheduler.sequenceCount > 0;
  }

  /** Takes effect at the top of the next step, in the order received. */
  receive(command: SequenceCommand): void {
    this.#inbox.push(command);
  }

  /**
   * Runs one step; not to be called again before it has settled. A step that fails and may be tried again is
   * rolled back and planned anew; after `STEP_ATTEMPTS_MAX` attempts its rows fail, and only they.
   * @returns null when there was nothing to do and nothing to tell.
   * @throws whatever a broken runner or a broken invariant throws: the engine must not be used again.
   */
  async step(): Promise<StepResult | null> {
    const startMs = this.#clock.monotonicMs();
    const record = emptyRecord(startMs);
    const hasNews = this.#takeCommands(record);
    let hasRun = false;
    for (let attempt = 1; attempt <= STEP_ATTEMPTS_MAX; attempt++) {
      const plan = this.#scheduler.plan(this.#drafter);
      if (plan === null) break;
      hasRun = true;
      record.counts.preemptionCount += plan.preemptedIds.length;
      const error = await this.#compute(plan, record);
      if (error === null) {
        this.#commit(plan, record);
        // A step that had to be repeated took longer than its work does.
        if (attempt === 1) this.#scheduler.observe(plan, record.runMs);
        break;
      }
      this.#scheduler.rollback(plan);
      if (attempt === STEP_ATTEMPTS_MAX) this.#failRows(plan, error, record);
    }
    if (!hasRun && !hasNews) return null;
    const nowMs = this.#clock.monotonicMs();
    const { tokens, promptScores, predictions, failures } = record;
    const times = this.#times.take(tokens, nowMs);
    this.#checkWhenIdle();
    const report = stepReport(record, { scheduler: this.#scheduler, times, stepMs: nowMs - startMs });
    return { tokens, promptScores, predictions, failures, report };
  }

  /** @returns whether there were any: then even a step that computes nothing has gauges to report. */
  #takeCommands(record: StepRecord): boolean {
    const hasNews = this.#inbox.length > 0;
    for (const command of this.#inbox) {
      switch (command.kind) {
        case 'request-submit':
          this.#submit(command.request, record);
          break;
        case 'request-abort':
          this.#abort(command, record);
          break;
        default:
          assertNever(command);
      }
    }
    this.#inbox.length = 0;
    return hasNews;
  }

  #abort({ sequenceId, takenCount }: SequenceAbort, record: StepRecord): void {
    if (!this.#scheduler.abort(sequenceId)) return;
    const ended = takenCount === null ? null : this.#times.end(sequenceId, takenCount);
    if (ended !== null) record.ended.push(ended);
    this.#forget(sequenceId);
  }

  /** A request that is refused fails alone. */
  #submit(request: GenerationRequest, record: StepRecord): void {
    const { sequenceId } = request;
    try {
      this.#sampler.open(request);
    } catch (error) {
      record.failures.push(failureOf(sequenceId, error));
      return;
    }
    try {
      this.#scheduler.enqueue(request);
      this.#times.queue(request, record.startMs);
    } catch (error) {
      record.failures.push(failureOf(sequenceId, error));
      this.#sampler.close(sequenceId);
    }
  }

  /** Runs the plan and chooses its tokens. @returns the error when the attempt failed and may be repeated. */
  async #compute(plan: StepPlan, record: StepRecord): Promise<RunnerError | null> {
    const fail = (sequenceId: number, error: unknown) => this.#failSequence(sequenceId, error, record);
    try {
      this.#query.clear();
      this.#chooser.prepare(plan, this.#query);
      this.#scorer.prepare(plan, this.#query);
      const logits = await this.#run(this.#packer.pack(plan), record);
      this.#failBroken(plan, logits.brokenTokens, fail);
      this.#promptScores = this.#scorer.collect(plan, logits, ({ sequenceId }, error) => {
        fail(sequenceId, error);
      });
      if (this.#chooser.chooseFromCandidates(logits, fail) > 0) await this.#runAgain(record, fail);
      return null;
    } catch (error) {
      if (error instanceof RunnerError && error.kind === 'retryable') return error;
      throw error;
    }
  }

  async #run(batch: StepBatch, record: StepRecord): Promise<StepOutcome> {
    const startMs = this.#clock.monotonicMs();
    try {
      return await this.#runner.run(batch, this.#query);
    } finally {
      record.runMs += this.#clock.monotonicMs() - startMs;
    }
  }

  /**
   * Ends a sequence of the plan, unless it has ended already. @returns whether it had not.
   * @throws `error` itself when it is not an expected failure.
   */
  #failSequence(sequenceId: number, error: unknown, record: StepRecord): boolean {
    const failure = failureOf(sequenceId, error);
    if (!this.#scheduler.fail(sequenceId)) return false;
    this.#forget(sequenceId);
    record.failures.push(failure);
    return true;
  }

  /** Second run of a step, over the last tokens of the undecided rows alone. */
  async #runAgain(record: StepRecord, fail: FailSequence): Promise<void> {
    this.#query.clear();
    const sequences = this.#chooser.prepareWholeRows(this.#query);
    const logits = await this.#run(this.#packer.packLastTokens(sequences), record);
    for (const row of logits.brokenTokens) {
      const { sequenceId, length } = sequences[row]!;
      fail(sequenceId, broken(length - 1));
    }
    this.#chooser.chooseFromWholeRows(logits, fail);
  }

  /** A token whose keys and values are no numbers spoils its sequence, also where no token is chosen yet; with a draft, that. */
  #failBroken(plan: StepPlan, brokenTokens: readonly number[], fail: FailSequence): void {
    if (brokenTokens.length === 0) return;
    let start = 0;
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequence, firstPosition, tokenCount, draft } = plan.rows[index]!;
      const end = start + tokenCount + draft.count;
      const first = brokenTokens.find((token) => token >= start && token < end);
      if (first !== undefined && draft.count > 0) this.#chooser.spoil(draft);
      else if (first !== undefined) fail(sequence.sequenceId, broken(firstPosition + first - start));
      start = end;
    }
  }

  #commit(plan: StepPlan, record: StepRecord): void {
    for (let index = plan.rowCount - plan.admissionCount; index < plan.rowCount; index++) {
      this.#times.admit(plan.rows[index]!.sequence.sequenceId, record.startMs);
    }
    if (plan.draftTokenCount > 0) this.#chooser.settleDrafts(record.counts, record.predictions);
    record.tokens = this.#scheduler.commit(plan, this.#chooser.tokens, this.#chooser.ends);
    this.#chooser.forget();
    record.promptScores = this.#promptScores;
    this.#uncheckedTokenCount += plan.tokenCount;
    const { counts } = record;
    counts.tokenCount = plan.tokenCount;
    counts.rowCount = plan.rowCount;
    counts.prefixQueryTokenCount = plan.prefixQueryTokenCount;
    counts.prefixHitTokenCount = plan.prefixHitTokenCount;
    let failedId: number | null = null;
    for (const { sequenceId, tokenId, finishReason } of record.tokens) {
      if (sequenceId === failedId) continue;
      if (finishReason !== null) this.#sampler.close(sequenceId);
      else if (this.#failsWith(sequenceId, tokenId, record)) failedId = sequenceId;
    }
  }

  /**
   * The sampler takes the token in. @returns whether the sequence has failed, since it cannot go on with it. One that a later
   * token of this step has ended does not fail any more, and is closed with that token.
   */
  #failsWith(sequenceId: number, tokenId: number, record: StepRecord): boolean {
    try {
      this.#sampler.accept(sequenceId, tokenId);
      return false;
    } catch (error) {
      return this.#failSequence(sequenceId, error, record);
    }
  }

  /** The rows of a plan that was rolled back for the last time. */
  #failRows(plan: StepPlan, error: RunnerError, record: StepRecord): void {
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequenceId } = plan.rows[index]!.sequence;
      this.#failSequence(sequenceId, new ServerError('step_failed', error.message), record);
    }
  }

  /** Forgets a sequence that ended without a last token. */
  #forget(sequenceId: number): void {
    this.#sampler.close(sequenceId);
    this.#times.forget(sequenceId);
  }

  /**
   * Without sequences nothing may be held, which is quickly seen. Looking through the whole cache takes about 1 us
   * a block, so it is done when at least as many tokens as there are blocks have been computed since.
   */
  #checkWhenIdle(): void {
    if (this.#scheduler.sequenceCount > 0) return;
    assert(this.#scheduler.cacheUsage === 0, 'without sequences no block is held');
    assert(this.#times.openCount === 0, 'without sequences no times are kept');
    if (this.#uncheckedTokenCount < this.#runner.limits.blockCount) return;
    this.#uncheckedTokenCount = 0;
    const violations = checkInvariants(this.#scheduler.snapshot());
    assert(violations.length === 0, `the engine is idle and ${violations.join('; ')}`);
  }
}

function broken(position: number): ServerError {
  return new ServerError(
    'step_failed',
    `what the model computed for token ${position} of the sequence is not numbers`,
  );
}

/** @throws `error` itself when it is not an expected failure. */
function failureOf(sequenceId: number, error: unknown): SequenceFailure {
  if (!(error instanceof ServerError)) throw error;
  return { sequenceId, code: error.code, message: error.message };
}
