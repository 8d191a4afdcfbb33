/** From options to a model that computes: chooses the device, sizes the cache, prepares weights and graph. */

import { StartupError } from '../base/errors.ts';
import {
  BLOCK_SIZE_DEFAULT,
  DRAFTED_STEP_TOKENS_MAX,
  WEBGPU_TENSOR_BYTES_MAX,
  WINDOW_SCRATCH_BYTES_MAX,
} from '../base/limits.ts';
import { buildGatheredModel, buildPagedModel, checkpointWeightBytes } from '../graph/checkpoint.ts';
import { COMPUTE_TYPE_BYTES } from '../graph/convert-floats.ts';
import { type DecoderShape, windowsInUse } from '../graph/decoder-shape.ts';
import { cacheTokenBytes } from '../graph/kv-cache-type.ts';
import { checkPagedLimits, type PagedType } from '../graph/paged-attention.ts';
import type { OnProgress } from '../graph/weight-pool.ts';
import { cpuWeightBytes } from '../graph/weight-source.ts';
import { findRightForm, type RightForm } from './attention-check.ts';
import { availableMemory, wholeMemory } from './available-memory.ts';
import { cpuCacheRule, gpuCacheRule, refuseOversized, sizeCache } from './cache-sizing.ts';
import { chooseDevice, type DeviceChoice, type Machine, thisMachine } from './device-choice.ts';
import type { EngineOptions } from './engine-options.ts';
import {
  cacheBudget,
  dequantisedBytes,
  nvidiaComputeCapability,
  nvidiaMemory,
  pastCopyBytes,
  tooLittleMemory,
  untoldMemory,
  workspaceBytes,
} from './gpu-memory.ts';
import { checkCudaType, gpuBlockSize, readsBlocksInPlace } from './gpu-placement.ts';
import { exactIntegerType } from './integer-probe.ts';
import type { ModelLimits } from './model-runner.ts';
import { OnnxModelRunner } from './onnx-model-runner.ts';
import { type GpuDevice, loadLibrary } from './onnx-session.ts';
import { scoredTokensPerStep } from './prompt-scorer.ts';
import type { EngineLimits, PlacementReport } from './protocol.ts';
import type { StepSize } from './warm-up.ts';

export type LoadedModel = {
  readonly runner: OnnxModelRunner;
  readonly limits: EngineLimits;
  readonly placement: PlacementReport;
  /** What every step reads, whatever it computes. */
  readonly weightBytes: number;
};

/** @throws StartupError naming what was found and what would do. */
export async function loadModel(
  options: EngineOptions,
  shape: DecoderShape,
  onProgress: OnProgress = () => {},
  given: Machine = thisMachine,
): Promise<LoadedModel> {
  // Before weights are prepared, which can take minutes.
  await loadLibrary();
  /** GPUs that compute, but not this model. */
  const wrong = new Map<GpuDevice, string>();
  const machine: Machine = {
    ...given,
    probe: async (device) => wrong.get(device) ?? given.probe(device),
  };
  for (;;) {
    const choice = await chooseDevice(options.device, machine);
    const { device, reason } = choice;
    if (device === 'cpu') return loadOnCpu(options, shape, choice, onProgress);
    const loaded = await tryGpu(options, shape, { device, reason });
    if (typeof loaded !== 'string') return loaded;
    // Asked for by name, it is now refused.
    wrong.set(device, loaded);
  }
}

type GpuChoice = { readonly device: GpuDevice; readonly reason: string };

/**
 * @returns why the device does not serve this model, where another one may
 * @throws StartupError of a device that was asked for by name, or that `--strict-device` is to hold to account
 */
async function tryGpu(
  options: EngineOptions,
  shape: DecoderShape,
  choice: GpuChoice,
): Promise<LoadedModel | string> {
  const { device } = choice;
  try {
    const sizes = await sizeOnGpu(options, shape, choice);
    const form = await findRightForm({ device, shape, cacheDirectory: options.cacheDirectory, ...sizes });
    if (typeof form === 'string') return form;
    return await loadOnGpu(options, shape, { ...choice, ...form }, sizes);
  } catch (error) {
    if (options.device !== 'auto' || options.strictDevice || !(error instanceof StartupError)) throw error;
    return error.message;
  }
}

