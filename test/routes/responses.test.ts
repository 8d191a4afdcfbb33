import { describe, expect, it } from 'vitest';
import { type ErrorCode, ServerError } from '../../src/base/errors.ts';
import { TOOL_ARGUMENTS_DEPTH_MAX } from '../../src/base/limits.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import { givenBack } from '../../src/routes/responses/given-back.ts';
import { ResponseEncoder } from '../../src/routes/responses/response-encoder.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import {
  inputTokensSchema,
  type ResponseObject,
  responseSchema,
} from '../../src/routes/schema/responses-object.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import type { MessagePart } from '../../src/text/message/message-part.ts';
import { type Script, saying, sayingThenFailing, tokenLogprobs } from '../support/fake-text-generator.ts';
import {
  lastResponse,
  responseEvents,
  textOfItem,
  textsOfDeltas,
  withoutNames,
} from '../support/response-events.ts';
import { routeTestApp } from '../support/route-test-app.ts';

type Fields = Record<string, unknown>;

const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } } };
const WEATHER = { type: 'function', name: 'get_weather', parameters: PARAMETERS };
const TOOLS = { tools: [WEATHER, { type: 'function', name: 'now', strict: true }] };

async function respond(fields: Fields, script?: Script): Promise<ResponseObject> {
  const test = routeTestApp();
  if (script !== undefined) test.generator.script = script;
  const response = await test.respond(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return responseSchema.parse(await response.json());
}

async function streamed(fields: Fields, script?: Script) {
  const test = routeTestApp();
  if (script !== undefined) test.generator.script = script;
  const response = await test.respond({ ...fields, stream: true });
  expect(response.status).toBe(200);
  return responseEvents(response);
}

async function refusal(fields: Fields) {
  const response = await routeTestApp().respond(fields);
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, code: error.code, param: error.param };
}

async function textRequest(fields: Fields): Promise<TextRequest> {
  const { respond: send, generator } = routeTestApp();
  generator.readsThoughts = true;
  const response = await send(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return generator.requests[0]!;
}

async function messages(fields: Fields): Promise<readonly ChatMessage[]> {
  const [prompt] = (await textRequest(fields)).prompts;
  return prompt?.kind === 'messages' ? prompt.messages : [];
}

/** A choice of these deltas, each of one or more parts. */
function deltas(
  parts: readonly (readonly MessagePart[])[],
  reason: 'stop' | 'length' | 'tool-calls' = 'stop',
): Script {
  return async function* ({ logprobCount }) {
    yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
    for (const [index, each] of parts.entries()) {
      const isSaid = each.some(({ kind }) => kind === 'content');
      const logprobs = logprobCount === null ? null : [tokenLogprobs(`token ${index}`, logprobCount, isSaid)];
      yield { kind: 'message-delta', choiceIndex: 0, parts: each, logprobs, tokenIds: null };
    }
    yield { kind: 'choice-finish', choiceIndex: 0, reason };
    const counts = { promptTokenCount: 10, cachedTokenCount: 4, completionTokenCount: parts.length };
    yield { kind: 'usage', usage: { ...counts, reasoningTokenCount: 2 } };
  };
}

const THOUGHT: MessagePart = { kind: 'reasoning', text: 'Hm. ' };
const SAID: MessagePart = { kind: 'content', text: 'Let me see. ' };
const CALLED: MessagePart = { kind: 'tool-call', index: 0, name: 'get_weather' };
const ARGUMENTS: MessagePart = { kind: 'tool-arguments', index: 0, text: '{"city":"Bern"}' };
const THINKING_CALL = deltas([[THOUGHT], [THOUGHT], [SAID], [SAID, CALLED], [ARGUMENTS]], 'tool-calls');

describe('a response', () => {
  it('has what the model said, and the usage', async () => {
    const response = await respond({});
    expect(response.status).toBe('completed');
    expect(response.output).toEqual([
      {
        type: 'message',
        id: expect.stringMatching(/^msg_/),
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text: 'Hello world', annotations: [], logprobs: [] }],
      },
    ]);
    expect(response.usage).toEqual({
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 6 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 13,
    });
  });

  it('has thoughts, text and calls as items, in their order', async () => {
    const { output, usage } = await respond(TOOLS, THINKING_CALL);
    expect(output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call']);
    expect(output.map(textOfItem)).toEqual(['Hm. Hm. ', 'Let me see. Let me see. ', '{"city":"Bern"}']);
    expect(output[2]).toMatchObject({ name: 'get_weather', call_id: expect.stringMatching(/^call_/) });
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(2);
  });

  it('is incomplete where the model was cut off', async () => {
    const { status, incomplete_details, output } = await respond({}, saying(['Hel'], 'length'));
    expect(status).toBe('incomplete');
    expect(incomplete_details).toEqual({ reason: 'max_output_tokens' });
    expect(output.map((item) => item.status)).toEqual(['incomplete']);
  });

  it.each<[string, 'completed' | 'incomplete']>([
    ['{"city":"Bern"}', 'completed'],
    ['{"city":"Ber', 'incomplete'],
  ])('that was cut off has a call as far as it came: %s', async (text, status) => {
    const script = deltas([[CALLED], [{ ...ARGUMENTS, text }]], 'length');
    const response = await respond(TOOLS, script);
    expect(response.status).toBe('incomplete');
    expect(response.output).toEqual([
      expect.objectContaining({ type: 'function_call', arguments: text, status }),
    ]);
  });

  it('has an empty text where the model ended without a word', async () => {
    expect((await respond({}, saying([]))).output.map(textOfItem)).toEqual(['']);
  });

  it('has nothing where the model was cut off before a word', async () => {
    expect((await respond({}, saying([], 'length'))).output).toEqual([]);
  });

  it('tells what its request asked for, and what stands where it said nothing', async () => {
    const given = {
      instructions: 'Be kind.',
      max_output_tokens: 50,
      metadata: { team: 'a' },
      temperature: 0.5,
      tool_choice: { type: 'function', name: 'now' },
      text: { format: { type: 'json_schema', name: 'x', schema: PARAMETERS, strict: false } },
    };
    const response = await respond({ ...given, ...TOOLS, parallel_tool_calls: false });
    expect(response).toMatchObject(given);
    expect(response.tools[0]).toEqual({ ...WEATHER, description: null, strict: false });
    expect(response).toMatchObject({
      top_p: 1,
      parallel_tool_calls: false,
      store: true,
      previous_response_id: null,
      truncation: 'disabled',
    });
  });

  it.each([
    ['include', { include: ['message.output_text.logprobs'] }, 0],
    ['top_logprobs', { top_logprobs: 2 }, 2],
  ])('tells log probabilities of its text alone, asked for by %s', async (_, fields, topCount) => {
    const { output } = await respond({ ...TOOLS, ...fields }, THINKING_CALL);
    const logprobs = output.flatMap((item) => (item.type === 'message' ? item.content[0]!.logprobs : []));
    expect(logprobs.map(({ token }) => token)).toEqual(['token 2', 'token 3']);
    expect(logprobs[0]!.top_logprobs).toHaveLength(topCount);
  });
});

