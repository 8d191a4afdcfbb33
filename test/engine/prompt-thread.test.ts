/** Long prompts in a thread of their own: the same tokens, the same refusals, and nothing lost when the thread fails. */

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseModelFiles, readModelSource } from '../../src/engine/model-directory.ts';
import { createPromptEncoder } from '../../src/engine/prompt-encoder.ts';
import { encodePrompt } from '../../src/engine/prompt-encoding.ts';
import { isLongPrompt, PromptThread } from '../../src/engine/prompt-thread.ts';
import type { Prompt } from '../../src/engine/text-generation.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import { PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { FAKE_LIMITS } from '../support/fake-engine-client.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const modelDirectory = path.join(ROOT, 'models/octavo-mini');
const workerUrl = new URL('../../dist/engine/prompt-worker.js', import.meta.url);
const options = {
  limits: { ...FAKE_LIMITS, modelLengthMax: 100_000, blockCount: 10_000, vocabularySize: 4096 },
  param: 'prompt',
};
const wanted = () => true;

const PARSERS = { toolCalls: 'auto', reasoning: 'auto' } as const;

const MODEL = await readModelSource(modelDirectory);

function aThread(model = MODEL): PromptThread {
  return new PromptThread({ model, parsers: PARSERS, workerUrl });
}

function messages(...contents: string[]): Prompt {
  const turns = contents.map((content) => ({ role: 'user', content }));
  return { kind: 'messages', messages: turns, rendering: PLAIN_RENDERING, addSpecialTokens: false };
}

const LONG = 'The lighthouse keeper counted 47 gulls.\n'.repeat(500);

describe('a long prompt', () => {
  it('is one of more than 4096 characters, however they are spread, of which a message itself is 64', () => {
    expect(isLongPrompt(messages('a'.repeat(4032)))).toBe(false);
    expect(isLongPrompt(messages('a'.repeat(4000), 'b'.repeat(97)))).toBe(true);
    expect(isLongPrompt({ kind: 'text', text: LONG, addSpecialTokens: true })).toBe(true);
    expect(isLongPrompt({ kind: 'infill', prefix: LONG, suffix: '', addSpecialTokens: true })).toBe(true);
    expect(isLongPrompt({ kind: 'tokens', tokenIds: new Array(10_000).fill(1) })).toBe(false);
  });

  it('is also one of many parts, however short they are', () => {
    const tool_calls = Array(128).fill({ type: 'function', function: { name: 'f', arguments: '{}' } });
    const content = Array(1024).fill({ type: 'text', text: '' });
    const of = (...messages: ChatMessage[]): Prompt => ({
      kind: 'messages',
      messages,
      rendering: PLAIN_RENDERING,
      addSpecialTokens: false,
    });
    expect(isLongPrompt(messages(...Array(2048).fill('')))).toBe(true);
    expect(isLongPrompt(messages(...Array(64).fill('')))).toBe(false);
    expect(isLongPrompt(of({ role: 'assistant', content: null, tool_calls }))).toBe(true);
    expect(isLongPrompt(of({ role: 'user', content }))).toBe(true);
    expect(isLongPrompt(of({ role: 'user', content: content.slice(0, 63) }))).toBe(false);
  });

  it('is counted with all that a template may show', () => {
    const call = { type: 'function', function: { name: 'f', arguments: LONG } } as const;
    const isLong = (message: Partial<ChatMessage>, variables = {}) =>
      isLongPrompt({
        kind: 'messages',
        messages: [{ role: 'assistant', content: null, ...message }],
        rendering: { ...PLAIN_RENDERING, variables },
        addSpecialTokens: false,
      });
    expect(isLong({ tool_calls: [call] })).toBe(true);
    const named = { type: 'function', function: { name: LONG, arguments: '' } } as const;
    expect(isLong({ tool_calls: [named] })).toBe(true);
    expect(isLong({ tool_calls: [{ ...named, id: LONG, function: { name: '', arguments: {} } }] })).toBe(
      true,
    );
    expect(isLong({ role: 'tool', tool_call_id: LONG })).toBe(true);
    expect(isLong({ tool_calls: [{ ...call, id: 'c', function: { name: 'f', arguments: '{}' } }] })).toBe(
      false,
    );
    expect(isLong({ reasoning: LONG })).toBe(true);
    expect(isLong({ name: LONG })).toBe(true);
    expect(isLong({}, { note: [LONG] })).toBe(true);
    expect(isLong({ name: 'a', reasoning: 'b' }, { note: ['c'] })).toBe(false);
  });

  it('gets the tokens that this thread would give it', async () => {
    const encoder = createPromptEncoder(parseModelFiles(MODEL), PARSERS);
    const thread = aThread();
    const prompts: Prompt[] = [messages(LONG, LONG), { kind: 'text', text: LONG, addSpecialTokens: true }];
    const encoded = await Promise.all(prompts.map((prompt) => thread.encode(prompt, options, wanted)));
    expect(encoded).toEqual(prompts.map((prompt) => encodePrompt(prompt, encoder, options)));
  });

  it('gets these tokens also when the files have been replaced since they were read', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'octavo-replaced-'));
    await cp(modelDirectory, directory, {
      recursive: true,
      filter: (file) => !file.endsWith('.safetensors'),
    });
    const model = await readModelSource(directory);
    const thread = aThread(model);
    await writeFile(path.join(directory, 'tokenizer.json'), 'what another model has here');
    const prompt: Prompt = { kind: 'text', text: LONG, addSpecialTokens: true };
    const encoded = await thread.encode(prompt, options, wanted);
    await rm(directory, { recursive: true });
    expect(encoded).toEqual(
      encodePrompt(prompt, createPromptEncoder(parseModelFiles(MODEL), PARSERS), options),
    );
  });

  it('that is refused brings its code and its parameter over', async () => {
    const refused = aThread().encode(messages(LONG), { ...options, limits: FAKE_LIMITS, param: 'm' }, wanted);
    await expect(refused).rejects.toMatchObject({ name: 'ServerError', code: 'invalid_request', param: 'm' });
  });

  it('that nobody wants any more is passed over', async () => {
    const thread = aThread();
    let isWanted = true;
    const first = thread.encode(messages(LONG), options, wanted);
    const second = thread.encode(messages(LONG), options, () => isWanted);
    const third = thread.encode(messages('x', LONG), options, wanted);
    isWanted = false;
    await expect(second).rejects.toThrow('no longer wanted');
    expect((await first).tokenIds.length).toBeGreaterThan(5000);
    expect((await third).tokenIds.length).toBeGreaterThan(5000);
  });

  it('fails with its thread, and the next one gets a new thread', async () => {
    const bytes = { ...MODEL.bytes, tokenizerJson: new SharedArrayBuffer(1) };
    const broken = aThread({ directory: 'DIR', bytes });
    await expect(broken.encode(messages(LONG), options, wanted)).rejects.toThrow('DIR/tokenizer.json');
    await expect(broken.encode(messages(LONG), options, wanted)).rejects.toThrow('DIR/tokenizer.json');
  });
});
