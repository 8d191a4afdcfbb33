/** OpenAI's SDK for Node against the server under test. The model says what it likes: only shapes are looked at. */

import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const model = process.env['CONFORMANCE_MODEL']!;
const client = new OpenAI({ maxRetries: 0, timeout: 60_000 });
const messages = [{ role: 'user' as const, content: 'What is 12 + 30?' }];
const request = { model, messages, max_tokens: 24 };

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'The weather in a city.',
    strict: true,
    parameters: {
      type: 'object',
      properties: { city: { type: 'string', enum: ['Oslo', 'Rome'] }, metric: { type: 'boolean' } },
      required: ['city', 'metric'],
      additionalProperties: false,
    },
  },
};
const clock = {
  type: 'function' as const,
  function: { name: 'get_time', parameters: { type: 'object', properties: {} } },
};
const weatherArguments = z.object({ city: z.enum(['Oslo', 'Rome']), metric: z.boolean() });
const mood = z.object({
  mood: z.enum(['glad', 'sad']),
  tags: z.array(z.enum(['a', 'b'])).max(3),
  sure: z.boolean(),
});

type Cases = Readonly<Record<string, () => Promise<void>>>;

const chat: Cases = {
  async 'chat: a whole answer'() {
    const { data, response, request_id } = await client.chat.completions.create(request).withResponse();
    assert.equal(data.object, 'chat.completion');
    assert.equal(data.model, model);
    assert.match(data.id, /^chatcmpl-/);
    assert.equal(data.choices[0]!.message.role, 'assistant');
    assert.equal(data.choices[0]!.message.refusal, null);
    assert.equal(typeof data.choices[0]!.message.content, 'string');
    assert.equal(data.usage!.total_tokens, data.usage!.prompt_tokens + data.usage!.completion_tokens);
    assert.equal(typeof data.usage!.prompt_tokens_details?.cached_tokens, 'number');
    assert.ok(request_id && response.headers.get('x-request-id') === request_id);
  },
  async 'chat: n choices with logprobs'() {
    const { choices } = await client.chat.completions.create({
      ...request,
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2],
    );
    for (const { logprobs } of choices) {
      assert.ok(logprobs!.content!.length > 0);
      for (const { token, logprob, bytes, top_logprobs } of logprobs!.content!) {
        assert.equal(top_logprobs.length, 2);
        assert.ok(logprob <= 0);
        assert.equal(new TextDecoder().decode(Uint8Array.from(bytes!)), token);
      }
    }
  },
  async 'chat: the same seed gives the same answer'() {
    const ask = () => client.chat.completions.create({ ...request, seed: 7, temperature: 1 });
    const [first, second] = [await ask(), await ask()];
    assert.equal(first.choices[0]!.message.content, second.choices[0]!.message.content);
  },
  async 'chat: max_completion_tokens ends with length'() {
    const { choices, usage } = await client.chat.completions.create({
      model,
      messages,
      max_completion_tokens: 1,
    });
    assert.equal(choices[0]!.finish_reason, 'length');
    assert.equal(usage!.completion_tokens, 1);
  },
  async 'chat: developer, system and content parts'() {
    const { choices } = await client.chat.completions.create({
      model,
      max_tokens: 4,
      messages: [
        { role: 'developer', content: 'Be short.' },
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
        { role: 'assistant', content: 'Hello.' },
        { role: 'user', content: 'Again.', name: 'ann' },
      ],
    });
    assert.equal(choices.length, 1);
  },
  async 'chat: a hundred requests at once'() {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => client.chat.completions.create(request)),
    );
    assert.equal(new Set(answers.map(({ id }) => id)).size, 100);
  },
};

