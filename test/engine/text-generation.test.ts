import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import type { OnReadable } from '../../src/base/feed.ts';
import { seedOfChoice } from '../../src/base/random.ts';
import type { TokenEvent } from '../../src/engine/engine-client.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import { encodePrompt } from '../../src/engine/prompt-encoding.ts';
import type { EngineLimits } from '../../src/engine/protocol.ts';
import type { Prompt, TextEvent, TextGenerator, TextRequest } from '../../src/engine/text-generation.ts';
import { createTextGenerator, type TextGeneratorOptions } from '../../src/engine/text-generator.ts';
import { promptScores } from '../../src/sampling/prompt-scores.ts';
import { ChatTemplate, PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { type ChatFormats, onlyFormat } from '../../src/text/message/chat-formats.ts';
import { MessageDialect } from '../../src/text/message/message-dialect.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { FakeEngineClient, finish, type Script, tokens } from '../support/fake-engine-client.ts';
import { textEvents } from '../support/feeds.ts';
import { grammarsHere } from '../support/grammars.ts';
import { NO_LONG_PROMPTS } from '../support/prompt-threads.ts';
import { aTextRequest } from '../support/text-request.ts';
import { filesOf } from '../text/fixtures.ts';

const files = filesOf('llama2');
const tokenizer = new Tokenizer(files);
const vocabulary = new Vocabulary(files);
const formats = formatsOf('{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}');
const END = 2;
const TEXT = { addSpecialTokens: false, parseSpecialTokens: true };

/** Those of one chat template. */
function formatsOf(source: string): ChatFormats {
  const { namedSpecialTokens, specialTokenTexts } = tokenizer;
  const template = new ChatTemplate({ source, namedSpecialTokens, specialTokenTexts });
  const dialect = new MessageDialect({
    template,
    addedTokenTexts: [],
    toolCalls: 'auto',
    reasoning: 'auto',
  });
  return onlyFormat({ template, dialect });
}

/** The token ids of ASCII text, a byte token a character. */
function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0) + 3);
}

/** One event a character, then the end. */
function spelled(text: string, reason: 'stop' | 'length' = 'length'): TokenEvent[] {
  return [...ascii(text).map((id) => tokens([id])), finish(reason)];
}

type Setup = { readonly client: FakeEngineClient; readonly generator: TextGenerator };

function aGenerator(
  script: Script,
  overrides: Partial<TextGeneratorOptions> = {},
  limits: Partial<EngineLimits> = {},
): Setup {
  const client = new FakeEngineClient(script, limits);
  const generator = createTextGenerator({
    client,
    tokenizer,
    vocabulary,
    grammars: grammarsHere(tokenizer, vocabulary),
    formats,
    longPrompts: NO_LONG_PROMPTS,
    defaults: OPENAI_DEFAULTS,
    endOfTextTokenIds: [END],
    drawSeed: () => 77,
    ...overrides,
  });
  return { client, generator };
}

const PLAIN = { rendering: PLAIN_RENDERING, addSpecialTokens: false } as const;
const IGNORE = () => {};

/** One request's events, to be waited for. */
function eventsOf(generator: TextGenerator, overrides: Partial<TextRequest> = {}): AsyncIterable<TextEvent> {
  return textEvents((onReadable) => generator.generate(aTextRequest(overrides), onReadable));
}

async function collect(generator: TextGenerator, overrides: Partial<TextRequest> = {}): Promise<TextEvent[]> {
  const events: TextEvent[] = [];
  for await (const event of eventsOf(generator, overrides)) events.push(event);
  return events;
}

function textOf(events: readonly TextEvent[], choiceIndex = 0): string {
  return events
    .map((event) => (event.kind === 'text-delta' && event.choiceIndex === choiceIndex ? event.text : ''))
    .join('');
}

function shapeOf(events: readonly TextEvent[]): string[] {
  return events.map((event) => ('choiceIndex' in event ? `${event.kind} ${event.choiceIndex}` : event.kind));
}

function failure(run: () => unknown): ServerError {
  try {
    run();
  } catch (error) {
    if (error instanceof ServerError) return error;
  }
  throw new Error('no ServerError was thrown');
}

