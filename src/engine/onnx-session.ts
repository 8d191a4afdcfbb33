/**
 * A session of ONNX Runtime on one device. The only file that imports onnxruntime-node, whose `run` blocks its thread
 * and must stay in one thread: the engine worker's.
 */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type * as ort from 'onnxruntime-node';
import { StartupError } from '../base/errors.ts';
import type { GraphInput, GraphInputs } from './cache-form.ts';
import { cudaFailure } from './cuda-failure.ts';
import { libraryProblem, thisSystem } from './library-problem.ts';
import { RunnerError } from './model-runner.ts';
import { disableTelemetry } from './native-environment.ts';

// For sessions of the main thread; before a thread of the engine's own starts, `worker-engine.ts` says it there.
disableTelemetry(process.env);

/** Loaded when it is first asked for: where that fails, there is one line to say, and most commands do without. */
let library: typeof ort | null = null;

/** @throws StartupError when ONNX Runtime's library cannot be loaded on this machine */
export async function loadLibrary(): Promise<void> {
  try {
    library ??= await import('onnxruntime-node');
  } catch (cause) {
    throw new StartupError(libraryProblem(cause as NodeJS.ErrnoException, thisSystem()), { cause });
  }
}

/** Execution providers that a model is computed on; whatever one lacks falls back to the CPU's. */
export type GpuDevice = 'cuda' | 'webgpu';
export type Device = 'cpu' | GpuDevice;

export type OnnxSessionOptions = {
  readonly graph: Uint8Array;
  /** The folder that the graph's external weights are relative to. */
  readonly weightsFolder: string;
  readonly device: Device;
  /** Threads of ONNX Runtime's pool, the calling one included. */
  readonly threadCount: number;
  /** The name of the trace file begins so; `null`: none is written. */
  readonly profilePrefix?: string | null;
};

export type FetchedOutputs = Readonly<Record<string, ort.Tensor.DataType | undefined>>;

/**
 * How long threads of the pool wait awake for their next piece. Between operators that is shorter than falling asleep;
 * between steps they must let go, or they keep the HTTP side from its core. Measured: docs/performance.md.
 */
const SPIN_MICROSECONDS = 200;

/** How ONNX Runtime begins to say that a node has no kernel on the device. */
const FALLBACK_REFUSED = 'fallback to CPU EP has been explicitly disabled';

export class OnnxSession {
  readonly #session: ort.InferenceSession;
  readonly #constants: Record<string, ort.Tensor> = {};
  /** Where a profile is being written; null when none is. */
  readonly #profileFolder: string | null;

  private constructor(session: ort.InferenceSession, profileFolder: string | null) {
    this.#session = session;
    this.#profileFolder = profileFolder;
  }

  /** @throws StartupError when ONNX Runtime refuses the graph, the weights or the device. */
  static async create(options: OnnxSessionOptions): Promise<OnnxSession> {
    await loadLibrary();
    if (options.device === 'cpu') return OnnxSession.#create(options, null);
    try {
      return await OnnxSession.#create(options, null);
    } catch (error) {
      if (!(error as Error).message.includes(FALLBACK_REFUSED)) throw error;
    }
    // Which nodes those are is told by the profile of a run alone.
    return OnnxSession.#create(options, await mkdtemp(path.join(os.tmpdir(), 'octavo-profile-')));
  }

  static async #create(options: OnnxSessionOptions, profileFolder: string | null): Promise<OnnxSession> {
    try {
      const prefix =
        profileFolder === null ? (options.profilePrefix ?? null) : path.join(profileFolder, 'profile');
      const settings = sessionOptions(options, profileFolder === null, prefix);
      return new OnnxSession(await library!.InferenceSession.create(options.graph, settings), profileFolder);
    } catch (cause) {
      const reason = cudaFailure((cause as Error).message);
      throw new StartupError(`ONNX Runtime cannot load the model: ${reason}`, { cause });
    }
  }

  /**
   * Nodes that the runs so far computed on the CPU for want of a kernel on the device, by name. To be called once, after
   * a first run: until then, where there are any, all runs are profiled.
   */
  async takeFallbacks(): Promise<readonly string[]> {
    if (this.#profileFolder === null) return [];
    this.#session.endProfiling();
    const [file] = await readdir(this.#profileFolder);
    const profile = await readFile(path.join(this.#profileFolder, file!), 'utf8');
    await rm(this.#profileFolder, { recursive: true });
    return cpuNodes(JSON.parse(profile) as readonly ProfileEvent[]);
  }

  /** Inputs that every later run is given beside its own. */
  keepFeeding(feeds: GraphInputs): void {
    Object.assign(this.#constants, tensors(feeds));
  }

  /** @throws RunnerError */
  async run(feeds: GraphInputs, fetches: readonly string[]): Promise<FetchedOutputs> {
    try {
      const outputs = await this.#session.run({ ...this.#constants, ...tensors(feeds) }, fetches);
      return Object.fromEntries(fetches.map((name) => [name, outputs[name]?.data]));
    } catch (cause) {
      const { message } = cause as Error;
      throw new RunnerError(isDeviceLost(message) ? 'fatal' : 'retryable', message, { cause });
    }
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

function sessionOptions(
  options: OnnxSessionOptions,
  withoutFallbacks: boolean,
  profilePrefix: string | null,
): ort.InferenceSession.SessionOptions {
  const { device } = options;
  const isStrict = device !== 'cpu' && withoutFallbacks;
  return {
    executionProviders: [device],
    intraOpNumThreads: options.threadCount,
    graphOptimizationLevel: 'all',
    // Shapes differ from step to step: a pattern of allocations learnt from one does not fit the next.
    enableMemPattern: false,
    // What it says of nodes without a kernel is said better by `takeFallbacks`.
    logSeverityLevel: isStrict ? 4 : 3,
    ...(profilePrefix === null ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    extra: {
      session: {
        model_external_initializers_file_folder_path: options.weightsFolder,
        intra_op: { spin_duration_us: String(SPIN_MICROSECONDS) },
        ...(isStrict ? { disable_cpu_ep_fallback: '1' } : {}),
        // Weights and cache stay for good: CUDA's arena, which grows by doubling, would take more than they need.
        ...(device === 'cuda' ? { use_device_allocator_for_initializers: '1' } : {}),
      },
    },
  };
}

function tensors(feeds: GraphInputs): Record<string, ort.Tensor> {
  const result: Record<string, ort.Tensor> = {};
  for (const name in feeds) result[name] = tensor(feeds[name]!);
  return result;
}

function tensor({ type, data, dims }: GraphInput): ort.Tensor {
  return new library!.Tensor(type, data, dims);
}

/** After these nothing that the device holds is to be trusted, the cache included. */
function isDeviceLost(message: string): boolean {
  return /device (is |was )?lost|CUDA(_ERROR| failure| error)|CUBLAS|CUDNN/i.test(message);
}

type ProfileEvent = {
  readonly cat: string;
  readonly name: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string };
};

/** "operator (node)", each once. */
function cpuNodes(events: readonly ProfileEvent[]): readonly string[] {
  const nodes = new Set<string>();
  for (const { cat, name, args } of events) {
    if (cat !== 'Node' || args?.provider !== 'CPUExecutionProvider') continue;
    if (name.endsWith('_kernel_time'))
      nodes.add(`${args.op_name} (${name.slice(0, -'_kernel_time'.length)})`);
  }
  return [...nodes];
}
