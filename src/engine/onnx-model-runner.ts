/**
 * Runs steps through ONNX Runtime on the CPU. The only file that imports onnxruntime-node, whose `run` blocks its
 * thread and must stay in one thread: the engine worker's. Owns the session and the cache memory.
 */

import * as ort from 'onnxruntime-node';
import { StartupError } from '../base/errors.ts';
import { candidateCount, STEP_INPUT } from '../graph/decoder-graph.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import {
  GATHERED_INPUT,
  keyCacheName,
  NEW_KEYS_AND_VALUES,
  valueCacheName,
} from '../graph/gathered-attention.ts';
import { LOGITS_INPUT, LOGITS_OUTPUT } from '../graph/logits-outputs.ts';
import type { LogitsQuery } from '../sampling/step-logits.ts';
import { joinOutcomes, type Pass, type PassCosts, planPasses, takePass } from './batch-passes.ts';
import { bytesPerToken, GatheredCache } from './gathered-cache.ts';
import { GatheredFeeds, type Int32Matrix } from './gathered-feeds.ts';
import { type ModelLimits, type ModelRunner, RunnerError, type StepOutcome } from './model-runner.ts';
import type { StepBatch } from './step-batch.ts';

export type OnnxModelRunnerOptions = {
  readonly graph: Uint8Array;
  /** The folder that the graph's external weights are relative to. */
  readonly weightsFolder: string;
  readonly shape: DecoderShape;
  readonly limits: ModelLimits;
  /** What a run reads whatever it computes: decides when a step is worth cutting into passes. */
  readonly weightBytes: number;
  /** Threads of ONNX Runtime's pool, the calling one included. */
  readonly threadCount: number;
};

type Feeds = Record<string, ort.Tensor>;

/**
 * How long threads of the pool wait awake for their next piece. Between operators that is shorter than falling asleep;
 * between steps they must let go, or they keep the HTTP side from its core. Measured: docs/performance.md.
 */
const SPIN_MICROSECONDS = 200;

/** An answer of no use, for what was not asked for. */
const NOTHING = new Float32Array(0);
const NO_ENTRY_I32 = Int32Array.of(0, 0);
const NO_ENTRY_F32 = Float32Array.of(1);

export class OnnxModelRunner implements ModelRunner {
  readonly limits: ModelLimits;
  readonly #session: ort.InferenceSession;
  readonly #shape: DecoderShape;
  readonly #cache: GatheredCache;
  readonly #cacheFeeds: Feeds;
  readonly #tiles: GatheredFeeds;
  readonly #passCosts: PassCosts;

  private constructor(session: ort.InferenceSession, options: OnnxModelRunnerOptions) {
    this.limits = options.limits;
    this.#session = session;
    this.#shape = options.shape;
    const { layerCount, kvHeadCount, headSize } = options.shape;
    this.#cache = new GatheredCache({ ...options.limits, layerCount, kvHeadCount, headSize });
    this.#cacheFeeds = cacheFeeds(this.#cache);
    this.#tiles = new GatheredFeeds(options.limits.blockSize);
    this.#passCosts = passCosts(options);
  }

