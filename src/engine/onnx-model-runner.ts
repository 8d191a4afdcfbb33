/**
 * Runs steps through ONNX Runtime, on any device. What the devices differ in is how they keep the cache; that is
 * the business of the cache's form. Owns the session and the form.
 */

import { StartupError } from '../base/errors.ts';
import { STEP_INPUT } from '../graph/decoder-graph.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { KvCacheType } from '../graph/kv-cache-type.ts';
import { NULL_BLOCK } from '../kv-cache/block-pool.ts';
import { LogitsQuery } from '../sampling/step-logits.ts';
import { type CacheForm, int32Vector } from './cache-form.ts';
import { GatheredForm } from './gathered-form.ts';
import { queryFeeds, queryFetches, stepLogits } from './logits-exchange.ts';
import { type ModelLimits, type ModelRunner, RunnerError, type StepOutcome } from './model-runner.ts';
import { type GpuDevice, OnnxSession } from './onnx-session.ts';
import { PagedForm, type PagedFormOptions } from './paged-form.ts';
import type { StepBatch } from './step-batch.ts';

/** On the CPU a graph of the gathered form is run, on a GPU one of the paged form. */
export type Placement = { readonly device: 'cpu' } | ({ readonly device: GpuDevice } & PagedFormOptions);

export type OnnxModelRunnerOptions = {
  readonly graph: Uint8Array;
  /** For steps of one token; the same inputs and outputs as `graph`. */
  readonly oneRowGraph?: Uint8Array;
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
  /** Names of trace files begin so; `null`: none are written. */
  readonly profilePrefix?: string | null;
};

const NO_TOKEN = Int32Array.of(0);

export class OnnxModelRunner implements ModelRunner {
  readonly limits: ModelLimits;
  readonly #session: OnnxSession;
  /** The same one, where steps of one token have no graph of their own. */
  readonly #oneRowSession: OnnxSession;
  readonly #shape: DecoderShape;
  readonly #form: CacheForm;
  #fallbacks: readonly string[] = [];

  private constructor(
    [session, oneRowSession]: readonly [OnnxSession, OnnxSession],
    form: CacheForm,
    options: OnnxModelRunnerOptions,
  ) {
    this.limits = options.limits;
    this.#session = session;
    this.#shape = options.shape;
    this.#form = form;
    this.#oneRowSession = oneRowSession;
    for (const each of new Set([session, oneRowSession])) each.keepFeeding(form.constantFeeds);
  }

  /** @throws StartupError when ONNX Runtime refuses the graph, the weights or the device. */
  static async create(options: OnnxModelRunnerOptions): Promise<OnnxModelRunner> {
    const { placement } = options;
    const { oneRowGraph } = options;
    const session = await OnnxSession.create({ ...options, ...placement });
    const oneRowSession =
      oneRowGraph === undefined
        ? session
        : await OnnxSession.create({ ...options, ...placement, graph: oneRowGraph });
    const form = placement.device === 'cpu' ? gatheredForm(options) : new PagedForm(placement);
    const runner = new OnnxModelRunner([session, oneRowSession], form, options);
    if (placement.device !== 'cpu') await runner.#warmUp(placement.device);
    return runner;
  }

  /** Nodes that run on the CPU because the device lacks a kernel; empty on the CPU itself. */
  get fallbacks(): readonly string[] {
    return this.#fallbacks;
  }

  /**
   * Lets a device compile its kernels before anybody waits for them. Only the null block is written.
   * @throws StartupError when the device cannot compute the model; the sessions are closed then.
   */
  async #warmUp(device: GpuDevice): Promise<void> {
    try {
      await this.#runOnce();
    } catch (error) {
      await this.close();
      if (!(error instanceof RunnerError)) throw error;
      throw new StartupError(`${device} cannot compute the model: ${error.message}`, { cause: error });
    }
  }

  async #runOnce(): Promise<void> {
    const query = new LogitsQuery();
    query.addNormaliser(0, 1);
    query.addRead(0, 0);
    query.addFullRow(0);
    const { blockSize, modelLengthMax } = this.limits;
    for (const tokenCount of [1, Math.min(blockSize, modelLengthMax)]) {
      await this.run(nullBlockBatch(tokenCount), query);
    }
    this.#fallbacks = await this.#session.takeFallbacks();
  }

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    const form = this.#form;
    const feeds = { ...stepFeeds(batch), ...form.feeds(batch), ...queryFeeds(query) };
    const session = batch.tokenCount === 1 ? this.#oneRowSession : this.#session;
    const outputs = await session.run(feeds, [...queryFetches(query), form.output]);
    const brokenTokens = form.store(outputs[form.output] as Float32Array, batch);
    return { ...stepLogits(this.#shape, outputs), brokenTokens };
  }

  async close(): Promise<void> {
    for (const session of new Set([this.#session, this.#oneRowSession])) await session.close();
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
  const { sampledCount } = batch;
  return {
    [STEP_INPUT.tokenIds]: int32Vector(batch.tokenIds, batch.tokenCount),
    // Must not be empty: a step that samples nothing names a token whose logits nobody fetches.
    [STEP_INPUT.sampledTokens]: int32Vector(
      sampledCount === 0 ? NO_TOKEN : batch.sampledTokens,
      Math.max(sampledCount, 1),
    ),
  };
}

/** One row of so many tokens, all of them in the null block. */
function nullBlockBatch(tokenCount: number): StepBatch {
  const positions = Int32Array.from({ length: tokenCount }, (_, position) => position);
  return {
    rowCount: 1,
    tokenCount,
    tokenIds: new Int32Array(tokenCount),
    positions,
    slots: positions,
    rowStart: Int32Array.of(0, tokenCount),
    pastLength: Int32Array.of(0),
    blockTable: Int32Array.of(NULL_BLOCK),
    blockTableWidth: 1,
    sampledTokens: Int32Array.of(tokenCount - 1),
    sampledCount: 1,
  };
}
