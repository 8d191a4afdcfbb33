/** Structured output of the compiled server with the model in the box, which knows nothing of JSON. */

import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const MODEL = 'octavo-mini';
const QUESTION = [{ role: 'user', content: 'Who are you?' }] as const;
const SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    colours: { type: 'array', items: { enum: ['red', 'blue'] }, minItems: 1, maxItems: 3 },
  },
  required: ['name', 'age', 'colours'],
  additionalProperties: false,
};
const FORMAT = {
  type: 'json_schema',
  json_schema: { name: 'person', strict: true, schema: SCHEMA },
} as const;

/** Long whatever the model prefers, so that a few answers at once need more blocks than there are. */
const LONG_FORMAT = {
  type: 'json_schema',
  json_schema: {
    name: 'colours',
    schema: { type: 'array', items: { enum: ['red', 'blue'] }, minItems: 40, maxItems: 40 },
  },
} as const;

let server: ServerProcess;
let openai: OpenAI;

beforeAll(async () => {
  // Blocks for about three of the sequences below: the others lose theirs and are computed again.
  server = await startServer({ flags: ['--kv-cache-memory', '8MiB', '--max-model-len', '640'] });
  openai = new OpenAI({ baseURL: `${server.baseUrl}/v1`, apiKey: 'unused', maxRetries: 0 });
});
afterAll(() => server.stop());

type Parameters = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'model' | 'messages'> & {
  readonly structured_outputs?: Readonly<Record<string, unknown>>;
};

async function choices(parameters: Parameters): Promise<readonly OpenAI.ChatCompletion.Choice[]> {
  const request = { model: MODEL, messages: [...QUESTION], max_tokens: 600, ...parameters };
  return (await openai.chat.completions.create(request)).choices;
}

describe('a schema', () => {
  it('is fitted by every choice, greedy or not, and ends it', async () => {
    const requests = [
      { temperature: 0 },
      { temperature: 1, seed: 5, n: 4 },
      { temperature: 1, seed: 6, logprobs: true },
    ];
    const all = await Promise.all(requests.map((each) => choices({ ...each, response_format: FORMAT })));
    for (const choice of all.flat()) {
      expect(choice.finish_reason).toBe('stop');
      const value = JSON.parse(choice.message.content!);
      expect(Object.keys(value)).toEqual(['name', 'age', 'colours']);
      expect([...value.name].length).toBeLessThanOrEqual(12);
      expect(Number.isInteger(value.age) && value.age >= 0 && value.age <= 150).toBe(true);
      expect(value.colours.every((colour: string) => ['red', 'blue'].includes(colour))).toBe(true);
    }
  });

  it('gives the same output for the same seed when sequences lose their blocks', async () => {
    const answer = async (seed: number) =>
      (await choices({ seed, temperature: 1, response_format: LONG_FORMAT }))[0]!.message.content;
    const seeds = Array.from({ length: 6 }, (_, index) => index + 1);
    const alone: unknown[] = [];
    for (const seed of seeds) alone.push(await answer(seed));
    expect(await Promise.all(seeds.map(answer))).toEqual(alone);
    const metrics = await (await fetch(`${server.baseUrl}/metrics`)).text();
    const preemptions = /^vllm:num_preemptions_total\S* (\d+)/m.exec(metrics);
    expect(Number(preemptions?.[1])).toBeGreaterThan(0);
  }, 60_000);
});

describe('other grammars', () => {
  it('hold the output as well, streamed too', async () => {
    const [choice] = await choices({ structured_outputs: { choice: ['yes', 'no'] } });
    expect(['yes', 'no']).toContain(choice!.message.content);
    const stream = await openai.chat.completions.create({
      model: MODEL,
      messages: [...QUESTION],
      stream: true,
      ...({ structured_outputs: { regex: '[a-z]{3,8}( [a-z]{1,8}){2}\\.' } } as object),
    });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toMatch(/^[a-z]{3,8}( [a-z]{1,8}){2}\.$/);
  });

  it('end where nothing may follow, and nowhere before, with ignore_eos', async () => {
    const answer = async (structured_outputs: Record<string, unknown>) => {
      const fields = { structured_outputs, ignore_eos: true, max_tokens: 40, temperature: 0 } as object;
      const [choice] = await choices(fields);
      return choice!;
    };
    const complete = await answer({ choice: ['yes', 'no'] });
    expect(complete.finish_reason).toBe('stop');
    expect(['yes', 'no']).toContain(complete.message.content);
    const open = await answer({ regex: '[a-z]( ?[a-z])*' });
    expect(open.finish_reason).toBe('length');
    expect(open.message.content).toMatch(/^[a-z]( ?[a-z])* ?$/);
  });

  it('that are too large are answered 400 with the limit, streamed or not', async () => {
    for (const stream of [false, true]) {
      const fields = { stream, structured_outputs: { regex: 'a{60000}' } } as object;
      await expect(choices(fields)).rejects.toMatchObject({
        status: 400,
        param: 'structured_outputs.regex',
        message: expect.stringContaining('more than 50000 states'),
      });
    }
  });

  it('that cannot be compiled are answered 400 with the place', async () => {
    const schema = { type: 'object', properties: { a: { not: {} } } };
    const format = { type: 'json_schema', json_schema: { name: 'x', schema } } as const;
    await expect(choices({ response_format: format })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: 'response_format.json_schema.schema.properties.a.not',
    });
  });
});
