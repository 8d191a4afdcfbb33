/** The Vercel AI SDK, by both of its OpenAI providers, against the server under test. Only shapes are looked at. */

import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject, generateText, Output, stepCountIs, streamObject, streamText, tool } from 'ai';
import { z } from 'zod';

const id = process.env.CONFORMANCE_MODEL;
const settings = { baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY };
const compatible = createOpenAICompatible({
  ...settings,
  name: 'octavo',
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const openai = createOpenAI(settings);
const models = {
  'openai-compatible': compatible(id),
  'openai.chat': openai.chat(id),
  'openai.responses': openai.responses(id),
};
const prompt = 'What is 12 + 30?';
const schema = z.object({ mood: z.enum(['glad', 'sad']), sure: z.boolean() });
const weather = tool({
  description: 'The weather in a city.',
  inputSchema: z.object({ city: z.enum(['Oslo', 'Rome']) }),
  execute: async ({ city }) => `sunny in ${city}`,
});

/** @param options of the provider; with `store: false` it sends earlier items, and else it names them */
function casesOf(model, options = {}) {
  const isResponses = model.provider.endsWith('responses');
  const common = { model, maxRetries: 0, providerOptions: { openai: options } };
  const short = { ...common, prompt, maxOutputTokens: 24 };
  return {
    async 'generateText: text, usage and reason'() {
      const { text, usage, finishReason } = await generateText(short);
      assert.equal(typeof text, 'string');
      assert.ok(usage.totalTokens > 0);
      assert.ok(['stop', 'length'].includes(finishReason));
    },
    async 'streamText: pieces, usage and reason'() {
      const result = streamText({ ...short, onError() {} });
      let text = '';
      for await (const piece of result.textStream) text += piece;
      assert.equal(text, await result.text);
      assert.ok((await result.usage).totalTokens > 0);
      assert.ok(['stop', 'length'].includes(await result.finishReason));
    },
    async 'streamText: aborted'() {
      const controller = new AbortController();
      const { fullStream } = streamText({
        ...common,
        prompt,
        maxOutputTokens: 1500,
        abortSignal: controller.signal,
      });
      const kinds = [];
      for await (const { type } of fullStream) {
        kinds.push(type);
        if (type === 'text-delta') controller.abort();
      }
      assert.ok(kinds.includes('text-delta'));
    },
    async 'generateText: settings and system prompt'() {
      const { text } = await generateText({
        ...short,
        system: 'Be short.',
        temperature: 0,
        topP: 0.9,
        seed: 3,
        stopSequences: ['\n'],
      });
      // The provider sends neither seed nor stop sequences in the newer form.
      assert.ok(isResponses || !text.includes('\n'));
    },
    async 'errors: an unknown model is an APICallError with its status'() {
      const ofOpenAI = isResponses ? openai.responses('gpt-4o') : openai.chat('gpt-4o');
      const provider = model.provider.startsWith('octavo') ? compatible('gpt-4o') : ofOpenAI;
      const error = await generateText({ ...short, model: provider }).catch((reason) => reason);
      assert.equal(error.statusCode, 404);
      assert.match(error.message, /gpt-4o/);
    },
    async 'generateObject: by schema'() {
      schema.parse((await generateObject({ ...common, prompt, schema })).object);
    },
    async 'streamObject: by schema'() {
      const result = streamObject({ ...common, prompt, schema, onError() {} });
      for await (const _ of result.partialObjectStream);
      schema.parse(await result.object);
    },
    async 'generateText: Output.object'() {
      const { output } = await generateText({ ...common, prompt, output: Output.object({ schema }) });
      schema.parse(output);
    },
    async 'tools: a required call is executed'() {
      const { toolCalls, toolResults, finishReason } = await generateText({
        ...common,
        prompt,
        tools: { weather },
        toolChoice: 'required',
      });
      assert.equal(finishReason, 'tool-calls');
      assert.equal(toolCalls[0].toolName, 'weather');
      assert.match(toolResults[0].output, /^sunny in/);
    },
    async 'tools: a named call streamed'() {
      const result = streamText({
        ...common,
        prompt,
        tools: { weather },
        toolChoice: { type: 'tool', toolName: 'weather' },
        onError() {},
      });
      const kinds = new Set();
      for await (const { type } of result.fullStream) kinds.add(type);
      assert.ok(
        kinds.has('tool-input-start') && kinds.has('tool-call') && kinds.has('tool-result'),
        [...kinds].join(),
      );
    },
    async 'tools: two steps, results in the history'() {
      const { steps } = await generateText({
        ...common,
        prompt,
        tools: { weather },
        toolChoice: 'required',
        stopWhen: stepCountIs(2),
      });
      assert.equal(steps.length, 2);
    },
  };
}

const named = (title, byName) => Object.entries(byName).map(([name, body]) => [`${title}: ${name}`, body]);
const cases = [
  ...Object.entries(models).flatMap(([provider, model]) => named(provider, casesOf(model))),
  ...named('openai.responses, not stored', casesOf(models['openai.responses'], { store: false })),
];
cases.push([
  'openai.responses: previousResponseId',
  async () => {
    const common = { model: models['openai.responses'], maxRetries: 0, maxOutputTokens: 24 };
    const { providerMetadata } = await generateText({ ...common, prompt });
    const previousResponseId = providerMetadata.openai.responseId;
    const providerOptions = { openai: { previousResponseId } };
    const { usage } = await generateText({ ...common, prompt: 'And 1 more?', providerOptions });
    assert.ok(usage.inputTokens > 0);
  },
]);
cases.push([
  'openai-compatible: completionModel',
  async () => {
    const { text } = await generateText({
      model: compatible.completionModel(id),
      prompt: 'Once',
      maxOutputTokens: 8,
      maxRetries: 0,
    });
    assert.equal(typeof text, 'string');
  },
]);
for (const [name, body] of cases) {
  const message = await body().then(
    () => undefined,
    (error) => String(error instanceof Error ? error.message : error).slice(0, 400),
  );
  process.stdout.write(`${JSON.stringify({ case: name, passed: message === undefined, message })}\n`);
}
process.stdout.write(`${JSON.stringify({ cases: cases.length })}\n`);