async function loadOnCpu(
  options: EngineOptions,
  shape: DecoderShape,
  choice: DeviceChoice,
  onProgress: OnProgress,
): Promise<LoadedModel> {
  const { threadCount, sequencesPerStepMax, tokensPerStepMax, quantization, profilePrefix } = options;
  if (options.dtype !== 'auto') {
    throw new StartupError(
      `--dtype is for GPUs; the CPU, chosen here (${choice.reason}), computes in float32`,
    );
  }
  const blockSize = options.blockSize ?? BLOCK_SIZE_DEFAULT;
  const cacheType = options.cacheType === 'auto' ? 'f32' : options.cacheType;
  const weightBytes = await cpuWeightBytes(options.modelDirectory, shape, quantization);
  refuseOversized(weightBytes, wholeMemory(), options.cacheMemory);
  const rule = cpuCacheRule(cacheTokenBytes(shape, cacheType), weightBytes);
  const sizing = { ...options, blockSize };
  const model = sizeCache(shape, sizing, availableMemory(), rule);
  const integerType = quantization === 'none' ? 'uint8' : await exactIntegerType();
  const built = await buildGatheredModel(options.modelDirectory, shape, {
    cache: model,
    cacheType,
    positionCount: model.modelLengthMax,
    cacheDirectory: options.cacheDirectory,
    weights: { quantization, integerType, threadCount, onProgress },
  });
  const placement = { device: 'cpu' } as const;
  const runner = await OnnxModelRunner.create({
    ...built,
    shape,
    cacheType,
    limits: model,
    threadCount,
    placement,
    profilePrefix,
  });
  const cacheBytes = model.blockCount * blockSize * rule.tokenBytes;
  return {
    runner,
    limits: { ...model, sequencesPerStepMax, tokensPerStepMax, cacheBytes },
    placement: {
      ...choice,
      positionsMax: shape.positionsMax,
      type: 'float32',
      weightForm: built.form ?? null,
      cacheType,
      fallbacks: [],
    },
    weightBytes: built.weightBytes,
  };
}

/** What a model takes on a GPU, known before its weights are touched. */
type GpuSizes = {
  readonly type: PagedType;
  readonly cache: ModelLimits;
  readonly cacheBytes: number;
  /** Whether to compute the largest step at start: where the memory it needs was estimated, it has to be tried. */
  readonly triesLargestStep: boolean;
  /** Why the cache is small, where that is for want of knowing better. */
  readonly memoryNote: string | null;
};

async function sizeOnGpu(
  options: EngineOptions,
  shape: DecoderShape,
  { device, reason }: GpuChoice,
): Promise<GpuSizes> {
  refuseCpuOptions(options);
  const type = gpuType(options, device, reason);
  const blockSize = options.blockSize ?? gpuBlockSize(device, shape);
  checkPagedLimits(shape, blockSize);
  const tokenBytes = cacheTokenBytes(shape, type);
  const cudaBytes = device === 'cuda' ? await cudaScratchBytes(options, shape, type, blockSize) : 0;
  const memory = await nvidiaMemory(process.env);
  const needs = {
    utilization: options.gpuMemoryUtilization,
    weightBytes: await checkpointWeightBytes(options.modelDirectory, shape, type),
    workspaceBytes: workspaceBytes(shape, options) + cudaBytes,
  };
  const left = cacheBudget(memory, needs);
  if (memory !== null && left <= 0 && options.cacheMemory === null) throw tooLittleMemory(memory, needs);
  // Keys, and values, of a layer are one tensor; the null block comes on top.
  const tensorBytesMax = device === 'webgpu' ? WEBGPU_TENSOR_BYTES_MAX : Number.POSITIVE_INFINITY;
  const budget = Math.min(left, tensorBytesMax * 2 * shape.layerCount - blockSize * tokenBytes);
  const rule = gpuCacheRule(tokenBytes, memory === null ? null : options.sequencesPerStepMax);
  const cache = sizeCache(shape, { ...options, blockSize }, budget, rule);
  const cacheBytes = cache.blockCount * blockSize * tokenBytes;
  const triesLargestStep = device === 'cuda' || memory !== null;
  const memoryNote = untoldMemory(device, memory, options.cacheMemory);
  return { type, cache, cacheBytes, triesLargestStep, memoryNote };
}

/**
 * What CUDA's kernels hold beside what those of every device do.
 * @throws StartupError of a type that the card does not compute in
 */
async function cudaScratchBytes(
  { sequencesPerStepMax, modelLengthMax }: EngineOptions,
  shape: DecoderShape,
  type: PagedType,
  blockSize: number,
): Promise<number> {
  const capability = await nvidiaComputeCapability(process.env);
  checkCudaType(type, capability);
  const matrix = dequantisedBytes(shape);
  if (readsBlocksInPlace(blockSize, shape, capability)) return matrix;
  const longest = modelLengthMax ?? shape.positionsMax;
  return matrix + pastCopyBytes(shape, { sequencesPerStepMax, modelLengthMax: longest });
}

