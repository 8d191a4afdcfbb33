/**
 * What CUDA says of a call that failed, out of what ONNX Runtime says of it: 1,200 characters of templates, files and the
 * machine's name around one sentence.
 */

/** By the number of CUDA's error. */
const WHAT_WOULD_DO: Readonly<Record<string, string>> = {
  2: 'too little of the GPU is free: end what else uses it, or lower --gpu-memory-utilization, --kv-cache-memory or --max-model-len',
  35: 'it takes a newer driver, or a provider for an older CUDA',
  209: 'the provider has code for compute capabilities 7.5, 8.x, 9.0 and 12.0 alone',
};

/** @returns `message` as it is where it tells of no such call */
export function cudaFailure(message: string): string {
  const failure = /CUDA failure (\d+): ([^;]*[^;\s])/.exec(message);
  if (failure === null) return message;
  const [told, code] = failure;
  const help = WHAT_WOULD_DO[code!];
  return help === undefined ? told : `${told}; ${help}`;
}
