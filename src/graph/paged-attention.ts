/**
 * Attention for providers that have com.microsoft.PagedAttention (CUDA, WebGPU), which writes the step's keys and values
 * into the cache in place. Each layer's keys and values, [blocks x blockSize x kvHeads x headSize], are initializers:
 * they are uploaded once, as zeros, and live on the device as long as the session. The operator's optional cache outputs
 * are left out, so nothing large leaves it. The operator rotates queries and keys itself, and takes both and the values
 * side by side as one product leaves them: fewer launches, of which a decoding step is made on a fast device.
 *
 * Where a step's keys go follows from the block table and the past lengths; WebGPU knows no slot mapping.
 */

import { StartupError } from '../base/errors.ts';
import type { AttentionForm, LayerHeads } from './attention-form.ts';
import type { ComputeType } from './convert-floats.ts';
import { COMPUTE_TYPE_BYTES, convertFloats } from './convert-floats.ts';
import { type DecoderShape, windowsInUse } from './decoder-shape.ts';
import type { CacheGeometry } from './gathered-attention.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { ropeTables } from './rope.ts';

export const PAGED_INPUT = {
  /** int32 [rows + 1] first token of each row, and the end. */
  rowStart: 'row_start',
  /** int32 [rows] tokens of each row's sequence that are in the cache. */
  pastLength: 'past_length',
  /** int32 [rows x B] block ids in order of position. */
  blockTable: 'block_table',
  /**
   * int32 [3]: the most new tokens, and the most keys, that any row has, and the latter again as a lower bound. Stays on the
   * host: with it the operator need not wait for the device to learn how much it is to launch, once for every layer.
   */
  lengthBounds: 'length_bounds',
} as const;

/** float32 [T] of no meaning, but that it is not finite where a token's keys or values are not. */
export const TOKEN_SUMS = 'token_sums';

/** Types that the operator has kernels for. */
export type PagedType = Exclude<ComputeType, 'float32'>;

/** Head sizes are a multiple of this where the operator rotates. */
const HEAD_SIZE_STEP = 16;
/** Above this neither provider has a kernel that reads the blocks in place. */
const HEAD_SIZE_MAX = 256;
/** The operator's is 16; WebGPU's prefill, which reads tiles of 32 keys, then copies the cache and is wrong on some drivers. */
const BLOCK_SIZE_MIN = 32;

/** @throws StartupError naming the limit that the model or the block size breaks. */
export function checkPagedLimits(shape: DecoderShape, blockSize: number): void {
  const { headSize } = shape;
  if (headSize % HEAD_SIZE_STEP !== 0 || headSize > HEAD_SIZE_MAX) {
    throw new StartupError(
      `heads of ${headSize} elements cannot be served on a GPU: ONNX Runtime's PagedAttention takes multiples of ${HEAD_SIZE_STEP} up to ${HEAD_SIZE_MAX}; use --device cpu`,
    );
  }
  if (blockSize < BLOCK_SIZE_MIN || (blockSize & (blockSize - 1)) !== 0) {
    throw new StartupError(
      `--block-size ${blockSize} cannot be used on a GPU: it takes powers of two from ${BLOCK_SIZE_MIN}`,
    );
  }
}

/** Whether the operator takes `packedHeads` of this family there: WebGPU's has no norms of queries and keys (1.30.0). */
export function takesPackedHeads(
  { queryKeyNorm }: Pick<DecoderShape, 'queryKeyNorm'>,
  device: 'cuda' | 'webgpu',
): boolean {
  return device === 'cuda' || !queryKeyNorm;
}

/** Bytes of one layer's keys; its values take as many. */
export function pagedCacheBytes(
  { kvHeadCount, headSize }: Pick<DecoderShape, 'kvHeadCount' | 'headSize'>,
  { blockCount, blockSize }: CacheGeometry,
  type: PagedType,
): number {
  return blockCount * blockSize * kvHeadCount * headSize * COMPUTE_TYPE_BYTES[type];
}

