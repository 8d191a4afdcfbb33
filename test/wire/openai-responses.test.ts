/** The official client's responses over a real socket, with the fake generator behind the routes. */

import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ServerError } from '../../src/base/errors.ts';
import { type Script, saying, sayingThenFailing } from '../support/fake-text-generator.ts';
import { MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';
import { startWireServer, type WireServer } from '../support/wire-server.ts';

const REQUEST = { model: MODEL, input: 'Say something.' };
const TOOL = {
  type: 'function' as const,
  name: 'now',
  description: 'The time',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
};

let test: RouteTestApp;
let server: WireServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startWireServer((request) => test.app.fetch(request));
  client = new OpenAI({ baseURL: `http://127.0.0.1:${server.port}/v1`, apiKey: 'none', maxRetries: 0 });
});

beforeEach(() => {
  test = routeTestApp();
});

afterAll(() => server.close());

const calling: Script = async function* () {
  yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
  const parts = [
    { kind: 'tool-call' as const, index: 0, name: 'now' },
    { kind: 'tool-arguments' as const, index: 0, text: '{}' },
  ];
  yield { kind: 'message-delta', choiceIndex: 0, parts, logprobs: null, tokenIds: null };
  yield { kind: 'choice-finish', choiceIndex: 0, reason: 'tool-calls' };
  const usage = {
    promptTokenCount: 10,
    cachedTokenCount: 0,
    completionTokenCount: 5,
    reasoningTokenCount: null,
  };
  yield { kind: 'usage', usage };
};

describe("the official client's responses", () => {
  it('have their text', async () => {
    const response = await client.responses.create({ ...REQUEST, instructions: 'Be kind.' });
    expect(response.output_text).toBe('Hello world');
    expect(response.usage?.total_tokens).toBe(13);
    expect(response._request_id).toBe('id-1');
  });

  it('stream', async () => {
    const stream = await client.responses.create({ ...REQUEST, stream: true });
    let text = '';
    for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
    expect(text).toBe('Hello world');
  });

  it('are put together from a stream by its helper', async () => {
    const stream = client.responses.stream({ ...REQUEST, top_logprobs: 1 });
    const response = await stream.finalResponse();
    expect(response.output_text).toBe('Hello world');
    expect(response.status).toBe('completed');
  });

  it('are parsed by its helper', async () => {
    test.generator.script = saying(['{"city":', '"Bern"}']);
    const format = zodTextFormat(z.object({ city: z.string() }), 'place');
    const response = await client.responses.parse({ ...REQUEST, text: { format } });
    expect(response.output_parsed).toEqual({ city: 'Bern' });
  });

  it('call functions, and take what these gave', async () => {
    test.generator.script = calling;
    const first = await client.responses.create({ ...REQUEST, tools: [TOOL] });
    const [call] = first.output;
    expect(call).toMatchObject({ type: 'function_call', name: 'now', arguments: '{}' });
    if (call?.type !== 'function_call') return;
    test.generator.script = saying(['noon']);
    const input = [
      { role: 'user', content: 'What time is it?' },
      ...first.output,
      { type: 'function_call_output', call_id: call.call_id, output: 'noon' },
    ] as OpenAI.Responses.ResponseInput;
    const second = await client.responses.create({ model: MODEL, input, tools: [TOOL] });
    expect(second.output_text).toBe('noon');
    const [prompt] = test.generator.requests[1]!.prompts;
    const roles = prompt?.kind === 'messages' ? prompt.messages.map(({ role }) => role) : [];
    expect(roles).toEqual(['user', 'assistant', 'tool']);
  });

  it('tell of a stream that fails', async () => {
    test.generator.script = sayingThenFailing(['Hel'], new ServerError('step_failed', 'The step failed.'));
    const response = await client.responses.stream(REQUEST).finalResponse();
    expect(response.status).toBe('failed');
    expect(response.error?.message).toBe('The step failed.');
  });

  it('are refused with the field that is wrong', async () => {
    const refused = client.responses.create({ ...REQUEST, previous_response_id: 'resp_1' });
    await expect(refused).rejects.toMatchObject({ status: 400, param: 'previous_response_id' });
  });

  it('are retrieved, have their input listed, and are deleted', async () => {
    const first = await client.responses.create(REQUEST);
    const second = await client.responses.create({
      model: MODEL,
      input: 'And then?',
      previous_response_id: first.id,
    });
    const again = await client.responses.retrieve(second.id);
    expect(again.output).toEqual(second.output);
    expect([again.output_text, again.previous_response_id]).toEqual(['Hello world', first.id]);
    const listed: OpenAI.Responses.ResponseItem[] = [];
    // The helper asks for one page after the other.
    for await (const item of client.responses.inputItems.list(second.id, { limit: 1, order: 'asc' })) {
      listed.push(item);
    }
    expect(listed.map((item) => item.id)[1]).toBe(first.output[0]!.id);
    expect(listed.map((item) => ('role' in item ? item.role : ''))).toEqual(['user', 'assistant', 'user']);
    await client.responses.delete(second.id);
    await expect(client.responses.retrieve(second.id)).rejects.toMatchObject({ status: 404 });
    await expect(client.responses.cancel(first.id)).rejects.toMatchObject({ status: 400 });
  });

  it('are named as what comes before a stream', async () => {
    const { id } = await client.responses.create(REQUEST);
    const stream = client.responses.stream({ ...REQUEST, previous_response_id: id });
    const streamed = await stream.finalResponse();
    expect((await client.responses.retrieve(streamed.id)).output_text).toBe('Hello world');
    const [prompt] = test.generator.requests[1]!.prompts;
    expect(prompt?.kind === 'messages' && prompt.messages).toHaveLength(3);
  });

  it('have their input tokens counted', async () => {
    const { input_tokens } = await client.responses.inputTokens.count({ input: 'abc' });
    expect(input_tokens).toBe(3);
  });
});
