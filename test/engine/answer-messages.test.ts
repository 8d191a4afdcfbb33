/** Tokens of one answer -> what the model says, thinks and calls, through the generator with real tokenizer files. */

import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import type { AnswerForm, Prompt, TextEvent, TextRequest } from '../../src/engine/text-generation.ts';
import { createTextGenerator } from '../../src/engine/text-generator.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import { ChatTemplate, PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import type { ChatFormat } from '../../src/text/message/chat-formats.ts';
import { MessageDialect } from '../../src/text/message/message-dialect.ts';
import { addPart, type MessagePart } from '../../src/text/message/message-part.ts';
import type { ToolCallFormatName } from '../../src/text/message/tool-call-format.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { FakeEngineClient, finish, tokens } from '../support/fake-engine-client.ts';
import { textEvents } from '../support/feeds.ts';
import { grammarsHere } from '../support/grammars.ts';
import { NO_LONG_PROMPTS } from '../support/prompt-threads.ts';
import { aTextRequest } from '../support/text-request.ts';
import { filesOf } from '../text/fixtures.ts';
import { DEEPSEEK_TEMPLATE, HERMES_TEMPLATE, LLAMA_TEMPLATE } from '../text/tool-templates.ts';

const END = 2;
const OPENING_TOKEN = 5000;
const CLOSING_TOKEN = 5001;

/** The fixture's tokenizer, with the marks of calls as special tokens of their own. */
function filesWithMarks(): ReturnType<typeof filesOf> {
  const { tokenizerJson, tokenizerConfig } = filesOf('llama2');
  const mark = (id: number, content: string) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const json = tokenizerJson as { added_tokens: object[] };
  const added = [mark(OPENING_TOKEN, '<tool_call>'), mark(CLOSING_TOKEN, '</tool_call>')];
  return { tokenizerConfig, tokenizerJson: { ...json, added_tokens: [...json.added_tokens, ...added] } };
}

/** Its marks of thoughts are no tokens, so nothing tells where a token announces a call and where it is thought of. */
const WITHOUT_THOUGHTS = HERMES_TEMPLATE.replaceAll('think>', 'thought>');

const files = { plain: filesOf('llama2'), marked: filesWithMarks() };

type Output = {
  readonly client: FakeEngineClient;
  readonly parts: readonly MessagePart[];
  readonly reason: string;
  readonly events: readonly TextEvent[];
  readonly reasoningTokens: number | null;
  readonly completionTokens: number;
};

type Setting = {
  readonly template?: string;
  /** How many of the answer's tokens arrive at once. */
  readonly tokensPerDelta?: number;
  /** Where tools are offered. */
  readonly toolTemplate?: string;
  readonly withMarks?: boolean;
  readonly ends?: 'stop' | 'length';
  readonly toolCalls?: ToolCallFormatName | 'auto' | null;
  readonly request?: Partial<TextRequest>;
  readonly messages?: readonly ChatMessage[];
  readonly continues?: boolean;
  /** Instead of the compiler. */
  readonly compile?: () => Promise<never>;
};

const TOOLS: AnswerForm = {
  tools: [{ name: 'now', parameters: { type: 'object', properties: {} }, param: 'tools', isStrict: false }],
  mustCall: false,
  callsMax: 128,
  reasoning: 'apart',
};
const NO_TOOLS: AnswerForm = { ...TOOLS, tools: [] };

/** Byte tokens, one a character; numbers are tokens as they stand. */
function tokensOf(...texts: (string | number)[]): number[] {
  return texts.flatMap((text) =>
    typeof text === 'number' ? [text] : [...text].map((each) => each.charCodeAt(0) + 3),
  );
}