function refuseCpuOptions({ quantization, cacheType }: EngineOptions): void {
  if (quantization === 'w8a8' || quantization === 'int4') {
    throw new StartupError(`--quantization ${quantization} is for the CPU; give --device cpu`);
  }
  if (cacheType !== 'auto') {
    throw new StartupError(
      `--kv-cache-dtype ${cacheType} is for the CPU: a GPU keeps keys and values in what it computes in`,
    );
  }
}

async function loadOnGpu(
  options: EngineOptions,
  shape: DecoderShape,
  { device, reason, tokensApart, packedHeads }: GpuChoice & RightForm,
  { type, cache, cacheBytes, triesLargestStep, memoryNote }: GpuSizes,
): Promise<LoadedModel> {
  const built = await buildPagedModel(options.modelDirectory, shape, {
    cache,
    positionCount: cache.modelLengthMax,
    cacheDirectory: options.cacheDirectory,
    type,
    packedHeads,
  });
  const { threadCount, profilePrefix } = options;
  const placement = { device, tokensApart };
  const { sequencesPerStepMax, tokensPerStepMax } = copiesPast(device, shape, cache)
    ? limitCopies(options, shape, cache, tokensApart)
    : options;
  const runner = await OnnxModelRunner.create({
    ...built,
    shape,
    limits: cache,
    threadCount,
    placement,
    profilePrefix,
    ...(triesLargestStep
      ? { largestStep: largestStep(cache, { sequencesPerStepMax, tokensPerStepMax }) }
      : {}),
  });
  const { fallbacks } = runner;
  if (options.strictDevice && fallbacks.length > 0) {
    await runner.close();
    throw new StartupError(
      `--strict-device: ${device} lacks kernels for ${fallbacks.join(', ')}, which would run on the CPU`,
    );
  }
  return {
    runner,
    limits: { ...cache, sequencesPerStepMax, tokensPerStepMax, cacheBytes },
    placement: {
      device,
      reason: memoryNote === null ? reason : `${reason}; ${memoryNote}`,
      positionsMax: shape.positionsMax,
      type,
      weightForm: built.form ?? null,
      cacheType: type,
      fallbacks,
    },
    weightBytes: built.weightBytes,
  };
}

/** All tokens that a step may have, and logits for as many as may ask for them. */
function largestStep(
  { vocabularySize, modelLengthMax }: ModelLimits,
  { sequencesPerStepMax, tokensPerStepMax }: Pick<EngineOptions, 'sequencesPerStepMax' | 'tokensPerStepMax'>,
): StepSize {
  const tokenCount = Math.min(tokensPerStepMax, sequencesPerStepMax * modelLengthMax);
  const scoredCount = scoredTokensPerStep({ vocabularySize, tokensPerStepMax });
  const choosingMax = Math.max(sequencesPerStepMax, DRAFTED_STEP_TOKENS_MAX);
  return {
    tokenCount,
    logitsRowCount: Math.min(choosingMax + scoredCount, tokenCount),
    choosingCount: Math.min(choosingMax, tokenCount),
  };
}

/** float16 is what every kernel has; bfloat16 is for models whose weights or activations leave its range. */
function gpuType({ dtype }: EngineOptions, device: GpuDevice, reason: string): PagedType {
  if (dtype === 'bfloat16' && device !== 'cuda') {
    throw new StartupError(
      `--dtype bfloat16 needs --device cuda; ${device}, chosen here (${reason}), computes in float16`,
    );
  }
  return dtype === 'auto' ? 'float16' : dtype;
}

/** WebGPU's kernel for windows first copies the keys of every row, padded to the longest, and its queries too. */
function copiesPast(device: GpuDevice, shape: DecoderShape, { modelLengthMax }: ModelLimits): boolean {
  return device === 'webgpu' && windowsInUse(shape, modelLengthMax).some((window) => window !== null);
}

/** As many rows, and tokens in one of them, as one buffer surely holds. */
function limitCopies(
  { tokensPerStepMax, sequencesPerStepMax }: EngineOptions,
  { headCount, kvHeadCount, headSize }: DecoderShape,
  { modelLengthMax }: ModelLimits,
  tokensApart: boolean,
) {
  const within = (elements: number): number =>
    Math.max(1, Math.floor(WINDOW_SCRATCH_BYTES_MAX / (elements * COMPUTE_TYPE_BYTES.float16)));
  const rows = Math.min(sequencesPerStepMax, within(modelLengthMax * kvHeadCount * headSize));
  const tokens = tokensApart ? rows : Math.max(rows, within(rows * headCount * headSize));
  return { tokensPerStepMax: Math.min(tokensPerStepMax, tokens), sequencesPerStepMax: rows };
}
