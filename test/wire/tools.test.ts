/** Calls and thoughts as the official client puts them together, over a real socket. */

import OpenAI from 'openai';
import { zodFunction } from 'openai/helpers/zod';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { MessagePart } from '../../src/text/message/message-part.ts';
import type { Script } from '../support/fake-text-generator.ts';
import { saying } from '../support/fake-text-generator.ts';
import { bodyReader, MODEL, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';
import { startWireServer, type WireServer } from '../support/wire-server.ts';

let test: RouteTestApp;
let server: WireServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startWireServer((request) => test.app.fetch(request));
  client = new OpenAI({ baseURL: `http://127.0.0.1:${server.port}/v1`, apiKey: 'any', maxRetries: 0 });
});

beforeEach(() => {
  test = routeTestApp({ bodies: bodyReader(64 * 1024), strictFields: true });
});

afterAll(() => server.close());

const PARTS: readonly MessagePart[] = [
  { kind: 'reasoning', text: 'Hm.' },
  { kind: 'content', text: 'Let me ' },
  { kind: 'content', text: 'see.' },
  { kind: 'tool-call', index: 0, name: 'get_weather' },
  ...['{"ci', 'ty": "Par', 'is"}'].map((text) => ({ kind: 'tool-arguments', index: 0, text }) as const),
  { kind: 'tool-call', index: 1, name: 'now' },
  { kind: 'tool-arguments', index: 1, text: '{}' },
];

function consistingOf(parts: readonly MessagePart[]): Script {
  return async function* (request) {
    yield { kind: 'prompt', promptTokenCount: 5, prompts: null };
    for (let choiceIndex = 0; choiceIndex < request.choiceCount; choiceIndex++) {
      for (const part of parts) {
        yield { kind: 'message-delta', choiceIndex, parts: [part], logprobs: null, tokenIds: null };
      }
      yield { kind: 'choice-finish', choiceIndex, reason: 'tool-calls' };
    }
    const usage = {
      promptTokenCount: 5,
      cachedTokenCount: 0,
      completionTokenCount: 9,
      reasoningTokenCount: 2,
    };
    yield { kind: 'usage', usage };
  };
}

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
} as const;
const NOW = { type: 'function', function: { name: 'now' } } as const;
const REQUEST = {
  model: MODEL,
  messages: [{ role: 'user', content: 'Weather?' }],
  tools: [WEATHER, NOW],
} satisfies Partial<OpenAI.ChatCompletionCreateParams>;