describe('a prediction', () => {
  const predictedOf = async (
    changes: Partial<TextRequest>,
    overrides: Partial<TextGeneratorOptions> = {},
  ) => {
    const { client, generator } = aGenerator(() => spelled('a'), overrides);
    await collect(generator, changes);
    return client.sequences.map(({ input }) => input.predictedTokenIds && [...input.predictedTokenIds]);
  };

  it('reaches every choice as tokens', async () => {
    const [first, second] = await predictedOf({ prediction: 'ab', choiceCount: 2 });
    expect(first!.slice(-1)).toEqual([...tokenizer.encode('ab', TEXT)].slice(-1));
    expect(second).toEqual(first);
  });

  it('is told in the usage, added up over choices, and no more of it than there is output', async () => {
    const predicted = { acceptedCount: 3, rejectedCount: 2 };
    const script = () => [tokens(ascii('abcd'), { predicted }), finish('stop')];
    const usageOf = async (changes: Partial<TextRequest>) => {
      const last = (await collect(aGenerator(script).generator, changes)).at(-1);
      return last?.kind === 'usage' ? last.usage.predicted : null;
    };
    expect(await usageOf({ prediction: 'abc' })).toEqual(predicted);
    expect(await usageOf({ prediction: 'abc', choiceCount: 2 })).toEqual({
      acceptedCount: 6,
      rejectedCount: 4,
    });
    expect(await usageOf({ prediction: 'abc', stop: ['b'] })).toEqual({ acceptedCount: 2, rejectedCount: 2 });
    expect(await usageOf({ prediction: null })).toBeUndefined();
  });

  it('of nothing is none', async () => {
    expect(await predictedOf({ prediction: '' })).toEqual([null]);
    expect(await predictedOf({ prediction: null })).toEqual([null]);
  });

  it('that cannot be tokenised is none', async () => {
    const longPrompts = { encode: () => Promise.reject(new ServerError('invalid_request', 'no such token')) };
    expect(await predictedOf({ prediction: 'x'.repeat(5_000) }, { longPrompts })).toEqual([null]);
  });

  it('that the thread for long prompts has no time for is none', async () => {
    const longPrompts = { encode: () => new Promise<never>(() => {}) };
    expect(await predictedOf({ prediction: 'x'.repeat(5_000) }, { longPrompts })).toEqual([null]);
  });

  it('is not tokenised beside banned words, which no draft can keep to', async () => {
    let calls = 0;
    const encode = async () => {
      calls++;
      return { text: 'long', tokenIds: Int32Array.of(5) };
    };
    const asked = { prediction: 'x'.repeat(5_000), badWords: ['y'] };
    expect(await predictedOf(asked, { longPrompts: { encode } })).toEqual([null]);
    expect(calls).toBe(0);
  });

  it('that is long is tokenised by the thread for long prompts', async () => {
    const tokenIds = Int32Array.of(5, 6);
    const longPrompts = { encode: async () => ({ text: 'long', tokenIds }) };
    expect(await predictedOf({ prediction: 'x'.repeat(5_000) }, { longPrompts })).toEqual([[5, 6]]);
  });
});

describe('TextGenerator', () => {
  it('gives the prompt first, deltas and the finish of a choice in order, and usage last', async () => {
    const { generator } = aGenerator([tokens(ascii('Hi'), { cachedTokenCount: 2 }), ...spelled('!')]);
    const events = await collect(generator);
    expect(events).toEqual([
      { kind: 'prompt', promptTokenCount: 3, prompts: null },
      { kind: 'text-delta', choiceIndex: 0, text: 'Hi', logprobs: null, tokenIds: null },
      { kind: 'text-delta', choiceIndex: 0, text: '!', logprobs: null, tokenIds: null },
      { kind: 'choice-finish', choiceIndex: 0, reason: 'length' },
      {
        kind: 'usage',
        usage: {
          promptTokenCount: 3,
          cachedTokenCount: expect.any(Number),
          completionTokenCount: 3,
          reasoningTokenCount: null,
        },
      },
    ]);
  });

  it('tells with each event how far its own choice has come, where that is asked for', async () => {
    const { generator } = aGenerator([tokens(ascii('Hi')), ...spelled('!')]);
    const told = (promptTokenCount: number, completionTokenCount: number) => {
      return { promptTokenCount, completionTokenCount };
    };
    const events = await collect(generator, {
      prompts: [
        { kind: 'tokens', tokenIds: [5, 6, 7] },
        { kind: 'tokens', tokenIds: [5, 6] },
      ],
      choiceCount: 2,
      wantsRunningUsage: true,
    });
    expect(events[0]).toMatchObject({ kind: 'prompt', runningUsages: [told(3, 0), told(2, 0)] });
    for (const choice of [0, 1, 2, 3]) {
      const promptTokenCount = choice < 2 ? 3 : 2;
      const own = events.filter((event) => 'choiceIndex' in event && event.choiceIndex === choice);
      expect(own.map((event) => ('runningUsage' in event ? event.runningUsage : null))).toEqual([
        told(promptTokenCount, 2),
        told(promptTokenCount, 3),
        told(promptTokenCount, 3),
      ]);
    }
    expect(events.at(-1)).toMatchObject({
      kind: 'usage',
      usage: { promptTokenCount: 5, completionTokenCount: 12 },
    });
  });

  it('reports the cached tokens of the first choice', async () => {
    const { generator } = aGenerator((_, index) => [
      tokens(ascii('x'), { cachedTokenCount: index === 0 ? 2 : 16 }),
      finish('length'),
    ]);
    const events = await collect(generator, { choiceCount: 2 });
    expect(events.at(-1)).toMatchObject({ usage: { cachedTokenCount: 2, completionTokenCount: 2 } });
  });

  it('leaves the stop token out of the text and counts it', async () => {
    const { client, generator } = aGenerator([tokens([...ascii('Hi'), END]), finish('stop')]);
    const events = await collect(generator);
    expect(textOf(events)).toBe('Hi');
    expect(events.at(-2)).toEqual({ kind: 'choice-finish', choiceIndex: 0, reason: 'stop' });
    expect(events.at(-1)).toMatchObject({ usage: { completionTokenCount: 3 } });
    expect(client.sequences[0]!.cancelled).toBe(false);
  });

  it('leaves the text of a stop token of the request out, though it is an ordinary token', async () => {
    const [a, b] = ascii('ab');
    const { client, generator } = aGenerator([tokens([a!, b!]), finish('stop')]);
    expect(textOf(await collect(generator, { stopTokenIds: [b!, END] }))).toBe('a');
    expect(client.sequences[0]!.input.stopTokenIds).toEqual([END, b]);
  });

  it('gives the engine no end-of-text tokens when they are to be ignored, and does not show them', async () => {
    const { client, generator } = aGenerator([tokens([...ascii('a'), END, ...ascii('b')]), finish('length')]);
    expect(textOf(await collect(generator, { ignoreEndOfText: true }))).toBe('ab');
    expect(client.sequences[0]!.input.stopTokenIds).toEqual([]);
  });

  it('shows no half character, and U+FFFD for one that is never completed', async () => {
    const { generator } = aGenerator([
      tokens([0xc3 + 3]),
      tokens([0xa9 + 3]),
      tokens([0xe2 + 3]),
      finish('length'),
    ]);
    const deltas = (await collect(generator)).filter((event) => event.kind === 'text-delta');
    expect(deltas.map((event) => event.text)).toEqual(['', 'é', '', '\ufffd']);
  });

  it('takes the leading space off an answer to messages, and leaves it to a continued text', async () => {
    const script: Script = [tokens([tokenizer.tokenId('▁the')!]), finish('length')];
    const messages = { kind: 'messages', messages: [{ role: 'user', content: 'x' }], ...PLAIN } as const;
    expect(textOf(await collect(aGenerator(script).generator, { prompts: [messages] }))).toBe('the');
    const text = { kind: 'text', text: 'x', addSpecialTokens: true } as const;
    expect(textOf(await collect(aGenerator(script).generator, { prompts: [text] }))).toBe(' the');
  });
});

