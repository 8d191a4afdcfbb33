import { describe, expect, it } from 'vitest';
import { chooseDevice, type Machine, seesGpu } from '../../src/engine/device-choice.ts';
import {
  cacheBudget,
  dequantisedBytes,
  parseMemory,
  pastCopyBytes,
  tooLittleMemory,
  untoldMemory,
  workspaceBytes,
} from '../../src/engine/gpu-memory.ts';
import { checkCudaType, gpuBlockSize, readsBlocksInPlace } from '../../src/engine/gpu-placement.ts';
import { hideSoftwareDrivers } from '../../src/engine/native-environment.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { readOracle } from '../support/oracle.ts';

type Traits = {
  readonly platform?: string;
  readonly files?: readonly string[];
  readonly cuda?: string | null;
  readonly webgpu?: string | null;
};

/** Devices compute unless a reason says otherwise. */
function machine({ platform = 'linux', files = [], cuda = null, webgpu = null }: Traits): Machine {
  return {
    platform,
    list: (directory) =>
      files
        .filter((file) => file.startsWith(`${directory}/`))
        .map((file) => file.slice(directory.length + 1)),
    probe: async (device) => (device === 'cuda' ? cuda : webgpu),
  };
}

const NVIDIA = ['/dev/nvidia0'];
const RENDER_NODE = ['/dev/dri/card0', '/dev/dri/renderD128'];

describe('the device', () => {
  it('is CUDA before anything else where an NVIDIA GPU computes', async () => {
    expect((await chooseDevice('auto', machine({ files: [...NVIDIA, ...RENDER_NODE] }))).device).toBe('cuda');
  });

  it('is CUDA where a container is given another card than the first', async () => {
    const files = ['/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/nvidia3'];
    expect((await chooseDevice('auto', machine({ files }))).device).toBe('cuda');
    expect((await chooseDevice('auto', machine({ files: files.slice(0, 2) }))).device).toBe('cpu');
  });

  it('is WebGPU where CUDA cannot be used, and says why it cannot', async () => {
    const choice = await chooseDevice('auto', machine({ files: NVIDIA, cuda: 'cuDNN is missing' }));
    expect(choice).toEqual({ device: 'webgpu', reason: 'a GPU with a driver; CUDA: cuDNN is missing' });
  });

  it('is never WebGPU on Linux without a GPU, whatever drivers compute', async () => {
    const choice = await chooseDevice('auto', machine({ files: ['/dev/dri/card0'] }));
    expect(choice).toEqual({ device: 'cpu', reason: 'CUDA: no NVIDIA GPU is seen; WebGPU: no GPU is seen' });
  });

  it('is seen where a container has an NVIDIA GPU and neither nvidia-smi nor a render node', () => {
    expect(seesGpu(machine({ files: ['/dev/nvidiactl', '/dev/nvidia3'] }))).toBe(true);
    expect(seesGpu(machine({ files: ['/dev/dxg'] }))).toBe(true);
    expect(seesGpu(machine({ files: ['/dev/nvidiactl', '/dev/dri/card0'] }))).toBe(false);
  });

  it.each(['darwin', 'win32'])('is WebGPU on %s where it computes, else the CPU', async (platform) => {
    expect((await chooseDevice('auto', machine({ platform }))).device).toBe('webgpu');
    expect((await chooseDevice('auto', machine({ platform, webgpu: 'no adapter' }))).device).toBe('cpu');
  });

  it('is the one asked for, or an error that says why not and what would help', async () => {
    expect((await chooseDevice('cpu', machine({ files: NVIDIA }))).device).toBe('cpu');
    expect((await chooseDevice('webgpu', machine({}))).device).toBe('webgpu');
    await expect(chooseDevice('cuda', machine({ cuda: 'no library' }))).rejects.toThrow(
      '--device cuda cannot be used: no library; run npm run setup:cuda',
    );
    await expect(chooseDevice('webgpu', machine({ webgpu: 'no adapter' }))).rejects.toThrow('a driver for');
  });

  it('keeps what a user has told the Vulkan loader', () => {
    const environment: Record<string, string> = { VK_LOADER_DRIVERS_DISABLE: 'mine' };
    hideSoftwareDrivers(environment);
    expect(environment['VK_LOADER_DRIVERS_DISABLE']).toBe('mine');
  });
});

