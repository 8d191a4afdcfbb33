/** How much of a GPU's memory the KV cache may take. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { StartupError } from '../base/errors.ts';
import { GPU_CACHE_BYTES_UNKNOWN, GPU_CONTEXT_BYTES, NVIDIA_SMI_MS } from '../base/limits.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { CacheMemory } from './engine-options.ts';
import type { GpuDevice } from './onnx-session.ts';
import { scoredTokensPerStep } from './prompt-scorer.ts';

export type GpuMemory = { readonly totalBytes: number; readonly freeBytes: number };

/** Of the first NVIDIA GPU that this process may see; null where nvidia-smi does not tell it. */
export async function nvidiaMemory(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<GpuMemory | null> {
  const told = await askNvidia('memory.total,memory.free,mig.mode.current', environment);
  return told === null ? null : parseMemory(told);
}

/** Of the same GPU, for example 8.6; null where nvidia-smi does not tell. */
export async function nvidiaComputeCapability(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | null> {
  const capability = Number.parseFloat((await askNvidia('compute_cap', environment)) ?? '');
  return capability > 0 ? capability : null;
}

async function askNvidia(
  fields: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  // Lists of numbers and of names (GPU-…) are both what `--id` takes.
  const [first] = (environment['CUDA_VISIBLE_DEVICES'] || '0').split(',');
  const query = [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', `--id=${first}`];
  try {
    return (await promisify(execFile)('nvidia-smi', query, { timeout: NVIDIA_SMI_MS })).stdout;
  } catch {
    return null;
  }
}

/**
 * @param line "total, free" in MiB and whether the card is parted (MIG), as nvidia-smi prints it
 * @returns null of a card that is: CUDA gets one of its parts, and these are the figures of the whole
 */
export function parseMemory(line: string): GpuMemory | null {
  const match = /^\s*(\d+), *(\d+)(?:, *(\S+))?/.exec(line);
  if (match === null || match[3] === 'Enabled') return null;
  return { totalBytes: Number(match[1]) * 2 ** 20, freeBytes: Number(match[2]) * 2 ** 20 };
}

export type CacheBudgetOptions = {
  /** Share of the GPU's memory that this process may fill, (0, 1]. */
  readonly utilization: number;
  readonly weightBytes: number;
  readonly workspaceBytes: number;
};

/** Bytes left for the cache; none or less when the rest does not fit. */
export function cacheBudget(memory: GpuMemory | null, options: CacheBudgetOptions): number {
  if (memory === null) return GPU_CACHE_BYTES_UNKNOWN;
  const { utilization, weightBytes, workspaceBytes } = options;
  const usable = memory.freeBytes - (1 - utilization) * memory.totalBytes;
  return Math.floor(usable - weightBytes - workspaceBytes - GPU_CONTEXT_BYTES);
}

/** What to tell a person whose cache is small because nothing tells the memory of the card; null where that is not so. */
export function untoldMemory(
  device: GpuDevice,
  memory: GpuMemory | null,
  cacheMemory: CacheMemory | null,
): string | null {
  if (device !== 'cuda' || memory !== null || cacheMemory !== null) return null;
  return `nvidia-smi does not tell its memory: a cache of at most ${GPU_CACHE_BYTES_UNKNOWN / 2 ** 30} GiB, whatever --gpu-memory-utilization says; --kv-cache-memory takes more`;
}

/** What to tell a person whose GPU has no room for the weights, let alone a cache. */
export function tooLittleMemory(
  { totalBytes, freeBytes }: GpuMemory,
  { utilization, weightBytes, workspaceBytes }: CacheBudgetOptions,
): StartupError {
  const [weights, steps, free, total] = [
    weightBytes,
    workspaceBytes + GPU_CONTEXT_BYTES,
    freeBytes,
    totalBytes,
  ].map((bytes) => `${Math.ceil(bytes / 2 ** 20)} MiB`);
  return new StartupError(
    `the model does not fit the GPU: its weights take ${weights}, a step and CUDA ${steps}; ${free} of ${total} are free, of which --gpu-memory-utilization ${utilization} leaves ${Math.round((1 - utilization) * 100)} % of the whole alone. Take a smaller model, lower --max-num-seqs, --max-model-len or --max-num-batched-tokens, or --device cpu`,
  );
}

const HALF_BYTES = 2;
/** Logits of a row that chooses a token or scores one: in 16 bits, in float32, and what TopK and the normalisers make of them. */
const LOGIT_BYTES = 2 + 4 + 4 + 4;
/** Tensors of a step that live at the same time are freed late, and pools keep what was freed. */
const POOL_FACTOR = 2;

/** What a step of so many tokens and rows holds beside weights and cache, generously. */
export function workspaceBytes(
  shape: DecoderShape,
  { tokensPerStepMax, sequencesPerStepMax }: { tokensPerStepMax: number; sequencesPerStepMax: number },
): number {
  const { hiddenSize, feedForwardSize, headCount, kvHeadCount, headSize, vocabularySize } = shape;
  const perToken = 4 * hiddenSize + 3 * feedForwardSize + 2 * (headCount + 2 * kvHeadCount) * headSize;
  const activations = tokensPerStepMax * perToken * HALF_BYTES;
  const rowCount = sequencesPerStepMax + scoredTokensPerStep({ vocabularySize, tokensPerStepMax });
  const logits = rowCount * vocabularySize * LOGIT_BYTES;
  return POOL_FACTOR * (activations + logits);
}

/** What CUDA's product with 4-bit groups holds for all but the smallest steps: the whole matrix in 16 bits. */
export function dequantisedBytes({
  weightPacking,
  hiddenSize,
  feedForwardSize,
  headCount,
  kvHeadCount,
  headSize,
}: DecoderShape): number {
  if (weightPacking === null) return 0;
  const rowCount = Math.max(feedForwardSize, (headCount + 2 * kvHeadCount) * headSize);
  return POOL_FACTOR * rowCount * hiddenSize * HALF_BYTES;
}

/**
 * What CUDA's attention holds where flash attention cannot read the blocks: of all rows of a step, the keys and the values
 * of their past, padded to the longest and repeated for every query head.
 */
export function pastCopyBytes(
  { headCount, headSize }: DecoderShape,
  { sequencesPerStepMax, modelLengthMax }: { sequencesPerStepMax: number; modelLengthMax: number },
): number {
  return 2 * sequencesPerStepMax * modelLengthMax * headCount * headSize * HALF_BYTES;
}