function generatorFor(tokenIds: readonly number[], setting: Setting) {
  const { template: source = HERMES_TEMPLATE, withMarks, ends = 'stop', toolCalls = 'auto' } = setting;
  const tokenizerFiles = withMarks === true ? files.marked : files.plain;
  const tokenizer = new Tokenizer(tokenizerFiles);
  const { namedSpecialTokens, specialTokenTexts } = tokenizer;
  const formatOf = (text: string): ChatFormat => {
    const template = new ChatTemplate({ source: text, namedSpecialTokens, specialTokenTexts });
    return {
      template,
      dialect: new MessageDialect({ template, addedTokenTexts: [], toolCalls, reasoning: 'auto' }),
    };
  };
  const logprobs = { logprob: -1, top: [] };
  const { tokensPerDelta = 1 } = setting;
  const script = Array.from({ length: Math.ceil(tokenIds.length / tokensPerDelta) }, (_, index) => {
    const ids = tokenIds.slice(index * tokensPerDelta, (index + 1) * tokensPerDelta);
    return { ...tokens(ids), tokens: ids.map((tokenId) => ({ tokenId, logprobs })) };
  });
  const client = new FakeEngineClient(() => [...script, finish(ends)], {
    vocabularySize: 6000,
    modelLengthMax: 1024,
  });
  const vocabulary = new Vocabulary(tokenizerFiles);
  const compiler = grammarsHere(tokenizer, vocabulary);
  const sources: GrammarSource[] = [];
  const compile = (source: GrammarSource) => {
    sources.push(source);
    return setting.compile?.() ?? compiler.compile(source);
  };
  const generator = createTextGenerator({
    client,
    tokenizer,
    vocabulary,
    grammars: { compile },
    longPrompts: NO_LONG_PROMPTS,
    formats: { plain: formatOf(source), withTools: formatOf(setting.toolTemplate ?? source) },
    defaults: OPENAI_DEFAULTS,
    endOfTextTokenIds: [END],
    drawSeed: () => 1,
  });
  return { client, generator, sources };
}

async function answerOf(tokenIds: readonly number[], setting: Setting = {}): Promise<Output> {
  const { client, generator } = generatorFor(tokenIds, setting);
  const messages = setting.messages ?? [{ role: 'user', content: 'Hi' }];
  const continues = setting.continues ?? false;
  const rendering = {
    ...PLAIN_RENDERING,
    addGenerationPrompt: !continues,
    continueFinalMessage: continues,
  };
  const request = aTextRequest({
    prompts: [{ kind: 'messages', messages, rendering, addSpecialTokens: false }],
    answerForm: TOOLS,
    newTokensMax: null,
    ...setting.request,
  });
  const events: TextEvent[] = [];
  for await (const event of textEvents((onReadable) => generator.generate(request, onReadable))) {
    events.push(event);
  }
  const finished = events.find((event) => event.kind === 'choice-finish');
  const used = events.find((event) => event.kind === 'usage');
  return {
    client,
    parts: partsOf(events),
    reason: finished!.reason,
    events,
    reasoningTokens: used!.usage.reasoningTokenCount,
    completionTokens: used!.usage.completionTokenCount,
  };
}

function partsOf(events: readonly TextEvent[]): MessagePart[] {
  const parts: MessagePart[] = [];
  for (const event of events) {
    if (event.kind === 'text-delta' && event.text !== '') {
      addPart(parts, { kind: 'content', text: event.text });
    }
    if (event.kind === 'message-delta') for (const part of event.parts) addPart(parts, part);
  }
  return parts;
}

const ENDLESS = '\n'.repeat(50);
const CALL = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>';
const content = (text: string): MessagePart => ({ kind: 'content', text });
const reasoning = (text: string): MessagePart => ({ kind: 'reasoning', text });
const called = (index = 0): MessagePart[] => [
  { kind: 'tool-call', index, name: 'now' },
  { kind: 'tool-arguments', index, text: '{}' },
];

describe('a checkpoint with a template for tools beside the one for all', () => {
  const setting = { template: WITHOUT_THOUGHTS, toolTemplate: LLAMA_TEMPLATE };
  const parameters = { type: 'object', properties: {} };
  const offered = [
    { type: 'function' as const, function: { name: 'now', description: 'The time', parameters } },
  ];
  const promptOf = (tools: typeof offered): Prompt => ({
    kind: 'messages',
    messages: [{ role: 'user', content: 'Hi' }],
    rendering: { ...PLAIN_RENDERING, tools },
    addSpecialTokens: false,
  });

  it('is asked by it where tools are offered, and by the other where none are', async () => {
    const { generator } = generatorFor([], setting);
    const textOf = async (tools: typeof offered) =>
      (await generator.tokenize(promptOf(tools), () => true)).text;
    expect(await textOf(offered)).toContain('Respond with a call in the format');
    expect(await textOf([])).not.toContain('<|start_header_id|>');
  });

  it('has its calls read as that one shows them', async () => {
    const written = '{"name": "now", "parameters": {}}';
    const request = { prompts: [promptOf(offered)] };
    const { parts } = await answerOf(tokensOf(written, END), { ...setting, request });
    expect(parts).toEqual(called());
  });
});