describe('a streamed response', () => {
  it.each<[string, Fields, Script]>([
    ['text', {}, saying(['Hello', ' ', 'world'])],
    ['thoughts, text and a call', TOOLS, THINKING_CALL],
    ['log probabilities', { ...TOOLS, top_logprobs: 1 }, THINKING_CALL],
    ['a cut', TOOLS, deltas([[CALLED], [{ ...ARGUMENTS, text: '{"ci' }]], 'length')],
    ['nothing', {}, saying([])],
  ])('adds up to the whole one: %s', async (_, fields, script) => {
    const events = await streamed(fields, script);
    const last = lastResponse(events);
    expect(withoutNames(last)).toEqual(withoutNames(await respond(fields, script)));
    expect(textsOfDeltas(events)).toEqual(last.output.map(textOfItem));
    const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
    expect(done).toEqual(last.output);
  });

  it('opens and closes every item and every part around its deltas', async () => {
    const events = await streamed(TOOLS, deltas([[SAID], [CALLED, ARGUMENTS]], 'tool-calls'));
    expect(events.map(({ type }) => type.slice('response.'.length))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
  });

  it('begins with response.created also where all that there is to say is that it failed', async () => {
    const identity = {
      id: 'resp_1',
      created: 0,
      now: () => 0,
      model: 'm',
      systemFingerprint: '',
      newId: () => 'x',
    };
    const back = givenBack({ model: 'm', input: 'x' }, { defaults: OPENAI_DEFAULTS, isStored: false });
    const error = { message: 'Stopped.', type: 'server_error', param: null, code: null };
    const encoder = new ResponseEncoder({
      identity,
      givenBack: back,
      functionNames: new Map(),
      keep: () => false,
    });
    const events = await responseEvents(new Response(encoder.failed({ error })));
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.failed',
    ]);
  });

  it('ends as incomplete where the model was cut off', async () => {
    expect((await streamed({}, saying(['Hel'], 'length'))).at(-1)!.type).toBe('response.incomplete');
  });

  it('ends as failed, with what was said until then, where the engine fails', async () => {
    const script = sayingThenFailing(['Hel', 'lo'], new ServerError('step_failed', 'The step failed.'));
    const events = await streamed({}, script);
    expect(events.at(-1)!.type).toBe('response.failed');
    const { status, error, output } = lastResponse(events);
    expect({ status, error }).toEqual({
      status: 'failed',
      error: { code: 'server_error', message: 'The step failed.' },
    });
    expect(output.map(textOfItem)).toEqual(['Hello']);
    expect(output[0]!.status).toBe('incomplete');
  });

  it.each<[ErrorCode, string]>([
    ['context_length_exceeded', 'context_length_exceeded'],
    ['invalid_request', 'invalid_prompt'],
    ['step_failed', 'server_error'],
    ['engine_dead', 'server_error'],
  ])('says whether its request is at fault: %s', async (code, told) => {
    const events = await streamed({}, sayingThenFailing(['Hel'], new ServerError(code, 'Why.')));
    expect(lastResponse(events).error).toEqual({ code: told, message: 'Why.' });
  });

  it('tells of the tokens before its first text with that text', async () => {
    const script: Script = async function* (request, signal) {
      for await (const event of saying(['', '', 'é'])(request, signal)) yield event;
    };
    const events = await streamed({ top_logprobs: 1 }, script);
    const told = events.flatMap((event) =>
      event.type === 'response.output_text.delta' ? event.logprobs : [],
    );
    expect(told).toHaveLength(3);
  });
});

