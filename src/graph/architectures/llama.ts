/** LlamaForCausalLM: Llama 1 to 3.x and the many models of the same shape. */

import { type Family, plainDecoder } from './family.ts';

export const llama: Family = (config) => ({
  ...plainDecoder(config, { positionsMax: 2048, headSize: null }),
  queryKeyValueBias: config.attention_bias,
  attentionOutputBias: config.attention_bias,
  feedForwardBias: config.mlp_bias,
});