export type PagedCacheOptions = {
  readonly type: PagedType;
  /**
   * Queries, keys and values side by side in one input, and the norms of the former two inside the operator where the
   * family has any; else three inputs, normed before.
   */
  readonly packedHeads: boolean;
  /** A file of zeros of at least `pagedCacheBytes`, relative to the folder that the session is given. */
  readonly zerosFile: string;
};

export type PagedAttentionOptions = PagedCacheOptions & {
  readonly shape: DecoderShape;
  readonly cache: CacheGeometry;
  /** Positions 0 to this - 1 can be used. */
  readonly positionCount: number;
};

export class PagedAttention implements AttentionForm {
  readonly #options: PagedAttentionOptions;
  readonly #windows: readonly (number | null)[];
  readonly #stepInputs: readonly Value[];
  readonly #cos: Value;
  readonly #sin: Value;
  readonly #lengthBounds: Value;

  constructor(g: GraphBuilder, options: PagedAttentionOptions) {
    this.#options = options;
    this.#windows = windowsInUse(options.shape, options.positionCount);
    this.#stepInputs = [
      g.input(PAGED_INPUT.rowStart, 'int32', ['rows_and_end']),
      g.input(PAGED_INPUT.pastLength, 'int32', ['step_rows']),
      g.input(PAGED_INPUT.blockTable, 'int32', ['step_rows', 'B']),
    ];
    this.#lengthBounds = g.input(PAGED_INPUT.lengthBounds, 'int32', [3]);
    const { cos, sin } = ropeTables(options.shape, options.positionCount);
    const dims = [options.positionCount, options.shape.headSize / 2];
    this.#cos = halfFloats(g, options.type, dims, cos);
    this.#sin = halfFloats(g, options.type, dims, sin);
  }

  layer(g: GraphBuilder, layer: number, heads: LayerHeads): Value {
    const { shape, packedHeads } = this.#options;
    const caches = [this.#cache(g, `key_cache_${layer}`), this.#cache(g, `value_cache_${layer}`)];
    const norms = packedHeads ? heads.norms : null;
    const inputs = [
      ...(packedHeads ? [heads.packed(), ABSENT, ABSENT] : heads.apart()),
      ...caches,
      ...this.#stepInputs,
      this.#cos,
      this.#sin,
      ...NO_SLOTS_NOR_SINKS,
      ...(norms === null ? [ABSENT, ABSENT] : [norms.query, norms.key]),
      ...NO_SCALES,
      this.#lengthBounds,
    ];
    return g.microsoftOp('PagedAttention', inputs, {
      num_heads: shape.headCount,
      kv_num_heads: shape.kvHeadCount,
      do_rotary: 1,
      local_window_size: this.#windows[layer] ?? -1,
      ...(norms === null ? {} : { qk_norm_epsilon: { float: norms.epsilon } }),
    });
  }

  /** Whoever attends to keys or values that are not numbers, as each token does to its own, has none in the end. */
  finish(g: GraphBuilder, hidden: Value): void {
    const wide = g.op('Cast', [hidden], { to: DATA_TYPE.float32 });
    g.output(TOKEN_SUMS, g.op('ReduceSum', [wide, g.int64s([-1])], { keepdims: 0 }), 'float32');
  }

  #cache(g: GraphBuilder, name: string): Value {
    const { shape, cache, type, zerosFile } = this.#options;
    const dims = [cache.blockCount, cache.blockSize, shape.kvHeadCount, shape.headSize];
    const byteLength = pagedCacheBytes(shape, cache, type);
    return g.external(name, type, dims, { file: zerosFile, offset: 0, byteLength });
  }
}

/** `values` as an initializer of a type of 16 bits. */
export function halfFloats(
  g: GraphBuilder,
  type: PagedType,
  dims: readonly number[],
  values: Float32Array<ArrayBuffer>,
): Value {
  const { bytes } = convertFloats(new Uint8Array(values.buffer), 'F32', type);
  return g.halfFloats(type, dims, new Uint16Array(bytes.buffer));
}

/** An optional input that is left out. */
const ABSENT: Value = '';
const NO_SLOTS_NOR_SINKS: readonly Value[] = [ABSENT, ABSENT];
/** Of a quantised cache. */
const NO_SCALES: readonly Value[] = [ABSENT, ABSENT];
