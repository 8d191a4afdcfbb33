import { describe, expect, it } from 'vitest';
import { PROMPT_LOGPROBS_TOLD_MAX, PROMPT_TOKENS_TOLD_MAX } from '../../src/base/limits.ts';
import { promptTokens, requireTellable, scoredPrompt } from '../../src/engine/prompt-text.ts';
import { type PromptScores, promptScores } from '../../src/sampling/prompt-scores.ts';
import { PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { aTextRequest } from '../support/text-request.ts';
import { filesOf } from '../text/fixtures.ts';

/** Scores of `count` tokens from `firstPosition` on: token p has the log probability -p and the best token 5. */
function scores(firstPosition: number, count: number): PromptScores {
  const told = promptScores(firstPosition, count, 1);
  for (let index = 0; index < count; index++) {
    told.logprobs[index] = -(firstPosition + index);
    told.ranks[index] = index;
    told.topTokenIds[index] = 5;
    told.topLogprobs[index] = -0.5;
  }
  return told;
}

describe.each(['llama2', 'qwen2'] as const)('a scored prompt, tokenised as by %s', (name) => {
  const files = filesOf(name);
  const tokenizer = new Tokenizer(files);
  const vocabulary = new Vocabulary(files);
  const encode = (text: string, addSpecialTokens: boolean) => ({
    text,
    tokenIds: tokenizer.encode(text, { addSpecialTokens, parseSpecialTokens: true }),
  });

  it.each(['Hello world', ' two  spaces ', 'naïve 🂡 日本語', 'x'])(
    'says where in the text its tokens stand: %j',
    (text) => {
      for (const addSpecialTokens of [false, true]) {
        const prompt = encode(text, addSpecialTokens);
        const tokens = scoredPrompt(prompt, [scores(1, prompt.tokenIds.length - 1)], vocabulary);
        const characters = [...text];
        for (const { textStart, text: ownText, tokenId } of tokens) {
          if (vocabulary.isSpecial(tokenId) || ownText.includes('\ufffd')) continue;
          const rest = characters.slice(textStart).join('');
          expect(rest.startsWith(ownText) || rest.startsWith(ownText.trimStart())).toBe(true);
        }
        expect(tokens.map(({ textStart }) => textStart)).toEqual(
          tokens.map(({ textStart }) => textStart).toSorted((a, b) => a - b),
        );
      }
    },
  );

  it('counts special tokens that the client wrote, and not those put before its text', () => {
    const special = tokenizer.specialTokenTexts[0]!;
    const prompt = encode(`a${special}b`, true);
    const tokens = scoredPrompt(prompt, [scores(1, prompt.tokenIds.length - 1)], vocabulary);
    const last = tokens.findLast(({ text }) => text.trim() === 'b')!;
    expect(last.textStart).toBe(1 + [...special].length);
  });

  it('puts the pieces together, and gives the first token no score', () => {
    const prompt = encode('one two three four five six', false);
    const count = prompt.tokenIds.length;
    const tokens = scoredPrompt(prompt, [scores(1, 2), scores(3, count - 3)], vocabulary);
    expect(tokens.map(({ score }) => score?.logprob ?? null)).toEqual([
      null,
      ...Array.from({ length: count - 1 }, (_, index) => -(index + 1)),
    ]);
    expect(tokens[1]!.score!.rank).toBeNull();
    expect(tokens[2]!.score).toEqual({
      logprob: -2,
      rank: 1,
      top: [
        {
          tokenId: 5,
          text: vocabulary.textOf(5),
          bytes: [...vocabulary.bytesOf(5)],
          logprob: -0.5,
        },
      ],
    });
  });

  it('of token ids has the text that these spell', () => {
    const { tokenIds } = encode('Hello world', false);
    expect(promptTokens({ text: null, tokenIds }, vocabulary)).toEqual({
      text: 'Hello world',
      tokenIds: [...tokenIds],
    });
  });
});

describe('requireTellable', () => {
  it('bounds the prompt tokens that are repeated, over prompts and choices together', () => {
    const half = { text: null, tokenIds: new Int32Array(PROMPT_TOKENS_TOLD_MAX / 2) };
    const request = aTextRequest({ wantsPrompts: true });
    requireTellable({ ...request, choiceCount: 1 }, [half, half]);
    requireTellable({ ...request, choiceCount: 3, wantsPrompts: false }, [half, half]);
    expect(() => requireTellable({ ...request, choiceCount: 3 }, [half])).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'prompt' }),
    );
  });

  const prompt = { text: null, tokenIds: new Int32Array(PROMPT_LOGPROBS_TOLD_MAX / 4) };
  it('lets pass what is told of two prompts twice, and names the numbers of more', () => {
    requireTellable(aTextRequest({ promptLogprobCount: 0, choiceCount: 2 }), [prompt, prompt]);
    requireTellable(aTextRequest({ choiceCount: 9 }), [prompt, prompt]);
    expect(() =>
      requireTellable(aTextRequest({ promptLogprobCount: 1, choiceCount: 2 }), [prompt, prompt]),
    ).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(`${2 * PROMPT_LOGPROBS_TOLD_MAX} numbers`),
      }),
    );
    expect(() =>
      requireTellable(aTextRequest({ promptLogprobCount: 0, choiceCount: 3 }), [prompt, prompt]),
    ).toThrow();
  });

  it.each([{ wantsPrompts: true }, { promptLogprobCount: 20 }])(
    'names the messages where the prompt was given as such: %j',
    (fields) => {
      const prompts = [
        { kind: 'messages', messages: [], rendering: PLAIN_RENDERING, addSpecialTokens: false },
      ] as const;
      expect(() => requireTellable(aTextRequest({ ...fields, prompts, choiceCount: 128 }), [prompt])).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: 'messages' }),
      );
    },
  );
});
