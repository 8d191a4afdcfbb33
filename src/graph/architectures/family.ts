/** What the family descriptions share: the fields that mean the same everywhere, with a family's own defaults. */

import { StartupError } from '../../base/errors.ts';
import {
  type CheckpointConfig,
  POSITIONS_MAX,
  positionsMaxOf,
  ropeScaling,
  ropeTheta,
} from '../checkpoint-config.ts';
import type { DecoderShape } from '../decoder-shape.ts';
import { weightPacking } from '../weight-packing.ts';

/** Turns a checkpoint's configuration into the shape of its decoder. @throws StartupError */
export type Family = (config: CheckpointConfig) => DecoderShape;

export type FamilyDefaults = {
  /** Where `max_position_embeddings` is not given. */
  readonly positionsMax: number;
  /** Where `head_dim` is not given; `null`: hidden size over heads. */
  readonly headSize: number | null;
};

/** Every switch off; a family turns on what it has. */
export function plainDecoder(config: CheckpointConfig, defaults: FamilyDefaults): DecoderShape {
  const headCount = config.num_attention_heads;
  const kvHeadCount = config.num_key_value_heads ?? headCount;
  const headSize = config.head_dim ?? defaults.headSize ?? config.hidden_size / headCount;
  const positionsNamed = config.max_position_embeddings ?? defaults.positionsMax;
  const scaling = ropeScaling(config, positionsNamed);
  const positionsMax = positionsMaxOf(scaling, positionsNamed);
  if (positionsMax > POSITIONS_MAX) {
    throw new StartupError(
      `config.json: YaRN stretches ${positionsNamed} positions to ${positionsMax}; up to ${POSITIONS_MAX} are supported`,
    );
  }
  if (headCount % kvHeadCount !== 0) {
    throw new StartupError(
      `config.json: ${headCount} attention heads cannot be shared by ${kvHeadCount} key-value heads`,
    );
  }
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    throw new StartupError(`config.json: a head of ${headSize} elements is not supported; it must be even`);
  }
  return {
    architecture: config.architectures[0]!,
    vocabularySize: config.vocab_size,
    hiddenSize: config.hidden_size,
    layerCount: config.num_hidden_layers,
    headCount,
    kvHeadCount,
    headSize,
    feedForwardSize: config.intermediate_size,
    normEpsilon: config.rms_norm_eps,
    ropeTheta: ropeTheta(config),
    ropeScaling: scaling,
    positionsMax,
    slidingWindows: new Array<null>(config.num_hidden_layers).fill(null),
    tiedEmbeddings: config.tie_word_embeddings,
    queryKeyValueBias: false,
    attentionOutputBias: false,
    feedForwardBias: false,
    queryKeyNorm: false,
    weightPacking: weightPacking(config.quantization_config),
  };
}

/**
 * The Qwen families' rule: `use_sliding_window` switches windows on, `layer_types` says for which layers; without
 * it those from `max_window_layers` up.
 */
export function qwenSlidingWindows(config: CheckpointConfig): readonly (number | null)[] {
  const given = config.sliding_window === undefined ? 4096 : config.sliding_window;
  const window = config.use_sliding_window ? given : null;
  const kinds = config.layer_types ?? [];
  const unknown = kinds.find((kind) => kind !== 'full_attention' && kind !== 'sliding_attention');
  if (unknown !== undefined) {
    throw new StartupError(
      `config.json: layer type "${unknown}" is not supported; supported are full_attention, sliding_attention`,
    );
  }
  return Array.from({ length: config.num_hidden_layers }, (_, layer) => {
    const kind = kinds[layer];
    const slides = kind === undefined ? layer >= config.max_window_layers : kind === 'sliding_attention';
    return slides ? window : null;
  });
}
