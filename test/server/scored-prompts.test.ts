/**
 * What evaluation tools ask of a completion server: how likely a given text was. Also the order of service and the
 * separation of tenants. By the compiled server with the model that ships.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Completion } from '../../src/routes/schema/completion-response.ts';
import { eventually, type ServerProcess, startServer } from '../support/server-process.ts';

const MODEL = 'octavo-mini';
const TEXT = 'Once upon a time, there was a little fox. The fox';

let server: ServerProcess;
beforeAll(async () => {
  server = await startServer({ flags: ['--max-num-seqs', '1', '--scheduling-policy', 'priority'] });
});
afterAll(() => server.stop());

async function post<Answer>(path: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(server.baseUrl + path, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Answer;
}

const complete = (fields: Record<string, unknown>): Promise<Completion> =>
  post('/v1/completions', { model: MODEL, temperature: 0, ...fields });

describe('a prompt that is scored', () => {
  it('is measured as lm-evaluation-harness does: one token more, its entry cut off', async () => {
    const continuations = [' was happy.', ' zebra?!'];
    const { choices } = await complete({
      prompt: continuations.map((each) => TEXT + each),
      max_tokens: 1,
      logprobs: 1,
      echo: true,
      seed: 1234,
    });
    const contextLength = (await complete({ prompt: TEXT })).usage.prompt_tokens;
    const sums = choices.map(({ logprobs }) => {
      const { token_logprobs, tokens, top_logprobs } = logprobs!;
      expect([token_logprobs[0], top_logprobs[0]]).toEqual([null, null]);
      expect(token_logprobs.length).toBe(tokens.length);
      return token_logprobs.slice(contextLength, -1).reduce<number>((sum, each) => sum + each!, 0);
    });
    const lengths = choices.map(({ logprobs }) => logprobs!.tokens.length - 1);
    for (const [index, each] of continuations.entries()) {
      expect((await complete({ prompt: TEXT + each })).usage.prompt_tokens).toBe(lengths[index]);
    }
    expect(sums[0]).toBeGreaterThan(sums[1]!);
    expect(sums[0]).toBeLessThan(0);
  });

  it('has the log probabilities that its tokens had when they were generated', async () => {
    const generated = await complete({
      prompt: TEXT,
      max_tokens: 12,
      logprobs: 0,
      return_token_ids: true,
      ignore_eos: true,
    });
    const { token_ids, prompt_token_ids, logprobs } = generated.choices[0]!;
    const prompt = [...prompt_token_ids!, ...token_ids!];
    const scored = await complete({ prompt, max_tokens: 0, prompt_logprobs: 0, echo: true, logprobs: 0 });
    const [choice] = scored.choices;
    expect(scored.usage.completion_tokens).toBe(0);
    expect(choice!.logprobs!.tokens).toHaveLength(prompt.length);
    for (const [index, tokenId] of token_ids!.entries()) {
      const position = prompt_token_ids!.length + index;
      const { logprob, rank } = choice!.prompt_logprobs![position]![tokenId]!;
      expect(logprob).toBeCloseTo(logprobs!.token_logprobs[index]!, 4);
      expect(rank).toBe(1);
      expect(choice!.logprobs!.token_logprobs[position]).toBeCloseTo(logprob, 6);
    }
  });

  it('of a conversation is told beside its choices', async () => {
    const messages = [{ role: 'user', content: 'What is 12 + 30?' }];
    const answer = await post<{ prompt_logprobs: unknown[]; usage: { prompt_tokens: number } }>(
      '/v1/chat/completions',
      { model: MODEL, messages, max_tokens: 1, prompt_logprobs: 2 },
    );
    expect(answer.prompt_logprobs).toHaveLength(answer.usage.prompt_tokens);
    expect(answer.prompt_logprobs[0]).toBeNull();
  });

  it('may fill the context whole', async () => {
    const listed = await fetch(`${server.baseUrl}/v1/models`);
    const [{ max_model_len }] = ((await listed.json()) as { data: [{ max_model_len: number }] }).data;
    const prompt = Array.from({ length: max_model_len }, (_, position) => 300 + (position % 1000));
    const { choices, usage } = await complete({ prompt, max_tokens: 0, echo: true, logprobs: 0 });
    expect(usage).toMatchObject({ prompt_tokens: max_model_len, completion_tokens: 0 });
    expect(choices[0]!.logprobs!.token_logprobs.filter(Number.isFinite)).toHaveLength(max_model_len - 1);
  });
});

describe('the best of several', () => {
  it('is the one with the highest mean log probability', async () => {
    const fields = { prompt: TEXT, temperature: 1.2, seed: 3, max_tokens: 8, logprobs: 0, ignore_eos: true };
    const all = await complete({ ...fields, n: 5 });
    const mean = ({ logprobs }: Completion['choices'][number]): number =>
      logprobs!.token_logprobs.reduce<number>((sum, each) => sum + each!, 0) /
      logprobs!.token_logprobs.length;
    const ranked = all.choices.toSorted((a, b) => mean(b) - mean(a));
    const best = await complete({ ...fields, n: 2, best_of: 5 });
    expect(best.choices.map(({ text }) => text)).toEqual(ranked.slice(0, 2).map(({ text }) => text));
    expect(best.usage.completion_tokens).toBe(40);
  });
});

describe('a cache salt', () => {
  it('keeps the prefixes of tenants apart', async () => {
    const prompt = `${TEXT} likes salt. `.repeat(4);
    const cachedWith = async (cache_salt: string | null): Promise<number> => {
      const { usage } = await complete({ prompt, max_tokens: 1, cache_salt });
      return usage.prompt_tokens_details.cached_tokens;
    };
    expect(await cachedWith('tenant 1')).toBe(0);
    expect(await cachedWith('tenant 2')).toBe(0);
    expect(await cachedWith(null)).toBe(0);
    const again = await cachedWith('tenant 1');
    expect(again).toBeGreaterThan(0);
    expect([await cachedWith('tenant 2'), await cachedWith(null)]).toEqual([again, again]);
  });
});

describe('a priority', () => {
  it('lets a request that came later be served earlier', async () => {
    const ended: string[] = [];
    const send = async (name: string, fields: Record<string, unknown>): Promise<void> => {
      await complete({ prompt: TEXT, ignore_eos: true, ...fields });
      ended.push(name);
    };
    const loadIs = (count: number) =>
      eventually(async () => {
        const response = await fetch(`${server.baseUrl}/load`);
        return ((await response.json()) as { server_load: number }).server_load === count;
      });
    const running = send('running', { max_tokens: 800 });
    await loadIs(1);
    const later = send('later', { max_tokens: 2, priority: 5 });
    await loadIs(2);
    const sooner = send('sooner', { max_tokens: 2, priority: -5 });
    await loadIs(3);
    await Promise.all([running, later, sooner]);
    expect(ended.indexOf('sooner')).toBeLessThan(ended.indexOf('later'));
  });
});
