/** Requests with a grammar, between the route and the engine: compiled once, beside all others, or refused. */

import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import type { OnReadable } from '../../src/base/feed.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import { ModelGrammars, vocabularyTrie } from '../../src/engine/model-grammars.ts';
import type { Prompt, TextRequest } from '../../src/engine/text-generation.ts';
import { createTextGenerator } from '../../src/engine/text-generator.ts';
import { GrammarAutomaton } from '../../src/sampling/grammar/grammar-automaton.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import { ChatTemplate, PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { onlyFormat } from '../../src/text/message/chat-formats.ts';
import { MessageDialect } from '../../src/text/message/message-dialect.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { stateAfter } from '../sampling/grammar/grammar-driver.ts';
import { FakeEngineClient, finish, tokens } from '../support/fake-engine-client.ts';
import { textEvents } from '../support/feeds.ts';
import { grammarsHere, HeldThread } from '../support/grammars.ts';
import { NO_LONG_PROMPTS } from '../support/prompt-threads.ts';
import { aTextRequest } from '../support/text-request.ts';
import { type Family, filesOf } from '../text/fixtures.ts';

const YES: GrammarSource = { kind: 'literal', text: 'yes' };
const TEXT: Prompt = { kind: 'text', text: 'Is it?', addSpecialTokens: false };
const MESSAGES: Extract<Prompt, { kind: 'messages' }> = {
  kind: 'messages',
  messages: [{ role: 'user', content: 'Is it?' }],
  rendering: PLAIN_RENDERING,
  addSpecialTokens: false,
};

function aGenerator(family: Family, thread: HeldThread | null = null) {
  const files = filesOf(family);
  const tokenizer = new Tokenizer(files);
  const vocabulary = new Vocabulary(files);
  const template = new ChatTemplate({
    source: '{% for m in messages %}{{ m.content }}{% endfor %}',
    namedSpecialTokens: tokenizer.namedSpecialTokens,
    specialTokenTexts: tokenizer.specialTokenTexts,
  });
  const client = new FakeEngineClient([tokens([5]), finish('stop')], { vocabularySize: vocabulary.size });
  const generator = createTextGenerator({
    client,
    tokenizer,
    vocabulary,
    longPrompts: NO_LONG_PROMPTS,
    grammars:
      thread === null
        ? grammarsHere(tokenizer, vocabulary)
        : new ModelGrammars(vocabularyTrie(vocabulary), thread),
    formats: onlyFormat({
      template,
      dialect: new MessageDialect({ template, addedTokenTexts: [], toolCalls: 'auto', reasoning: 'auto' }),
    }),
    defaults: OPENAI_DEFAULTS,
    endOfTextTokenIds: [2],
    drawSeed: () => 1,
  });
  const run = async (request: Partial<TextRequest>): Promise<void> => {
    const generate = (onReadable: OnReadable) => generator.generate({ ...FREE, ...request }, onReadable);
    for await (const _ of textEvents(generate));
  };
  return { client, generator, run };
}

const FREE: TextRequest = aTextRequest({ prompts: [TEXT] });

/** Texts that fit the grammar of the first sequence. */
function fitting(client: FakeEngineClient, texts: readonly string[]): string[] {
  const automaton = new GrammarAutomaton(client.sequences[0]!.input.grammar!.compiled, { vocabularySize: 1 });
  return texts.filter((text) => stateAfter(automaton, text)?.isFinal === true);
}

describe('an answer that continues a message', () => {
  const JSON_OBJECT: GrammarSource = { kind: 'json-object' };
  const schema: GrammarSource = { kind: 'json-schema', schema: { type: 'object' } };

  async function begun(
    content: ChatMessage['content'],
    request: Partial<TextRequest>,
  ): Promise<string | undefined> {
    const { client, run } = aGenerator('qwen2');
    const messages = [...MESSAGES.messages, { role: 'assistant', content } as const];
    const rendering = { ...PLAIN_RENDERING, addGenerationPrompt: false, continueFinalMessage: true };
    const answerForm = { tools: [], mustCall: false, callsMax: 1, reasoning: 'apart' } as const;
    await run({ prompts: [{ ...MESSAGES, messages, rendering }], answerForm, ...request });
    return client.sequences[0]!.input.grammar?.begun;
  }

  it('is in the midst of the JSON that has begun there', async () => {
    expect(await begun('{"a": ', { grammar: JSON_OBJECT })).toBe('{"a": ');
    expect(await begun('\n [1, ', { grammar: schema })).toBe('[1, ');
    expect(await begun([{ type: 'text', text: '[2, ' }], { grammar: schema })).toBe('[2, ');
  });

  it('is in the midst of JSON that quotes a mark of thoughts', async () => {
    expect(await begun('{"a": "</think> ', { grammar: JSON_OBJECT })).toBe('{"a": "</think> ');
    expect(await begun('{"a": "<think> ', { grammar: JSON_OBJECT })).toBe('{"a": "<think> ');
  });

  it('begins its form anew behind several parts, which each template joins in its own way', async () => {
    const parts = ['{"a": ', '"b'].map((text) => ({ type: 'text', text }) as const);
    expect(await begun(parts, { grammar: JSON_OBJECT })).toBe('');
  });

  it.each([
    ['Here it is:\n', JSON_OBJECT],
    ['', schema],
    ['{"a": ', YES],
  ])('begins its form anew behind %j', async (content, grammar) => {
    expect(await begun(content, { grammar })).toBe('');
  });
});