describe('an answer with tools', () => {
  it('has its calls told apart, and ends with them', async () => {
    const { parts, reason } = await answerOf(tokensOf(`Let me see.\n${CALL}`, END));
    expect(parts).toEqual([content('Let me see.'), ...called()]);
    expect(reason).toBe('tool-calls');
  });

  it('finds marks that are special tokens, and shows no others', async () => {
    const body = '{"name": "now"}';
    const ids = tokensOf('See', 1, OPENING_TOKEN, body, CLOSING_TOKEN, END);
    const { parts } = await answerOf(ids, { withMarks: true });
    expect(parts).toEqual([content('See'), ...called()]);
  });

  it('tells a call that a token announces as it is written, and one that is spelled out when it is whole', async () => {
    const setting = { withMarks: true, template: WITHOUT_THOUGHTS };
    const body = '{"name": "now", "arguments": {"a": 1}}';
    const pieces = async (ids: readonly number[]): Promise<number> => {
      const { events, parts } = await answerOf(ids, setting);
      expect(parts).toEqual([
        { kind: 'tool-call', index: 0, name: 'now' },
        { kind: 'tool-arguments', index: 0, text: '{"a": 1}' },
      ]);
      return events.filter((event) => event.kind === 'message-delta' && event.parts.length > 0).length;
    };
    expect(await pieces(tokensOf(OPENING_TOKEN, body, CLOSING_TOKEN, END))).toBe(1 + '{"a": 1}'.length);
    expect(await pieces(tokensOf('<tool_call>', body, CLOSING_TOKEN, END))).toBe(1);
  });

  it('skips special tokens as ever where no tools are given', async () => {
    const ids = tokensOf('See', OPENING_TOKEN, 'it', CLOSING_TOKEN, END);
    const { parts, reason } = await answerOf(ids, { withMarks: true, request: { answerForm: NO_TOOLS } });
    expect(parts).toEqual([content('Seeit')]);
    expect(reason).toBe('stop');
  });

  it('that is cut off in a call has no call, and all of its text', async () => {
    const cut = CALL.slice(0, -20);
    const { parts, reason } = await answerOf(tokensOf(cut), { ends: 'length' });
    expect(parts).toEqual([content(cut)]);
    expect(reason).toBe('length');
  });

  it('that is cut off behind a call keeps it and says so', async () => {
    const { parts, reason } = await answerOf(tokensOf(`${CALL}\nAnd`), { ends: 'length' });
    expect(parts).toEqual([...called(), content('\nAnd')]);
    expect(reason).toBe('length');
  });

  it('ends with its first call where one is all that is wanted', async () => {
    const answerForm = { ...TOOLS, callsMax: 1 };
    const { parts, reason, events } = await answerOf(tokensOf(CALL, CALL, END), { request: { answerForm } });
    expect(parts).toEqual(called());
    expect(reason).toBe('tool-calls');
    const usage = events.at(-1);
    expect(usage).toMatchObject({ usage: { completionTokenCount: CALL.indexOf('</tool_call>') - 1 } });
  });

  it('is refused where calls are never told apart', async () => {
    await expect(answerOf(tokensOf('Hi', END), { toolCalls: null })).rejects.toThrow(ServerError);
    const without = await answerOf(tokensOf('Hi', END), {
      toolCalls: null,
      request: { answerForm: NO_TOOLS },
    });
    expect(without.parts).toEqual([content('Hi')]);
  });
});