const streams: Cases = {
  async 'stream: chunks with one id, a role first and a reason last'() {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.equal(chunks[0]!.choices[0]!.delta.role, 'assistant');
    assert.equal(new Set(chunks.map(({ id, created }) => `${id} ${created}`)).size, 1);
    assert.ok(chunks.every(({ object }) => object === 'chat.completion.chunk'));
    assert.ok(chunks.slice(0, -1).every(({ choices }) => choices[0]!.finish_reason === null));
    assert.ok(['stop', 'length'].includes(chunks.at(-1)!.choices[0]!.finish_reason!));
  },
  async 'stream: usage in a chunk without choices'() {
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
    assert.deepEqual(chunks.at(-1)!.choices, []);
    assert.ok(chunks.at(-1)!.usage!.total_tokens > 0);
  },
  async 'stream: equals the whole answer at temperature 0'() {
    const whole = await client.chat.completions.create({ ...request, temperature: 0 });
    let text = '';
    for await (const chunk of await client.chat.completions.create({
      ...request,
      temperature: 0,
      stream: true,
    })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    assert.equal(text, whole.choices[0]!.message.content);
  },
  async 'stream helper: events, snapshot and final completion of n choices'() {
    const runner = client.chat.completions.stream({
      ...request,
      n: 2,
      logprobs: true,
      stream_options: { include_usage: true },
    });
    let deltaCount = 0;
    runner.on('content.delta', () => deltaCount++);
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices.length, 2);
    assert.ok(deltaCount > 0);
    assert.ok(final.choices.every(({ logprobs }) => logprobs!.content!.length > 0));
    assert.ok((await runner.totalUsage()).total_tokens > 0);
  },
  async 'stream: toReadableStream and back'() {
    const stream = await client.chat.completions.create({ ...request, stream: true });
    let text = '';
    for await (const part of stream.toReadableStream() as unknown as AsyncIterable<Uint8Array>) {
      text += new TextDecoder().decode(part);
    }
    assert.ok(
      text
        .trim()
        .split('\n')
        .every((line) => JSON.parse(line).object === 'chat.completion.chunk'),
    );
  },
  async 'abort: of a stream ends the loop without an error'() {
    const stream = await client.chat.completions.create({ model, messages, max_tokens: 1500, stream: true });
    let count = 0;
    for await (const _ of stream) if (++count === 2) stream.controller.abort();
    assert.ok(count >= 2);
  },
  async 'abort: of a whole answer is an APIUserAbortError'() {
    const controller = new AbortController();
    const extra = { ignore_eos: true } as object;
    const body = { model, messages, max_tokens: 1500, ...extra };
    const answer = client.chat.completions.create(body, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(answer, OpenAI.APIUserAbortError);
  },
  async 'timeout: is an APIConnectionTimeoutError'() {
    const body = { model, messages, max_tokens: 1500, ...({ ignore_eos: true } as object) };
    await assert.rejects(
      client.chat.completions.create(body, { timeout: 50 }),
      OpenAI.APIConnectionTimeoutError,
    );
  },
};

const structured: Cases = {
  async 'structured: json_object'() {
    const { choices } = await client.chat.completions.create({
      ...request,
      max_tokens: 200,
      response_format: { type: 'json_object' },
    });
    const [{ finish_reason, message } = assert.fail()] = choices;
    if (finish_reason === 'stop') assert.equal(typeof JSON.parse(message.content!), 'object');
    else assert.match(message.content!, /^\s*\{/);
  },
  async 'structured: parse helper with a zod schema'() {
    const { choices } = await client.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(mood, 'mood'),
    });
    mood.parse(choices[0]!.message.parsed);
  },
  async 'structured: stream helper parses at the end'() {
    const runner = client.chat.completions.stream({
      model,
      messages,
      response_format: zodResponseFormat(mood, 'mood'),
    });
    const final = await runner.finalChatCompletion();
    mood.parse(final.choices[0]!.message.parsed);
  },
};

