/** Which architectures are served. A new family is one file beside this one, and one line here. */

import { z } from 'zod';
import { StartupError } from '../../base/errors.ts';
import { parseCheckpointConfig } from '../checkpoint-config.ts';
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

/** What the configuration of every architecture has. */
const anyConfig = z.looseObject({ architectures: z.array(z.string()).min(1) });

/**
 * The shape that a parsed `config.json` describes.
 * @throws StartupError naming the architecture that was found and those that are supported, or the first field that is wrong
 */
export function decoderShape(json: unknown): DecoderShape {
  // Before any field: those of another architecture are not what is wrong with it.
  const named = anyConfig.safeParse(json);
  if (named.success) familyOf(named.data.architectures[0]!);
  const config = parseCheckpointConfig(json);
  return familyOf(config.architectures[0]!)(config);
}

function familyOf(architecture: string): Family {
  const family = FAMILIES.get(architecture);
  if (family !== undefined) return family;
  throw new StartupError(
    `config.json: architecture "${architecture}" is not supported; supported are ${[...FAMILIES.keys()].join(', ')}`,
  );
}
