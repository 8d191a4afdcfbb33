import { describe, expect, it } from 'vitest';
import { TOOL_CALLS_MAX, TOOLS_MAX } from '../../src/base/limits.ts';
import type { TextRequest } from '../../src/engine/text-generation.ts';
import {
  chatCompletionChunkSchema,
  chatCompletionSchema,
} from '../../src/routes/schema/chat-completion-response.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import type { MessagePart } from '../../src/text/message/message-part.ts';
import { type Script, tokenLogprobs } from '../support/fake-text-generator.ts';
import { eventData, type RouteTestApp, routeTestApp, USER_MESSAGE } from '../support/route-test-app.ts';

const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } } };
const WEATHER = { type: 'function', function: { name: 'get_weather', parameters: PARAMETERS } };
const NOW = { type: 'function', function: { name: 'now', description: 'The time', strict: true } };
const TOOLS = { tools: [WEATHER, NOW] };
const named = (name: string) => ({ type: 'function', function: { name } });
const allowed = (mode: string, ...names: string[]) => ({
  type: 'allowed_tools',
  allowed_tools: { mode, tools: names.map(named) },
});

async function textRequest(fields: Record<string, unknown>): Promise<TextRequest> {
  const { chat, generator } = routeTestApp();
  const response = await chat(fields);
  expect(response.status, await response.clone().text()).toBe(200);
  return generator.requests[0]!;
}

async function refusal(fields: Record<string, unknown>) {
  const response = await routeTestApp().chat(fields);
  const { error } = errorBodySchema.parse(await response.json());
  return { status: response.status, code: error.code, param: error.param };
}

