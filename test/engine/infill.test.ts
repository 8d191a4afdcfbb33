/** Prompts for filling in the middle against Hugging Face tokenizers; see test/fixtures/infill/make.py. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ServerError } from '../../src/base/errors.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import { encodePrompt } from '../../src/engine/prompt-encoding.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import { createTextGenerator } from '../../src/engine/text-generator.ts';
import { findInfillMarkers } from '../../src/text/infill.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import type { TokenizerFiles } from '../../src/text/tokenizer-files.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { FAKE_LIMITS, FakeEngineClient, finish, tokens } from '../support/fake-engine-client.ts';
import { textEvents } from '../support/feeds.ts';
import { grammarsHere } from '../support/grammars.ts';
import { NO_LONG_PROMPTS } from '../support/prompt-threads.ts';
import { aTextRequest } from '../support/text-request.ts';
import { type Family, filesOf } from '../text/fixtures.ts';

type Expected = Readonly<
  Record<
    string,
    {
      readonly tokenizer: Family;
      readonly addedTokens: readonly { readonly id: number; readonly content: string }[];
      readonly prompts: readonly {
        readonly prefix: string;
        readonly suffix: string;
        readonly ids: readonly number[];
        readonly idsWithSpecialTokens: readonly number[];
      }[];
    }
  >
>;

const EXPECTED = JSON.parse(
  readFileSync(new URL('../fixtures/infill/expected.json', import.meta.url), 'utf8'),
) as Expected;
const LIMITS = { ...FAKE_LIMITS, modelLengthMax: 1024, blockCount: 100 };

/** The fixture's tokenizer with the family's tokens added. */
function filesWith(name: string): TokenizerFiles {
  const { tokenizer, addedTokens } = EXPECTED[name]!;
  const files = filesOf(tokenizer);
  const json = files.tokenizerJson as { added_tokens: unknown[] };
  return { ...files, tokenizerJson: { ...json, added_tokens: [...json.added_tokens, ...addedTokens] } };
}

function encode(tokenizer: Tokenizer, prefix: string, suffix: string, addSpecialTokens = false): number[] {
  const prompt = { kind: 'infill', prefix, suffix, addSpecialTokens } as const;
  const encoded = encodePrompt(prompt, { tokenizer, formats: null }, { limits: LIMITS, param: 'prompt' });
  expect(encoded.text).toBeNull();
  return [...encoded.tokenIds];
}

describe.each(Object.keys(EXPECTED))('a prompt with a suffix, as for %s', (name) => {
  const { prompts, addedTokens } = EXPECTED[name]!;
  const files = filesWith(name);
  const tokenizer = new Tokenizer(files);

  it('is put together as by Hugging Face', () => {
    expect(prompts.length).toBeGreaterThan(3);
    for (const { prefix, suffix, ids, idsWithSpecialTokens } of prompts) {
      expect(encode(tokenizer, prefix, suffix)).toEqual(ids);
      expect(encode(tokenizer, prefix, suffix, true)).toEqual(idsWithSpecialTokens);
    }
  });

  it('takes markers in the texts as texts', () => {
    const markers = addedTokens.map(({ content }) => content).join('');
    const ids = encode(tokenizer, `a${markers}`, `${markers}b`);
    const special = ids.filter((id) => addedTokens.some((token) => token.id === id));
    expect(special).toEqual(addedTokens.slice(0, 3).map(({ id }) => id));
    expect(ids.at(-1)).toBe(addedTokens[2]!.id);
  });

  it("ends at the family's own token, where it has one, unless told not to", async () => {
    const client = new FakeEngineClient([tokens([5]), finish('length')], LIMITS);
    const vocabulary = new Vocabulary(files);
    const generator = createTextGenerator({
      client,
      tokenizer,
      vocabulary,
      grammars: grammarsHere(tokenizer, vocabulary),
      formats: null,
      longPrompts: NO_LONG_PROMPTS,
      defaults: OPENAI_DEFAULTS,
      endOfTextTokenIds: [2],
      drawSeed: () => 1,
    });
    const run = async (changes: Partial<TextRequest>): Promise<void> => {
      const request = { ...REQUEST, ...changes };
      for await (const _ of textEvents((onReadable) => generator.generate(request, onReadable)));
    };
    const infill = { kind: 'infill', prefix: 'a', suffix: 'b', addSpecialTokens: true } as const;
    await run({ prompts: [infill] });
    await run({ prompts: [infill], ignoreEndOfText: true });
    await run({ prompts: [{ kind: 'text', text: 'a', addSpecialTokens: true }] });
    const end = addedTokens[3]?.id;
    expect(client.sequences.map(({ input }) => input.stopTokenIds)).toEqual([
      end === undefined ? [2] : [2, end],
      [],
      [2],
    ]);
  });
});

describe('a model without tokens for filling in', () => {
  it('refuses a suffix by name', () => {
    const tokenizer = new Tokenizer(filesOf('qwen2'));
    expect(() => encode(tokenizer, 'a', 'b')).toThrow(
      expect.objectContaining({
        code: 'unsupported_parameter',
        param: 'suffix',
      } satisfies Partial<ServerError>),
    );
  });

  it('is one that has only some of them', () => {
    const token = (content: string, id: number) => ({
      ...new Tokenizer(filesWith('starcoder')).addedTokens.at(-1)!,
      content,
      id,
    });
    expect(findInfillMarkers([token('<fim_prefix>', 1), token('<fim_suffix>', 2)])).toBeNull();
    expect(
      findInfillMarkers([token('<fim_prefix>', 1), token('<fim_suffix>', 2), token('<fim_middle>', 3)]),
    ).toEqual({ prefixId: 1, suffixId: 2, middleId: 3, endId: null });
  });
});

const REQUEST: TextRequest = aTextRequest({ prompts: [], newTokensMax: 5 });
