import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import type { JsonObject } from '../../src/base/json-object.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { expectedOf, FAMILIES, type Family, filesOf } from './fixtures.ts';

function aTokenizer(family: Family): Tokenizer {
  return new Tokenizer(filesOf(family));
}

function specialId(tokenizer: Tokenizer, text: string): number {
  return tokenizer.addedTokens.find((token) => token.content === text)!.id;
}

describe.each(FAMILIES)('Tokenizer of the %s family', (family) => {
  const tokenizer = aTokenizer(family);
  const expected = expectedOf(family);

  it('encodes as Hugging Face tokenizers does', () => {
    for (const { text, ids } of expected.encodings) {
      const actual = tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true });
      expect([...actual], JSON.stringify(text)).toEqual(ids);
    }
  });

  it('adds the special tokens that the post-processor adds', () => {
    for (const { text, idsWithSpecialTokens } of expected.encodings) {
      const actual = tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true });
      expect([...actual], JSON.stringify(text)).toEqual(idsWithSpecialTokens);
    }
  });

  it('reads no special token out of text when told not to, and loses no text by it', () => {
    const vocabulary = new Vocabulary(filesOf(family));
    for (const special of tokenizer.specialTokenTexts) {
      const text = `x${special} y ${special}`;
      const ids = [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false })];
      expect(ids.filter((id) => vocabulary.isSpecial(id))).toEqual([]);
      const decoded = new TextDecoder().decode(
        Uint8Array.from(ids.flatMap((id) => [...vocabulary.bytesOf(id)])),
      );
      expect(decoded.trimStart()).toBe(text);
    }
  });

  it('keeps every character of a run without borders that is too long to merge in one go', () => {
    const vocabulary = new Vocabulary(filesOf(family));
    const text = 'abcdefghij'.repeat(2500);
    const ids = [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true })];
    const bytes = Uint8Array.from(ids.flatMap((id) => [...vocabulary.bytesOf(id)]));
    expect(new TextDecoder().decode(bytes).trimStart()).toBe(text);
  });

  it('looks at no more of a text than it takes to know that it has too many tokens', () => {
    const tokenCountMax = 50;
    const longest = Math.max(...tokenizer.addedTokens.map(({ content }) => content.length), 64);
    const options = { addSpecialTokens: false, parseSpecialTokens: true, tokenCountMax };
    const ids = tokenizer.encode('qz'.repeat(1_000_000), options);
    expect(ids.length).toBeGreaterThan(tokenCountMax);
    expect(ids.length).toBeLessThanOrEqual((tokenCountMax + 1) * longest);
  });

  it('encodes nothing as nothing', () => {
    expect(tokenizer.encode('', { addSpecialTokens: false, parseSpecialTokens: true })).toHaveLength(0);
  });
});

