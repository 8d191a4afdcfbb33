/**
 * The options of `octavo serve`: flags, environment variables and help, each once. What values they may have is the
 * business of `config.ts`.
 */

import {
  BLOCK_SIZE_DEFAULT,
  DECODE_SLOWDOWN_DEFAULT,
  DRAIN_MS_DEFAULT,
  GPU_MEMORY_UTILIZATION_DEFAULT,
  REQUESTS_IN_FLIGHT_DEFAULT,
  RESPONSE_STORE_BYTES_DEFAULT,
  SEQUENCES_PER_STEP_DEFAULT,
  STREAM_DELAY_MS_DEFAULT,
  TOKENS_PER_STEP_DEFAULT,
} from './base/limits.ts';
import { REASONING_FORMATS } from './text/message/message-dialect.ts';
import { TOOL_CALL_FORMAT_NAMES } from './text/message/tool-call-format.ts';

export type ServeOption = {
  /** As commander reads it. */
  readonly flags: string;
  readonly environment: string;
  readonly description: string;
  /** Shown in the help; the default itself is in the schema. */
  readonly shownDefault?: string;
  /** May be given more than once; in the environment separated by commas. */
  readonly repeats?: true;
  readonly isSwitch?: true;
};

export const REASONING_PARSERS = Object.keys(REASONING_FORMATS);
/** By the name that the value has in the schema, and commander gives to its flag. */
export const SERVE_OPTIONS = {
  model: {
    flags: '--model <directory>',
    environment: 'MODEL',
    description: 'checkpoint in Hugging Face layout',
    shownDefault: 'the model that ships with Octavo',
  },
  servedModelName: {
    flags: '--served-model-name <name>',
    environment: 'OCTAVO_SERVED_MODEL_NAME',
    description:
      'name for the "model" field; the first one is shown in metrics; repeatable, or with commas in the variable',
    shownDefault: "the directory's name",
    repeats: true,
  },
  host: {
    flags: '--host <address>',
    environment: 'HOST',
    description: 'address to listen on',
    shownDefault: '127.0.0.1',
  },
  port: {
    flags: '--port <number>',
    environment: 'PORT',
    description: 'port to listen on; 0 picks a free one',
    shownDefault: '8000',
  },
  apiKey: {
    flags: '--api-key <key>',
    environment: 'OCTAVO_API_KEY',
    description:
      'key that clients must send to /v1/*, /tokenize and /detokenize; repeatable, or with commas in the variable',
    repeats: true,
  },
  corsOrigin: {
    flags: '--cors-origin <origin>',
    environment: 'OCTAVO_CORS_ORIGIN',
    description:
      'origin whose pages may use the server from a browser, * for all; repeatable, or with commas in the variable',
    shownDefault: 'none',
    repeats: true,
  },
  insecure: {
    flags: '--insecure',
    environment: 'OCTAVO_INSECURE',
    description: 'listen beyond this machine without an API key',
    isSwitch: true,
  },
  strictFields: {
    flags: '--strict-fields',
    environment: 'OCTAVO_STRICT_FIELDS',
    description: 'refuse request fields without effect instead of naming them in x-octavo-ignored',
    isSwitch: true,
  },
  schedulingPolicy: {
    flags: '--scheduling-policy <policy>',
    environment: 'OCTAVO_SCHEDULING_POLICY',
    description: 'fcfs: first come, first served; priority: by what each request says, lower first',
    shownDefault: 'fcfs',
  },
  cacheDir: {
    flags: '--cache-dir <directory>',
    environment: 'OCTAVO_CACHE_DIR',
    description: 'where weights that had to be converted are kept',
    shownDefault: '~/.cache/octavo, or under $XDG_CACHE_HOME',
  },
  quantization: {
    flags: '--quantization <form>',
    environment: 'OCTAVO_QUANTIZATION',
    description:
      'form of the weights: none (float32), w8a8 (8-bit integers), int4 or auto; GPTQ and AWQ checkpoints take auto or none',
    shownDefault: 'auto: w8a8 from 100 million weights up, else none',
  },
  kvCacheMemory: {
    flags: '--kv-cache-memory <size>',
    environment: 'OCTAVO_KV_CACHE_MEMORY',
    description: 'bytes (512MiB, 4GB, 1073741824) or a fraction of the available memory (0.5)',
    shownDefault: '32 full-length sequences or 65,536 tokens, at most 0.4; on a GPU what is left of it',
  },
  kvCacheDtype: {
    flags: '--kv-cache-dtype <type>',
    environment: 'OCTAVO_KV_CACHE_DTYPE',
    description:
      'what the CPU keeps keys and values as: f32, f16 (half the memory) or int8 (a quarter); see docs/performance.md',
    shownDefault: 'auto: f32; a GPU keeps them in what it computes in',
  },
  blockSize: {
    flags: '--block-size <tokens>',
    environment: 'OCTAVO_BLOCK_SIZE',
    description: 'tokens in a block of the KV cache',
    shownDefault: `${BLOCK_SIZE_DEFAULT}, on a GPU 32 to 256, as its kernels want`,
  },
  maxModelLen: {
    flags: '--max-model-len <tokens>',
    environment: 'OCTAVO_MAX_MODEL_LEN',
    description: 'prompt and answer of one request together',
    shownDefault: "the model's own, or what the KV cache holds",
  },
  maxNumSeqs: {
    flags: '--max-num-seqs <count>',
    environment: 'OCTAVO_MAX_NUM_SEQS',
    description: 'sequences in one step',
    shownDefault: String(SEQUENCES_PER_STEP_DEFAULT),
  },
  maxNumBatchedTokens: {
    flags: '--max-num-batched-tokens <count>',
    environment: 'OCTAVO_MAX_NUM_BATCHED_TOKENS',
    description: 'tokens in one step: bounds how long answers wait for the prompts of others',
    shownDefault: String(TOKENS_PER_STEP_DEFAULT),
  },
  maxDecodeSlowdown: {
    flags: '--max-decode-slowdown <factor>',
    environment: 'OCTAVO_MAX_DECODE_SLOWDOWN',
    description:
      'how many times longer a prompt may make the steps of answers that stream already, as measured, steps of up to 16 ms aside; further prompts as much again; 0: never mind',
    shownDefault: String(DECODE_SLOWDOWN_DEFAULT),
  },
  speculation: {
    flags: '--speculation <source>',
    environment: 'OCTAVO_SPECULATION',
    description:
      'where draft tokens come from, which make a few streams faster: prediction (of the request), ngram (what was said before, too) or off',
    shownDefault: 'prediction',
  },
  maxInFlight: {
    flags: '--max-in-flight <count>',
    environment: 'OCTAVO_MAX_IN_FLIGHT',
    description: 'choices of all requests, running and waiting, before new ones get 429',
    shownDefault: String(REQUESTS_IN_FLIGHT_DEFAULT),
  },
  responseStoreMemory: {
    flags: '--response-store-memory <size>',
    environment: 'OCTAVO_RESPONSE_STORE_MEMORY',
    description:
      'memory for responses that clients may ask for again or go on from, the least recently used leave first; 0: none',
    shownDefault: `${RESPONSE_STORE_BYTES_DEFAULT / 2 ** 20}MiB`,
  },
  threads: {
    flags: '--threads <count>',
    environment: 'OCTAVO_THREADS',
    description: 'threads that compute',
    shownDefault: 'the cores that the process may use: all, or those of its container',
  },
  streamDelay: {
    flags: '--stream-delay <ms>',
    environment: 'OCTAVO_STREAM_DELAY',
    description:
      'longest time a streamed token waits to be written with others when many come fast; 0 writes each by itself',
    shownDefault: String(STREAM_DELAY_MS_DEFAULT),
  },
  device: {
    flags: '--device <name>',
    environment: 'OCTAVO_DEVICE',
    description:
      'auto, cpu, cuda or webgpu; auto takes the first of CUDA, WebGPU on a GPU, CPU that computes',
    shownDefault: 'auto',
  },
  strictDevice: {
    flags: '--strict-device',
    environment: 'OCTAVO_STRICT_DEVICE',
    description: 'refuse to start when a part of the model would run on the CPU for want of a kernel',
    isSwitch: true,
  },
  dtype: {
    flags: '--dtype <name>',
    environment: 'OCTAVO_DTYPE',
    description: 'what a GPU computes in: float16, or bfloat16 (cuda only)',
    shownDefault: 'float16',
  },
  gpuMemoryUtilization: {
    flags: '--gpu-memory-utilization <share>',
    environment: 'OCTAVO_GPU_MEMORY_UTILIZATION',
    description: 'share of the GPU that may be filled, where nvidia-smi tells its size',
    shownDefault: String(GPU_MEMORY_UTILIZATION_DEFAULT),
  },
  profile: {
    flags: '--profile <prefix>',
    environment: 'OCTAVO_PROFILE',
    description:
      'write what each operator of each step took to <prefix>_<time>.json (Chrome trace format); slows steps',
  },
  shutdownTimeout: {
    flags: '--shutdown-timeout <seconds>',
    environment: 'OCTAVO_SHUTDOWN_TIMEOUT',
    description: 'how long running requests may go on after a stop signal',
    shownDefault: String(DRAIN_MS_DEFAULT / 1000),
  },
  toolCallParser: {
    flags: '--tool-call-parser <name>',
    environment: 'OCTAVO_TOOL_CALL_PARSER',
    description: `how the model writes calls: ${TOOL_CALL_FORMAT_NAMES.join(', ')}, or none to refuse tools`,
    shownDefault: 'auto: from the chat template',
  },
  reasoningParser: {
    flags: '--reasoning-parser <name>',
    environment: 'OCTAVO_REASONING_PARSER',
    description: `how the model marks what it thinks: ${REASONING_PARSERS.join(', ')}, or none`,
    shownDefault: 'auto: from the chat template',
  },
  logLevel: {
    flags: '--log-level <level>',
    environment: 'OCTAVO_LOG_LEVEL',
    description: 'debug, info, warn, error or silent',
    shownDefault: 'info',
  },
} as const satisfies Record<string, ServeOption>;
