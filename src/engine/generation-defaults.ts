/**
 * What a checkpoint asks for where a request says nothing: sampling defaults and end-of-text tokens, out of the
 * parsed `generation_config.json` and `config.json`. Pure; the caller reads the files.
 */

import { StartupError } from '../base/errors.ts';
import { isJsonObject } from '../base/json-object.ts';
import { REPETITION_PENALTY_MAX, REPETITION_PENALTY_MIN } from '../base/limits.ts';

/** Ranges as in `SamplingParams`. */
export type GenerationDefaults = {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
};

/** OpenAI's: the model's own distribution, nothing cut off. */
export const OPENAI_DEFAULTS: GenerationDefaults = {
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
};

/**
 * `do_sample` is not looked at, as in vLLM: greedy decoding is what a request asks for with temperature 0.
 * @throws StartupError when a value is outside its range.
 */
export function readGenerationDefaults(generationConfig: unknown): GenerationDefaults {
  const read = (key: string, fallback: number, isValid: (value: number) => boolean): number => {
    const value = isJsonObject(generationConfig) ? generationConfig[key] : undefined;
    if (value === undefined || value === null) return fallback;
    if (typeof value !== 'number' || !isValid(value)) {
      throw new StartupError(`generation_config.json: ${key} is ${JSON.stringify(value)}, out of its range`);
    }
    return value;
  };
  return {
    temperature: read('temperature', OPENAI_DEFAULTS.temperature, (value) => value >= 0 && value <= 2),
    topP: read('top_p', OPENAI_DEFAULTS.topP, (value) => value > 0 && value <= 1),
    // vLLM writes -1 for none.
    topK: Math.max(
      0,
      read('top_k', OPENAI_DEFAULTS.topK, (value) => Number.isInteger(value) && value >= -1),
    ),
    minP: read('min_p', OPENAI_DEFAULTS.minP, (value) => value >= 0 && value <= 1),
    repetitionPenalty: read(
      'repetition_penalty',
      OPENAI_DEFAULTS.repetitionPenalty,
      (value) => value >= REPETITION_PENALTY_MIN && value <= REPETITION_PENALTY_MAX,
    ),
  };
}

/**
 * Tokens that end a text: `eos_token_id` of `generation_config.json`, else of `config.json`, each a number or a
 * list; and the tokenizer's own end-of-text token, since chat checkpoints often name only that one there.
 * Ascending, without repetition; may be empty.
 */
export function readEndOfTextTokenIds(input: {
  readonly generationConfig: unknown;
  readonly modelConfig: unknown;
  /** Id of `eos_token` of `tokenizer_config.json`; `null` when there is none. */
  readonly tokenizerEndOfTextId: number | null;
}): number[] {
  const ofGeneration = tokenIdList(input.generationConfig);
  const ids = new Set(ofGeneration.length > 0 ? ofGeneration : tokenIdList(input.modelConfig));
  if (input.tokenizerEndOfTextId !== null) ids.add(input.tokenizerEndOfTextId);
  return [...ids].sort((a, b) => a - b);
}

function tokenIdList(config: unknown): number[] {
  const value = isJsonObject(config) ? config['eos_token_id'] : null;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
}
