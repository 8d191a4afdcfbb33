/** What the engine worker is started with. Structured-cloneable. */

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
  readonly blockSize: number;
  /** Prompt and output of one sequence; `null`: what the model was made for. */
  readonly modelLengthMax: number | null;
  readonly sequencesPerStepMax: number;
  readonly tokensPerStepMax: number;
  readonly threadCount: number;
};