const tools: Cases = {
  async 'tools: required gives a call that fits its schema'() {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      tools: [weather],
      tool_choice: 'required',
    });
    assert.equal(choices[0]!.finish_reason, 'tool_calls');
    const [call] = choices[0]!.message.tool_calls!;
    assert.ok(call!.type === 'function' && call!.id);
    weatherArguments.parse(JSON.parse(call!.function.arguments));
  },
  async 'tools: a named function is called, without parameters as {}'() {
    const tool_choice = { type: 'function' as const, function: { name: 'get_time' } };
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      tools: [weather, clock],
      tool_choice,
    });
    const [call] = choices[0]!.message.tool_calls!;
    assert.ok(call!.type === 'function');
    assert.equal(call!.function.name, 'get_time');
    assert.equal(typeof JSON.parse(call!.function.arguments), 'object');
  },
  async 'tools: none gives text'() {
    const { choices } = await client.chat.completions.create({
      ...request,
      tools: [weather],
      tool_choice: 'none',
    });
    assert.equal(choices[0]!.message.tool_calls, undefined);
    assert.equal(typeof choices[0]!.message.content, 'string');
  },
  async 'tools: auto gives an answer of either kind'() {
    const { choices } = await client.chat.completions.create({ ...request, tools: [weather] });
    assert.ok(['stop', 'length', 'tool_calls'].includes(choices[0]!.finish_reason));
  },
  async 'tools: not parallel is at most one call'() {
    const { choices } = await client.chat.completions.create({
      model,
      messages,
      tools: [weather],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    assert.equal(choices[0]!.message.tool_calls!.length, 1);
  },
  async 'tools: the stream helper joins the deltas'() {
    const runner = client.chat.completions.stream({
      model,
      messages,
      tools: [weather],
      tool_choice: 'required',
    });
    const names: string[] = [];
    runner.on('tool_calls.function.arguments.done', ({ name }) => names.push(name));
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0]!.finish_reason, 'tool_calls');
    assert.ok(names.length > 0);
    for (const call of final.choices[0]!.message.tool_calls!) {
      assert.ok(call.type === 'function');
      weatherArguments.parse(JSON.parse(call.function.arguments));
    }
  },
  async 'tools: runTools calls the function and takes its result'() {
    const seen: unknown[] = [];
    const runner = client.chat.completions.runTools(
      {
        model,
        messages,
        tool_choice: 'required',
        tools: [
          {
            type: 'function',
            function: {
              ...weather.function,
              parse: (text: string) => weatherArguments.parse(JSON.parse(text)),
              function: (args: z.infer<typeof weatherArguments>) => {
                seen.push(args);
                return 'sunny';
              },
            },
          },
        ],
      } as never,
      { maxChatCompletions: 2 },
    );
    await runner.done();
    assert.ok(seen.length >= 2);
    assert.ok(runner.messages.some(({ role }) => role === 'tool'));
  },
  async 'tools: a history with calls and results is taken'() {
    const call = {
      id: 'call_1',
      type: 'function' as const,
      function: { name: 'get_weather', arguments: '{"city":"Oslo"}' },
    };
    const { choices } = await client.chat.completions.create({
      ...request,
      tools: [weather],
      messages: [
        ...messages,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
      ],
    });
    assert.equal(choices.length, 1);
  },
};

const others: Cases = {
  async 'completions: prompts, logprobs and echo'() {
    const { choices, usage } = await client.completions.create({
      model,
      prompt: ['Once upon', 'Twice'],
      max_tokens: 3,
      logprobs: 2,
      echo: true,
    });
    assert.equal(choices.length, 2);
    assert.ok(choices[1]!.text.startsWith('Twice'));
    assert.equal(choices[0]!.logprobs!.token_logprobs![0], null);
    assert.equal(choices[0]!.logprobs!.tokens!.length, choices[0]!.logprobs!.text_offset!.length);
    assert.ok(usage!.total_tokens > 0);
  },
  async 'completions: streamed'() {
    let text = '';
    const stream = await client.completions.create({ model, prompt: 'Once', max_tokens: 6, stream: true });
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    assert.ok(text.length > 0);
  },
  async 'completions: best_of'() {
    const { choices } = await client.completions.create({
      model,
      prompt: 'Once',
      max_tokens: 4,
      n: 2,
      best_of: 3,
    });
    assert.equal(choices.length, 2);
  },
  async 'models: listed and retrieved'() {
    const ids = [];
    for await (const { id } of client.models.list()) ids.push(id);
    assert.ok(ids.includes(model));
    assert.equal((await client.models.retrieve(model)).object, 'model');
  },
};