describe('calls', () => {
  it('arrive whole', async () => {
    test.generator.script = consistingOf(PARTS);
    const { choices } = await client.chat.completions.create(REQUEST);
    const { message, finish_reason } = choices[0]!;
    expect(finish_reason).toBe('tool_calls');
    expect(message.content).toBe('Let me see.');
    expect(message.tool_calls!.map((call) => call.type === 'function' && call.function)).toEqual([
      { name: 'get_weather', arguments: '{"city": "Paris"}' },
      { name: 'now', arguments: '{}' },
    ]);
  });

  it('are put together by the stream helper as they arrive whole, for every choice', async () => {
    test.generator.script = consistingOf(PARTS);
    const withoutIds = (completion: OpenAI.ChatCompletion) =>
      completion.choices.map(({ message, finish_reason }) => ({
        content: message.content,
        calls: message.tool_calls?.map((call) => call.type === 'function' && call.function),
        finish_reason,
      }));
    const expected = withoutIds(await client.chat.completions.create({ ...REQUEST, n: 2 }));
    const stream = client.chat.completions.stream({ ...REQUEST, n: 2 });
    const done: unknown[] = [];
    stream.on('tool_calls.function.arguments.done', ({ name, arguments: json }) => done.push([name, json]));
    const completion = await stream.finalChatCompletion();
    const names = completion.choices.map(({ message }) =>
      message.tool_calls!.map((call) => [call.type, typeof call.id]),
    );
    expect(names).toEqual(Array(2).fill(Array(2).fill(['function', 'string'])));
    const plain = withoutIds(completion).map(({ calls, ...rest }) => ({
      ...rest,
      calls: calls!.map((each) => each && { name: each.name, arguments: each.arguments }),
    }));
    expect(plain).toEqual(expected);
    expect(done).toContainEqual(['get_weather', '{"city": "Paris"}']);
  });

  it('alone have no content, streamed and not', async () => {
    test.generator.script = consistingOf(PARTS.slice(3));
    const { choices } = await client.chat.completions.create(REQUEST);
    const message = await client.chat.completions.stream(REQUEST).finalMessage();
    expect(choices[0]!.message.content).toBeNull();
    expect(message.content).toBeNull();
  });

  it('are parsed by the zod helper', async () => {
    test.generator.script = consistingOf(PARTS.slice(3, 7));
    const parameters = z.object({ city: z.string() });
    const completion = await client.chat.completions.parse({
      ...REQUEST,
      tools: [zodFunction({ name: 'get_weather', parameters })],
    });
    const [call] = completion.choices[0]!.message.tool_calls!;
    expect(call!.function.parsed_arguments).toEqual({ city: 'Paris' });
    expect(test.generator.requests[0]!.answerForm!.tools[0]!.isStrict).toBe(true);
  });

  it.each(['whole', 'streamed'])(
    'are run by runTools, and their results go into the next prompt: %s',
    async (mode) => {
      const [first, second] = [consistingOf(PARTS), saying(['It is 18 C.'])];
      test.generator.script = (request, signal) =>
        test.generator.requests.length === 1 ? first(request, signal) : second(request, signal);
      const tools = [
        {
          type: 'function' as const,
          function: {
            name: 'get_weather',
            parameters: WEATHER.function.parameters,
            parse: JSON.parse,
            function: ({ city }: { city: string }) => `18 C in ${city}`,
          },
        },
        { type: 'function' as const, function: { name: 'now', parameters: {}, function: () => 'noon' } },
      ];
      const options = { model: MODEL, messages: [...REQUEST.messages], tools };
      const runner =
        mode === 'whole'
          ? client.chat.completions.runTools(options as never)
          : client.chat.completions.runTools({ ...options, stream: true } as never);
      expect(await runner.finalContent()).toBe('It is 18 C.');
      const [prompt] = test.generator.requests[1]!.prompts;
      const messages = prompt?.kind === 'messages' ? prompt.messages : [];
      expect(messages.map(({ role, content }) => [role, content])).toEqual([
        ['user', 'Weather?'],
        ['assistant', 'Let me see.'],
        ['tool', '18 C in Paris'],
        ['tool', 'noon'],
      ]);
      const ids = messages[1]!.tool_calls!.map(({ id }) => id);
      expect(messages.slice(2).map((message) => message.tool_call_id)).toEqual(ids);
    },
  );

  it.each<[string, OpenAI.ChatCompletionToolChoiceOption]>([
    ['none', 'none'],
    ['auto', 'auto'],
    ['required', 'required'],
    ['named', { type: 'function', function: { name: 'now' } }],
    ['allowed tools', { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [{ ...NOW }] } }],
  ])('can be chosen: %s', async (_, tool_choice) => {
    test.generator.script = consistingOf(
      PARTS.slice(-2).map((part) => ({ ...part, index: 0 }) as MessagePart),
    );
    const { choices } = await client.chat.completions.create({ ...REQUEST, tool_choice });
    expect(choices[0]!.message.tool_calls).toHaveLength(1);
  });
});

describe('thoughts', () => {
  it('arrive beside the content, streamed and not, with their tokens in the usage', async () => {
    test.generator.script = consistingOf(PARTS);
    const completion = await client.chat.completions.create(REQUEST);
    expect(completion.choices[0]!.message).toHaveProperty('reasoning_content', 'Hm.');
    expect(completion.usage!.completion_tokens_details!.reasoning_tokens).toBe(2);
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    let thoughts = '';
    for await (const { choices } of stream) {
      thoughts += (choices[0]!.delta as { reasoning_content?: string }).reasoning_content ?? '';
    }
    expect(thoughts).toBe('Hm.');
  });
});
