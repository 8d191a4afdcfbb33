/** Which device a model is computed on, and why: what was asked for, or the best one that computes. */

import { existsSync, readdirSync } from 'node:fs';
import { StartupError } from '../base/errors.ts';
import { probeDevice } from './device-probe.ts';
import type { Device, GpuDevice } from './onnx-session.ts';

export type DeviceWish = 'auto' | Device;

/** `reason` is for a person to read. */
export type DeviceChoice = { readonly device: Device; readonly reason: string };

/** What is looked at to choose. */
export type Machine = {
  readonly platform: string;
  list(directory: string): readonly string[];
  /** @returns null when the device computes, else why not. */
  probe(device: GpuDevice): Promise<string | null>;
};

export const thisMachine: Machine = {
  platform: process.platform,
  list: (directory) => (existsSync(directory) ? readdirSync(directory) : []),
  probe: probeDevice,
};

const HOW_TO_MEND: Readonly<Record<GpuDevice, string>> = {
  cuda: 'run npm run setup:cuda, which says what is missing; where the driver is wrong, try another, or --device cpu',
  webgpu:
    'it needs a driver for Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS) that computes rightly',
};

/** @throws StartupError when a device was asked for by name and cannot be used. */
export async function chooseDevice(wish: DeviceWish, machine: Machine): Promise<DeviceChoice> {
  if (wish === 'cpu') return { device: 'cpu', reason: 'asked for' };
  if (wish === 'auto') return chooseBest(machine);
  const problem = await machine.probe(wish);
  if (problem === null) return { device: wish, reason: 'asked for' };
  throw new StartupError(`--device ${wish} cannot be used: ${problem}; ${HOW_TO_MEND[wish]}`);
}

async function chooseBest(machine: Machine): Promise<DeviceChoice> {
  const cuda = hasNvidia(machine) ? await machine.probe('cuda') : 'no NVIDIA GPU is seen';
  if (cuda === null) return { device: 'cuda', reason: 'an NVIDIA GPU with its provider' };
  const webgpu = seesGpu(machine) ? await machine.probe('webgpu') : 'no GPU is seen';
  if (webgpu === null) return { device: 'webgpu', reason: `a GPU with a driver; CUDA: ${cuda}` };
  return { device: 'cpu', reason: cuda === webgpu ? cuda : `CUDA: ${cuda}; WebGPU: ${webgpu}` };
}

/** ONNX Runtime's package has a CUDA provider for Linux alone. `dxg` is the GPU of Windows under WSL. */
function hasNvidia({ platform, list }: Machine): boolean {
  // A container may be given the fourth card alone, by its number.
  return platform === 'linux' && list('/dev').some((node) => /^(nvidia\d+|dxg)$/.test(node));
}

/** Whether the machine shows any GPU, be there a driver that computes or not. */
export function seesGpu(machine: Machine): boolean {
  if (machine.platform !== 'linux') return true;
  return hasNvidia(machine) || machine.list('/dev/dri').some((node) => node.startsWith('renderD'));
}