  /** @throws StartupError when ONNX Runtime refuses the graph or the weights. */
  static async create(options: OnnxModelRunnerOptions): Promise<OnnxModelRunner> {
    try {
      const session = await ort.InferenceSession.create(options.graph, {
        executionProviders: ['cpu'],
        intraOpNumThreads: options.threadCount,
        graphOptimizationLevel: 'all',
        // Shapes differ from step to step: a pattern of allocations learnt from one does not fit the next.
        enableMemPattern: false,
        logSeverityLevel: 3,
        extra: {
          session: {
            model_external_initializers_file_folder_path: options.weightsFolder,
            intra_op: { spin_duration_us: String(SPIN_MICROSECONDS) },
          },
        },
      });
      return new OnnxModelRunner(session, options);
    } catch (cause) {
      throw new StartupError(`ONNX Runtime cannot load the model: ${(cause as Error).message}`, { cause });
    }
  }

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    const passes = planPasses(batch, this.#passCosts);
    if (passes === null) return this.#runPass(batch, query);
    const answers: { pass: Pass; outcome: StepOutcome }[] = [];
    for (const rows of passes) {
      const pass = takePass(batch, query, rows);
      answers.push({ pass, outcome: await this.#runPass(pass.batch, pass.query) });
    }
    return joinOutcomes({ batch, query }, answers);
  }

  async #runPass(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    const outputs = await this.#compute(this.#feeds(batch, query), this.#fetches(query));
    const fresh = outputs[NEW_KEYS_AND_VALUES]!.data as Float32Array;
    const brokenTokens = this.#cache.store(fresh, batch.slots, batch.tokenCount);
    const floats = (name: string): Float32Array => (outputs[name]?.data as Float32Array) ?? NOTHING;
    return {
      vocabularySize: this.#shape.vocabularySize,
      candidateCount: candidateCount(this.#shape),
      candidateLogits: floats(LOGITS_OUTPUT.candidateLogits),
      candidateIds: outputs[LOGITS_OUTPUT.candidateIds]!.data as Int32Array,
      normalisers: floats(LOGITS_OUTPUT.normalisers),
      reads: floats(LOGITS_OUTPUT.reads),
      fullRows: floats(LOGITS_OUTPUT.fullRows),
      brokenTokens,
    };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  async #compute(feeds: Feeds, fetches: readonly string[]): Promise<ort.InferenceSession.OnnxValueMapType> {
    try {
      return await this.#session.run(feeds, fetches);
    } catch (cause) {
      // A failed run leaves no trace: the cache is written only after it, and the session keeps no state.
      throw new RunnerError('retryable', (cause as Error).message, { cause });
    }
  }

  #fetches(query: LogitsQuery): readonly string[] {
    const names: string[] = [NEW_KEYS_AND_VALUES, LOGITS_OUTPUT.candidateLogits, LOGITS_OUTPUT.candidateIds];
    if (query.normaliserCount > 0) names.push(LOGITS_OUTPUT.normalisers);
    if (query.readCount > 0) names.push(LOGITS_OUTPUT.reads);
    if (query.fullRowCount > 0) names.push(LOGITS_OUTPUT.fullRows);
    return names;
  }

  #feeds(batch: StepBatch, query: LogitsQuery): Feeds {
    const tiles = this.#tiles;
    tiles.fill(batch);
    const sampledCount = Math.max(batch.sampledCount, 1);
    return {
      ...this.#cacheFeeds,
      [STEP_INPUT.tokenIds]: vector(batch.tokenIds, batch.tokenCount),
      [STEP_INPUT.positions]: vector(batch.positions, batch.tokenCount),
      [STEP_INPUT.sampledTokens]: vector(
        batch.sampledCount === 0 ? NO_ENTRY_I32 : batch.sampledTokens,
        sampledCount,
      ),
      [GATHERED_INPUT.decodeTokens]: vector(tiles.decodeTokens.data, tiles.decodeTokens.columnCount),
      [GATHERED_INPUT.decodePast]: vector(tiles.decodePast.data, tiles.decodePast.columnCount),
      [GATHERED_INPUT.decodeBlocks]: matrix(tiles.decodeBlocks),
      [GATHERED_INPUT.prefillTokens]: matrix(tiles.prefillTokens),
      [GATHERED_INPUT.prefillNewTokens]: matrix(tiles.prefillNewTokens),
      [GATHERED_INPUT.prefillBlocks]: matrix(tiles.prefillBlocks),
      [GATHERED_INPUT.prefillPast]: vector(tiles.prefillPast.data, tiles.prefillPast.columnCount),
      [GATHERED_INPUT.resultRows]: vector(tiles.resultRows.data, tiles.resultRows.columnCount),
      [GATHERED_INPUT.hasPrefill]: flag(tiles.hasPrefill),
      ...queryFeeds(query),
    };
  }
}

/** How often a score of a prefill tile is written or read on its way through mask, softmax and product. */
const SCORE_ACCESSES = 5;

function passCosts({ weightBytes, shape }: OnnxModelRunnerOptions): PassCosts {
  const scoreBytes = shape.layerCount * shape.headCount * Float32Array.BYTES_PER_ELEMENT * SCORE_ACCESSES;
  return { decodeCells: weightBytes / bytesPerToken(shape), prefillCells: weightBytes / scoreBytes };
}

function queryFeeds(query: LogitsQuery): Feeds {
  const { normaliserCount, readCount, fullRowCount } = query;
  return {
    [LOGITS_INPUT.hasNormalisers]: flag(normaliserCount > 0),
    [LOGITS_INPUT.normaliserRows]: vector(
      normaliserCount > 0 ? query.normaliserRow : NO_ENTRY_I32,
      Math.max(normaliserCount, 1),
    ),
    [LOGITS_INPUT.inverseTemperatures]: new ort.Tensor(
      'float32',
      normaliserCount > 0 ? query.normaliserInverseTemperature.subarray(0, normaliserCount) : NO_ENTRY_F32,
      [Math.max(normaliserCount, 1)],
    ),
    [LOGITS_INPUT.reads]: new ort.Tensor(
      'int32',
      readCount > 0 ? query.readRowAndToken.subarray(0, 2 * readCount) : NO_ENTRY_I32,
      [Math.max(readCount, 1), 2],
    ),
    [LOGITS_INPUT.fullRows]: vector(
      fullRowCount > 0 ? query.fullRow : NO_ENTRY_I32,
      Math.max(fullRowCount, 1),
    ),
  };
}

function cacheFeeds(cache: GatheredCache): Feeds {
  const { kvHeadCount, blockCount, blockSize, headSize } = cache.shape;
  const dims = [kvHeadCount, blockCount, blockSize * headSize];
  const feeds: Feeds = {};
  cache.keys.forEach((data, layer) => {
    feeds[keyCacheName(layer)] = new ort.Tensor('float32', data, dims);
  });
  cache.values.forEach((data, layer) => {
    feeds[valueCacheName(layer)] = new ort.Tensor('float32', data, dims);
  });
  return feeds;
}

function vector(data: Int32Array, length: number): ort.Tensor {
  return new ort.Tensor('int32', data.subarray(0, length), [length]);
}

function matrix({ data, rowCount, columnCount }: Int32Matrix): ort.Tensor {
  return new ort.Tensor('int32', data.subarray(0, rowCount * columnCount), [rowCount, columnCount]);
}

function flag(value: boolean): ort.Tensor {
  return new ort.Tensor('bool', Uint8Array.of(value ? 1 : 0), []);
}
