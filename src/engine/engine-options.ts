/** What the engine worker is started with. Structured-cloneable. */

import type { KvCacheType } from '../graph/kv-cache-type.ts';
import type { Quantization } from '../graph/quantization.ts';
import type { Speculation } from '../sampling/draft-lookup.ts';

export type CacheMemory =
  /** Share of the memory that the machine has available when the engine starts, in (0, 1]. */
  | { readonly kind: 'fraction'; readonly fraction: number }
  | { readonly kind: 'bytes'; readonly bytes: number };

export type EngineOptions = {
  /** Checkpoint in Hugging Face layout. */
  readonly modelDirectory: string;
  /** Where converted weights are kept. */
  readonly cacheDirectory: string;
  /** `null`: enough for a number of full-length sequences, within a share of the available memory. */
  readonly cacheMemory: CacheMemory | null;
  /** What keys and values are kept as on the CPU; `auto`: float32, and on a GPU what is computed in. */
  readonly cacheType: KvCacheType | 'auto';
  /** `null`: what suits the device. */
  readonly blockSize: number | null;
  /** Prompt and output of one sequence; `null`: what the model was made for. */
  readonly modelLengthMax: number | null;
  readonly sequencesPerStepMax: number;
  readonly tokensPerStepMax: number;
  /** How many times longer prompts may make a step of decoding sequences; `null`: prompts are never held back. */
  readonly decodeSlowdownMax: number | null;
  /** Where draft tokens come from. */
  readonly speculation: Speculation;
  readonly threadCount: number;
  readonly device: 'auto' | 'cpu' | 'cuda' | 'webgpu';
  /** Refuse to start when the device has no kernel for a node of the graph. */
  readonly strictDevice: boolean;
  /** What a GPU computes in; `auto` is float16. */
  readonly dtype: 'auto' | 'float16' | 'bfloat16';
  /** Share of a GPU's memory that weights, cache and workspace may fill, (0, 1]. */
  readonly gpuMemoryUtilization: number;
  readonly quantization: Quantization;
  /** ONNX Runtime writes what each operator took to files whose names begin so; `null`: it does not. */
  readonly profilePrefix: string | null;
};