describe('TextGenerator: stop strings', () => {
  it('ends the choice with reason stop, shows nothing of the stop string and cancels the sequence', async () => {
    const { client, generator } = aGenerator(spelled('one STOP two'));
    const events = await collect(generator, { stop: ['STOP'] });
    expect(textOf(events)).toBe('one ');
    expect(events.at(-2)).toEqual({ kind: 'choice-finish', choiceIndex: 0, reason: 'stop' });
    expect(events.at(-1)).toMatchObject({ usage: { completionTokenCount: 8 } });
    expect(client.sequences[0]!.cancelled).toBe(true);
    expect(client.sequences[0]!.takenCount).toBe(8);
  });

  it('does not count tokens that came in one event behind the stop string', async () => {
    const { generator } = aGenerator([tokens(ascii('ab.cd')), finish('length')]);
    const events = await collect(generator, { stop: ['.'] });
    expect(textOf(events)).toBe('ab');
    expect(events.at(-1)).toMatchObject({ usage: { completionTokenCount: 3 } });
  });

  it('shows what was held back when the sequence ends without the stop string', async () => {
    const { generator } = aGenerator(spelled('one STO'));
    const events = await collect(generator, { stop: ['STOP'] });
    expect(textOf(events)).toBe('one STO');
    expect(events.at(-2)).toEqual({ kind: 'choice-finish', choiceIndex: 0, reason: 'length' });
  });

  it('finds a stop string that only the end of the sequence completes', async () => {
    const { generator } = aGenerator([tokens([...ascii('a'), 0xe2 + 3]), finish('length')]);
    const events = await collect(generator, { stop: ['\ufffd'] });
    expect(textOf(events)).toBe('a');
    expect(events.at(-2)).toMatchObject({ kind: 'choice-finish', reason: 'stop' });
  });

  it('lets stop strings pass until the least number of tokens is there', async () => {
    const { generator } = aGenerator(spelled('a.b.c'));
    expect(textOf(await collect(generator, { stop: ['.'], newTokensMin: 2 }))).toBe('a.b');
  });

  it('ends one choice and lets the others go on', async () => {
    const { client, generator } = aGenerator((_, index) => spelled(index === 1 ? 'x.' : 'abcdef'));
    const events = await collect(generator, { choiceCount: 3, stop: ['.'] });
    expect([0, 1, 2].map((index) => textOf(events, index))).toEqual(['abcdef', 'x', 'abcdef']);
    expect(client.sequences.map((sequence) => sequence.cancelled)).toEqual([false, true, false]);
  });
});

describe('TextGenerator: log probabilities', () => {
  const logprobs = (tokenId: number) => ({ logprob: -tokenId, top: [{ tokenId, logprob: -tokenId }] });
  const scripted = (...parts: number[][]): Script => [
    ...parts.map((ids) => tokens(ids, { logprobs })),
    finish('length'),
  ];
  const entries = (events: readonly TextEvent[]): string[][] =>
    events.flatMap((event) =>
      event.kind === 'text-delta' ? [event.logprobs?.map((entry) => entry.text) ?? ['null']] : [],
    );

  it('gives text, exact bytes and the most likely tokens of every token', async () => {
    const { generator } = aGenerator(scripted([0xc3 + 3, 0xa9 + 3]));
    const events = await collect(generator, { logprobCount: 1 });
    const first = { tokenId: 0xc6, text: '\ufffd', bytes: [0xc3], logprob: -0xc6 };
    const second = { tokenId: 0xac, text: '\ufffd', bytes: [0xa9], logprob: -0xac };
    expect(events[1]).toEqual({
      kind: 'text-delta',
      choiceIndex: 0,
      text: 'é',
      logprobs: [
        { ...first, top: [first], textStart: 0, isSaid: true },
        { ...second, top: [second], textStart: 0, isSaid: true },
      ],
      tokenIds: null,
    });
  });

  it('holds entries back with their text, and leaves out those of stop string and stop token', async () => {
    const { generator } = aGenerator(scripted(ascii('a'), ascii('S'), ascii('x'), ascii('S'), ascii('T')));
    expect(entries(await collect(generator, { logprobCount: 0, stop: ['ST'] }))).toEqual([
      ['a'],
      [],
      ['S', 'x'],
      [],
      [],
    ]);
    const ended = aGenerator(scripted(ascii('a'), [END])).generator;
    expect(entries(await collect(ended, { logprobCount: 0 }))).toEqual([['a'], []]);
  });

  it('gives the entries of all tokens by the end, also of those without text', async () => {
    const { generator } = aGenerator(scripted(ascii('a'), [1], [0xe2 + 3]));
    const given = entries(await collect(generator, { logprobCount: 0, stop: ['zz'] }));
    expect(given.flat()).toEqual(['a', '<s>', '\ufffd']);
  });

  it('gives null where they are not asked for', async () => {
    const { generator } = aGenerator(scripted(ascii('a')));
    expect(entries(await collect(generator))).toEqual([['null']]);
  });
});

