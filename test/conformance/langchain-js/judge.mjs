/** LangChain for JavaScript (@langchain/openai) against the server under test. Only shapes are looked at. */

import assert from 'node:assert/strict';
import { HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAI } from '@langchain/openai';
import { z } from 'zod';

const model = process.env.CONFORMANCE_MODEL;
const configuration = { baseURL: process.env.OPENAI_BASE_URL };
const settings = { model, configuration, apiKey: process.env.OPENAI_API_KEY, maxRetries: 0, timeout: 60_000 };
const chat = new ChatOpenAI({ ...settings, maxTokens: 24 });
const free = new ChatOpenAI(settings);
const question = [new SystemMessage('Be short.'), new HumanMessage('What is 12 + 30?')];
const schema = z.object({ mood: z.enum(['glad', 'sad']), sure: z.boolean() });
const weather = tool(async ({ city }) => `sunny in ${city}`, {
  name: 'get_weather',
  description: 'The weather in a city.',
  schema: z.object({ city: z.enum(['Oslo', 'Rome']) }),
});

async function joined(stream) {
  let total;
  for await (const chunk of stream) total = total === undefined ? chunk : total.concat(chunk);
  return total;
}

const cases = Object.entries({
  async 'invoke: text and usage'() {
    const message = await chat.invoke(question);
    assert.equal(typeof message.content, 'string');
    assert.ok(message.usage_metadata.total_tokens > 0);
  },
  async 'stream: chunks add up, with usage'() {
    const total = await joined(await chat.stream(question));
    assert.ok(total.content.length > 0);
    assert.ok(total.usage_metadata.total_tokens > 0);
  },
  async 'batch: several at once'() {
    assert.equal((await chat.batch(Array(6).fill(question))).length, 6);
  },
  async 'completions: invoked and streamed'() {
    const completion = new OpenAI({ ...settings, maxTokens: 8 });
    assert.equal(typeof (await completion.invoke('Once upon')), 'string');
    let text = '';
    for await (const piece of await completion.stream('Once upon')) text += piece;
    assert.equal(typeof text, 'string');
  },
  async 'structured: by json_schema'() {
    schema.parse(
      await free.withStructuredOutput(schema, { method: 'jsonSchema', name: 'mood' }).invoke(question),
    );
  },
  async 'structured: by function calling'() {
    schema.parse(
      await free.withStructuredOutput(schema, { method: 'functionCalling', name: 'mood' }).invoke(question),
    );
  },
  async 'tools: a forced call, and its result in the history'() {
    const answer = await free.bindTools([weather], { tool_choice: 'any' }).invoke(question);
    assert.equal(answer.tool_calls[0].name, 'get_weather');
    const results = answer.tool_calls.map(
      ({ id }) => new ToolMessage({ tool_call_id: id, content: 'sunny' }),
    );
    await chat.bindTools([weather]).invoke([...question, answer, ...results]);
  },
  async 'tools: a forced call streamed'() {
    const total = await joined(
      await free.bindTools([weather], { tool_choice: 'get_weather' }).stream(question),
    );
    assert.ok(['Oslo', 'Rome'].includes(total.tool_calls[0].args.city));
  },
});

for (const [name, body] of cases) {
  const message = await body().then(
    () => undefined,
    (error) => String(error instanceof Error ? error.message : error).slice(0, 400),
  );
  process.stdout.write(`${JSON.stringify({ case: name, passed: message === undefined, message })}\n`);
}
process.stdout.write(`${JSON.stringify({ cases: cases.length })}\n`);