describe('stop strings', () => {
  it('are looked for in what the model says, not in what it thinks or calls', async () => {
    const text = `<think>now</think>${CALL}\nIt is now, I think.`;
    const { parts, reason } = await answerOf(tokensOf(text, END), { request: { stop: ['now'] } });
    expect(parts).toEqual([reasoning('now'), ...called(), content('\nIt is ')]);
    expect(reason).toBe('tool-calls');
  });

  it.each([
    ['behind text', `Hello \n${ENDLESS}`, '\n', 0, 'Hello ', 7],
    ['at the beginning', ENDLESS, '\n\n', 0, '', 2],
    ['that begin in text', `\nHi${ENDLESS}`, 'i\n', 0, '\nH', 4],
    ['but for the first tokens', ENDLESS, '\n', 3, '\n\n\n', 4],
    ['but for the first tokens, which text follows', '\n\nAB\n', '\n', 1, '\n', 2],
    ['of which none is among the others', '\n\nAB', '\n\n', 1, '\n\nAB', 5],
  ] as const)(
    'of blanks end the answer when these come, though a call might follow: %s',
    async (_, text, stop, newTokensMin, said, count) => {
      for (const template of [HERMES_TEMPLATE, WITHOUT_THOUGHTS]) {
        const request = { stop: [stop], newTokensMin };
        const { parts, completionTokens } = await answerOf(tokensOf(text, END), { template, request });
        expect(parts).toEqual(said === '' ? [] : [content(said)]);
        expect(completionTokens).toBe(count);
      }
    },
  );

  it('are not looked for in what the first tokens began and the parser kept', async () => {
    const request = { stop: ['<to'], newTokensMin: 3 };
    const { parts } = await answerOf(tokensOf('<tool_x <to', END), { request });
    expect(parts).toEqual([content('<tool_x ')]);
  });

  it('of blanks are not looked for between thoughts and answer, nor between calls', async () => {
    const text = `<think>\nHm\n</think>\n\n${CALL}\n${CALL}\n`;
    const { parts } = await answerOf(tokensOf(text, END), { request: { stop: ['\n'] } });
    expect(parts).toEqual([reasoning('Hm'), ...called(), ...called(1)]);
  });

  it('do not go on behind a call', async () => {
    const { parts } = await answerOf(tokensOf(`AB${CALL}CD`, END), { request: { stop: ['BC'] } });
    expect(parts).toEqual([content('AB'), ...called(), content('CD')]);
  });
});

describe('log probabilities', () => {
  const textOf = (events: readonly TextEvent[]): string =>
    events
      .flatMap((event) => ('logprobs' in event ? (event.logprobs ?? []) : []))
      .map((each) => each.text)
      .join('');

  it('are told of every token, of calls and thoughts too', async () => {
    const text = `<think>Hm</think>\nSee:\n${CALL}`;
    const { events } = await answerOf(tokensOf(text, END), { request: { logprobCount: 0 } });
    expect(textOf(events)).toBe(text);
  });

  it.each([1, 3, 1000])(
    'say which tokens begin in what is said, %d of them at once',
    async (tokensPerDelta) => {
      for (const [text, said] of [
        ['<think>Hm, so</think>\n\nYes, I see.', 'Yes, I see.'],
        [`Let me see.\n${CALL}`, 'Let me see.'],
        [`<think>Hm</think>\nSee:\n${CALL}\n${CALL}`, 'See:'],
        [`${CALL}And so on <tool_bar`, 'And so on <tool_bar'],
        ['<think>Never done', ''],
      ] as const) {
        const request = { logprobCount: 0 };
        const { events } = await answerOf(tokensOf(text, END), { request, tokensPerDelta });
        const entries = events.flatMap((event) => ('logprobs' in event ? (event.logprobs ?? []) : []));
        const saidText = entries
          .filter(({ isSaid }) => isSaid)
          .map((each) => each.text)
          .join('');
        expect(saidText, text).toBe(said);
        expect(textOf(events)).toBe(text);
      }
    },
  );

  it('are held back with the text that may become a call', async () => {
    const { events } = await answerOf(tokensOf('Oh <tool_bar', END), { request: { logprobCount: 0 } });
    const deltas = events.filter((event) => event.kind === 'text-delta');
    const shown = deltas.map(({ text, logprobs }) => [
      text,
      (logprobs ?? []).map((each) => each.text).join(''),
    ]);
    expect(shown.filter(([text]) => text !== '')).toEqual([
      ['O', 'O'],
      ['h', 'h'],
      [' <tool_b', ' <tool_b'],
      ['a', 'a'],
      ['r', 'r'],
    ]);
  });

  it('are not told of a stop string', async () => {
    const { events } = await answerOf(tokensOf(`${CALL}Yes, stop it`, END), {
      request: { logprobCount: 0, stop: ['stop'] },
    });
    expect(textOf(events)).toBe(`${CALL}Yes, `);
  });
});

