/** Completions as their users see them: the compiled server with the model that ships, by the official openai package. */

import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const MODEL = 'octavo-mini';
const PROMPT = 'Once upon a time, there was a';

let server: ServerProcess;
let openai: OpenAI;

beforeAll(async () => {
  server = await startServer();
  openai = new OpenAI({ baseURL: `${server.baseUrl}/v1`, apiKey: 'unused', maxRetries: 0 });
});
afterAll(() => server.stop());

type Parameters = Partial<OpenAI.CompletionCreateParamsNonStreaming> & {
  readonly ignore_eos?: boolean;
  readonly bad_words?: readonly string[];
  readonly allowed_token_ids?: readonly number[];
  readonly return_token_ids?: boolean;
};

async function complete(parameters: Parameters = {}): Promise<OpenAI.Completion> {
  return openai.completions.create({ model: MODEL, prompt: PROMPT, temperature: 0, ...parameters });
}

async function post(path: string, body: unknown): Promise<Record<string, never>> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(server.baseUrl + path, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, never>;
}

const textsOf = ({ choices }: OpenAI.Completion): string[] => choices.map(({ text }) => text);

describe('a completion', () => {
  it('has 16 tokens by default, and goes on where the prompt ends', async () => {
    const { choices, usage } = await complete({ ignore_eos: true });
    expect(choices[0]!.finish_reason).toBe('length');
    expect(usage!.completion_tokens).toBe(16);
    expect(choices[0]!.text).toMatch(/^ /);
  });

  it('is the same streamed and whole', async () => {
    const parameters = { temperature: 0.8, seed: 7, max_tokens: 40, n: 2 };
    const stream = await openai.completions.create({
      model: MODEL,
      prompt: PROMPT,
      ...parameters,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ['', ''];
    let usage: OpenAI.CompletionUsage | null | undefined = null;
    for await (const chunk of stream) {
      for (const { index, text } of chunk.choices) texts[index] += text;
      usage = chunk.usage;
    }
    const whole = await complete(parameters);
    expect(texts).toEqual(textsOf(whole));
    expect(usage!.completion_tokens).toBe(whole.usage!.completion_tokens);
  });

  it('tells how many tokens have come in every chunk of a stream, where that was asked for', async () => {
    const stream = await openai.completions.create({
      model: MODEL,
      prompt: PROMPT,
      max_tokens: 12,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    } as OpenAI.CompletionCreateParamsStreaming);
    const counts: (number | undefined)[] = [];
    for await (const { usage } of stream) counts.push(usage?.completion_tokens);
    expect(counts.every((count) => count !== undefined && count > 0)).toBe(true);
    expect(counts).toEqual([...counts].sort((a, b) => a! - b!));
    expect(counts.at(-1)).toBe(12);
  });

  it('of several prompts is for each what it is alone, in the order of the prompts', async () => {
    const prompts = [PROMPT, 'The dog said', 'In the morning'];
    const parameters = { temperature: 1, seed: 4, n: 2, max_tokens: 12 };
    const together = await complete({ ...parameters, prompt: prompts });
    expect(together.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
    const alone: string[] = [];
    for (const prompt of prompts) alone.push(...textsOf(await complete({ ...parameters, prompt })));
    expect(textsOf(together)).toEqual(alone);
  });

  it('repeats its prompt when asked to', async () => {
    const [plain] = textsOf(await complete({ max_tokens: 8 }));
    expect(textsOf(await complete({ max_tokens: 8, echo: true }))).toEqual([PROMPT + plain]);
  });

  it('gives log probabilities whose tokens and offsets spell the text', async () => {
    const { choices } = await complete({ max_tokens: 8, logprobs: 3, ignore_eos: true });
    const { text, logprobs } = choices[0]!;
    const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs!;
    expect(tokens!.join('')).toBe(text);
    for (const [index, token] of tokens!.entries()) {
      expect(text.slice(text_offset![index])).toMatch(new RegExp(`^${token.replace(/\W/g, '\\$&')}`));
      const top = top_logprobs![index]!;
      expect(Object.keys(top)).toHaveLength(3);
      expect(top[token]).toBe(token_logprobs![index]);
      expect(Math.max(...Object.values(top))).toBe(token_logprobs![index]);
    }
  });

  it('ends before a stop string', async () => {
    const [whole] = textsOf(await complete({ max_tokens: 16 }));
    const stop = whole!.slice(10, 14);
    const { choices } = await complete({ max_tokens: 16, stop });
    expect(choices[0]!.text).toBe(whole!.slice(0, whole!.indexOf(stop)));
    expect(choices[0]!.finish_reason).toBe('stop');
  });

  it('names the prompt that does not fit', async () => {
    const wrong = complete({ prompt: [PROMPT, 'many words '.repeat(3000)] });
    await expect(wrong).rejects.toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      param: 'prompt[1]',
    });
    await expect(complete({ prompt: [[1_000_000]] })).rejects.toMatchObject({
      status: 400,
      param: 'prompt[0]',
    });
  });
});

describe('a completion that may not say everything', () => {
  it('never says a bad word, greedy or drawn', async () => {
    const parameters = { max_tokens: 24, n: 4, temperature: 1, seed: 1, ignore_eos: true };
    const plain = textsOf(await complete(parameters)).join('\n');
    const words = [...new Set(plain.match(/ [a-z]{3,}/g))].slice(0, 8);
    expect(words.length).toBe(8);
    for (const temperature of [0, 1]) {
      const asked = { ...parameters, temperature, bad_words: words, return_token_ids: true };
      const { choices } = await complete(asked);
      for (const choice of choices) {
        const ids = ` ${(choice as unknown as { token_ids: number[] }).token_ids.join(' ')} `;
        for (const word of words) {
          const { tokens } = await post('/tokenize', { prompt: word, add_special_tokens: false });
          expect(ids).not.toContain(` ${(tokens as unknown as number[]).join(' ')} `);
        }
      }
    }
  });

  it('says allowed tokens only', async () => {
    const allowed = [40, 50, 60, 70];
    for (const temperature of [0, 1]) {
      const { choices } = await complete({
        max_tokens: 20,
        temperature,
        allowed_token_ids: allowed,
        return_token_ids: true,
      });
      const { token_ids } = choices[0] as unknown as { token_ids: number[] };
      expect(token_ids.length).toBe(20);
      expect(token_ids.filter((tokenId) => !allowed.includes(tokenId))).toEqual([]);
    }
  });
});

describe('tokens', () => {
  it('are counted as a completion counts them, and turn back into the text', async () => {
    const { count, tokens } = await post('/tokenize', { model: MODEL, prompt: PROMPT });
    expect((await complete({ max_tokens: 1 })).usage!.prompt_tokens).toBe(count);
    const plain = await post('/tokenize', { prompt: PROMPT, add_special_tokens: false });
    expect(await post('/detokenize', { tokens: plain['tokens'] })).toEqual({ prompt: PROMPT });
    const parameters = { max_tokens: 8, temperature: 0 };
    expect(textsOf(await complete({ ...parameters, prompt: tokens! }))).toEqual(
      textsOf(await complete(parameters)),
    );
  });

  it('of a conversation are what a chat request is charged for, and give the same answer as a prompt', async () => {
    const messages = [{ role: 'user' as const, content: 'What is 12 + 30?' }];
    const rendered = await post('/v1/chat/completions/render', { model: MODEL, messages });
    const chat = await openai.chat.completions.create({
      model: MODEL,
      messages,
      max_tokens: 12,
      temperature: 0,
    });
    expect(chat.usage!.prompt_tokens).toBe(rendered['count']);
    expect(await post('/tokenize', { messages })).toMatchObject({ tokens: rendered['token_ids'] });
    const [text] = textsOf(await complete({ prompt: rendered['token_ids']!, max_tokens: 12 }));
    expect(text!.trimStart()).toBe(chat.choices[0]!.message.content);
  });

  it('of a last message that is continued go on where it ends', async () => {
    const messages = [
      { role: 'user', content: 'Tell me a story about a fox.' },
      { role: 'assistant', content: 'Once upon a time' },
    ];
    const rendered = await post('/v1/chat/completions/render', {
      model: MODEL,
      messages,
      continue_final_message: true,
    });
    expect(rendered['prompt']).toMatch(/Once upon a time$/);
  });
});