const errors: Cases = {
  async 'errors: 400 is a BadRequestError with param'() {
    const error = await client.chat.completions
      .create({ ...request, temperature: 9 })
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, 'temperature');
    assert.ok(error.requestID);
  },
  async 'errors: 401 is an AuthenticationError'() {
    await assert.rejects(client.withOptions({ apiKey: 'wrong' }).models.list(), OpenAI.AuthenticationError);
  },
  async 'errors: 404 is a NotFoundError with its code'() {
    const error = await client.chat.completions
      .create({ ...request, model: 'gpt-4o' })
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, 'model_not_found');
  },
  async 'errors: an overlong prompt has context_length_exceeded'() {
    const content = 'word '.repeat(20_000);
    const error = await client.chat.completions
      .create({ ...request, messages: [{ role: 'user', content }] })
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, 'context_length_exceeded');
  },
  async 'retries: 429 is a RateLimitError, and with retries an answer'() {
    const statuses: number[] = [];
    let onRefusal = () => {};
    const narrow = client.withOptions({
      baseURL: process.env['CONFORMANCE_NARROW_URL']!,
      fetch: async (url, init) => {
        const response = await fetch(url as string, init as RequestInit);
        statuses.push(response.status);
        if (response.status === 429) onRefusal();
        return response;
      },
    });
    const holding = {
      model,
      messages,
      max_tokens: 1900,
      stream: true as const,
      ...({ ignore_eos: true } as object),
    };
    const holder = await narrow.chat.completions.create(holding);
    await assert.rejects(narrow.chat.completions.create(request), OpenAI.RateLimitError);
    onRefusal = () => holder.controller.abort();
    const answer = narrow.chat.completions.create(request, { maxRetries: 8 });
    assert.equal((await answer).object, 'chat.completion');
    assert.ok(statuses.filter((status) => status === 429).length >= 2);
  },
};

const responses: Cases = {
  async 'responses: one that goes on from another, streamed'() {
    const first = await client.responses.create({ model, input: 'What is 12 + 30?', max_output_tokens: 24 });
    const stream = client.responses.stream({
      model,
      input: 'And 1 more?',
      max_output_tokens: 24,
      previous_response_id: first.id,
    });
    const second = await stream.finalResponse();
    assert.equal(second.previous_response_id, first.id);
    assert.equal((await client.responses.retrieve(second.id)).output_text, second.output_text);
  },
  async 'responses: input items, a page at a time'() {
    const input = ['a', 'b', 'c'].map((content) => ({ role: 'user' as const, content }));
    const { id } = await client.responses.create({ model, input, max_output_tokens: 4 });
    const ids: string[] = [];
    for await (const item of client.responses.inputItems.list(id, { limit: 2 })) ids.push(item.id!);
    assert.equal(new Set(ids).size, 3);
  },
  async 'responses: deleted'() {
    const { id } = await client.responses.create({ model, input: 'Hi', max_output_tokens: 4 });
    await client.responses.delete(id);
    await assert.rejects(client.responses.retrieve(id), OpenAI.NotFoundError);
  },
};

const cases = Object.entries({
  ...chat,
  ...streams,
  ...structured,
  ...tools,
  ...others,
  ...errors,
  ...responses,
});
for (const [name, body] of cases) {
  const message = await body().then(
    () => undefined,
    (error: unknown) => String(error instanceof Error ? error.message : error).slice(0, 400),
  );
  console.log(JSON.stringify({ case: name, passed: message === undefined, message }));
}
console.log(JSON.stringify({ cases: cases.length }));
