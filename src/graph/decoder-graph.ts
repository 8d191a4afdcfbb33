/**
 * The decoder over a flat list of the step's tokens: embedding, layers, and logits of the rows that choose a token.
 * One builder for every family and, through `AttentionForm`, for every way of keeping the cache.
 */

import { CANDIDATE_COUNT } from '../base/limits.ts';
import type { AttentionForm, HeadNorms, LayerHeads } from './attention-form.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { DecoderWeights } from './decoder-weights.ts';
import {
  type CacheGeometry,
  GatheredAttention,
  type GatheredAttentionOptions,
} from './gathered-attention.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { logitsOutputs } from './logits-outputs.ts';
import { DATA_TYPE } from './onnx-schema.ts';
import { addAndNorm, normHeads, rmsNorm } from './operators.ts';
import { PagedAttention, type PagedCacheOptions } from './paged-attention.ts';
import type { Logits, Projections } from './projections.ts';

export const STEP_INPUT = {
  /** int32 [T] */
  tokenIds: 'token_ids',
  /** int32 [rows]: tokens whose next token is chosen; at least one. */
  logitsTokens: 'logits_tokens',
} as const;

export type DecoderGraphOptions = {
  readonly shape: DecoderShape;
  /** Norms are read here; what is multiplied with, by `projections`. */
  readonly weights: DecoderWeights;
  readonly projections: Projections;
  readonly cache: CacheGeometry;
  /** Positions 0 to this - 1 can be used. */
  readonly positionCount: number;
};

/** Candidates that each row of the graph returns. */
export function candidateCount(shape: Pick<DecoderShape, 'vocabularySize'>): number {
  return Math.min(CANDIDATE_COUNT, shape.vocabularySize);
}

/** Serialises the gathered (CPU) form. @throws StartupError when a weight is missing or misshapen. */
export function gatheredDecoder(
  options: DecoderGraphOptions & Pick<GatheredAttentionOptions, 'cacheType'>,
): Uint8Array {
  const g = new GraphBuilder();
  return decoder(g, options, new GatheredAttention(g, options));
}

/** Serialises the paged (GPU) form. @throws StartupError when a weight is missing or misshapen. */
export function pagedDecoder(options: DecoderGraphOptions, paged: PagedCacheOptions): Uint8Array {
  const { shape, cache, positionCount } = options;
  const g = new GraphBuilder();
  return decoder(g, options, new PagedAttention(g, { shape, cache, positionCount, ...paged }));
}

function decoder(
  g: GraphBuilder,
  { shape, weights, projections }: DecoderGraphOptions,
  attention: AttentionForm,
): Uint8Array {
  const tokenIds = g.input(STEP_INPUT.tokenIds, 'int32', ['T']);
  let sum = projections.embed(g, tokenIds);
  let normed = rmsNorm(g, sum, weights.norm(g, 0, 'input_layernorm'), shape.normEpsilon);
  for (let layer = 0; layer < shape.layerCount; layer++) {
    const attended = attentionPart(g, { shape, weights, projections, attention, layer }, normed);
    const middle = addAndNorm(
      g,
      attended,
      sum,
      weights.norm(g, layer, 'post_attention_layernorm'),
      shape.normEpsilon,
    );
    const fed = projections.feedForward(g, layer, middle.normed);
    if (layer + 1 === shape.layerCount) {
      sum = g.op('Add', [fed, middle.sum]);
    } else {
      const next = weights.norm(g, layer + 1, 'input_layernorm');
      ({ normed, sum } = addAndNorm(g, fed, middle.sum, next, shape.normEpsilon));
    }
  }
  attention.finish(g, sum);

  const wanted = g.op('Gather', [sum, g.input(STEP_INPUT.logitsTokens, 'int32', ['rows'])], { axis: 0 });
  const last = rmsNorm(g, wanted, weights.finalNorm(g), shape.normEpsilon);
  const logits = asFloat32(g, projections.logits(g, last), weights);
  logitsOutputs(g, logits, candidateCount(shape), shape.vocabularySize);
  return g.encode();
}

function asFloat32(g: GraphBuilder, { values, rowScales }: Logits, { type }: DecoderWeights): Logits {
  if (type === 'float32') return { values, rowScales };
  return { values: g.op('Cast', [values], { to: DATA_TYPE.float32 }), rowScales };
}

type LayerContext = {
  readonly shape: DecoderShape;
  readonly weights: DecoderWeights;
  readonly projections: Projections;
  readonly attention: AttentionForm;
  readonly layer: number;
};

function attentionPart(g: GraphBuilder, context: LayerContext, x: Value): Value {
  const { projections, attention, layer } = context;
  const norms = headNorms(g, context);
  const heads: LayerHeads = {
    norms,
    packed: () => projections.packedQueryKeyValue(g, layer, x),
    apart: () => {
      const products = projections.queryKeyValue(g, layer, x);
      return norms === null ? products : normHeads(g, context.shape, products, norms);
    },
  };
  return projections.attentionOutput(g, layer, attention.layer(g, layer, heads));
}

function headNorms(g: GraphBuilder, { shape, weights, layer }: LayerContext): HeadNorms | null {
  if (!shape.queryKeyNorm) return null;
  const query = weights.headNorm(g, layer, 'q_norm');
  return { query, key: weights.headNorm(g, layer, 'k_norm'), epsilon: shape.normEpsilon };
}
