/**
 * WebGPU for tests. Where no GPU is, Mesa's software driver serves (`.ci/run` installs it); with CI set it must be
 * there. Without, the tests of the paged form are skipped, and one line says so.
 */

import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { probeDevice } from '../../src/engine/device-probe.ts';

/** Mesa's software driver, by the file that tells Vulkan's loader of it; null where it is not installed. */
const softwareDriver = findSoftwareDriver();
/** Tests say what is wrong with that driver; a GPU that is here besides may do better. */
export const isSoftwareDriver = softwareDriver !== null;
if (softwareDriver !== null) process.env['VK_DRIVER_FILES'] = softwareDriver;

// Where the driver keeps sockets; it refuses to start without.
process.env['XDG_RUNTIME_DIR'] ??= os.tmpdir();
// Narrow vectors halve the time in which the software driver compiles a shader, which is most of these tests'.
process.env['LP_NATIVE_VECTOR_WIDTH'] ??= '128';

const reason = await probeDevice('webgpu');

export const hasWebGpu = reason === null;

if (reason !== null) {
  const message = `no WebGPU device (${reason}): install a Vulkan driver, for instance mesa-vulkan-drivers 23 or newer`;
  if (process.env['CI']) throw new Error(message);
  process.stderr.write(`tests of the paged form are skipped: ${message}\n`);
}

function findSoftwareDriver(): string | null {
  const directory = '/usr/share/vulkan/icd.d';
  const file = existsSync(directory) && readdirSync(directory).find((name) => name.startsWith('lvp_icd'));
  return file ? path.join(directory, file) : null;
}
