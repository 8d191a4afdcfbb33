/**
 * The decoder over a flat list of the step's tokens: embedding, layers, and logits of the rows that choose a token.
 * One builder for every family and, through `AttentionForm`, for every way of keeping the cache.
 */

import { CANDIDATE_COUNT } from '../base/limits.ts';
import type { AttentionForm } from './attention-form.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { DecoderWeights } from './decoder-weights.ts';
import { type CacheGeometry, GatheredAttention } from './gathered-attention.ts';
import { GraphBuilder, type Value } from './graph-builder.ts';
import { logitsOutputs } from './logits-outputs.ts';
import { addAndNorm, linear, type Rotary, rmsNorm, rotate, swiGlu } from './operators.ts';
import { ropeTables } from './rope.ts';

export const STEP_INPUT = {
  /** int32 [T] */
  tokenIds: 'token_ids',
  /** int32 [T] */
  positions: 'positions',
  /** int32 [rows]: tokens whose next token is chosen; at least one. */
  sampledTokens: 'sampled_tokens',
} as const;

export type DecoderGraphOptions = {
  readonly shape: DecoderShape;
  readonly weights: DecoderWeights;
  readonly cache: CacheGeometry;
  /** Positions 0 to this - 1 can be used. */
  readonly positionCount: number;
};

/** Candidates that each row of the graph returns. */
export function candidateCount(shape: Pick<DecoderShape, 'vocabularySize'>): number {
  return Math.min(CANDIDATE_COUNT, shape.vocabularySize);
}

/** Serialises the gathered (CPU) form. @throws StartupError when a weight is missing or misshapen. */
export function gatheredDecoder({ shape, weights, cache, positionCount }: DecoderGraphOptions): Uint8Array {
  const g = new GraphBuilder();
  const tokenIds = g.input(STEP_INPUT.tokenIds, 'int32', ['T']);
  const positions = g.input(STEP_INPUT.positions, 'int32', ['T']);
  const attention = new GatheredAttention(g, shape, cache, positions);
  const rotary = rotaryTables(g, shape, positionCount, positions);

  let sum = g.op('Gather', [weights.embedding(g), tokenIds], { axis: 0 });
  let normed = rmsNorm(g, sum, weights.norm(g, 0, 'input_layernorm'), shape.normEpsilon);
  for (let layer = 0; layer < shape.layerCount; layer++) {
    const attended = attentionPart(g, { shape, weights, attention, rotary, layer }, normed);
    const middle = addAndNorm(
      g,
      attended,
      sum,
      weights.norm(g, layer, 'post_attention_layernorm'),
      shape.normEpsilon,
    );
    const fed = feedForwardPart(g, weights, layer, middle.normed);
    if (layer + 1 === shape.layerCount) {
      sum = g.op('Add', [fed, middle.sum]);
    } else {
      const next = weights.norm(g, layer + 1, 'input_layernorm');
      ({ normed, sum } = addAndNorm(g, fed, middle.sum, next, shape.normEpsilon));
    }
  }
  attention.finish(g);

  const sampled = g.op('Gather', [sum, g.input(STEP_INPUT.sampledTokens, 'int32', ['rows'])], { axis: 0 });
  const last = rmsNorm(g, sampled, weights.finalNorm(g), shape.normEpsilon);
  logitsOutputs(g, linear(g, last, weights.outputProjection(g)), candidateCount(shape), shape.vocabularySize);
  return g.encode();
}

type LayerContext = {
  readonly shape: DecoderShape;
  readonly weights: DecoderWeights;
  readonly attention: AttentionForm;
  readonly rotary: Rotary;
  readonly layer: number;
};

function attentionPart(g: GraphBuilder, context: LayerContext, x: Value): Value {
  const { shape, weights, attention, rotary, layer } = context;
  const project = (name: 'q_proj' | 'k_proj' | 'v_proj'): Value =>
    linear(g, x, weights.attention(g, layer, name));
  const turned = (heads: Value, count: number, norm: 'q_norm' | 'k_norm'): Value => {
    const normed = shape.queryKeyNorm ? headNorm(g, context, heads, count, norm) : heads;
    return rotate(g, normed, rotary, count, shape.headSize);
  };
  const query = turned(project('q_proj'), shape.headCount, 'q_norm');
  const key = turned(project('k_proj'), shape.kvHeadCount, 'k_norm');
  const mixed = attention.layer(g, layer, query, key, project('v_proj'));
  return linear(g, mixed, weights.attention(g, layer, 'o_proj'));
}

/** RMS norm over each head of [tokens x heads * headSize]. */
function headNorm(
  g: GraphBuilder,
  { shape, weights, layer }: LayerContext,
  heads: Value,
  count: number,
  norm: 'q_norm' | 'k_norm',
): Value {
  const apart = g.op('Reshape', [heads, g.int64s([-1, count, shape.headSize])]);
  const normed = rmsNorm(g, apart, weights.headNorm(g, layer, norm), shape.normEpsilon);
  return g.op('Reshape', [normed, g.int64s([-1, count * shape.headSize])]);
}

function feedForwardPart(g: GraphBuilder, weights: DecoderWeights, layer: number, x: Value): Value {
  const project = (name: 'gate_proj' | 'up_proj'): Value => linear(g, x, weights.feedForward(g, layer, name));
  const activated = swiGlu(g, project('gate_proj'), project('up_proj'));
  return linear(g, activated, weights.feedForward(g, layer, 'down_proj'));
}

function rotaryTables(g: GraphBuilder, shape: DecoderShape, positionCount: number, positions: Value): Rotary {
  const { cos, sin } = ropeTables(shape, positionCount);
  const dims = [positionCount, shape.headSize / 2];
  return {
    positions: g.op('Unsqueeze', [g.op('Cast', [positions], { to: 7 }), g.int64s([0])]),
    cos: g.floats(dims, cos),
    sin: g.floats(dims, sin),
  };
}
