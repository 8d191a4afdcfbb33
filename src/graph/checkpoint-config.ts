/**
 * Reads `config.json` in the spellings that are around: with `rope_scaling` and `torch_dtype`, and with
 * transformers 5's `rope_parameters`. Knows the fields that every family shares; what a family does with them is
 * said in `architectures/`.
 */

import { z } from 'zod';
import { StartupError } from '../base/errors.ts';
import { isJsonObject } from '../base/json-object.ts';
import type { RopeScaling } from './decoder-shape.ts';

/** More than any model has; a row of tensors, and some kilobytes of graph, is looked for and written for each. */
const LAYERS_MAX = 4096;
/** Whole numbers up to here are exact in float32, in which positions are turned into angles. The longest models say 2^22. */
export const POSITIONS_MAX = 2 ** 24;
/** Real ones are between 1 and some hundreds; frequencies and scores must stay within float32. */
const ROPE_FACTOR_MAX = 2 ** 16;
/** Real ones are between 10^4 and 10^8. */
const ROPE_THETA_MAX = 1e12;

const positiveInteger = z.number().int().positive();
const positions = positiveInteger.max(POSITIONS_MAX);
const ropeFactor = z
  .number()
  .min(1 / ROPE_FACTOR_MAX)
  .max(ROPE_FACTOR_MAX);
/** 0 is as good as none. */
const ropeWeight = z.number().min(0).max(ROPE_FACTOR_MAX);
const theta = z.number().gt(1).max(ROPE_THETA_MAX);

/** Fields of which null is a value of its own, and not what stands where nothing is said. */
const NULLABLE: ReadonlySet<string> = new Set(['sliding_window']);

/** null says that there is nothing, as it does to transformers. */
function withoutNulls(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([name, field]) => field !== null || NULLABLE.has(name)),
  );
}

const ropeFields = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: theta.optional(),
  factor: ropeFactor.optional(),
  low_freq_factor: ropeFactor.optional(),
  high_freq_factor: ropeFactor.optional(),
  original_max_position_embeddings: positions.optional(),
  attention_factor: ropeFactor.optional(),
  mscale: ropeWeight.optional(),
  mscale_all_dim: ropeWeight.optional(),
  beta_fast: ropeWeight.optional(),
  beta_slow: ropeWeight.optional(),
  truncate: z.boolean().optional(),
  partial_rotary_factor: z.number().optional(),
});
const rope = z.preprocess(withoutNulls, ropeFields);

const rawConfig = z.looseObject({
  architectures: z.array(z.string()).min(1),
  vocab_size: positiveInteger,
  hidden_size: positiveInteger,
  intermediate_size: positiveInteger,
  num_hidden_layers: positiveInteger.max(LAYERS_MAX),
  num_attention_heads: positiveInteger,
  num_key_value_heads: positiveInteger.optional(),
  head_dim: positiveInteger.optional(),
  max_position_embeddings: positions.optional(),
  original_max_position_embeddings: positions.optional(),
  rms_norm_eps: z.number().positive().max(1).default(1e-6),
  hidden_act: z.string().default('silu'),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  rope_theta: theta.optional(),
  rope_scaling: rope.optional(),
  rope_parameters: rope.optional(),
  partial_rotary_factor: z.number().optional(),
  /** `null`: none, also where a family has one if nothing is said. */
  sliding_window: positiveInteger.nullish(),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.number().int().nonnegative().default(28),
  layer_types: z.array(z.string()).optional(),
  quantization_config: z.unknown().optional(),
  eos_token_id: z.union([z.number().int(), z.array(z.number().int())]).optional(),
});

export type CheckpointConfig = z.infer<typeof rawConfig>;

/** @throws StartupError naming the first field that is wrong. */
export function parseCheckpointConfig(json: unknown): CheckpointConfig {
  const result = rawConfig.safeParse(withoutNulls(json));
  if (!result.success) {
    const { path, message } = result.error.issues[0]!;
    throw new StartupError(`config.json: ${path.length === 0 ? '' : `${path.join('.')}: `}${message}`);
  }
  const config = result.data;
  refuse(
    config.hidden_act !== 'silu',
    `hidden_act: "${config.hidden_act}" is not supported; supported is "silu"`,
  );
  const parameters = ropeParameters(config);
  const byLayer = Object.values(parameters).some(isJsonObject);
  refuse(byLayer, 'rope_parameters: parameters by layer type are not supported');
  const rotary = parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  refuse(rotary !== 1, `partial_rotary_factor: ${rotary} is not supported; supported is 1`);
  return config;
}

function refuse(condition: boolean, message: string): void {
  if (condition) throw new StartupError(`config.json: ${message}`);
}

/** Where both spellings stand, the old one counts alone, as it does to transformers, if it says anything. */
function ropeParameters({ rope_parameters = {}, rope_scaling = {} }: CheckpointConfig): z.infer<typeof rope> {
  return Object.keys(rope_scaling).length > 0 ? rope_scaling : rope_parameters;
}

/** All of transformers' families here agree on 10,000 where nothing is said. */
export function ropeTheta(config: CheckpointConfig): number {
  return ropeParameters(config).rope_theta ?? config.rope_theta ?? 10_000;
}

/** @throws StartupError for a rope type that is not supported, or one without a factor that it needs. */
export function ropeScaling(config: CheckpointConfig, positionsMax: number): RopeScaling {
  const parameters = ropeParameters(config);
  const kind = parameters.rope_type ?? parameters.type ?? 'default';
  const need = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor'): number => {
    const value = parameters[name];
    if (value == null) throw new StartupError(`config.json: rope type "${kind}" needs "${name}"`);
    return value;
  };
  // The field of the whole goes before the one among the scaling's own, as it does in transformers.
  const originalPositionsMax =
    config.original_max_position_embeddings ?? parameters.original_max_position_embeddings ?? positionsMax;
  switch (kind) {
    case 'default':
      return { kind };
    case 'linear':
      return { kind, factor: need('factor') };
    case 'llama3':
      return {
        kind,
        factor: need('factor'),
        lowFrequencyFactor: need('low_freq_factor'),
        highFrequencyFactor: need('high_freq_factor'),
        originalPositionsMax,
      };
    case 'yarn': {
      const factor = parameters.factor ?? positionsMax / originalPositionsMax;
      return {
        kind,
        factor,
        originalPositionsMax,
        attentionFactor: parameters.attention_factor ?? yarnAttentionFactor(factor, parameters),
        betaFast: parameters.beta_fast || 32,
        betaSlow: parameters.beta_slow || 1,
        truncate: parameters.truncate ?? true,
      };
    }
    default:
      throw new StartupError(
        `config.json: rope type "${kind}" is not supported; supported are default, linear, llama3, yarn`,
      );
  }
}

/**
 * Positions that the model can be used for: those of `max_position_embeddings`, or what YaRN stretches the original
 * ones to, where a checkpoint names both and the latter is more (Qwen 2.5's instructions for long contexts).
 */
export function positionsMaxOf(scaling: RopeScaling, named: number): number {
  if (scaling.kind !== 'yarn') return named;
  return Math.max(named, Math.round(scaling.originalPositionsMax * scaling.factor));
}

/** YaRN (Peng et al. 2023), equation 22, with DeepSeek's two further scales where a checkpoint gives them. */
function yarnAttentionFactor(factor: number, parameters: z.infer<typeof rope>): number {
  const scale = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: mscaleAll } = parameters;
  return mscale && mscaleAll ? scale(mscale) / scale(mscaleAll) : scale(1);
}
