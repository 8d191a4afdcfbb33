/** MistralForCausalLM: Llama's shape, with a sliding window on every layer unless it is set to null. */

import { type Family, plainDecoder } from './family.ts';

export const mistral: Family = (config) => {
  const window = config.sliding_window === undefined ? 4096 : config.sliding_window;
  return {
    ...plainDecoder(config, { positionsMax: 131_072, headSize: null }),
    slidingWindows: Array.from({ length: config.num_hidden_layers }, () => window),
  };
};
