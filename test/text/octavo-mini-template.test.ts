/** The chat template of the model in the box, as jinja2 renders it and as the server does. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderTemplate } from '../../src/text/template/interpreter.ts';
import { parseTemplate } from '../../src/text/template/parser.ts';

type Rendering = { readonly variables: Readonly<Record<string, unknown>>; readonly text: string };

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const program = parseTemplate(read('../../models/octavo-mini/chat_template.jinja'));
const render = (variables: Readonly<Record<string, unknown>>) => renderTemplate(program, variables);
const RENDERINGS = JSON.parse(read('../fixtures/text/octavo-mini.json')) as readonly Rendering[];

describe('the chat template of the model in the box', () => {
  it('has cases for tools, tool results and reasoning', () => {
    const texts = RENDERINGS.map(({ text }) => text).join('');
    for (const mark of ['<tools>', '<tool_call>', '<tool_response>', '<think>', '/think']) {
      expect(texts).toContain(mark);
    }
  });

  it.each(RENDERINGS.map((rendering, at) => ({ at, ...rendering })))(
    'renders conversation $at as jinja2 does',
    ({ variables, text }) => {
      expect(render(variables)).toBe(text);
    },
  );

  it('leaves the reasoning of earlier turns out, and keeps that of the last one', () => {
    const thought = { role: 'assistant', content: '<think>\nbecause\n</think>\n\nYes.' };
    const question = { role: 'user', content: 'Really?' };
    expect(render({ messages: [question, thought, question] })).not.toContain('because');
    expect(render({ messages: [question, thought] })).toContain('because');
  });

  it('asks for reasoning, or for none, where enable_thinking says so', () => {
    const messages = [{ role: 'user', content: 'Really?' }];
    const renderThinking = (enable_thinking?: boolean) =>
      render({
        messages,
        add_generation_prompt: true,
        ...(enable_thinking === undefined ? {} : { enable_thinking }),
      });
    expect(renderThinking()).not.toContain('think');
    expect(renderThinking(true)).toMatch(/^<\|im_start\|>system\n\/think<\|im_end\|>\n/);
    expect(renderThinking(false)).toMatch(/<\|im_start\|>assistant\n<think>\n\n<\/think>\n\n$/);
  });
});