describe('tools of a request', () => {
  it('are told to the template with what they are, and to the engine with what they take', async () => {
    const { prompts, answerForm } = await textRequest(TOOLS);
    const [prompt] = prompts;
    const empty = { type: 'object', properties: {} };
    expect(prompt?.kind === 'messages' && prompt.rendering.tools).toEqual([
      { type: 'function', function: { name: 'get_weather', parameters: PARAMETERS } },
      { type: 'function', function: { name: 'now', description: 'The time', parameters: empty } },
    ]);
    expect(answerForm).toEqual({
      tools: [
        {
          name: 'get_weather',
          parameters: PARAMETERS,
          param: 'tools[0].function.parameters',
          isStrict: false,
        },
        { name: 'now', parameters: empty, param: 'tools[1].function.parameters', isStrict: true },
      ],
      mustCall: false,
      callsMax: TOOL_CALLS_MAX,
      reasoning: 'apart',
    });
  });

  it.each<[string, unknown, { names: string[]; mustCall: boolean; callsMax?: number; told?: number }]>([
    ['null', null, { names: ['get_weather', 'now'], mustCall: false }],
    ['auto', 'auto', { names: ['get_weather', 'now'], mustCall: false }],
    ['none', 'none', { names: [], mustCall: false, told: 0 }],
    ['required', 'required', { names: ['get_weather', 'now'], mustCall: true }],
    ['a function', named('now'), { names: ['now'], mustCall: true, callsMax: 1 }],
    ['allowed tools, auto', allowed('auto', 'now'), { names: ['now'], mustCall: false }],
    ['allowed tools, required', allowed('required', 'now'), { names: ['now'], mustCall: true }],
  ])('are chosen from by tool_choice: %s', async (_, tool_choice, expected) => {
    const { prompts, answerForm: form } = await textRequest({ ...TOOLS, tool_choice });
    expect(form!.tools.map(({ name }) => name)).toEqual(expected.names);
    expect(form!.mustCall).toBe(expected.mustCall);
    expect(form!.callsMax).toBe(expected.callsMax ?? TOOL_CALLS_MAX);
    const [prompt] = prompts;
    const told = prompt?.kind === 'messages' ? prompt.rendering.tools.length : -1;
    expect(told).toBe(expected.told ?? 2);
  });

  it('are called once at most without parallel_tool_calls', async () => {
    const one = await textRequest({ ...TOOLS, parallel_tool_calls: false, tool_choice: 'required' });
    expect(one.answerForm!.callsMax).toBe(1);
    const many = await textRequest({ ...TOOLS, parallel_tool_calls: true });
    expect(many.answerForm!.callsMax).toBe(TOOL_CALLS_MAX);
  });

  it.each([
    [{}],
    [{ tools: [] }],
    [{ tools: null, tool_choice: 'none' }],
    [{ tool_choice: 'auto' }],
    [{ ...TOOLS, tool_choice: 'none' }],
  ])('are none for %j', async (fields) => {
    const { answerForm } = await textRequest(fields);
    expect(answerForm!.tools).toEqual([]);
  });

  it('may have parameters of several types, an object among them', async () => {
    const parameters = { ...PARAMETERS, type: ['object', 'null'] };
    const tool = { type: 'function', function: { name: 'f', parameters } };
    const { answerForm } = await textRequest({ tools: [tool] });
    expect(answerForm!.tools.map((each) => each.parameters)).toEqual([parameters]);
  });

  it('have their broken characters replaced', async () => {
    const tool = { type: 'function', function: { name: 'f', description: 'a\ud800b' } };
    const [prompt] = (await textRequest({ tools: [tool] })).prompts;
    expect(JSON.stringify(prompt)).toContain('a\ufffdb');
  });

  const deep = (depth: number): unknown => (depth === 0 ? {} : { type: 'object', not: deep(depth - 1) });
  const functionOf = (fields: object) => ({ tools: [{ type: 'function', function: fields }] });

  it.each<[Record<string, unknown>, string, string]>([
    [{ tools: {} }, 'invalid_type', 'tools'],
    [{ tools: [{}] }, 'missing_required_parameter', 'tools[0].type'],
    [{ tools: [{ type: 'function' }] }, 'missing_required_parameter', 'tools[0].function'],
    [{ tools: [{ type: 'retrieval' }] }, 'invalid_value', 'tools[0].type'],
    [
      { tools: [WEATHER, { type: 'custom', custom: { name: 'c' } }] },
      'unsupported_parameter',
      'tools[1].type',
    ],
    [{ tools: Array(TOOLS_MAX + 1).fill(WEATHER) }, 'invalid_value', 'tools'],
    [{ tools: [WEATHER, WEATHER] }, 'invalid_value', 'tools[1].function.name'],
    [functionOf({}), 'missing_required_parameter', 'tools[0].function.name'],
    [functionOf({ name: '' }), 'invalid_value', 'tools[0].function.name'],
    [functionOf({ name: 'get weather' }), 'invalid_value', 'tools[0].function.name'],
    [functionOf({ name: 'x'.repeat(65) }), 'invalid_value', 'tools[0].function.name'],
    [functionOf({ name: 'f', description: 5 }), 'invalid_type', 'tools[0].function.description'],
    [functionOf({ name: 'f', strict: 'yes' }), 'invalid_type', 'tools[0].function.strict'],
    [functionOf({ name: 'f', parameters: [] }), 'invalid_value', 'tools[0].function.parameters'],
    [functionOf({ name: 'f', parameters: 'x' }), 'invalid_value', 'tools[0].function.parameters'],
    [
      functionOf({ name: 'f', parameters: { type: 'string' } }),
      'invalid_value',
      'tools[0].function.parameters.type',
    ],
    [
      functionOf({ name: 'f', parameters: { type: ['string', 'null'] } }),
      'invalid_value',
      'tools[0].function.parameters.type',
    ],
    [functionOf({ name: 'f', parameters: deep(200) }), 'invalid_value', 'tools[0].function.parameters'],
    [{ ...TOOLS, tool_choice: 'any' }, 'invalid_value', 'tool_choice'],
    [{ ...TOOLS, tool_choice: 5 }, 'invalid_type', 'tool_choice'],
    [
      { ...TOOLS, tool_choice: { type: 'custom', custom: { name: 'c' } } },
      'unsupported_parameter',
      'tool_choice.type',
    ],
    [{ ...TOOLS, tool_choice: ['auto'] }, 'invalid_type', 'tool_choice'],
    [{ ...TOOLS, tool_choice: {} }, 'missing_required_parameter', 'tool_choice.type'],
    [{ ...TOOLS, tool_choice: { type: 'any' } }, 'invalid_value', 'tool_choice.type'],
    [{ ...TOOLS, tool_choice: { type: 'function' } }, 'missing_required_parameter', 'tool_choice.function'],
    [
      { ...TOOLS, tool_choice: { type: 'function', name: 'now' } },
      'missing_required_parameter',
      'tool_choice.function',
    ],
    [
      { ...TOOLS, tool_choice: { type: 'function', function: 'now' } },
      'invalid_type',
      'tool_choice.function',
    ],
    [
      { ...TOOLS, tool_choice: { type: 'function', function: {} } },
      'missing_required_parameter',
      'tool_choice.function.name',
    ],
    [
      { ...TOOLS, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto' } } },
      'missing_required_parameter',
      'tool_choice.allowed_tools.tools',
    ],
    [{ ...TOOLS, tool_choice: named('f') }, 'invalid_value', 'tool_choice.function.name'],
    [
      { ...TOOLS, tool_choice: allowed('auto', 'now', 'f') },
      'invalid_value',
      'tool_choice.allowed_tools.tools[1].function.name',
    ],
    [{ tool_choice: 'required' }, 'invalid_value', 'tool_choice'],
    [{ tool_choice: named('f') }, 'invalid_value', 'tool_choice'],
    [{ ...TOOLS, parallel_tool_calls: 1 }, 'invalid_type', 'parallel_tool_calls'],
  ])('case %#: what cannot be served is refused by its place', async (fields, code, param) => {
    expect(await refusal(fields)).toEqual({ status: 400, code, param });
  });

  it('of which a field is not known are served, and the field is named', async () => {
    const tool = { ...WEATHER, cache_control: {}, function: { ...WEATHER.function, examples: [] } };
    const response = await routeTestApp().chat({ tools: [tool] });
    expect(response.headers.get('x-octavo-ignored')).toBe('tools[].cache_control, tools[].function.examples');
  });

  it.each([
    [
      { ...named('now'), mood: 1, function: { name: 'now', strict: true } },
      'tool_choice.mood, tool_choice.function.strict',
    ],
    [
      {
        type: 'allowed_tools',
        mood: 1,
        allowed_tools: { mode: 'auto', strict: true, tools: [{ ...named('now'), function: NOW.function }] },
      },
      'tool_choice.mood, tool_choice.allowed_tools.strict, tool_choice.allowed_tools.tools[].function.description, ' +
        'tool_choice.allowed_tools.tools[].function.strict',
    ],
  ])('case %#: are chosen by a choice whose unknown fields are named', async (tool_choice, names) => {
    const response = await routeTestApp().chat({ ...TOOLS, tool_choice });
    expect(response.headers.get('x-octavo-ignored')).toBe(names);
  });
});

describe('thoughts in a request', () => {
  it.each([
    [{}, 'apart'],
    [{ include_reasoning: true, separate_reasoning: true }, 'apart'],
    [{ include_reasoning: false }, 'hidden'],
    [{ separate_reasoning: false }, 'inline'],
  ])('are wanted as %j says', async (fields, reasoning) => {
    expect((await textRequest(fields)).answerForm!.reasoning).toBe(reasoning);
  });

  it.each(['reasoning', 'reasoning_content'])('are taken back as %s', async (field) => {
    const test = routeTestApp();
    test.generator.readsThoughts = true;
    const messages = [USER_MESSAGE, { role: 'assistant', content: 'Hi', [field]: 'Hm' }];
    const response = await test.chat({ messages });
    expect(response.headers.has('x-octavo-ignored')).toBe(false);
    const [prompt] = test.generator.requests[0]!.prompts;
    expect(prompt?.kind === 'messages' && prompt.messages[1]).toEqual({
      role: 'assistant',
      content: 'Hi',
      reasoning: 'Hm',
    });
  });

  it.each([
    [{ reasoning: null, reasoning_content: 'Hm' }, 'Hm'],
    [{ reasoning: 'Hm', reasoning_content: null }, 'Hm'],
    [{ reasoning: 'Hm', reasoning_content: 'Older' }, 'Hm'],
  ])('are taken from whichever of the fields holds them: %j', async (thoughts, reasoning) => {
    const messages = [USER_MESSAGE, { role: 'assistant', content: 'Hi', ...thoughts }];
    const [prompt] = (await textRequest({ messages })).prompts;
    expect(prompt?.kind === 'messages' && prompt.messages[1]).toMatchObject({ reasoning });
  });

  it.each([
    [{ reasoning: 'Hm', reasoning_content: 'Older' }, 'messages[].reasoning_content'],
    [{ reasoning: 'Hm', reasoning_content: 'Hm' }, null],
  ])('are named as ignored where the two fields differ: %j', async (thoughts, ignored) => {
    const test = routeTestApp();
    test.generator.readsThoughts = true;
    const messages = [USER_MESSAGE, { role: 'assistant', content: 'Hi', ...thoughts }];
    expect((await test.chat({ messages })).headers.get('x-octavo-ignored')).toBe(ignored);
  });

  it('are named as ignored where the template does not look at them', async () => {
    const messages = [USER_MESSAGE, { role: 'assistant', content: 'Hi', reasoning: 'Hm' }];
    const response = await routeTestApp().chat({ messages });
    expect(response.headers.get('x-octavo-ignored')).toBe('messages[].reasoning');
  });
});

/** One choice consists of these parts, one event each. */
function consistingOf(
  parts: readonly (MessagePart | readonly MessagePart[])[],
  reason: 'stop' | 'length' | 'tool-calls' = 'tool-calls',
): Script {
  return async function* (request) {
    yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
    const logprobs = request.logprobCount === null ? null : [tokenLogprobs('x', 0)];
    const tokens = { choiceIndex: 0, logprobs, tokenIds: null };
    for (const each of parts) {
      const list = 'kind' in each ? [each] : each;
      const [first] = list;
      const isText = list.length === 1 && first?.kind === 'content';
      if (isText) yield { kind: 'text-delta', text: first.text, ...tokens };
      else yield { kind: 'message-delta', parts: list, ...tokens };
    }
    yield { kind: 'choice-finish', choiceIndex: 0, reason };
    const counts = { promptTokenCount: 10, cachedTokenCount: 0, completionTokenCount: 9 };
    yield { kind: 'usage', usage: { ...counts, reasoningTokenCount: 3 } };
  };
}

const PARTS: readonly MessagePart[] = [
  { kind: 'reasoning', text: 'Hm, ' },
  { kind: 'reasoning', text: 'well.' },
  { kind: 'content', text: 'Let me see.' },
  { kind: 'tool-call', index: 0, name: 'get_weather' },
  { kind: 'tool-arguments', index: 0, text: '{"city": ' },
  { kind: 'tool-arguments', index: 0, text: '"Paris"}' },
  { kind: 'tool-call', index: 1, name: 'now' },
  { kind: 'tool-arguments', index: 1, text: '{}' },
];

async function whole(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const response = await test.chat({ ...TOOLS, ...fields });
  return chatCompletionSchema.parse(await response.json());
}

async function streamed(test: RouteTestApp, fields: Record<string, unknown> = {}) {
  const data = await eventData(await test.chat({ ...TOOLS, ...fields, stream: true }));
  expect(data.at(-1)).toBe('[DONE]');
  return data.slice(0, -1).map((each) => chatCompletionChunkSchema.parse(JSON.parse(each)));
}

function appSaying(...args: Parameters<typeof consistingOf>): RouteTestApp {
  const test = routeTestApp();
  test.generator.script = consistingOf(...args);
  return test;
}

describe('an answer with calls', () => {
  it('holds thoughts, text, calls and the finish reason', async () => {
    const { choices, usage } = await whole(appSaying(PARTS));
    expect(choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Let me see.',
          refusal: null,
          reasoning_content: 'Hm, well.',
          reasoning: 'Hm, well.',
          tool_calls: [
            {
              id: expect.stringMatching(/^call_\w+$/),
              type: 'function',
              function: { name: 'get_weather', arguments: '{"city": "Paris"}' },
            },
            {
              id: expect.stringMatching(/^call_\w+$/),
              type: 'function',
              function: { name: 'now', arguments: '{}' },
            },
          ],
        },
        logprobs: null,
        finish_reason: 'tool_calls',
      },
    ]);
    const [first, second] = choices[0]!.message.tool_calls!;
    expect(first!.id).not.toBe(second!.id);
    expect(usage.completion_tokens_details).toEqual({ reasoning_tokens: 3 });
  });

  it('has content null where it only calls', async () => {
    const { choices } = await whole(appSaying(PARTS.slice(3)));
    expect(choices[0]!.message.content).toBeNull();
    expect(choices[0]!.message).not.toHaveProperty('reasoning_content');
    expect(choices[0]!.message).not.toHaveProperty('reasoning');
  });

  it.each([
    ['required', 'length', null],
    ['auto', 'length', null],
    ['auto', 'stop', ''],
    ['none', 'length', ''],
  ] as const)(
    'of which nothing was said or called yet: tool_choice %s, finish_reason %s',
    async (tool_choice, reason, content) => {
      const [choice] = (await whole(appSaying([], reason), { tool_choice })).choices;
      expect(choice!.message).toEqual({ role: 'assistant', content, refusal: null });
      const chunks = await streamed(appSaying([], reason), { tool_choice });
      const told = chunks.flatMap(({ choices: [each] }) => each?.delta.content ?? []);
      expect(told.length > 0 ? told.join('') : null).toBe(content);
    },
  );

  it('streams the same, id, type and name of a call once and no key twice or null', async () => {
    const chunks = await streamed(appSaying(PARTS));
    const deltas = chunks.map(({ choices: [choice] }) => choice!.delta);
    const call = (index: number, name: string) => ({
      index,
      id: expect.stringMatching(/^call_\w+$/),
      type: 'function',
      function: { name, arguments: '' },
    });
    expect(deltas).toEqual([
      { role: 'assistant' },
      { reasoning_content: 'Hm, ', reasoning: 'Hm, ' },
      { reasoning_content: 'well.', reasoning: 'well.' },
      { content: 'Let me see.' },
      { tool_calls: [call(0, 'get_weather')] },
      { tool_calls: [{ index: 0, function: { arguments: '{"city": ' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] },
      { tool_calls: [call(1, 'now')] },
      { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
      {},
    ]);
    expect(chunks.map(({ choices: [choice] }) => choice!.finish_reason)).toEqual([
      ...Array(9).fill(null),
      'tool_calls',
    ]);
  });

  it('streams several parts of one delta in their order, the log probabilities with the first', async () => {
    const chunks = await streamed(appSaying([PARTS]), { logprobs: true });
    const choices = chunks.map(({ choices: [choice] }) => choice!);
    expect(choices).toHaveLength(1 + PARTS.length + 1);
    expect(choices.map(({ logprobs }) => logprobs?.content.length ?? 0)).toEqual([
      0,
      1,
      ...Array(PARTS.length).fill(0),
    ]);
  });

  it.each<[string, MessagePart[], object]>([
    ['text', [{ kind: 'content', text: 'Hi.' }], {}],
    ['thoughts alone', [{ kind: 'reasoning', text: 'Hm.' }], { content: '' }],
    ['nothing', [], { content: '' }],
  ])(
    'that calls nothing ends with an empty content only where it has no other: %s',
    async (_, parts, last) => {
      const chunks = await streamed(appSaying(parts, 'stop'));
      expect(chunks.at(-1)!.choices[0]!.delta).toEqual(last);
    },
  );

  it('streams tokens whose text is held back without content: there may never be any', async () => {
    const held: MessagePart = { kind: 'content', text: '' };
    const test = appSaying([held, ...PARTS.slice(6)]);
    const chunks = await streamed(test, { logprobs: true });
    const deltas = chunks.map(({ choices: [choice] }) => choice!.delta);
    expect(deltas.filter((delta) => 'content' in delta)).toEqual([]);
  });

  it('has the log probabilities of all tokens', async () => {
    const { choices } = await whole(appSaying(PARTS), { logprobs: true });
    expect(choices[0]!.logprobs!.content).toHaveLength(PARTS.length);
  });

  it.each([
    ['auto', undefined, 'tool_calls'],
    ['required', 'required', 'tool_calls'],
    ['a named function', named('get_weather'), 'stop'],
    ['allowed tools', allowed('required', 'now'), 'tool_calls'],
  ])('ends as OpenAI says: %s', async (_, tool_choice, reason) => {
    const test = appSaying(PARTS);
    expect((await whole(test, { tool_choice })).choices[0]!.finish_reason).toBe(reason);
    const chunks = await streamed(test, { tool_choice });
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe(reason);
  });

  it('that was cut off says so', async () => {
    expect((await whole(appSaying(PARTS, 'length'))).choices[0]!.finish_reason).toBe('length');
  });

  it('counts as stopped in the metrics', async () => {
    const test = appSaying(PARTS);
    await whole(test);
    const metrics = await (await test.app.request('/metrics')).text();
    expect(metrics).toMatch(/request_success_total\{finished_reason="stop"[^}]*\} 1/);
  });
});

describe('/tokenize with tools', () => {
  it('renders them', async () => {
    const test = routeTestApp();
    const response = await test.post('/tokenize', { messages: [USER_MESSAGE], ...TOOLS });
    expect(response.status).toBe(200);
    const [prompt] = test.generator.tokenized;
    expect(prompt?.kind === 'messages' && prompt.rendering.tools.length).toBe(2);
  });
});
