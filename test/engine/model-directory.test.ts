import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { parseModelFiles, readModelSource } from '../../src/engine/model-directory.ts';
import { readNamedSpecialTokens } from '../../src/text/tokenizer-files.ts';

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

  // As transformers 4 and 5 have it.
  it.each([
    [
      'names special tokens where tokenizer_config.json does not',
      {},
      { bos_token: '<s>', eos_token: '</s>' },
    ],
    [
      'goes before what an older tokenizer_config.json says',
      { bos_token: '<b>' },
      { bos_token: '<s>', eos_token: '</s>' },
    ],
    [
      'is passed over where a newer one lists its tokens',
      { bos_token: '<b>', added_tokens_decoder: {} },
      { bos_token: '<b>' },
    ],
  ])('has a special_tokens_map.json that %s', async (_, config, named) => {
    const map = { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false } };
    const files = { config: {}, tokenizer: {}, tokenizer_config: config, special_tokens_map: map };
    for (const [name, value] of Object.entries(files))
      await writeFile(path.join(directory, `${name}.json`), JSON.stringify(value));
    const { tokenizer } = parseModelFiles(await readModelSource(directory));
    expect(readNamedSpecialTokens(tokenizer.tokenizerConfig)).toEqual(named);
  });

  it.each(['config.json', 'tokenizer_config.json'])(
    'is not read without its %s where that is a link that leads nowhere, as in a revision without its blobs',
    async (name) => {
      const files = { 'config.json': '{}', 'tokenizer.json': '{}' };
      for (const [file, text] of Object.entries(files)) await writeFile(path.join(directory, file), text);
      await rm(path.join(directory, name), { force: true });
      await symlink('../../blobs/0ab1', path.join(directory, name));
      const message = await refusalOf({});
      expect(message).toMatch(
        `${path.join(directory, name)}: is a link to ../../blobs/0ab1, which is not there`,
      );
    },
  );

  it("is told from a folder of the hub's cache, with where the files are", async () => {
    const revision = path.join(directory, 'snapshots', '0ab1');
    await mkdir(revision, { recursive: true });
    expect(await refusalOf({})).toMatch(`the files are in ${revision}`);
  });

  it('is named where a file is missing', async () => {
    const message = await refusalOf({ 'config.json': '{}' });
    expect(message).toMatch(`${path.join(directory, 'tokenizer.json')}: is missing`);
  });
});
