/** How many blocks the KV cache gets, as arithmetic over the machine's memory and the model's shape. */

import { StartupError } from '../base/errors.ts';
import { CACHE_FRACTION_DEFAULT, CACHE_FULL_SEQUENCES_DEFAULT } from '../base/limits.ts';
import type { DecoderShape } from '../graph/decoder-shape.ts';
import type { EngineOptions } from './engine-options.ts';
import { bytesPerToken } from './gathered-cache.ts';
import type { ModelLimits } from './model-runner.ts';

/**
 * @param availableBytes memory that the machine can still give
 * @throws StartupError when the cache cannot hold one sequence of the length asked for
 */
export function sizeCache(
  shape: DecoderShape,
  options: Pick<EngineOptions, 'cacheMemory' | 'blockSize' | 'modelLengthMax'>,
  availableBytes: number,
): ModelLimits {
  const { blockSize } = options;
  const lengthWanted = options.modelLengthMax ?? shape.positionsMax;
  if (lengthWanted > shape.positionsMax) {
    throw new StartupError(
      `--max-model-len ${lengthWanted} is more than the ${shape.positionsMax} positions that the model was made for`,
    );
  }
  const blockBytes = bytesPerToken(shape) * blockSize;
  const sequenceBlocks = Math.ceil(lengthWanted / blockSize);
  const budget = cacheBytes(options.cacheMemory, availableBytes, sequenceBlocks * blockBytes);
  const usableBlocks = Math.floor(budget / blockBytes);
  if (usableBlocks < sequenceBlocks && options.modelLengthMax !== null) {
    throw new StartupError(
      `a KV cache of ${budget} bytes holds ${usableBlocks * blockSize} tokens, --max-model-len asks for ${lengthWanted}; raise --kv-cache-memory to ${sequenceBlocks * blockBytes} or lower --max-model-len`,
    );
  }
  if (usableBlocks < 1) {
    throw new StartupError(
      `--kv-cache-memory must be at least ${blockBytes} bytes, one block of ${blockSize} tokens`,
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

function cacheBytes(memory: EngineOptions['cacheMemory'], available: number, sequenceBytes: number): number {
  if (memory === null) {
    const enough = CACHE_FULL_SEQUENCES_DEFAULT * sequenceBytes;
    return Math.min(enough, Math.floor(available * CACHE_FRACTION_DEFAULT));
  }
  return memory.kind === 'bytes' ? memory.bytes : Math.floor(available * memory.fraction);
}