describe('thoughts', () => {
  it('are told apart and counted by tokens, with the mark that closes them', async () => {
    const { parts, reasoningTokens } = await answerOf(tokensOf('<think>Hm</think>Hi', END));
    expect(parts).toEqual([reasoning('Hm'), content('Hi')]);
    // The token that completes the opening mark, two of the thought, eight of the closing mark.
    expect(reasoningTokens).toBe(1 + 2 + 8);
  });

  it('begin at once where the prompt opens them', async () => {
    const { parts, reasoningTokens } = await answerOf(tokensOf('Hm</think>\n\nHi', END), {
      template: DEEPSEEK_TEMPLATE,
    });
    expect(parts).toEqual([reasoning('Hm'), content('Hi')]);
    expect(reasoningTokens).toBe(2 + 8);
  });

  it('go on where the continued message is in them', async () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: '<think>So' },
    ];
    const { parts } = await answerOf(tokensOf(' far</think>Yes', END), { messages, continues: true });
    expect(parts).toEqual([reasoning('far'), content('Yes')]);
  });

  it('can be left out, and are counted all the same', async () => {
    const answerForm: AnswerForm = { ...NO_TOOLS, reasoning: 'hidden' };
    const { parts, reasoningTokens } = await answerOf(tokensOf('<think>Hm</think>Hi', END), {
      request: { answerForm },
    });
    expect(parts).toEqual([content('Hi')]);
    expect(reasoningTokens).toBe(11);
  });

  it('can be left where they are, and are not counted then', async () => {
    const answerForm: AnswerForm = { ...NO_TOOLS, reasoning: 'inline' };
    const { parts, reasoningTokens } = await answerOf(tokensOf('<think>Hm</think>Hi', END), {
      request: { answerForm },
    });
    expect(parts).toEqual([content('<think>Hm</think>Hi')]);
    expect(reasoningTokens).toBeNull();
  });

  it.each([
    ['behind them', `<think>\n${CALL}</think>`, CALL, called()],
    ['never', `<think>\n${CALL}`, '', []],
    ['without them', '', CALL, called()],
    ['behind a mark that is none', `<thin${CALL}`, '', called()],
  ])(
    'are not searched for calls where they are left, only what stands %s',
    async (_, thoughts, rest, calls) => {
      const answerForm: AnswerForm = { ...TOOLS, reasoning: 'inline' };
      const { parts } = await answerOf(tokensOf(`${thoughts}${rest}`, END), { request: { answerForm } });
      const said = thoughts.startsWith('<think>') ? thoughts : thoughts.replace(CALL, '');
      expect(parts).toEqual([...(said === '' ? [] : [content(said)]), ...calls]);
    },
  );
});