describe('TextGenerator: what it submits', () => {
  it('fills in the defaults of the model, and what the request says before them', async () => {
    const defaults = { temperature: 0.6, topP: 0.9, topK: 20, minP: 0.05, repetitionPenalty: 1.1 };
    const { client, generator } = aGenerator(spelled('x'), { defaults });
    await collect(generator);
    expect(client.sequences[0]!.input.sampling).toEqual({
      ...defaults,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: new Map(),
      allowedTokenIds: null,
      bannedSequences: [],
      seed: 77,
      logprobCount: null,
      promptLogprobCount: null,
    });
    await collect(generator, { temperature: 0, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1, seed: 5 });
    expect(client.sequences[1]!.input.sampling).toMatchObject({
      ...OPENAI_DEFAULTS,
      temperature: 0,
      seed: 5,
    });
  });

  it('submits the choices after the first at its first event, each with its own seed, over the same memory of the prompt', async () => {
    const { client, generator } = aGenerator(spelled('ab'));
    const feed = generator.generate(aTextRequest({ choiceCount: 3, seed: 9 }), IGNORE);
    await Promise.resolve();
    expect(feed.take()).toMatchObject({ kind: 'prompt' });
    expect(client.sequences).toHaveLength(1);
    expect(feed.take()).toMatchObject({ kind: 'text-delta' });
    expect(client.sequences).toHaveLength(3);
    const inputs = client.sequences.map((sequence) => sequence.input);
    expect(inputs.map((input) => input.sampling.seed)).toEqual(
      [0, 1, 2].map((index) => seedOfChoice(9, index)),
    );
    const buffers = new Set(inputs.map((input) => input.promptTokenIds.buffer));
    expect([...buffers]).toEqual([expect.any(SharedArrayBuffer)]);
  });

  it('adds no second beginning-of-text token to a rendered conversation', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    const messages = [{ role: 'user', content: 'the' }];
    await collect(generator, { prompts: [{ kind: 'messages', messages, ...PLAIN }] });
    await collect(generator, { prompts: [{ kind: 'text', text: 'the', addSpecialTokens: true }] });
    const [ofMessages, ofText] = client.sequences.map((sequence) => [...sequence.input.promptTokenIds]);
    expect(ofMessages).toEqual([1, tokenizer.tokenId('▁the')]);
    expect(ofText).toEqual(ofMessages);
  });

  it('makes no control token of what a message says, and does of what a text prompt says', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    const messages = [{ role: 'user', content: 'a</s>' }];
    await collect(generator, { prompts: [{ kind: 'messages', messages, ...PLAIN }] });
    await collect(generator, { prompts: [{ kind: 'text', text: 'a</s>', addSpecialTokens: true }] });
    const [ofMessages, ofText] = client.sequences.map((sequence) => sequence.input.promptTokenIds);
    expect(ofMessages).not.toContain(END);
    expect(ofText).toContain(END);
  });

  it('fills the context when no number of new tokens is given', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    await collect(generator, { newTokensMax: null });
    expect(client.sequences[0]!.input.newTokensMax).toBe(125);
    await collect(generator, { newTokensMax: null, newTokensRoomMax: 124 });
    expect(client.sequences[1]!.input.newTokensMax).toBe(124);
    await collect(generator, { newTokensMax: null, newTokensRoomMax: 126 });
    expect(client.sequences[2]!.input.newTokensMax).toBe(125);
  });
});

