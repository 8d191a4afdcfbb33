/** Which architectures are served. A new family is one file beside this one, and one line here. */

import { StartupError } from '../../base/errors.ts';
import type { CheckpointConfig } from '../checkpoint-config.ts';
import type { DecoderShape } from '../decoder-shape.ts';
import type { Family } from './family.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { qwen2 } from './qwen2.ts';
import { qwen3 } from './qwen3.ts';

const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ['LlamaForCausalLM', llama],
  ['MistralForCausalLM', mistral],
  ['Qwen2ForCausalLM', qwen2],
  ['Qwen3ForCausalLM', qwen3],
]);

/** @throws StartupError naming the architecture that was found and those that are supported. */
export function decoderShape(config: CheckpointConfig): DecoderShape {
  const family = FAMILIES.get(config.architectures[0]!);
  if (family === undefined) {
    throw new StartupError(
      `config.json: architecture "${config.architectures[0]}" is not supported; supported are ${[...FAMILIES.keys()].join(', ')}`,
    );
  }
  return family(config);
}