describe('the input of a response', () => {
  it('is what the user says, after the instructions', async () => {
    expect(await messages({ input: 'Hi', instructions: 'Be kind.' })).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('has what an assistant thought, said and called in a row as one message', async () => {
    const call = { type: 'function_call', call_id: 'call_1', name: 'now', arguments: '{}' };
    const input = [
      { role: 'user', content: [{ type: 'input_text', text: 'What time?' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'Hm.' }] },
      { type: 'message', id: 'msg_1', status: 'completed', role: 'assistant', content: 'Let me see.' },
      { ...call, id: 'fc_1', status: 'completed' },
      { ...call, call_id: 'call_2' },
      { type: 'function_call_output', call_id: 'call_1', output: 'noon' },
      { type: 'function_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'noon' }] },
      {
        role: 'assistant',
        content: [{ type: 'output_text', text: 'It is noon.', annotations: [], logprobs: [] }],
      },
    ];
    const called = (id: string) => ({ id, type: 'function', function: { name: 'now', arguments: '{}' } });
    expect(await messages({ input })).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'What time?' }] },
      {
        role: 'assistant',
        content: 'Let me see.',
        tool_calls: [called('call_1'), called('call_2')],
        reasoning: 'Hm.',
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'noon' },
      { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'noon' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'It is noon.' }] },
    ]);
  });

  it('begins a new message of the assistant where one is said after another, or after calls', async () => {
    const said = (content: string) => ({ role: 'assistant', content });
    const call = { type: 'function_call', call_id: 'c', name: 'now', arguments: '{}' };
    const roles = await messages({ input: [said('a'), said('b'), call, said('c')] });
    expect(roles.map(({ content }) => content)).toEqual(['a', 'b', 'c']);
    expect(roles.map(({ tool_calls: calls }) => calls?.length ?? 0)).toEqual([0, 1, 0]);
  });

  it('is not torn by thoughts that cannot be read', async () => {
    const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'now', arguments: '{}' });
    const hidden = { type: 'reasoning', summary: [], encrypted_content: 'x' };
    const [only, ...others] = await messages({ input: [call('c1'), hidden, call('c2')] });
    expect(only!.tool_calls).toHaveLength(2);
    expect(others).toEqual([]);
  });

  it('may be an earlier output as it was', async () => {
    const { output } = await respond(TOOLS, THINKING_CALL);
    const [first, ...others] = await messages({ input: [...output, { role: 'user', content: 'And?' }] });
    expect(first).toMatchObject({ role: 'assistant', reasoning: 'Hm. Hm. ' });
    expect(first!.tool_calls).toHaveLength(1);
    expect(others).toEqual([{ role: 'user', content: 'And?' }]);
  });

  it.each<[string, Fields, string]>([
    ['a call of another kind', { input: [{ type: 'web_search_call' }] }, 'input[0].type'],
    ['a choice of another kind', { ...TOOLS, tool_choice: { type: 'mcp' } }, 'tool_choice.type'],
    [
      'an image',
      { input: [{ role: 'user', content: [{ type: 'input_image' }] }] },
      'input[0].content[0].type',
    ],
    ['a tool of the server alone', { tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    ['a tool of the server that was asked for', { tools: [WEATHER, { type: 'mcp' }] }, 'tools[1].type'],
    [
      'the choice of a tool of the server',
      { tools: [WEATHER, { type: 'web_search' }], tool_choice: { type: 'web_search' } },
      'tool_choice.type',
    ],
    ['a tool that waits', { tools: [{ ...WEATHER, defer_loading: true }] }, 'tools[0].defer_loading'],
    ['arguments nested too deep', { input: [deepCall(TOOL_ARGUMENTS_DEPTH_MAX + 1)] }, 'input[0].arguments'],
    [
      'a schema that is none',
      { tools: [{ ...WEATHER, parameters: { type: 'array' } }] },
      'tools[0].parameters.type',
    ],
    ['a choice of nobody', { ...TOOLS, tool_choice: { type: 'function', name: 'x' } }, 'tool_choice.name'],
    ['a loose strict format', { text: { format: looseFormat() } }, 'text.format.schema'],
    ['two forms', { text: { format: { type: 'json_object' } }, regex: 'a' }, 'regex'],
    ['the older form', { messages: [], max_tokens: 5 }, 'messages'],
  ])('is refused by its place: %s', async (_, fields, param) => {
    expect(await refusal(fields)).toMatchObject({ status: 400, param });
  });

  it('offers tools of a server beside functions without effect, and that is named', async () => {
    const { respond: send, generator } = routeTestApp();
    const tools = [{ type: 'web_search', external_web_access: false }, WEATHER, { type: 'image_generation' }];
    const response = await send({ tools });
    const body = responseSchema.parse(await response.json());
    expect(body.tools.map(({ type }) => type)).toEqual(['function']);
    expect(generator.requests[0]!.answerForm!.tools.map(({ name }) => name)).toEqual(['get_weather']);
    expect(response.headers.get('x-octavo-ignored')).toBe('tools[].web_search, tools[].image_generation');
  });

  it('is named where nothing comes of it', async () => {
    const test = routeTestApp();
    const input = [
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'x' },
      { role: 'user', content: 'Hi', phase: 'commentary' },
    ];
    const fields = { input, reasoning: { effort: 'low', summary: 'auto' }, text: { verbosity: 'low' } };
    const response = await test.respond({ ...fields, include: ['reasoning.encrypted_content'] });
    expect(response.headers.get('x-octavo-ignored')!.split(', ').sort()).toEqual([
      'include',
      'input[].encrypted_content',
      'input[].phase',
      'input[].summary',
      'reasoning.effort',
      'reasoning.summary',
      'text.verbosity',
    ]);
  });
});