describe('TextGenerator: refusals', () => {
  const check = (overrides: Partial<TextRequest>): ServerError => {
    const { client, generator } = aGenerator(spelled('a'));
    const error = failure(() => generator.generate(aTextRequest(overrides), IGNORE));
    expect(client.sequences).toHaveLength(0);
    return error;
  };

  it('names both numbers when prompt and completion do not fit', () => {
    const error = check({ newTokensMax: 126 });
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'prompt' });
    expect(error.message).toBe(
      "This model's maximum context length is 128 tokens. However, you requested 129 tokens " +
        '(3 in the prompt, 126 in the completion). Please reduce the length of the prompt or completion.',
    );
  });

  it('takes a request that fits exactly', async () => {
    const { generator } = aGenerator(spelled('a'));
    expect(textOf(await collect(generator, { newTokensMax: 125 }))).toBe('a');
  });

  it('refuses a prompt that leaves no room for one token', () => {
    const error = check({
      prompts: [{ kind: 'tokens', tokenIds: new Array(128).fill(5) }],
      newTokensMax: null,
    });
    expect(error.message).toBe(
      "This model's maximum context length is 128 tokens. However, your prompt resulted in 128 tokens. " +
        'Please reduce the length of the prompt.',
    );
  });

  it('does not count a prompt that is many times too long to its end, and says so', async () => {
    const { client, generator } = aGenerator(spelled('a'), {
      longPrompts: {
        encode: async (prompt, context) => encodePrompt(prompt, { tokenizer, formats }, context),
      },
    });
    const prompt = { kind: 'text', text: 'word '.repeat(100_000), addSpecialTokens: true } as const;
    const error: ServerError = await collect(generator, { prompts: [prompt], newTokensMax: null }).then(
      () => Promise.reject(new Error('no ServerError was thrown')),
      (reason) => reason,
    );
    expect(error.code).toBe('context_length_exceeded');
    const count = Number(/your prompt resulted in at least (\d+) tokens/.exec(error.message)?.[1]);
    expect(count).toBeGreaterThan(2 * 128);
    expect(count).toBeLessThan(100_000);
    expect(client.sequences).toHaveLength(0);
  });

  it('refuses a token id beyond 32 bits instead of taking it for another', () => {
    const error = check({ prompts: [{ kind: 'tokens', tokenIds: [2 ** 32 + 5] }] });
    expect(error).toMatchObject({ code: 'invalid_request', param: 'prompt[0]' });
    expect(error.message).toContain(String(2 ** 32 + 5));
  });

  it('tells the thread of long prompts whether a prompt is wanted that is only to be tokenised', async () => {
    const asked: boolean[] = [];
    const longPrompts: TextGeneratorOptions['longPrompts'] = {
      encode: async (_prompt, _context, isWanted) => {
        asked.push(isWanted());
        return { text: 'x', tokenIds: Int32Array.of(5) };
      },
    };
    const { generator } = aGenerator([], { longPrompts });
    const prompt = { kind: 'text', text: 'a'.repeat(5000), addSpecialTokens: true } as const;
    for (const isWanted of [true, false]) await generator.tokenize(prompt, () => isWanted);
    expect(asked).toEqual([true, false]);
  });

  it('says of what is too long to be tokenised the context first, as of what is too long to be completed', async () => {
    const { generator } = aGenerator([]);
    const long = 'word '.repeat(300);
    const messages = [{ role: 'user', content: long }];
    for (const [prompt, param] of [
      [{ kind: 'text', text: long, addSpecialTokens: true }, 'prompt'],
      [{ kind: 'messages', messages, ...PLAIN }, 'messages'],
    ] as const) {
      await expect(generator.tokenize(prompt, () => true)).rejects.toMatchObject({
        code: 'context_length_exceeded',
        param,
        message:
          `This model's maximum context length is 128 tokens. However, your ${param} resulted in more than ` +
          `256 tokens, and longer ones are not tokenised. Please reduce the length of the ${param}.`,
      });
    }
  });

  it('tokenises an empty prompt to nothing, as it may be counted', async () => {
    const { generator } = aGenerator(spelled('a'));
    const { tokenIds } = await generator.tokenize(
      { kind: 'text', text: '', addSpecialTokens: false },
      () => true,
    );
    expect([...tokenIds]).toEqual([]);
  });

  it('refuses empty prompts, and token ids that the model does not know', () => {
    const prompt = (tokenIds: number[]): Partial<TextRequest> => ({
      prompts: [{ kind: 'tokens', tokenIds }],
    });
    expect(check(prompt([]))).toMatchObject({ code: 'invalid_request', param: 'prompt' });
    expect(check(prompt([2000]))).toMatchObject({ code: 'invalid_request', param: 'prompt[0]' });
    expect(check(prompt([-1]))).toMatchObject({ code: 'invalid_request', param: 'prompt[0]' });
    expect(check({ logitBias: new Map([[2000, 1]]) })).toMatchObject({ param: 'logit_bias' });
    expect(check({ stopTokenIds: [1.5] })).toMatchObject({ param: 'stop_token_ids' });
  });

  it('says what the chat template refuses, by the name that the request has for its messages', () => {
    const { generator } = aGenerator(spelled('a'), {
      formats: formatsOf("{{ raise_exception('No users here.') }}"),
    });
    const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'x' }], ...PLAIN } as const;
    const errorOf = (named: Prompt) =>
      failure(() => generator.generate(aTextRequest({ prompts: [named] }), IGNORE));
    expect(errorOf(prompt)).toMatchObject({ code: 'invalid_request', param: 'messages' });
    const error = errorOf({ ...prompt, param: 'input' });
    expect(error).toMatchObject({ code: 'invalid_request', param: 'input' });
    expect(error.message).toContain('No users here.');
  });

  it('says that there is no chat template when messages come to a model without one', () => {
    const { generator } = aGenerator(spelled('a'), { formats: null });
    const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'x' }], ...PLAIN } as const;
    const error = failure(() => generator.generate(aTextRequest({ prompts: [prompt] }), IGNORE));
    expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
    expect(error.message).toContain('no chat template');
  });
});

