/**
 * The texts of a checkpoint directory: configuration, tokenizer, chat template. Reads files for the rooms that
 * must not; weights are not touched here.
 */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';

export type ModelFiles = {
  readonly config: unknown;
  /** `null` where the checkpoint has none. */
  readonly generationConfig: unknown;
  readonly tokenizer: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown };
  readonly templateFile: string | null;
  /** Of conversations in which tools are offered. */
  readonly toolTemplateFile: string | null;
};

/** @throws StartupError for a file that is missing or holds broken JSON. */
export async function readModelFiles(directory: string): Promise<ModelFiles> {
  const [config, generationConfig, tokenizerJson, tokenizerConfig, templateFile, toolTemplateFile] =
    await Promise.all([
      requiredJson(directory, 'config.json'),
      optionalJson(directory, 'generation_config.json'),
      requiredJson(directory, 'tokenizer.json'),
      optionalJson(directory, 'tokenizer_config.json'),
      optionalText(directory, 'chat_template.jinja'),
      optionalText(directory, 'additional_chat_templates/tool_use.jinja'),
    ]);
  return {
    config,
    generationConfig,
    tokenizer: { tokenizerJson, tokenizerConfig: tokenizerConfig ?? {} },
    templateFile,
    toolTemplateFile,
  };
}

async function requiredJson(directory: string, name: string): Promise<unknown> {
  const json = await optionalJson(directory, name);
  if (json === null) {
    if (!existsSync(directory)) {
      throw new StartupError(
        `--model ${directory} is not a directory here, and models are not downloaded: fetch one (hf download ${directory} --local-dir DIR) and give its folder`,
      );
    }
    throw new StartupError(
      `${path.join(directory, name)}: is missing; a checkpoint in Hugging Face layout has it`,
    );
  }
  return json;
}

async function optionalJson(directory: string, name: string): Promise<unknown> {
  const text = await optionalText(directory, name);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StartupError(`${path.join(directory, name)}: holds broken JSON`, { cause });
  }
}

async function optionalText(directory: string, name: string): Promise<string | null> {
  try {
    return await readFile(path.join(directory, name), 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new StartupError(`${path.join(directory, name)}: cannot be read (${code})`, { cause });
  }
}