describe('what the engine is asked for', () => {
  /** Without the space that may come first with this tokenizer. */
  const grammarOf = async (
    request: Partial<TextRequest>,
    setting: Setting = {},
    variables: Readonly<Record<string, unknown>> = { enable_thinking: true },
  ) => {
    const { client, generator, sources } = generatorFor(tokensOf(CALL, END), setting);
    const messages = [{ role: 'user', content: 'Hi' }];
    const rendering = { ...PLAIN_RENDERING, variables };
    const prompt = { kind: 'messages', messages, rendering, addSpecialTokens: false } as const;
    const asked = aTextRequest({ prompts: [prompt], answerForm: TOOLS, newTokensMax: null, ...request });
    const events = textEvents((onReadable) => generator.generate(asked, onReadable));
    for await (const _ of events);
    expect(client.sequences[0]!.input.grammar === null).toBe(sources.length === 0);
    const [source] = sources;
    if (source === undefined) return null;
    const [, grammar] = (source as Extract<GrammarSource, { kind: 'sequence' }>).parts;
    return grammar;
  };

  it('is nothing where the model may call as it likes, and no token says that it does', async () => {
    expect(await grammarOf({})).toBeNull();
    expect(await grammarOf({}, { withMarks: true })).toBeNull();
  });

  it('is calls behind the token that announces them, where there is one', async () => {
    const { client, generator, sources } = generatorFor(tokensOf('Hi', END), {
      withMarks: true,
      template: WITHOUT_THOUGHTS,
    });
    const messages = [{ role: 'user', content: 'Hi' }];
    const prompt = {
      kind: 'messages',
      messages,
      rendering: PLAIN_RENDERING,
      addSpecialTokens: false,
    } as const;
    const asked = aTextRequest({ prompts: [prompt], answerForm: TOOLS });
    for await (const _ of textEvents((onReadable) => generator.generate(asked, onReadable)));
    expect(client.sequences[0]!.input.grammar!.trigger).toEqual({ tokenId: OPENING_TOKEN, thoughts: null });
    expect(sources).toEqual([
      {
        kind: 'sequence',
        parts: [
          { kind: 'regex', pattern: '[ \\n]{0,4}' },
          { kind: 'literal', text: '{"name": "' },
          { kind: 'literal', text: 'now", "arguments": ' },
          { kind: 'literal', text: '{}' },
          { kind: 'literal', text: '}\n' },
          { kind: 'special-token', text: '</tool_call>' },
        ],
      },
    ]);
  });

  it.each<[string, Partial<TextRequest>]>([
    ['ends at a mark of calls', { stopTokenIds: [CLOSING_TOKEN] }],
    ['allows some tokens alone', { allowedTokenIds: [5, 6] }],
    ['forbids words', { badWords: ['now'] }],
  ])('is nothing where the request %s, without which no call could be written', async (_, fields) => {
    const setting = { withMarks: true, template: WITHOUT_THOUGHTS };
    const { client, generator } = generatorFor(tokensOf('Hi', END), setting);
    const prompt = {
      kind: 'messages',
      messages: [{ role: 'user', content: 'Hi' }],
      rendering: PLAIN_RENDERING,
      addSpecialTokens: false,
    } as const;
    const asked = aTextRequest({ prompts: [prompt], answerForm: TOOLS, ...fields });
    for await (const _event of textEvents((onReadable) => generator.generate(asked, onReadable)));
    expect(client.sequences[0]!.input.grammar).toBeNull();
  });

  it.each<[string, () => Promise<never>]>([
    ['fails', () => Promise.reject(new Error('the thread has failed'))],
    ['is late', () => new Promise(() => {})],
  ])('is nothing where the grammar of calls that need not be made %s', async (_, compile) => {
    const body = '{"name": "now", "arguments": {"a": 1}}';
    const { client, events, parts } = await answerOf(tokensOf(OPENING_TOKEN, body, CLOSING_TOKEN, END), {
      withMarks: true,
      template: WITHOUT_THOUGHTS,
      compile,
    });
    expect(client.sequences[0]!.input.grammar).toBeNull();
    expect(parts).toEqual([
      { kind: 'tool-call', index: 0, name: 'now' },
      { kind: 'tool-arguments', index: 0, text: '{"a": 1}' },
    ]);
    expect(events.filter((event) => event.kind === 'message-delta' && event.parts.length > 0)).toHaveLength(
      1,
    );
  });

  it('is calls at once where it must call and no thoughts are asked for', async () => {
    const request = { answerForm: { ...TOOLS, mustCall: true, callsMax: 1 } };
    for (const variables of [{}, { enable_thinking: false }, { reasoning_effort: 'none' }]) {
      expect(await grammarOf(request, {}, variables)).toMatchObject({ kind: 'sequence' });
    }
    for (const variables of [{ thinking: true }, { reasoning_effort: 'low' }]) {
      expect(await grammarOf(request, {}, variables)).toMatchObject({ kind: 'any-of' });
    }
  });

  it('is calls, after thoughts that may come first, where it must call', async () => {
    const grammar = await grammarOf({ answerForm: { ...TOOLS, mustCall: true, callsMax: 1 } });
    const call = [
      { kind: 'literal', text: '<tool_call>\n{"name": "' },
      { kind: 'literal', text: 'now", "arguments": ' },
      { kind: 'literal', text: '{}' },
      { kind: 'literal', text: '}\n</tool_call>' },
    ];
    expect(grammar).toEqual({
      kind: 'any-of',
      options: [
        {
          kind: 'sequence',
          parts: [
            { kind: 'literal', text: '<think>' },
            { kind: 'text-until', triggers: ['</think>'] },
            { kind: 'literal', text: '</think>' },
            { kind: 'regex', pattern: '[ \\n]{0,4}' },
            ...call,
          ],
        },
        { kind: 'sequence', parts: call },
      ],
    });
  });

  it('names marks that are tokens as such', async () => {
    const grammar = await grammarOf(
      { answerForm: { ...TOOLS, mustCall: true, callsMax: 1 } },
      { withMarks: true, template: WITHOUT_THOUGHTS },
    );
    expect(grammar).toEqual({
      kind: 'sequence',
      parts: [
        { kind: 'special-token', text: '<tool_call>' },
        { kind: 'literal', text: '\n{"name": "' },
        { kind: 'literal', text: 'now", "arguments": ' },
        { kind: 'literal', text: '{}' },
        { kind: 'literal', text: '}\n' },
        { kind: 'special-token', text: '</tool_call>' },
      ],
    });
  });

  it('is the content as prescribed, after thoughts that the prompt has opened', async () => {
    const request = { answerForm: NO_TOOLS, grammar: { kind: 'json-object' } } as const;
    expect(await grammarOf(request, { template: DEEPSEEK_TEMPLATE })).toEqual({
      kind: 'sequence',
      parts: [
        { kind: 'text-until', triggers: ['</think>'] },
        { kind: 'literal', text: '</think>' },
        { kind: 'regex', pattern: '[ \\n]{0,4}' },
        { kind: 'json-object' },
      ],
    });
  });
});