describe('a field of a part of an item', () => {
  it.each<[string, Fields]>([
    ['content[].refusal', { role: 'user', content: [{ type: 'input_text', text: 'Hi', refusal: 'No.' }] }],
    ['content[].text', { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.', text: 'Yes.' }] }],
    ['summary[].mood', { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.', mood: 1 }] }],
    ['content[].mood', { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Hm.', mood: 1 }] }],
  ])('that has no effect is named: %s', async (name, item) => {
    const test = routeTestApp();
    test.generator.readsThoughts = true;
    const response = await test.respond({ input: [item, { role: 'user', content: 'Hi' }] });
    expect(response.headers.get('x-octavo-ignored')).toBe(`input[].${name}`);
  });
});

describe('the tools and the form of a response', () => {
  it('reach the engine as those of a chat do', async () => {
    const { answerForm, grammar, logprobCount } = await textRequest({
      ...TOOLS,
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'now' }] },
    });
    const parameters = { type: 'object', properties: {} };
    expect(answerForm).toMatchObject({
      tools: [{ name: 'now', parameters, param: 'tools[1].parameters', isStrict: true }],
      mustCall: true,
      reasoning: 'apart',
    });
    expect({ grammar, logprobCount }).toEqual({ grammar: null, logprobCount: null });
  });

  it('hold the text to a schema', async () => {
    const format = { type: 'json_schema', name: 'x', schema: PARAMETERS };
    const { grammar } = await textRequest({ text: { format } });
    expect(grammar).toMatchObject({ kind: 'json-schema', schema: PARAMETERS, param: 'text.format.schema' });
  });
});

describe('the input tokens of a response', () => {
  it('are counted without a model, a place in the queue or an answer', async () => {
    const test = routeTestApp();
    const response = await test.post('/v1/responses/input_tokens', { input: 'abc', instructions: 'de' });
    expect(inputTokensSchema.parse(await response.json()).input_tokens).toBe(5);
    expect(test.generator.requests).toHaveLength(0);
  });

  it('are those of a request that could run', async () => {
    const count = (fields: Fields) =>
      routeTestApp().post('/v1/responses/input_tokens', { input: 'abc', ...fields });
    expect((await count({ top_p: 2 })).status).toBe(400);
    // There is nothing that could be cut.
    expect((await count({ truncation: 'auto' })).status).toBe(200);
  });
});

function deepCall(depth: number) {
  const json = '['.repeat(depth) + ']'.repeat(depth);
  return { type: 'function_call', call_id: 'c', name: 'now', arguments: json };
}

function looseFormat() {
  return { type: 'json_schema', name: 'x', schema: PARAMETERS, strict: true };
}
