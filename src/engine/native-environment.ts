/**
 * Variables of the process by which native libraries are told what they ask nobody else for. All of it is to be said in
 * the process' main thread before the first session: only there does a variable reach native code. What a user has
 * said stays.
 */

type Environment = Record<string, string | undefined>;

/**
 * ONNX Runtime 1.30 sends telemetry to its makers, names of the machine and of the model's graph among it, and keeps an
 * identity in the user's cache directory. A server that is told other people's texts says nothing to anybody.
 */
export function disableTelemetry(environment: Environment): void {
  environment['ORT_DISABLE_TELEMETRY'] ??= '1';
}

/**
 * Keeps `auto` from taking a driver that computes on the CPU for a GPU: ONNX Runtime does not tell which adapter it got, so
 * Vulkan's loader is told to look past them.
 */
export function hideSoftwareDrivers(environment: Environment): void {
  environment['VK_LOADER_DRIVERS_DISABLE'] ??= '*lvp*,*swiftshader*';
}

/** CUDA by itself puts the fastest GPU first, nvidia-smi goes by the bus: memory would be read from another card. */
export function countGpusAsNvidiaSmi(environment: Environment): void {
  environment['CUDA_DEVICE_ORDER'] ??= 'PCI_BUS_ID';
}