describe('TextGenerator: ends', () => {
  it('cancels every choice when its reader leaves', async () => {
    const { client, generator } = aGenerator([tokens(ascii('a')), 'hang']);
    for await (const event of eventsOf(generator, { choiceCount: 3 })) {
      if (event.kind === 'text-delta' && event.choiceIndex === 2) break;
    }
    expect(client.sequences.map((sequence) => sequence.cancelled)).toEqual([true, true, true]);
  });

  it('gives nothing more once it was cancelled, whatever was ready', async () => {
    const { client, generator } = aGenerator(spelled('ab'));
    const feed = generator.generate(aTextRequest({ choiceCount: 2 }), IGNORE);
    await Promise.resolve();
    expect([feed.take()?.kind, feed.take()?.kind]).toEqual(['prompt', 'text-delta']);
    feed.cancel();
    feed.cancel();
    await Promise.resolve();
    expect(feed.take()).toBeNull();
    expect(client.sequences.map((sequence) => sequence.cancelled)).toEqual([true, true]);
  });

  it('passes a failure on and cancels the other choices by itself, although its reader does not leave', async () => {
    const broken = new ServerError('step_failed', 'broken');
    const { client, generator } = aGenerator((_, index) => [
      tokens(ascii('a')),
      index === 1 ? broken : 'hang',
    ]);
    const feed = generator.generate(aTextRequest({ choiceCount: 3 }), IGNORE);
    const takeAll = async () => {
      for (;;) if (feed.take() === null) await nextTurn();
    };
    await expect(takeAll()).rejects.toBe(broken);
    expect(client.sequences.map(({ cancelled }) => cancelled)).toEqual([true, true, true]);
    expect(feed.take()).toBeNull();
  });

  it('fails when the engine aborts it by itself', async () => {
    const { generator } = aGenerator([finish('abort')]);
    await expect(collect(generator)).rejects.toMatchObject({ code: 'step_failed' });
  });

  it('throws a failure once, and gives nothing behind it', async () => {
    const { generator } = aGenerator([new ServerError('step_failed', 'broken')]);
    const feed = generator.generate(aTextRequest(), IGNORE);
    await Promise.resolve();
    expect(feed.take()).toMatchObject({ kind: 'prompt' });
    expect(() => feed.take()).toThrow('broken');
    expect(feed.take()).toBeNull();
  });

  it('passes on what is urgent, and calls everything so that may complete a stop string', () => {
    for (const [stop, expected] of [
      [[], [false, true]],
      [['.'], [true, true]],
    ] as const) {
      const told: unknown[] = [];
      let tell: OnReadable = () => {};
      const { generator, client } = aGenerator(['hang']);
      client.generate = (_, onReadable) => {
        tell = onReadable;
        return { take: () => null, cancel: () => {}, finish: () => {} };
      };
      generator.generate(aTextRequest({ stop }), (isUrgent) => told.push(isUrgent));
      tell(false);
      tell(true);
      expect(told).toEqual(expected);
    }
  });

  it('asks for no event of a choice before the one before was taken', async () => {
    const { client, generator } = aGenerator(spelled('abcdefgh'));
    const feed = generator.generate(aTextRequest(), IGNORE);
    await Promise.resolve();
    feed.take();
    feed.take();
    expect(client.sequences[0]!.takenCount).toBe(1);
  });
});

describe('TextGenerator: several prompts', () => {
  const promptsOf = (...lists: number[][]) =>
    lists.map((tokenIds) => ({ kind: 'tokens', tokenIds }) as const);

  it('numbers the choices prompt by prompt, and counts tokens of all', async () => {
    const { client, generator } = aGenerator((input) => [
      tokens(ascii('abc'.charAt(input.promptTokenIds.length - 1)), { cachedTokenCount: 1 }),
      finish('length'),
    ]);
    const events = await collect(generator, { prompts: promptsOf([5], [5, 6], [5, 6, 7]), choiceCount: 2 });
    expect([0, 1, 2, 3, 4, 5].map((index) => textOf(events, index))).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
    expect(events[0]).toEqual({ kind: 'prompt', promptTokenCount: 6, prompts: null });
    expect(events.at(-1)).toEqual({
      kind: 'usage',
      usage: {
        promptTokenCount: 6,
        cachedTokenCount: 3,
        completionTokenCount: 6,
        longestTokenCount: 1,
        reasoningTokenCount: null,
      },
    });
    expect(client.sequences).toHaveLength(6);
  });

  it('tells how long the longest choice is', async () => {
    const { generator } = aGenerator((input) => [
      tokens(ascii('abc'.slice(0, input.promptTokenIds.length))),
      finish('length'),
    ]);
    const events = await collect(generator, { prompts: promptsOf([5, 6, 7], [5]) });
    expect(events.at(-1)).toMatchObject({ usage: { completionTokenCount: 4, longestTokenCount: 3 } });
  });

  it('gives each prompt the seeds that it would have alone', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    await collect(generator, { prompts: promptsOf([5], [6]), choiceCount: 2, seed: 9 });
    const seeds = [...client.sequences]
      .map(({ input }) => [input.promptTokenIds[0], input.sampling.seed])
      .sort(([a], [b]) => a! - b!);
    expect(seeds).toEqual([5, 5, 6, 6].map((id, index) => [id, seedOfChoice(9, index % 2)]));
  });

  it('draws a seed for each prompt where the request names none, so that equal prompts get answers of their own', async () => {
    let drawn = 100;
    const { client, generator } = aGenerator(spelled('a'), { drawSeed: () => drawn++ });
    await collect(generator, { prompts: promptsOf([5], [5]), choiceCount: 2 });
    const seeds = client.sequences.map(({ input }) => input.sampling.seed);
    expect(seeds.toSorted()).toEqual(
      [100, 101].flatMap((seed) => [0, 1].map((index) => seedOfChoice(seed, index))).toSorted(),
    );
  });

  it('names the prompt that cannot run, and runs none', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    const wrong = collect(generator, { prompts: promptsOf([5], [2000]) });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_request', param: 'prompt[1][0]' });
    const long = collect(generator, { prompts: promptsOf([5], new Array(128).fill(5)) });
    await expect(long).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'prompt[1]' });
    const error = failure(() =>
      generator.generate(aTextRequest({ prompts: promptsOf([2000], [5]) }), IGNORE),
    );
    expect(error.param).toBe('prompt[0][0]');
    expect(client.sequences).toEqual([]);
  });

  it('wants its prompts tokenised until it is cancelled', async () => {
    const wanted: boolean[] = [];
    let isWanted = () => false;
    const longPrompts: TextGeneratorOptions['longPrompts'] = {
      encode: (_prompt, _options, isStillWanted) => {
        isWanted = isStillWanted;
        return new Promise<never>(() => {});
      },
    };
    const { generator } = aGenerator(spelled('a'), { longPrompts });
    const long = { kind: 'text', text: 'x'.repeat(5_000), addSpecialTokens: false } as const;
    const feed = generator.generate(aTextRequest({ prompts: [long] }), IGNORE);
    wanted.push(isWanted());
    feed.cancel();
    wanted.push(isWanted());
    expect(wanted).toEqual([true, false]);
  });

  it('listens for the end of the engine until its sequences are started, which hear of it themselves', async () => {
    const { client, generator } = aGenerator(spelled('a'));
    const events = collect(generator, { prompts: promptsOf([5], [6]) });
    expect(client.endListenerCount).toBe(1);
    await events;
    expect(client.endListenerCount).toBe(0);
  });

  it('lets others have their turn between prompts, and stops tokenising when it is cancelled', async () => {
    const prompts = promptsOf(...Array.from({ length: 99 }, () => [5]), [2000]);
    const { client, generator } = aGenerator(spelled('a'));
    let isReadable = false;
    const feed = generator.generate(aTextRequest({ prompts }), () => {
      isReadable = true;
    });
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    feed.cancel();
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(isReadable).toBe(false);
    expect(client.sequences).toEqual([]);
  });
});