describe('the memory of a GPU', () => {
  it('is read as nvidia-smi prints it', () => {
    expect(parseMemory('81559, 80994\n')).toEqual({
      totalBytes: 81_559 * 2 ** 20,
      freeBytes: 80_994 * 2 ** 20,
    });
    expect(parseMemory('[N/A], [N/A], [N/A]')).toBeNull();
  });

  it('is not known of a part of a card, as nvidia-smi tells that of the whole', () => {
    expect(parseMemory('81559, 80994, Enabled\n')).toBeNull();
    expect(parseMemory('81559, 80994, Disabled\n')?.totalBytes).toBe(81_559 * 2 ** 20);
    // Cards that cannot be parted.
    expect(parseMemory('24564, 24210, [N/A]\n')?.totalBytes).toBe(24_564 * 2 ** 20);
  });

  it('is needed for the largest 4-bit matrix, which CUDA makes floats of', async () => {
    const shape = await readDecoderShape(readOracle('qwen2-awq-128').directory);
    expect(dequantisedBytes(shape)).toBe(2 * 2 * shape.feedForwardSize * shape.hiddenSize);
    expect(dequantisedBytes({ ...shape, weightPacking: null })).toBe(0);
  });

  it('goes to the cache but for weights, workspace, context and the share that is left alone', () => {
    const memory = { totalBytes: 80 * 2 ** 30, freeBytes: 79 * 2 ** 30 };
    const options = { utilization: 0.9, weightBytes: 16 * 2 ** 30, workspaceBytes: 2 ** 30 };
    expect(cacheBudget(memory, options) / 2 ** 30).toBeCloseTo(79 - 8 - 16 - 1 - 0.75, 6);
  });

  it('is named beside what the weights need where they do not fit', () => {
    const memory = { totalBytes: 8 * 2 ** 30, freeBytes: 7 * 2 ** 30 };
    const needs = { utilization: 0.9, weightBytes: 16 * 2 ** 30, workspaceBytes: 2 ** 30 };
    expect(cacheBudget(memory, needs)).toBeLessThan(0);
    expect(tooLittleMemory(memory, needs).message).toContain(
      'its weights take 16384 MiB, a step and CUDA 1792 MiB; 7168 MiB of 8192 MiB are free',
    );
  });

  it('is taken sparingly where nothing tells it', () => {
    expect(cacheBudget(null, { utilization: 0.9, weightBytes: 1e12, workspaceBytes: 0 })).toBe(2 ** 30);
  });

  it('is said not to be known where that makes the cache of an NVIDIA GPU small', () => {
    const memory = { totalBytes: 80 * 2 ** 30, freeBytes: 79 * 2 ** 30 };
    expect(untoldMemory('cuda', null, null)).toContain('--kv-cache-memory takes more');
    expect(untoldMemory('cuda', memory, null)).toBeNull();
    expect(untoldMemory('cuda', null, { kind: 'bytes', bytes: 2 ** 30 })).toBeNull();
    // Nothing ever tells that.
    expect(untoldMemory('webgpu', null, null)).toBeNull();
  });

  it('is needed beside weights and cache for tokens and logits', async () => {
    const shape = await readDecoderShape(readOracle('llama-biases').directory);
    const perToken = 2 * 2 * (4 * 48 + 3 * 70 + 2 * 10 * 16);
    const perRow = 2 * 14 * 233;
    const bytes = workspaceBytes(shape, { tokensPerStepMax: 100, sequencesPerStepMax: 10 });
    // With so small a vocabulary every token of a step may be scored.
    expect(bytes).toBe(100 * perToken + (10 + 100) * perRow);
  });
});

describe('a model on a GPU', () => {
  it('has its blocks read in place by new cards, where they are large enough', () => {
    expect(readsBlocksInPlace(256, { headSize: 64 }, 8)).toBe(true);
    expect(readsBlocksInPlace(256, { headSize: 64 }, null)).toBe(true);
    expect(readsBlocksInPlace(32, { headSize: 64 }, 9)).toBe(false);
    expect(readsBlocksInPlace(256, { headSize: 64 }, 7.5)).toBe(false);
  });

  it('needs room for the past of all rows where they are not', async () => {
    const shape = await readDecoderShape(readOracle('llama-biases').directory);
    expect(pastCopyBytes(shape, { sequencesPerStepMax: 3, modelLengthMax: 100 })).toBe(
      3 * 100 * shape.headCount * shape.headSize * 2 * 2,
    );
  });

  it('is not computed in bfloat16 by cards that lack it, nor refused where nothing tells the card', () => {
    const named = 'compute capability 8.0 or newer, this GPU has 7.5';
    expect(() => checkCudaType('bfloat16', 7.5)).toThrow(named);
    expect(() => checkCudaType('float16', 7.5)).not.toThrow();
    for (const capability of [8, 12, null]) expect(() => checkCudaType('bfloat16', capability)).not.toThrow();
  });

  it('has blocks of what the kernels read at a time', () => {
    expect(gpuBlockSize('webgpu', { headSize: 128 })).toBe(32);
    expect([64, 128, 256].map((headSize) => gpuBlockSize('cuda', { headSize }))).toEqual([256, 128, 64]);
  });
});
