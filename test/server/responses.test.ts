/** Responses as their users see them: the compiled server with the model that ships, by the official openai package. */

import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { responseSchema } from '../../src/routes/schema/responses-object.ts';
import { lastResponse, responseEvents, textsOfDeltas, withoutNames } from '../support/response-events.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const MODEL = 'octavo-mini';
const QUESTION = 'What is the capital of Italy?';
const SYSTEM = 'You are a helpful assistant.';
const GREEDY = { model: MODEL, temperature: 0 };

const WEATHER = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
};

let server: ServerProcess;
let openai: OpenAI;

beforeAll(async () => {
  server = await startServer();
  openai = new OpenAI({ baseURL: `${server.baseUrl}/v1`, apiKey: 'unused', maxRetries: 0 });
});
afterAll(() => server.stop());

function send(fields: Record<string, unknown>): Promise<Response> {
  return fetch(`${server.baseUrl}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...GREEDY, ...fields }),
  });
}

describe('a response', () => {
  it('says what a chat with the same messages says', async () => {
    const response = await openai.responses.create({ ...GREEDY, instructions: SYSTEM, input: QUESTION });
    const { choices, usage } = await openai.chat.completions.create({
      ...GREEDY,
      messages: [
        { role: 'system', content: SYSTEM },
        { role: 'user', content: QUESTION },
      ],
    });
    expect(response.output_text).toBe(choices[0]!.message.content);
    expect(response.usage?.input_tokens).toBe(usage?.prompt_tokens);
    expect(response.usage?.output_tokens).toBe(usage?.completion_tokens);
  });

  it.each([
    ['text', { input: QUESTION }],
    ['thoughts', { input: 'What is 12 + 30? Think first.', chat_template_kwargs: { enable_thinking: true } }],
    ['a call', { input: QUESTION, tools: [WEATHER], tool_choice: 'required' }],
    ['log probabilities', { input: QUESTION, top_logprobs: 2 }],
    ['a cut', { input: QUESTION, max_output_tokens: 2 }],
  ])('is the same streamed and whole: %s', async (_, fields) => {
    const whole = responseSchema.parse(await (await send(fields)).json());
    const events = await responseEvents(await send({ ...fields, stream: true }));
    // The second request finds the prompt of the first in the cache.
    const bare = (response: typeof whole) => ({ ...withoutNames(response), created_at: 0, completed_at: 0 });
    expect({ ...bare(lastResponse(events)), usage: null }).toEqual({ ...bare(whole), usage: null });
    expect(textsOfDeltas(events).join('')).not.toBe('');
  });

  it('calls a function, and goes on with what that gave', async () => {
    const tools = [WEATHER];
    const first = await openai.responses.create({
      ...GREEDY,
      input: 'Weather in Rome?',
      tools,
      tool_choice: { type: 'function', name: 'get_weather' },
    });
    const call = first.output.find((item) => item.type === 'function_call');
    expect(JSON.parse(call!.arguments)).toMatchObject({ city: expect.stringMatching(/^(Paris|Rome)$/) });
    const input = [
      { role: 'user', content: 'Weather in Rome?' },
      ...first.output,
      { type: 'function_call_output', call_id: call!.call_id, output: '{"weather": "sunny"}' },
    ] as OpenAI.Responses.ResponseInput;
    const second = await openai.responses.create({ ...GREEDY, input, tools, tool_choice: 'none' });
    expect(second.status).toBe('completed');
    const { input_tokens: counted } = await openai.responses.inputTokens.count({
      ...{ model: MODEL, input, tools },
      tool_choice: 'none',
    });
    expect(counted).toBe(second.usage?.input_tokens);
  });

  it('goes on from another as if all had been sent, from the cache', async () => {
    const first = await openai.responses.create({ ...GREEDY, input: QUESTION });
    const next = { ...GREEDY, input: 'And of France?', previous_response_id: first.id };
    const named = await openai.responses.create(next);
    const input = [
      { role: 'user', content: QUESTION },
      ...first.output,
      { role: 'user', content: next.input },
    ] as OpenAI.Responses.ResponseInput;
    const sent = await openai.responses.create({ ...GREEDY, input, store: false });
    expect(named.output_text).toBe(sent.output_text);
    expect(named.usage?.input_tokens).toBe(sent.usage?.input_tokens);
    expect(named.usage?.input_tokens_details.cached_tokens).toBeGreaterThan(0);
    const { input_tokens: counted } = await openai.responses.inputTokens.count(next);
    expect(counted).toBe(sent.usage?.input_tokens);
    expect((await openai.responses.retrieve(named.id)).output_text).toBe(named.output_text);
  });

  it('is held to a schema', async () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string', maxLength: 20 }, size: { enum: ['small', 'big'] } },
      required: ['city', 'size'],
      additionalProperties: false,
    };
    const format = { type: 'json_schema' as const, name: 'place', schema, strict: true };
    const { output_text: text } = await openai.responses.create({
      ...GREEDY,
      input: 'Name a city as JSON.',
      text: { format },
    });
    const answer = JSON.parse(text) as { city: string; size: string };
    expect(Object.keys(answer)).toEqual(['city', 'size']);
    expect(['small', 'big']).toContain(answer.size);
  });

  it('that is too long for the context names the input', async () => {
    const failure = openai.responses.create({ ...GREEDY, input: 'long '.repeat(3000) });
    await expect(failure).rejects.toMatchObject({
      status: 400,
      param: 'input',
      code: 'context_length_exceeded',
    });
  });
});
