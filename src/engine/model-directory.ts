/**
 * The texts of a checkpoint directory: configuration, tokenizer, chat template. Reads files for the rooms that
 * must not; weights are not touched here. They are read once, when the server starts: a model that is replaced where
 * it lies must not be half the old one and half the new one.
 */

import { existsSync, readdirSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { StartupError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import { refuseLfsPointer } from '../graph/lfs-pointer.ts';
import { withSpecialTokens } from '../text/tokenizer-files.ts';

const FILES = {
  config: 'config.json',
  generationConfig: 'generation_config.json',
  tokenizerJson: 'tokenizer.json',
  tokenizerConfig: 'tokenizer_config.json',
  specialTokensMap: 'special_tokens_map.json',
  templateFile: 'chat_template.jinja',
  toolTemplateFile: 'additional_chat_templates/tool_use.jinja',
} as const;
const REQUIRED: readonly string[] = [FILES.config, FILES.tokenizerJson];

type FileKey = keyof typeof FILES;

/** What the files held when they were read. Goes to other threads uncopied, and stays outside of every heap. */
export type ModelSource = {
  /** For messages alone. */
  readonly directory: string;
  /** `null` where the checkpoint has none. */
  readonly bytes: { readonly [Key in FileKey]: SharedArrayBuffer | null };
};

export type ModelFiles = {
  readonly config: unknown;
  /** `null` where the checkpoint has none. */
  readonly generationConfig: unknown;
  readonly tokenizer: { readonly tokenizerJson: unknown; readonly tokenizerConfig: unknown };
  readonly templateFile: string | null;
  /** Of conversations in which tools are offered. */
  readonly toolTemplateFile: string | null;
};

/** @throws StartupError for a file that is missing or cannot be read. */
export async function readModelSource(directory: string): Promise<ModelSource> {
  const read = Object.entries(FILES).map(async ([key, name]) => [key, await readShared(directory, name)]);
  return { directory, bytes: Object.fromEntries(await Promise.all(read)) };
}

/** @throws StartupError for a file that holds broken JSON, or no object. */
export function parseModelFiles(source: ModelSource): ModelFiles {
  const { bytes } = source;
  return {
    config: json(source, 'config'),
    generationConfig: json(source, 'generationConfig'),
    tokenizer: {
      tokenizerJson: json(source, 'tokenizerJson'),
      tokenizerConfig: withSpecialTokens(
        json(source, 'tokenizerConfig') ?? {},
        json(source, 'specialTokensMap') ?? {},
      ),
    },
    templateFile: text(bytes.templateFile),
    toolTemplateFile: text(bytes.toolTemplateFile),
  };
}

async function readShared(directory: string, name: string): Promise<SharedArrayBuffer | null> {
  const file = path.join(directory, name);
  try {
    const bytes = await readFile(file);
    const shared = new SharedArrayBuffer(bytes.length);
    new Uint8Array(shared).set(bytes);
    return shared;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOTDIR' && path.dirname(name) === '.') {
      throw new StartupError(`--model ${directory} is a file; give the folder that it is in`, { cause });
    }
    if (code !== 'ENOENT') throw new StartupError(`${file}: cannot be read (${code})`, { cause });
    await refuseBrokenLink(file);
    if (REQUIRED.includes(name)) throw missing(directory, file);
    return null;
  }
}

/** The hub's cache is made of links out of the folder of a revision, which a container may be given alone. */
async function refuseBrokenLink(file: string): Promise<void> {
  const target = await readlink(file).catch(() => null);
  if (target === null) return;
  throw new StartupError(
    `${file}: is a link to ${target}, which is not there; of the hub's cache, give the whole folder of the model, blobs and all`,
  );
}

function missing(directory: string, file: string): StartupError {
  const revisions = path.join(directory, 'snapshots');
  if (existsSync(revisions)) {
    const found = readdirSync(revisions).map((name) => path.join(revisions, name));
    return new StartupError(
      `--model ${directory} is a folder of the hub's cache; the files are in ${found.join(' or ') || revisions}`,
    );
  }
  return new StartupError(
    existsSync(directory)
      ? `${file}: is missing; a checkpoint in Hugging Face layout has it`
      : `--model ${directory} is not a directory here, and models are not downloaded: fetch one (hf download ${directory} --local-dir DIR) and give its folder`,
  );
}

function json({ directory, bytes }: ModelSource, key: FileKey): JsonObject | null {
  const written = text(bytes[key]);
  if (written === null) return null;
  const file = path.join(directory, FILES[key]);
  refuseLfsPointer(file, written);
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch (cause) {
    throw new StartupError(`${file}: holds broken JSON`, { cause });
  }
  if (!isJsonObject(value)) throw new StartupError(`${file}: is not a JSON object`);
  return value;
}

function text(bytes: SharedArrayBuffer | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}