describe('TextGenerator: what is told only when asked for', () => {
  it('tells prompts as text and tokens', async () => {
    const { generator } = aGenerator(spelled('a'));
    const prompts = [
      { kind: 'text', text: 'the', addSpecialTokens: true },
      { kind: 'tokens', tokenIds: [1, ...ascii('hi'), END] },
    ] as const;
    const [event] = await collect(generator, { prompts, wantsPrompts: true });
    expect(event).toMatchObject({
      prompts: [
        { text: 'the', tokenIds: [1, expect.any(Number)] },
        { text: '<s>hi</s>', tokenIds: [1, ...ascii('hi'), END] },
      ],
    });
  });

  it('tells the ids of all tokens, stop tokens and held ones too, but none behind a stop string', async () => {
    const stopping = aGenerator([tokens([...ascii('ab'), END]), finish('stop')]).generator;
    const idsOf = (events: readonly TextEvent[]) =>
      events.flatMap((event) => (event.kind === 'text-delta' ? event.tokenIds : []));
    const wantsTokenIds = true;
    expect(idsOf(await collect(stopping, { wantsTokenIds, stop: ['abc'] }))).toEqual([...ascii('ab'), END]);
    const matching = aGenerator([tokens(ascii('xyz')), finish('length')]).generator;
    expect(idsOf(await collect(matching, { wantsTokenIds, stop: ['y'] }))).toEqual(ascii('xy'));
  });

  it('tells how many characters of the text stand before a token', async () => {
    const bytes = [...Buffer.from('🂡é!')].map((byte) => byte + 3);
    const logprobs = (tokenId: number) => ({ logprob: -tokenId, top: [] });
    const { generator } = aGenerator([...bytes.map((id) => tokens([id], { logprobs })), finish('length')]);
    const events = await collect(generator, { logprobCount: 0 });
    const starts = events.flatMap((event) =>
      event.kind === 'text-delta' ? event.logprobs!.map(({ textStart }) => textStart) : [],
    );
    expect(starts).toEqual([0, 0, 0, 0, 1, 1, 2]);
  });
});

describe('TextGenerator: forbidden tokens', () => {
  const samplingOf = async (overrides: Partial<TextRequest>) => {
    const { client, generator } = aGenerator(spelled('a'));
    await collect(generator, overrides);
    return client.sequences[0]!.input.sampling;
  };

  it('hands on the allowed ones', async () => {
    const { allowedTokenIds } = await samplingOf({ allowedTokenIds: [7, 5] });
    expect(allowedTokenIds).toEqual(Int32Array.of(7, 5));
    expect((await samplingOf({})).allowedTokenIds).toBeNull();
  });

  it('bans words as they are cut at a beginning and behind a space, each cut once', async () => {
    const { bannedSequences } = await samplingOf({ badWords: ['the', 'the'] });
    const cut = (text: string) =>
      tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: false });
    expect(bannedSequences).toEqual(['the', ' the'].map(cut));
  });

  it('bans a special token by its spelling, as vLLM does', async () => {
    const { bannedSequences } = await samplingOf({ badWords: ['</s>'] });
    expect(bannedSequences[0]).toEqual(Int32Array.of(END));
  });

  it('refuses a least number of tokens that the context has no room for', () => {
    const { client, generator } = aGenerator(spelled('a'));
    const { modelLengthMax } = client.limits;
    const run = (newTokensMin: number, newTokensMax: number | null) => () =>
      generator.generate(aTextRequest({ newTokensMin, newTokensMax }), IGNORE);
    expect(failure(run(modelLengthMax, null))).toMatchObject({
      code: 'invalid_request',
      param: 'min_tokens',
    });
    expect(run(2, null)).not.toThrow();
  });

  it('refuses a request that leaves no token', () => {
    const [only] = tokenizer.encode('the', { addSpecialTokens: false, parseSpecialTokens: false });
    const { generator } = aGenerator(spelled('a'));
    const run = (overrides: Partial<TextRequest>) => () =>
      generator.generate(aTextRequest(overrides), IGNORE);
    expect(failure(run({ allowedTokenIds: [only!], badWords: ['the'] }))).toMatchObject({
      code: 'invalid_request',
      param: 'allowed_token_ids',
    });
    expect(failure(run({ allowedTokenIds: [END], newTokensMin: 1 }))).toMatchObject({
      param: 'allowed_token_ids',
    });
    expect(run({ allowedTokenIds: [END] })).not.toThrow();
    expect(failure(run({ allowedTokenIds: [2000] }))).toMatchObject({ param: 'allowed_token_ids' });
  });
});

