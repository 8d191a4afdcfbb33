import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { cpuCacheRule, gpuCacheRule, refuseOversized, sizeCache } from '../../src/engine/cache-sizing.ts';
import { plainDecoder } from '../../src/graph/architectures/family.ts';
import { parseCheckpointConfig } from '../../src/graph/checkpoint-config.ts';
import { cacheTokenBytes } from '../../src/graph/kv-cache-type.ts';

/** 2 layers of 2 kv heads of 8 elements: 256 bytes a token, 4 KiB a block of 16. */
const shapeOf = (max_position_embeddings: number) =>
  plainDecoder(
    parseCheckpointConfig({
      architectures: ['LlamaForCausalLM'],
      vocab_size: 100,
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings,
    }),
    { positionsMax: 1, headSize: null },
  );
const SHAPE = shapeOf(160);
const LONG_SHAPE = shapeOf(16_000);
const BLOCK_BYTES = 4096;
const TOKEN_BYTES = cacheTokenBytes(SHAPE, 'float32');
const RULE = cpuCacheRule(TOKEN_BYTES, 0);
const OPTIONS = { cacheMemory: null, blockSize: 16, modelLengthMax: null };

describe('sizeCache', () => {
  it('gives 32 full-length sequences by default, and the null block', () => {
    expect(sizeCache(LONG_SHAPE, OPTIONS, 1e9, RULE).blockCount).toBe(32 * 1000 + 1);
  });

  it('gives a whole batch 512 tokens each where full length is less than that', () => {
    expect(sizeCache(SHAPE, OPTIONS, 1e9, RULE).blockCount).toBe((128 * 512) / 16 + 1);
  });

  it('takes at most its default share of the available memory', () => {
    expect(sizeCache(SHAPE, OPTIONS, 100 * BLOCK_BYTES, RULE).blockCount).toBe(40 + 1);
  });

  it('takes what the weights leave of the available memory where that is less, and a tenth at least', () => {
    const blocksBeside = (weightBlocks: number): number => {
      const rule = cpuCacheRule(TOKEN_BYTES, weightBlocks * BLOCK_BYTES);
      return sizeCache(SHAPE, OPTIONS, 100 * BLOCK_BYTES, rule).blockCount - 1;
    };
    expect([50, 70, 85, 200].map(blocksBeside)).toEqual([40, 20, 10, 10]);
  });

  it('takes a number of bytes as it is', () => {
    const cacheMemory = { kind: 'bytes', bytes: 12 * BLOCK_BYTES + 1 } as const;
    expect(sizeCache(SHAPE, { ...OPTIONS, cacheMemory }, 0, RULE).blockCount).toBe(12 + 1);
  });

  it('takes a fraction of the available memory', () => {
    const cacheMemory = { kind: 'fraction', fraction: 0.5 } as const;
    expect(sizeCache(SHAPE, { ...OPTIONS, cacheMemory }, 24 * BLOCK_BYTES, RULE).blockCount).toBe(12 + 1);
  });

  it('serves shorter sequences when the cache cannot hold one of full length', () => {
    const cacheMemory = { kind: 'bytes', bytes: 3 * BLOCK_BYTES } as const;
    expect(sizeCache(SHAPE, { ...OPTIONS, cacheMemory }, 0, RULE).modelLengthMax).toBe(48);
  });

  it('refuses when a length was asked for that the cache cannot hold, with the bytes that it would take', () => {
    const options = { ...OPTIONS, modelLengthMax: 64, cacheMemory: { kind: 'bytes', bytes: 100 } as const };
    expect(() => sizeCache(SHAPE, options, 0, RULE)).toThrow(StartupError);
    expect(() => sizeCache(SHAPE, options, 0, RULE)).toThrow(`raise --kv-cache-memory to ${4 * BLOCK_BYTES}`);
  });

  it('refuses a length beyond what the model was made for', () => {
    expect(() => sizeCache(SHAPE, { ...OPTIONS, modelLengthMax: 161 }, 1e9, RULE)).toThrow('160 positions');
  });

  it('fills a GPU whose memory is known, with tokens of half the size', () => {
    const rule = gpuCacheRule(cacheTokenBytes(SHAPE, 'float16'), 1000);
    expect(sizeCache(SHAPE, OPTIONS, 1000 * BLOCK_BYTES, rule).blockCount).toBe(2000 + 1);
  });

  it('takes no more of a GPU than twice what its places can fill', () => {
    const rule = gpuCacheRule(cacheTokenBytes(LONG_SHAPE, 'float16'), 64);
    expect(sizeCache(LONG_SHAPE, OPTIONS, 1e12, rule).blockCount).toBe(2 * 64 * 1000 + 1);
  });

  it('asks a GPU of unknown memory for 32 full-length sequences at most', () => {
    const rule = gpuCacheRule(cacheTokenBytes(LONG_SHAPE, 'float16'), null);
    expect(sizeCache(LONG_SHAPE, OPTIONS, 1e9, rule).blockCount).toBe(32 * 1000 + 1);
  });

  it('refuses when nothing is left, by what would help', () => {
    expect(() => sizeCache(SHAPE, OPTIONS, -1, RULE)).toThrow('--kv-cache-memory');
  });
});

describe('weights that are larger than all of the memory', () => {
  const [LARGER, MEMORY] = [9 * 2 ** 30, 8 * 2 ** 30];

  it('are refused with both sizes, before they are prepared', () => {
    expect(() => refuseOversized(LARGER, MEMORY, null)).toThrow(StartupError);
    expect(() => refuseOversized(LARGER, MEMORY, null)).toThrow(/9216 MiB .* of 8192 MiB\./);
    expect(() => refuseOversized(MEMORY, MEMORY, null)).not.toThrow();
  });

  it('are refused with ways out, of which none depends on the processor', () => {
    const waysOut = /smaller model, or one in 4 bits .*, and no --quantization none; with --kv-cache-memory/;
    expect(() => refuseOversized(LARGER, MEMORY, null)).toThrow(waysOut);
  });

  it('are tried where the size of the cache is given', () => {
    const cacheMemory = { kind: 'bytes', bytes: 2 ** 30 } as const;
    expect(() => refuseOversized(LARGER, MEMORY, cacheMemory)).not.toThrow();
  });
});
