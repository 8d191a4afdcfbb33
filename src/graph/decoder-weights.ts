/**
 * A decoder's weights by the names that Hugging Face checkpoints give them, checked against the shape before
 * anything is built, so that a missing or misshapen tensor is one clear line.
 */

import type { ComputeType } from './convert-floats.ts';
import type { DecoderShape } from './decoder-shape.ts';
import type { GraphBuilder, Value } from './graph-builder.ts';
import { findTensor } from './safetensors.ts';
import type { Weights } from './weight-cache.ts';

/** A projection [out x in], applied as x W^T + b. */
export type Linear = { readonly weight: Value; readonly bias: Value | null };

export class DecoderWeights {
  readonly #weights: Weights;
  readonly #shape: DecoderShape;

  constructor(weights: Weights, shape: DecoderShape) {
    this.#weights = weights;
    this.#shape = shape;
  }

  get type(): ComputeType {
    return this.#weights.type;
  }

  /** [vocabulary x hidden] */
  embedding(g: GraphBuilder): Value {
    const { vocabularySize, hiddenSize } = this.#shape;
    return this.#tensor(g, 'model.embed_tokens.weight', [vocabularySize, hiddenSize]);
  }

  /** The embedding once more where the two are tied. */
  outputProjection(g: GraphBuilder): Linear {
    const { vocabularySize, hiddenSize, tiedEmbeddings } = this.#shape;
    if (tiedEmbeddings) return { weight: this.embedding(g), bias: null };
    return { weight: this.#tensor(g, 'lm_head.weight', [vocabularySize, hiddenSize]), bias: null };
  }

  finalNorm(g: GraphBuilder): Value {
    return this.#tensor(g, 'model.norm.weight', [this.#shape.hiddenSize]);
  }

  /** The norm before attention, or before the feed-forward part. */
  norm(g: GraphBuilder, layer: number, name: 'input_layernorm' | 'post_attention_layernorm'): Value {
    return this.#tensor(g, `model.layers.${layer}.${name}.weight`, [this.#shape.hiddenSize]);
  }

  headNorm(g: GraphBuilder, layer: number, name: 'q_norm' | 'k_norm'): Value {
    return this.#tensor(g, `model.layers.${layer}.self_attn.${name}.weight`, [this.#shape.headSize]);
  }

  attention(g: GraphBuilder, layer: number, name: 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj'): Linear {
    const { hiddenSize, headCount, kvHeadCount, headSize } = this.#shape;
    const heads = (name === 'q_proj' || name === 'o_proj' ? headCount : kvHeadCount) * headSize;
    const dims = name === 'o_proj' ? [hiddenSize, heads] : [heads, hiddenSize];
    const bias = name === 'o_proj' ? this.#shape.attentionOutputBias : this.#shape.queryKeyValueBias;
    return this.#linear(g, `model.layers.${layer}.self_attn.${name}`, dims, { bias });
  }

  feedForward(g: GraphBuilder, layer: number, name: 'gate_proj' | 'up_proj' | 'down_proj'): Linear {
    const { hiddenSize, feedForwardSize, feedForwardBias } = this.#shape;
    const dims = name === 'down_proj' ? [hiddenSize, feedForwardSize] : [feedForwardSize, hiddenSize];
    return this.#linear(g, `model.layers.${layer}.mlp.${name}`, dims, { bias: feedForwardBias });
  }

  #linear(
    g: GraphBuilder,
    name: string,
    dims: readonly number[],
    { bias }: { readonly bias: boolean },
  ): Linear {
    return {
      weight: this.#tensor(g, `${name}.weight`, dims),
      bias: bias ? this.#tensor(g, `${name}.bias`, [dims[0]!]) : null,
    };
  }

  #tensor(g: GraphBuilder, name: string, dims: readonly number[]): Value {
    return g.external(name, this.#weights.type, dims, findTensor(this.#weights.tensors, name, dims));
  }
}
