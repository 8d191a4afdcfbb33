import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { parseModelFiles, readModelSource } from '../../src/engine/model-directory.ts';

describe('the directory of a model', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'octavo-model-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function refusalOf(files: Readonly<Record<string, string>>, given = directory): Promise<string> {
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
    const refused = await readModelSource(given)
      .then(parseModelFiles)
      .catch((error) => error);
    expect(refused).toBeInstanceOf(StartupError);
    return refused.message;
  }

  it('is told from a file', async () => {
    const file = path.join(directory, 'config.json');
    expect(await refusalOf({ 'config.json': '{}' }, file)).toBe(
      `--model ${file} is a file; give the folder that it is in`,
    );
  });

  it('is not called a file where what should be a folder in it is one', async () => {
    const files = { 'config.json': '{}', 'tokenizer.json': '{}', additional_chat_templates: '' };
    expect(await refusalOf(files)).toMatch(/additional_chat_templates.*: cannot be read \(ENOTDIR\)$/);
  });

  it.each(['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'])(
    'is named where its %s is JSON, but no object',
    async (name) => {
      const files = { 'config.json': '{}', 'tokenizer.json': '{}', [name]: '[1]' };
      expect(await refusalOf(files)).toBe(`${path.join(directory, name)}: is not a JSON object`);
    },
  );

  it('is named where a file holds broken JSON', async () => {
    const message = await refusalOf({ 'config.json': '{', 'tokenizer.json': '{}' });
    expect(message).toBe(`${path.join(directory, 'config.json')}: holds broken JSON`);
  });

  it('is named where a file is a pointer of Git LFS, with what fetches it', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4\n';
    const message = await refusalOf({ 'config.json': '{}', 'tokenizer.json': pointer });
    expect(message).toMatch(/tokenizer\.json: is a pointer of Git LFS.*git lfs pull/);
  });

  it('is named where a file is missing', async () => {
    const message = await refusalOf({ 'config.json': '{}' });
    expect(message).toMatch(`${path.join(directory, 'tokenizer.json')}: is missing`);
  });
});
