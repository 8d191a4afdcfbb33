/** Qwen3ForCausalLM: norms on the heads of Q and K in place of biases. */

import { type Family, plainDecoder, qwenSlidingWindows } from './family.ts';

export const qwen3: Family = (config) => ({
  ...plainDecoder(config, { positionsMax: 32_768, headSize: 128 }),
  slidingWindows: qwenSlidingWindows(config),
  queryKeyValueBias: config.attention_bias,
  attentionOutputBias: config.attention_bias,
  queryKeyNorm: true,
});
