/** Calls that the model in the box is held to, through the compiled server; nothing here depends on what it would say. */

import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerProcess, startServer } from '../support/server-process.ts';

let server: ServerProcess;
let openai: OpenAI;

beforeAll(async () => {
  server = await startServer();
  openai = new OpenAI({ baseURL: `${server.baseUrl}/v1`, apiKey: 'unused', maxRetries: 0 });
});
afterAll(() => server.stop());

const CITIES = ['Paris', 'Rome', 'Oslo'];
const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather of a city',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: CITIES },
        days: { type: 'integer', minimum: 1, maximum: 9 },
      },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
} as const;
const NOW = { type: 'function', function: { name: 'now', description: 'The time' } } as const;

type Body = Omit<OpenAI.ChatCompletionCreateParamsNonStreaming, 'stream'>;

/** Without thoughts, which nothing holds to an end. */
function request(fields: Partial<Body> = {}): Body {
  return {
    model: 'octavo-mini',
    messages: [{ role: 'user' as const, content: 'What is the weather in Paris?' }],
    tools: [WEATHER, NOW],
    tool_choice: 'required' as const,
    max_tokens: 400,
    seed: 7,
    ...{ chat_template_kwargs: { enable_thinking: false } },
    ...fields,
  };
}

function callsOf(message: OpenAI.ChatCompletionMessage) {
  const calls = message.tool_calls ?? [];
  return calls.map((call) => {
    if (call.type !== 'function') throw new Error('a call is of a function');
    return { name: call.function.name, arguments: JSON.parse(call.function.arguments) as unknown };
  });
}

function expectValid({ name, arguments: given }: ReturnType<typeof callsOf>[number]): void {
  if (name === 'now') expect(given).toEqual({});
  else {
    expect(name).toBe('get_weather');
    const { city, days, ...others } = given as { city: string; days: number };
    expect(CITIES).toContain(city);
    expect(Number.isInteger(days) && days >= 1 && days <= 9).toBe(true);
    expect(others).toEqual({});
  }
}

describe('a call that is demanded', () => {
  it.each([1, 2, 3])(
    'is made, of a function that there is, with arguments that fit: seed %i',
    async (seed) => {
      const body = request({ seed, temperature: 1.5, parallel_tool_calls: false });
      const { choices } = await openai.chat.completions.create(body);
      const { message, finish_reason } = choices[0]!;
      expect(finish_reason).toBe('tool_calls');
      expect(message.content).toBeNull();
      const calls = callsOf(message);
      expect(calls).toHaveLength(1);
      expectValid(calls[0]!);
    },
  );

  it('of a function by name is of that function', async () => {
    const named = { tool_choice: { type: 'function', function: { name: 'get_weather' } } } as const;
    const { choices } = await openai.chat.completions.create(request(named));
    expect(choices[0]!.finish_reason).toBe('stop');
    expect(callsOf(choices[0]!.message).map(({ name }) => name)).toEqual(['get_weather']);
  });

  it('of allowed tools is of one of them', async () => {
    const tools = [{ type: 'function', function: { name: 'now' } }];
    const tool_choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools } } as const;
    const { choices } = await openai.chat.completions.create(
      request({ tool_choice, parallel_tool_calls: false }),
    );
    expect(callsOf(choices[0]!.message)).toEqual([{ name: 'now', arguments: {} }]);
  });

  it('arrives streamed in pieces, as it would whole', async () => {
    const body = request({ parallel_tool_calls: false, temperature: 1 });
    const whole = await openai.chat.completions.create(body);
    let pieceCount = 0;
    const stream = openai.chat.completions.stream(body);
    stream.on('tool_calls.function.arguments.delta', () => pieceCount++);
    const message = await stream.finalMessage();
    const plain = callsOf(message as OpenAI.ChatCompletionMessage);
    expect(plain).toEqual(callsOf(whole.choices[0]!.message));
    expect(pieceCount).toBeGreaterThan(1);
  });

  it('can be made by each of several choices at once', async () => {
    const body = request({ n: 4, parallel_tool_calls: false, temperature: 1 });
    const { choices } = await openai.chat.completions.create(body);
    for (const { message } of choices) for (const call of callsOf(message)) expectValid(call);
    expect(choices).toHaveLength(4);
  });

  it('has its result in the next prompt', async () => {
    const { choices } = await openai.chat.completions.create(request({ parallel_tool_calls: false }));
    const { message } = choices[0]!;
    const result = { role: 'tool' as const, tool_call_id: message.tool_calls![0]!.id, content: '18 C' };
    const messages = [...request().messages, message, result];
    const answer = await openai.chat.completions.create(
      request({ messages, tool_choice: 'none', max_tokens: 5 }),
    );
    expect(answer.choices[0]!.message.tool_calls).toBeUndefined();
    expect(answer.usage!.prompt_tokens).toBeGreaterThan(20);
  });
});

describe('a call that the model may make', () => {
  /** The model says nothing but the token that announces a call, wherever it may. */
  async function announced(fields: Partial<Body>): Promise<Body> {
    const { data } = await openai
      .post<{ tokens: number[] }>(`${server.baseUrl}/tokenize`, {
        body: { prompt: '<tool_call>', add_special_tokens: false },
      })
      .withResponse();
    expect(data.tokens).toHaveLength(1);
    return request({
      tool_choice: 'auto',
      parallel_tool_calls: false,
      logit_bias: { [data.tokens[0]!]: 100 },
      ...fields,
    });
  }

  it('and announces by its token is one, whatever the model would write behind it', async () => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await openai.chat.completions.create(await announced({ seed, temperature: 1.5 }));
      const { finish_reason, message } = choices[0]!;
      expect(message.content).toBeNull();
      const call = message.tool_calls![0] as OpenAI.ChatCompletionMessageFunctionToolCall;
      expect(['get_weather', 'now']).toContain(call.function.name);
      // An object of any members may go on until the answer is cut off.
      if (finish_reason === 'tool_calls') expect(JSON.parse(call.function.arguments)).toBeTypeOf('object');
      else expect(finish_reason).toBe('length');
    }
  });

  it('arrives streamed in pieces, as it would whole', async () => {
    const body = await announced({ temperature: 0 });
    const whole = await openai.chat.completions.create(body);
    const pieces: string[] = [];
    const stream = openai.chat.completions.stream(body);
    stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => pieces.push(arguments_delta));
    const message = (await stream.finalMessage()) as OpenAI.ChatCompletionMessage;
    expect(message.tool_calls![0]).toMatchObject({
      type: 'function',
      function: (whole.choices[0]!.message.tool_calls![0] as { function: object }).function,
    });
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(
      (message.tool_calls![0] as { function: { arguments: string } }).function.arguments,
    );
  });
});
