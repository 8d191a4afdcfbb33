/**
 * The check of a device's attention, on WebGPU. The software driver with its narrow vectors is the wrong driver that it is
 * there to find: its kernel for sliding windows goes astray at the second tile of keys.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findRightForm } from '../../src/engine/attention-check.ts';
import type { EngineOptions } from '../../src/engine/engine-options.ts';
import { loadModel } from '../../src/engine/load-model.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { readOracle } from '../support/oracle.ts';
import { SHADER_TIMEOUT_MS } from '../support/paged-runner.ts';
import { hasWebGpu, isSoftwareDriver } from '../support/webgpu.ts';

const WINDOWS = readOracle('mistral-sliding').directory;
const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-attention-'));
afterAll(() => rm(cacheDirectory, { recursive: true }));

const PACKED = { tokensApart: false, packedHeads: true };
const THREE_INPUTS = { tokensApart: false, packedHeads: false };

async function rightForm(directory: string, modelLengthMax: number, more: { keysMin?: number } = {}) {
  const shape = await readDecoderShape(directory);
  const cache = { blockSize: 32, modelLengthMax };
  return findRightForm({ device: 'webgpu', type: 'float16', shape, cache, cacheDirectory, ...more });
}

describe.skipIf(!hasWebGpu)('attention on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  it('is right for whole rows, with queries, keys and values side by side', async () => {
    expect(await rightForm(readOracle('llama-biases').directory, 128)).toEqual(PACKED);
  });

  it('is right for queries and keys that are normed before they are given to it', async () => {
    expect(await rightForm(readOracle('qwen3').directory, 128)).toEqual(THREE_INPUTS);
  });

  it('is right for sequences as long as CUDA shares out', async () => {
    expect(await rightForm(readOracle('llama-biases').directory, 128, { keysMin: 600 })).toEqual(PACKED);
  });

  it.runIf(isSoftwareDriver)('is found wrong where the driver is, with how far off it is', async () => {
    expect(await rightForm(WINDOWS, 128)).toMatch(
      /^its driver computes attention with a sliding window wrongly, by 0\.\d+ where 0\.01 is allowed$/,
    );
  });

  it('is not asked about windows that no position leaves', async () => {
    expect(await rightForm(WINDOWS, 8)).toEqual(PACKED);
  });

  const OPTIONS: EngineOptions = {
    modelDirectory: WINDOWS,
    cacheDirectory,
    cacheMemory: { kind: 'bytes', bytes: 2 ** 20 },
    cacheType: 'auto',
    blockSize: 32,
    modelLengthMax: 128,
    sequencesPerStepMax: 4,
    tokensPerStepMax: 64,
    decodeSlowdownMax: null,
    speculation: 'off',
    threadCount: 1,
    device: 'webgpu',
    strictDevice: false,
    dtype: 'auto',
    gpuMemoryUtilization: 0.9,
    quantization: 'none',
    profilePrefix: null,
  };

  it('passes over a GPU that cannot serve the model as it is asked for, where any device will do', async () => {
    const options: EngineOptions = { ...OPTIONS, device: 'auto', quantization: 'int4' };
    const machine = { platform: 'darwin', exists: () => false, list: () => [], probe: async () => null };
    const { runner, placement } = await loadModel(
      options,
      await readDecoderShape(WINDOWS),
      undefined,
      machine,
    );
    await runner.close();
    expect(placement.device).toBe('cpu');
    expect(placement).toHaveProperty(
      'reason',
      expect.stringContaining('WebGPU: --quantization int4 is for the CPU'),
    );
  });

  it.runIf(isSoftwareDriver)('refuses the device at start where it is wrong', async () => {
    await expect(loadModel(OPTIONS, await readDecoderShape(WINDOWS))).rejects.toThrow(
      '--device webgpu cannot be used: its driver computes attention with a sliding window wrongly',
    );
  });
});
