/** Functions that a request for a response has in namespaces, on their way to the model and back. */

import { describe, expect, it } from 'vitest';
import { TOOLS_MAX } from '../../src/base/limits.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { responseSchema } from '../../src/routes/schema/responses-object.ts';
import { inputItemListSchema } from '../../src/routes/schema/stored-responses.ts';
import type { MessagePart } from '../../src/text/message/message-part.ts';
import type { Script } from '../support/fake-text-generator.ts';
import { lastResponse, responseEvents } from '../support/response-events.ts';
import { routeTestApp } from '../support/route-test-app.ts';

type Fields = Record<string, unknown>;

const PARAMETERS = { type: 'object', properties: { path: { type: 'string' } } };
const READ = { type: 'function', name: 'read', description: 'Reads.', parameters: PARAMETERS, strict: false };
const WRITE = { ...READ, name: 'write', description: 'Writes.' };
const FILES = { type: 'namespace', name: 'files', description: 'Of a disk.', tools: [READ, WRITE] };
const CHOSEN_WRITE = { type: 'function', name: 'write', namespace: 'files' };
const OUTPUT = { type: 'function_call_output', call_id: 'x', output: 'done' };
const TOOLS = { tools: [FILES, { ...READ, description: null }] };

/** The model calls a function by this name. */
function calling(name: string): Script {
  const parts: MessagePart[] = [
    { kind: 'tool-call', index: 0, name },
    { kind: 'tool-arguments', index: 0, text: '{"path":"a"}' },
  ];
  return async function* () {
    yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
    yield { kind: 'message-delta', choiceIndex: 0, parts, logprobs: null, tokenIds: null };
    yield { kind: 'choice-finish', choiceIndex: 0, reason: 'tool-calls' };
    const counts = { promptTokenCount: 10, cachedTokenCount: 0, completionTokenCount: 5 };
    yield { kind: 'usage', usage: { ...counts, reasoningTokenCount: 0 } };
  };
}

