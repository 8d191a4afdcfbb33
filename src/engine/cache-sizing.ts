/** How many blocks the KV cache gets, as arithmetic over the machine's memory and the model's shape. */

import { StartupError } from '../base/errors.ts';
import {
  CACHE_FRACTION_DEFAULT,
  CACHE_FRACTION_MIN,
  CACHE_FULL_SEQUENCES_DEFAULT,
  CACHE_TOKENS_DEFAULT,
  WEIGHTS_AND_CACHE_FRACTION,
} from '../base/limits.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { CacheMemory } from './engine-options.ts';
import type { ModelLimits } from './model-runner.ts';

/** How a cache is sized where no size is asked for, and what its tokens take. */
export type CacheRule = {
  /** Keys and values of one token over all layers. */
  readonly tokenBytes: number;
  /** Share of the available memory … */
  readonly fraction: number;
  /** … and sequences of full length, but no fewer tokens than `CACHE_TOKENS_DEFAULT`, whichever is less. */
  readonly fullSequences: number;
  /** Bytes of weights that the available memory has to hold too; `null`: they are taken off it already. */
  readonly weightBytes: number | null;
};

export function cpuCacheRule(tokenBytes: number, weightBytes: number): CacheRule {
  return {
    tokenBytes,
    fraction: CACHE_FRACTION_DEFAULT,
    fullSequences: CACHE_FULL_SEQUENCES_DEFAULT,
    weightBytes,
  };
}

/**
 * A GPU's memory is there to be filled, with what runs at a time at full length and as much again for prefixes; one of
 * unknown size is asked for little.
 * @param sequencesPerStepMax null where nothing tells the size of the memory
 */
export function gpuCacheRule(tokenBytes: number, sequencesPerStepMax: number | null): CacheRule {
  const fullSequences = sequencesPerStepMax === null ? CACHE_FULL_SEQUENCES_DEFAULT : 2 * sequencesPerStepMax;
  return { tokenBytes, fraction: 1, fullSequences, weightBytes: null };
}

/**
 * To be asked before weights are prepared: what does not fit into all of the memory is ended by the system while it loads, without
 * a word, or moves between memory and disk with every token. Whoever says how large the cache is to be knows of a way, such as swap.
 * @param memoryBytes all that the process may ever have
 * @throws StartupError for weights that are larger
 */
export function refuseOversized(
  weightBytes: number,
  memoryBytes: number,
  cacheMemory: CacheMemory | null,
): void {
  if (cacheMemory !== null || weightBytes <= memoryBytes) return;
  throw new StartupError(
    `the model does not fit the memory: its weights take ${mebibytes(weightBytes)} as they are computed with, of ${mebibytes(memoryBytes)}. Take a smaller model, or one in 4 bits (GPTQ or AWQ), and no --quantization none; with --kv-cache-memory it is tried all the same`,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

export type CacheSizing = {
  readonly cacheMemory: CacheMemory | null;
  readonly blockSize: number;
  readonly modelLengthMax: number | null;
};

/**
 * @param availableBytes memory that the device can still give
 * @throws StartupError when the cache cannot hold one sequence of the length asked for
 */
export function sizeCache(
  shape: DecoderShape,
  options: CacheSizing,
  availableBytes: number,
  rule: CacheRule,
): ModelLimits {
  const { blockSize } = options;
  const lengthWanted = options.modelLengthMax ?? shape.positionsMax;
  if (lengthWanted > shape.positionsMax) {
    throw new StartupError(
      `--max-model-len ${lengthWanted} is more than the ${shape.positionsMax} positions that the model was made for`,
    );
  }
  const blockBytes = rule.tokenBytes * blockSize;
  const sequenceBlocks = Math.ceil(lengthWanted / blockSize);
  const budget = cacheBytes(options.cacheMemory, availableBytes, sequenceBlocks * blockBytes, rule);
  const usableBlocks = Math.floor(budget / blockBytes);
  if (usableBlocks < sequenceBlocks && options.modelLengthMax !== null) {
    throw new StartupError(
      `a KV cache of ${Math.max(budget, 0)} bytes holds ${Math.max(usableBlocks, 0) * blockSize} tokens, --max-model-len asks for ${lengthWanted}; raise --kv-cache-memory to ${sequenceBlocks * blockBytes} or lower --max-model-len`,
    );
  }
  if (usableBlocks < 1) {
    throw new StartupError(
      options.cacheMemory === null
        ? `the memory that is left holds no block of ${blockSize} tokens (${blockBytes} bytes); free some, or say how much to take with --kv-cache-memory`
        : `--kv-cache-memory must be at least ${blockBytes} bytes, one block of ${blockSize} tokens`,
    );
  }
  return {
    // The null block comes on top.
    blockCount: usableBlocks + 1,
    blockSize,
    modelLengthMax: Math.min(lengthWanted, usableBlocks * blockSize),
    vocabularySize: shape.vocabularySize,
  };
}

function cacheBytes(
  memory: CacheMemory | null,
  available: number,
  sequenceBytes: number,
  { tokenBytes, fraction, fullSequences, weightBytes }: CacheRule,
): number {
  if (memory === null) {
    const wanted = Math.max(fullSequences * sequenceBytes, CACHE_TOKENS_DEFAULT * tokenBytes);
    const left =
      weightBytes === null
        ? available
        : Math.max(available * WEIGHTS_AND_CACHE_FRACTION - weightBytes, available * CACHE_FRACTION_MIN);
    return Math.floor(Math.min(wanted, available * fraction, left));
  }
  return memory.kind === 'bytes' ? memory.bytes : Math.floor(available * memory.fraction);
}
