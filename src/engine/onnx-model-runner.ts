/**
 * Runs steps through ONNX Runtime, on any device. What the devices differ in is how they keep the cache; that is
 * the business of the cache's form. Owns the session and the form.
 */

import { StartupError } from '../base/errors.ts';
import type { FewTokensGraph } from '../graph/checkpoint.ts';
import { STEP_INPUT } from '../graph/decoder-graph.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { KvCacheType } from '../graph/kv-cache-type.ts';
import type { LogitsQuery } from '../sampling/step-logits.ts';
import { type CacheForm, int32Vector } from './cache-form.ts';
import { GatheredForm } from './gathered-form.ts';
import { queryFeeds, queryFetches, stepLogits } from './logits-exchange.ts';
import { type ModelLimits, type ModelRunner, RunnerError, type StepOutcome } from './model-runner.ts';
import { type GpuDevice, OnnxSession } from './onnx-session.ts';
import { PagedForm, type PagedFormOptions } from './paged-form.ts';
import type { StepBatch } from './step-batch.ts';
import { type StepSize, warmUpBatch, warmUpQuery } from './warm-up.ts';

/** On the CPU a graph of the gathered form is run, on a GPU one of the paged form. */
export type Placement = { readonly device: 'cpu' } | ({ readonly device: GpuDevice } & PagedFormOptions);

export type OnnxModelRunnerOptions = {
  readonly graph: Uint8Array;
  /** Where steps of few tokens have a graph of their own; the same inputs and outputs. */
  readonly fewTokens?: FewTokensGraph;
  /** The folder that the graph's external weights are relative to. */
  readonly weightsFolder: string;
  readonly shape: DecoderShape;
  readonly limits: ModelLimits;
  /** What the cache keeps on the CPU; float32 where absent. */
  readonly cacheType?: KvCacheType;
  /** On the CPU: bytes that one turn of attention may work on; for tests. */
  readonly groupBytesMax?: number;
  /** Threads of ONNX Runtime's pool, the calling one included. */
  readonly threadCount: number;
  readonly placement: Placement;
  /** On a GPU: the largest step there will be, computed at start if given, so that its memory is there. */
  readonly largestStep?: StepSize;
  /** Names of trace files begin so; `null`: none are written. */
  readonly profilePrefix?: string | null;
};

const NO_TOKEN = Int32Array.of(0);

export class OnnxModelRunner implements ModelRunner {
  readonly limits: ModelLimits;
  readonly #session: OnnxSession;
  /** The same one, where steps of few tokens have no graph of their own. */
  readonly #fewTokensSession: OnnxSession;
  /** What it is given at most. */
  readonly #fewTokensMax: number;
  readonly #shape: DecoderShape;
  readonly #form: CacheForm;
  #fallbacks: readonly string[] = [];

  private constructor(
    [session, fewTokensSession]: readonly [OnnxSession, OnnxSession],
    form: CacheForm,
    options: OnnxModelRunnerOptions,
  ) {
    this.limits = options.limits;
    this.#session = session;
    this.#shape = options.shape;
    this.#form = form;
    this.#fewTokensSession = fewTokensSession;
    this.#fewTokensMax = options.fewTokens?.tokensMax ?? 0;
    for (const each of new Set([session, fewTokensSession])) each.keepFeeding(form.constantFeeds);
  }

  /** @throws StartupError when ONNX Runtime refuses the graph, the weights or the device. */
  static async create(options: OnnxModelRunnerOptions): Promise<OnnxModelRunner> {
    const { placement, fewTokens } = options;
    const session = await OnnxSession.create({ ...options, ...placement });
    const fewTokensSession =
      fewTokens === undefined
        ? session
        : await OnnxSession.create({ ...options, ...placement, graph: fewTokens.graph });
    const form = placement.device === 'cpu' ? gatheredForm(options) : new PagedForm(placement);
    const runner = new OnnxModelRunner([session, fewTokensSession], form, options);
    if (placement.device !== 'cpu') await runner.#warmUp(placement.device, options.largestStep);
    return runner;
  }

  /** Nodes that run on the CPU because the device lacks a kernel; empty on the CPU itself. */
  get fallbacks(): readonly string[] {
    return this.#fallbacks;
  }

  /**
   * Lets a device compile its kernels before anybody waits for them.
   * @throws StartupError when the device cannot compute the model, or has no memory for the largest step; the sessions are
   *   closed then.
   */
  async #warmUp(device: GpuDevice, largestStep?: StepSize): Promise<void> {
    for (const tokenCount of [1, this.#nullRowLength]) {
      await this.#tryStep(
        { tokenCount, logitsRowCount: 1, choosingCount: 1 },
        `${device} cannot compute the model`,
      );
    }
    this.#fallbacks = await this.#session.takeFallbacks();
    if (largestStep === undefined) return;
    const failure = `${device} cannot compute a step of ${largestStep.tokenCount} tokens beside the weights and the KV cache; lower --gpu-memory-utilization, --kv-cache-memory, --max-num-batched-tokens or --max-num-seqs`;
    await this.#tryStep(largestStep, failure);
  }

  /** Tokens that the null block, and a sequence of the model, can hold. */
  get #nullRowLength(): number {
    return Math.min(this.limits.blockSize, this.limits.modelLengthMax);
  }

  async #tryStep(size: StepSize, failure: string): Promise<void> {
    try {
      await this.run(warmUpBatch(size, this.#nullRowLength), warmUpQuery(size));
    } catch (error) {
      await this.close();
      if (!(error instanceof RunnerError)) throw error;
      throw new StartupError(`${failure}: ${error.message}`, { cause: error });
    }
  }

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    const form = this.#form;
    const feeds = { ...stepFeeds(batch), ...form.feeds(batch), ...queryFeeds(query) };
    const session = batch.tokenCount <= this.#fewTokensMax ? this.#fewTokensSession : this.#session;
    const outputs = await session.run(feeds, [...queryFetches(query), form.output]);
    const brokenTokens = form.store(outputs[form.output] as Float32Array, batch);
    return { ...stepLogits(this.#shape, outputs), brokenTokens };
  }

  async close(): Promise<void> {
    for (const session of new Set([this.#session, this.#fewTokensSession])) await session.close();
  }
}

/** @throws StartupError where there is no memory for the cache. */
function gatheredForm(options: OnnxModelRunnerOptions): GatheredForm {
  try {
    return new GatheredForm(options);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const message = `there is no memory for the KV cache (${cause.message}); lower --kv-cache-memory`;
    throw new StartupError(message, { cause });
  }
}

function stepFeeds(batch: StepBatch) {
  const { logitsRowCount } = batch;
  return {
    [STEP_INPUT.tokenIds]: int32Vector(batch.tokenIds, batch.tokenCount),
    // Must not be empty: a step that samples nothing names a token whose logits nobody fetches.
    [STEP_INPUT.logitsTokens]: int32Vector(
      logitsRowCount === 0 ? NO_TOKEN : batch.logitsTokens,
      Math.max(logitsRowCount, 1),
    ),
  };
}