async function respond(fields: Fields, script?: Script) {
  const test = routeTestApp();
  if (script !== undefined) test.generator.script = script;
  const response = await test.respond(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  const body = responseSchema.parse(await response.json());
  return { test, response, body, request: test.generator.requests[0]! };
}

/** What the model is told that it has called. */
function calledNames(requests: readonly TextRequest[]): string[] {
  return requests.flatMap(({ prompts: [prompt] }) =>
    prompt?.kind === 'messages'
      ? prompt.messages.flatMap(({ tool_calls: calls = [] }) => calls.map((call) => call.function.name))
      : [],
  );
}

describe('a namespace of functions', () => {
  it('is told to the model as functions with its name in front, and what it is with the first of them', async () => {
    const { request, response } = await respond(TOOLS);
    const [prompt] = request.prompts;
    const tools = prompt?.kind === 'messages' ? (prompt.rendering.tools ?? []) : [];
    expect(tools.map((tool) => [tool.function.name, tool.function.description])).toEqual([
      ['files__read', 'Of a disk.\n\nReads.'],
      ['files__write', 'Writes.'],
      ['read', undefined],
    ]);
    expect(request.answerForm!.tools.map(({ name, param }) => [name, param])).toEqual([
      ['files__read', 'tools[0].tools[0].parameters'],
      ['files__write', 'tools[0].tools[1].parameters'],
      ['read', 'tools[1].parameters'],
    ]);
    expect(response.headers.get('x-octavo-ignored')).toBeNull();
  });

  it.each([
    ['files__write', { name: 'write', namespace: 'files' }],
    ['read', { name: 'read' }],
  ])('is apart from the name in a call of %s', async (told, names) => {
    const { body } = await respond(TOOLS, calling(told));
    expect(body.output).toEqual([
      {
        type: 'function_call',
        id: expect.stringMatching(/^fc_/),
        status: 'completed',
        call_id: expect.stringMatching(/^call_/),
        ...names,
        arguments: '{"path":"a"}',
      },
    ]);
  });

  it('is apart from the name in every event of a streamed call', async () => {
    const test = routeTestApp();
    test.generator.script = calling('files__write');
    const events = await responseEvents(await test.respond({ ...TOOLS, stream: true }));
    const items = events.flatMap((event) => ('item' in event ? [event.item] : []));
    expect([...items, ...lastResponse(events).output]).toHaveLength(3);
    for (const item of [...items, ...lastResponse(events).output]) {
      expect(item).toMatchObject({ name: 'write', namespace: 'files' });
    }
    expect(events.find(({ type }) => type === 'response.function_call_arguments.done')).toMatchObject({
      name: 'write',
    });
  });

  it('is given back as it was sent', async () => {
    expect((await respond(TOOLS)).body.tools).toEqual(TOOLS.tools);
  });

  it('of an earlier call is in front of its name again, whether that is sent or named', async () => {
    const { body, test } = await respond(TOOLS, calling('files__write'));
    const [call] = body.output;
    await test.respond({ ...TOOLS, input: [call, OUTPUT] });
    await test.respond({ ...TOOLS, previous_response_id: body.id, input: [OUTPUT] });
    expect(calledNames(test.generator.requests)).toEqual(['files__write', 'files__write']);
  });

  it('is listed with the call that was made in it', async () => {
    const { body, test } = await respond(TOOLS, calling('files__write'));
    const next = await test.respond({ previous_response_id: body.id, input: 'Go on.' });
    const { id } = responseSchema.parse(await next.json());
    const list = await test.app.request(`/v1/responses/${id}/input_items`);
    const { data } = inputItemListSchema.parse(await list.json());
    expect(data.find(({ type }) => type === 'function_call')).toMatchObject({
      name: 'write',
      namespace: 'files',
    });
  });

  it.each([
    ['the one that is to be called', CHOSEN_WRITE],
    ['those that may be called', { type: 'allowed_tools', mode: 'required', tools: [CHOSEN_WRITE] }],
  ])('is told apart in a choice of %s', async (_, choice) => {
    const tools = [FILES, { ...WRITE, description: null }];
    const { request, response, body } = await respond({ tools, tool_choice: choice });
    expect(request.answerForm!.tools.map(({ name }) => name)).toEqual(['files__write']);
    expect(response.headers.get('x-octavo-ignored')).toBeNull();
    expect(body.tool_choice).toEqual(choice);
  });

  it('that has no name is none', async () => {
    const call = { type: 'function_call', call_id: 'x', name: 'read', namespace: '', arguments: '{}' };
    const { request } = await respond({ input: [call, OUTPUT] });
    expect(calledNames([request])).toEqual(['read']);
  });

  it.each<[string, Fields, string]>([
    [
      'a tool that is no function',
      { tools: [{ ...FILES, tools: [{ type: 'custom', name: 'x' }] }] },
      'tools[0].tools[0].type',
    ],
    ['another namespace', { tools: [{ ...FILES, tools: [FILES] }] }, 'tools[0].tools[0].type'],
    ['nothing', { tools: [{ ...FILES, tools: [] }] }, 'tools[0].tools'],
    ['a function twice', { tools: [{ ...FILES, tools: [READ, READ] }] }, 'tools[0].tools[1].name'],
    [
      'a function that waits',
      { tools: [{ ...FILES, tools: [{ ...READ, defer_loading: true }] }] },
      'tools[0].tools[0].defer_loading',
    ],
    ['too many functions with the others', { tools: [FILES, ...manyTools(TOOLS_MAX - 1)] }, 'tools'],
  ])('is refused with %s in it', async (_, fields, param) => {
    const response = await routeTestApp().respond(fields);
    expect(response.status).toBe(400);
    expect(errorBodySchema.parse(await response.json()).error.param).toBe(param);
  });
});

function manyTools(count: number) {
  return Array.from({ length: count }, (_, index) => ({ ...READ, name: `f${index}` }));
}