describe('a request with a grammar', () => {
  it('gives every choice the same compiled grammar, and the next request the same one', async () => {
    const { client, run } = aGenerator('qwen2');
    await run({ grammar: YES, choiceCount: 2 });
    await run({ grammar: { ...YES } });
    await run({});
    const [first, second, third, free] = client.sequences.map(({ input }) => input.grammar);
    expect(first).not.toBeNull();
    expect([second, third, free]).toEqual([first, first, null]);
    expect(third!.compiled).toBe(first!.compiled);
  });

  it('is refused before anything runs when the grammar cannot be', () => {
    const { client, generator } = aGenerator('qwen2');
    const grammar: GrammarSource = { kind: 'regex', pattern: '(?=a)', param: 'guided_regex' };
    const generate = () => generator.generate({ ...FREE, grammar }, () => {});
    expect(generate).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter', param: 'guided_regex' }),
    );
    expect(client.sequences).toEqual([]);
  });

  it('may begin with a space exactly where that is taken off the text', async () => {
    const cases = [
      ['llama2', MESSAGES, ['yes', ' yes']],
      ['mistral', MESSAGES, ['yes', ' yes']],
      ['llama2', TEXT, ['yes']],
      ['qwen2', MESSAGES, ['yes']],
    ] as const;
    for (const [family, prompt, expected] of cases) {
      const { client, run } = aGenerator(family);
      await run({ prompts: [prompt], grammar: YES });
      expect(fitting(client, ['yes', ' yes', '  yes']), family).toEqual(expected);
    }
  });

  it.each([
    ['text', TEXT],
    ['messages', MESSAGES],
  ])('keeps no other request waiting while its grammar is compiled: %s', async (_, prompt) => {
    const thread = new HeldThread();
    const { client, run } = aGenerator('qwen2', thread);
    const held = run({ prompts: [prompt], grammar: YES });
    await run({ prompts: [prompt] });
    expect(client.sequences.map(({ input }) => input.grammar)).toEqual([null]);
    thread.release();
    await held;
    expect(client.sequences[1]!.input.grammar).not.toBeNull();
  });

  it('that goes away while its grammar is compiled never starts', async () => {
    const thread = new HeldThread();
    const { client, generator, run } = aGenerator('qwen2', thread);
    const gone = generator.generate({ ...FREE, grammar: YES }, () => {});
    gone.cancel();
    const stays = run({ grammar: YES });
    thread.release();
    await stays;
    expect(client.sequences.length).toBe(1);
    expect(gone.take()).toBeNull();
  });

  it('fails with the engine while its grammar is compiled, and never starts', async () => {
    const thread = new HeldThread();
    const { client, run } = aGenerator('qwen2', thread);
    const failed = expect(run({ grammar: YES })).rejects.toMatchObject({ code: 'shutting_down' });
    client.end(new ServerError('shutting_down', 'The server is shutting down.'));
    await failed;
    const later = run({});
    thread.release();
    await later;
    expect(client.sequences.map(({ input }) => input.grammar)).toEqual([null]);
  });

  it('is refused by its feed when another thread finds that the grammar cannot be', async () => {
    const thread = new HeldThread();
    const { client, run } = aGenerator('qwen2', thread);
    const refused = run({ grammar: { kind: 'regex', pattern: '(?=a)', param: 'guided_regex' } });
    thread.release();
    await expect(refused).rejects.toMatchObject({ code: 'unsupported_parameter', param: 'guided_regex' });
    expect(client.sequences).toEqual([]);
  });
});
