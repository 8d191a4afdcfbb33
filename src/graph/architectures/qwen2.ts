/** Qwen2ForCausalLM: Qwen 2 and 2.5, with biases on Q, K and V. */

import { type Family, plainDecoder, qwenSlidingWindows } from './family.ts';

export const qwen2: Family = (config) => ({
  ...plainDecoder(config, { positionsMax: 32_768, headSize: null }),
  slidingWindows: qwenSlidingWindows(config),
  queryKeyValueBias: true,
});