describe('TextGenerator: scored prompts', () => {
  const scoresOf = (count: number) => [
    { ...promptScores(1, count, 0), logprobs: new Float32Array(count).fill(-2) },
  ];

  it('tells of each prompt before the deltas of its choices, and asks for it once', async () => {
    const script: Script = (_input, index) => [
      tokens(ascii('a'), index < 2 ? { promptScores: scoresOf(2) } : {}),
      finish('length'),
    ];
    const { client, generator } = aGenerator(script);
    const prompts = [
      { kind: 'tokens', tokenIds: [5, 6, 7] },
      { kind: 'tokens', tokenIds: [8, 9, 10] },
    ] as const;
    const events = await collect(generator, { prompts, choiceCount: 2, promptLogprobCount: 3 });
    const told = events.filter((event) => event.kind === 'prompt-logprobs');
    expect(
      told.map(({ promptIndex, tokens: list }) => [promptIndex, list.map(({ tokenId }) => tokenId)]),
    ).toEqual(
      expect.arrayContaining([
        [0, [5, 6, 7]],
        [1, [8, 9, 10]],
      ]),
    );
    expect(told).toHaveLength(2);
    const firstDelta = events.findIndex((event) => event.kind === 'text-delta' && event.choiceIndex < 2);
    const firstTold = events.findIndex(
      (event) => event.kind === 'prompt-logprobs' && event.promptIndex === 0,
    );
    expect(firstTold).toBeLessThan(firstDelta);
    const asked = client.sequences.map(({ input }) => input.sampling.promptLogprobCount);
    expect(asked.toSorted()).toEqual([3, 3, null, null]);
  });

  it('of one token are told too: there is nothing to score', async () => {
    const { generator } = aGenerator(spelled('a'));
    const events = await collect(generator, {
      prompts: [{ kind: 'tokens', tokenIds: [5] }],
      promptLogprobCount: 0,
    });
    expect(events.find((event) => event.kind === 'prompt-logprobs')?.tokens).toMatchObject([{ score: null }]);
  });

  it('need no output: the token that the engine makes is not told', async () => {
    const { client, generator } = aGenerator([tokens(ascii('a'), { promptScores: scoresOf(2) }), 'hang']);
    const events = await collect(generator, { newTokensMax: 0, promptLogprobCount: 0, logprobCount: 0 });
    expect(shapeOf(events)).toEqual(['prompt', 'prompt-logprobs', 'choice-finish 0', 'usage']);
    expect(events.at(-1)).toMatchObject({ usage: { completionTokenCount: 0, promptTokenCount: 3 } });
    expect(client.sequences[0]!.input.newTokensMax).toBe(0);
  });

  it('are complete with the log probability of the stop token, where that is asked for', async () => {
    const logprobs = () => ({ logprob: -1, top: [] });
    const script = [tokens([...ascii('a'), END], { logprobs }), finish('stop')];
    const countOf = async (wantsStopLogprobs: boolean): Promise<number> => {
      const events = await collect(aGenerator(script).generator, { logprobCount: 0, wantsStopLogprobs });
      return events.flatMap((event) => (event.kind === 'text-delta' ? (event.logprobs ?? []) : [])).length;
    };
    expect([await countOf(false), await countOf(true)]).toEqual([1, 2]);
  });

  it('tell the mean of a choice with its end, stop tokens included, where it is asked for, and nothing of each token', async () => {
    const logprobs = (tokenId: number) => ({ logprob: tokenId === END ? -4 : -1, top: [] });
    const script = [tokens([...ascii('ab'), END], { logprobs }), finish('stop')];
    const { client, generator } = aGenerator(script);
    const end = { kind: 'choice-finish', choiceIndex: 0, reason: 'stop' };
    const ranked = await collect(generator, { wantsMeanLogprob: true });
    expect(ranked).toContainEqual({ ...end, meanLogprob: -2 });
    expect(ranked.map((event) => (event.kind === 'text-delta' ? event.logprobs : null))).not.toContainEqual(
      expect.anything(),
    );
    expect(client.sequences[0]!.input.sampling.logprobCount).toBe(0);
    expect(await collect(generator, { logprobCount: 0 })).toContainEqual(end);
  });

  it('that would be too many numbers are refused before anything runs', async () => {
    const { client, generator } = aGenerator(
      spelled('a'),
      {},
      { modelLengthMax: 100_000, blockCount: 10_000 },
    );
    const prompts = [{ kind: 'tokens', tokenIds: new Array(11_000).fill(5) }] as const;
    await expect(collect(generator, { prompts, promptLogprobCount: 20 })).rejects.toMatchObject({
      param: 'prompt',
    });
    expect(client.sequences).toEqual([]);
  });
});