describe('Tokenizer', () => {
  it('counts text that its normaliser shortens to the end before it calls it too long', () => {
    const tokenizer = aTokenizer('qwen2'); // Its normaliser, NFC, makes one character of each three here.
    const text = 'o\u0302\u0301'.repeat(2000);
    const options = { addSpecialTokens: false, parseSpecialTokens: true };
    const whole = tokenizer.encode(text, options);
    expect(tokenizer.encode(text, { ...options, tokenCountMax: whole.length })).toEqual(whole);
  });

  it('recognises no special token across a break, and all others', () => {
    const tokenizer = aTokenizer('qwen2');
    const text = '<|im_end|><|im_end|><|im_end|>';
    const end = specialId(tokenizer, '<|im_end|>');
    const ids = (breaks: readonly number[]): number[] => [
      ...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true, breaks }),
    ];
    expect(ids([])).toEqual([end, end, end]);
    expect(ids([0, 10, 20, 30])).toEqual([end, end, end]);
    const cut = ids([11]);
    expect(cut[0]).toBe(end);
    expect(cut.at(-1)).toBe(end);
    expect(cut.filter((id) => id === end)).toHaveLength(2);
  });

  it('still reads tokens that are added but not special when special ones are not read', () => {
    const tokenizer = aTokenizer('qwen2');
    const ids = tokenizer.encode('<think>', { addSpecialTokens: false, parseSpecialTokens: false });
    expect([...ids]).toEqual([specialId(tokenizer, '<think>')]);
  });

  it('spells out a special token that the model itself would produce from plain text', () => {
    const files = filesOf('llama3');
    const tokenizerJson = structuredClone(files.tokenizerJson) as {
      added_tokens: JsonObject[];
      model: { vocab: object };
    };
    const id = (tokenizerJson.model.vocab as Record<string, number>)['Ġthe']!;
    tokenizerJson.added_tokens.push({ id, content: 'Ġthe', special: true });
    const tokenizer = new Tokenizer({ ...files, tokenizerJson });
    const ids = [...tokenizer.encode('to the', { addSpecialTokens: false, parseSpecialTokens: true })];
    expect(ids).not.toContain(id);
    const plain = new Vocabulary(filesOf('llama3'));
    expect(ids.map((each) => plain.textOf(each)).join('')).toBe('to the');
  });

  it('tokenises the text of a special token as any other text when special ones are not read', () => {
    const files = filesOf('llama3');
    const tokenizerJson = structuredClone(files.tokenizerJson) as { added_tokens: JsonObject[] };
    tokenizerJson.added_tokens.push({ id: 990, content: 'homework', special: true });
    const encode = (tokenizer: Tokenizer): number[] => [
      ...tokenizer.encode('homework', { addSpecialTokens: false, parseSpecialTokens: false }),
    ];
    expect(encode(new Tokenizer({ ...files, tokenizerJson }))).toEqual(encode(aTokenizer('llama3')));
  });

  it.each(FAMILIES)('stops soon after the largest number of tokens that is of interest: %s', (family) => {
    const tokenizer = aTokenizer(family);
    const text = 'some words and more of them. '.repeat(2000);
    const options = { addSpecialTokens: false, parseSpecialTokens: true };
    const all = tokenizer.encode(text, options);
    const some = tokenizer.encode(text, { ...options, tokenCountMax: 100 });
    expect(some.length).toBeGreaterThan(100);
    expect(some.length).toBeLessThan(all.length / 2);
    expect([...some.subarray(0, 100)]).toEqual([...all.subarray(0, 100)]);
    expect([...tokenizer.encode(text, { ...options, tokenCountMax: all.length })]).toEqual([...all]);
  });

  it('tokenises a text as one piece where a token reaches from one word into the next', () => {
    const files = filesOf('llama2');
    const tokenizerJson = structuredClone(files.tokenizerJson) as {
      model: { vocab: Record<string, number>; merges: string[][] };
    };
    tokenizerJson.model.vocab['e▁'] = 1000;
    tokenizerJson.model.merges.unshift(['e', '▁']);
    const tokenizer = new Tokenizer({ ...files, tokenizerJson });
    const ids = tokenizer.encode('the end', { addSpecialTokens: false, parseSpecialTokens: true });
    expect([...ids]).toContain(1000);
  });

  it('takes white space with a token that strips it, and leaves a single word token inside a word alone', () => {
    const files = filesOf('qwen2');
    const tokenizerJson = structuredClone(files.tokenizerJson) as { added_tokens: JsonObject[] };
    tokenizerJson.added_tokens.push(
      { id: 900, content: '[M]', special: true, lstrip: true, rstrip: true },
      { id: 901, content: 'zap', special: true, single_word: true },
    );
    const tokenizer = new Tokenizer({ ...files, tokenizerJson });
    const encode = (text: string): number[] => [
      ...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true }),
    ];
    expect(encode('a \n[M]  b')).toEqual([...encode('a'), 900, ...encode('b')]);
    expect(encode('zap')).toEqual([901]);
    expect(encode('(zap)')).toContain(901);
    expect(encode('zaps')).not.toContain(901);
    expect(encode('étézap')).not.toContain(901);
  });

  it('looks for tokens of the text as it is before those of the normalised one, also without a normaliser', () => {
    const files = filesOf('llama3');
    const tokenizerJson = structuredClone(files.tokenizerJson) as { added_tokens: JsonObject[] };
    tokenizerJson.added_tokens.push(
      { id: 900, content: '<|x|>', normalized: true },
      { id: 901, content: 'x|>y' },
    );
    const tokenizer = new Tokenizer({ ...files, tokenizerJson });
    // As Hugging Face tokenizers 0.23 has it.
    const ids = tokenizer.encode('<|x|>y<|x|>', { addSpecialTokens: false, parseSpecialTokens: true });
    expect([...ids]).toEqual([27, 91, 901, 900]);
  });

  it('takes special tokens from tokenizer_config.json that tokenizer.json does not mark', () => {
    const files = filesOf('qwen2');
    const tokenizer = new Tokenizer({
      ...files,
      tokenizerConfig: {
        additional_special_tokens: [{ content: '<think>' }],
        extra_special_tokens: { a: '</think>' },
      },
    });
    expect(tokenizer.specialTokenTexts).toContain('<think>');
    expect(tokenizer.specialTokenTexts).toContain('</think>');
    expect(tokenizer.specialTokenTexts).not.toContain('<tool_call>');
  });

  it('knows a named token of the model as special where tokenizer.json lists it nowhere else', () => {
    const files = filesOf('llama2');
    const tokenizerJson = structuredClone(files.tokenizerJson) as { added_tokens: JsonObject[] };
    tokenizerJson.added_tokens = tokenizerJson.added_tokens.filter(({ content }) => content !== '</s>');
    const unlisted = { ...files, tokenizerJson };
    const tokenizer = new Tokenizer(unlisted);
    // As transformers 5.24 has it.
    const ids = tokenizer.encode('a</s>b</s> c', { addSpecialTokens: true, parseSpecialTokens: true });
    expect([...ids]).toEqual([1, 336, 2, 357, 2, 327, 369]);
    expect(tokenizer.specialTokenTexts).toContain('</s>');
    expect(new Vocabulary(unlisted).isSpecial(2)).toBe(true);
  });

  describe('what is put around a text', () => {
    const idsOf = (family: Family, config: JsonObject): number[] => {
      const files = filesOf(family);
      const tokenizerConfig = { ...(files.tokenizerConfig as JsonObject), ...config };
      const tokenizer = new Tokenizer({ ...files, tokenizerConfig });
      return [...tokenizer.encode('hi', { addSpecialTokens: true, parseSpecialTokens: true })];
    };
    const llama = { tokenizer_class: 'LlamaTokenizerFast' };

    it('begins as add_bos_token says where the class obeys it, whatever the post-processor does', () => {
      const deepseek = { ...llama, bos_token: { content: '<|im_start|>' }, add_bos_token: true };
      const start = specialId(aTokenizer('qwen2'), '<|im_start|>');
      expect(idsOf('qwen2', deepseek)).toEqual([start, 71, 72]);
      expect(idsOf('llama2', { ...llama, add_bos_token: false })).toEqual([428]);
    });

    it('ends as add_eos_token says there', () => {
      expect(idsOf('llama2', { ...llama, add_eos_token: true })).toEqual([1, 428, 2]);
      expect(idsOf('llama2', { ...llama, add_eos_token: false })).toEqual([1, 428]);
    });

    it('is what the post-processor puts for other classes, and where nothing is said', () => {
      expect(idsOf('llama2', { tokenizer_class: 'PreTrainedTokenizerFast', add_bos_token: false })).toEqual([
        1, 428,
      ]);
      expect(idsOf('llama2', { ...llama, add_bos_token: null })).toEqual([1, 428]);
      expect(idsOf('llama2', { ...llama, bos_token: null, add_bos_token: true })).toEqual([1, 428]);
    });

    it('is refused where it is no token', () => {
      const config = { ...llama, bos_token: '<begin>', add_bos_token: true };
      expect(() => idsOf('llama2', config)).toThrow(/add_bos_token.*'<begin>'.*no token/);
    });
  });

  it('knows the ids of added tokens and of the model alike', () => {
    const tokenizer = aTokenizer('llama2');
    expect(tokenizer.tokenId('</s>')).toBe(2);
    expect(tokenizer.tokenId('<0x00>')).toBe(3);
    expect(tokenizer.tokenId('no such token')).toBeNull();
  });

  it('refuses a model of a kind that it does not support, by name', () => {
    const files = { tokenizerJson: { model: { type: 'WordPiece', vocab: {} } }, tokenizerConfig: {} };
    expect(() => new Tokenizer(files)).toThrow(StartupError);
    expect(() => new Tokenizer(files)).toThrow(/WordPiece/);
    expect(() => new Tokenizer({ tokenizerJson: [], tokenizerConfig: {} })).toThrow(/tokenizer.json is not/);
  });
});
