/**
 * Chat templates in the manner of seven families against jinja2 as Hugging Face sets it up; see
 * test/fixtures/chat-templates/make.py, whose templates are written in the constructs of the families' own.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import type { JsonObject } from '../../src/base/json-object.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import { ChatTemplate, PLAIN_RENDERING } from '../../src/text/chat-template.ts';

type Case = {
  readonly conversation: string;
  readonly variables: JsonObject;
  readonly text?: string;
  /** The template's message; null where it stumbles instead. */
  readonly raises?: string | null;
};

type Expected = {
  readonly now: string;
  readonly conversations: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly constructs: readonly { readonly source: string; readonly given: unknown; readonly text: string }[];
  readonly families: Readonly<
    Record<
      string,
      { readonly specialTokens: Readonly<Record<string, string>>; readonly cases: readonly Case[] }
    >
  >;
};

const read = (name: string): string =>
  readFileSync(new URL(`../fixtures/chat-templates/${name}`, import.meta.url), 'utf8');
const EXPECTED = JSON.parse(read('expected.json')) as Expected;
/** Refused by templates that want turns, and given to those as one. */
const TWO_USERS = 'two users in a row';
/** As in `now` of the fixture. */
const NOW = { year: 2026, month: 3, day: 5, weekday: 4, hour: 14, minute: 7, second: 9 };

function refusal(run: () => unknown): ServerError {
  try {
    run();
  } catch (error) {
    if (error instanceof ServerError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe.each(Object.entries(EXPECTED.families))(
  'a chat template in the manner of %s',
  (family, { specialTokens, cases }) => {
    const template = new ChatTemplate({
      source: read(`${family}.jinja`),
      namedSpecialTokens: specialTokens,
      specialTokenTexts: Object.values(specialTokens),
      now: () => NOW,
    });

    const rendered = (messages: readonly ChatMessage[], given: JsonObject) => {
      const { add_generation_prompt: addGenerationPrompt, ...variables } = given as {
        add_generation_prompt: boolean;
      };
      return template.render(messages, { ...PLAIN_RENDERING, addGenerationPrompt, variables });
    };
    const isServed = ({ conversation, raises }: Case) => raises != null && conversation === TWO_USERS;

    it.each(cases.filter(isServed))(
      'makes of "$conversation" with $variables what it makes of one user',
      ({ conversation, variables }) => {
        const messages = EXPECTED.conversations[conversation]!;
        const one = { role: 'user', content: messages.map(({ content }) => content).join('\n\n') };
        expect(rendered(messages, variables)).toEqual(rendered([one], variables));
      },
    );

    it.each(cases.filter((each) => !isServed(each)))(
      'makes of "$conversation" with $variables what jinja2 makes of it',
      ({ conversation, variables, text, raises }) => {
        const render = () => rendered(EXPECTED.conversations[conversation]!, variables);
        if (text !== undefined) {
          expect(render().text).toBe(text);
          return;
        }
        const error = refusal(render);
        expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
        if (raises != null)
          expect(error.message).toBe(`The chat template does not accept the messages: ${raises}`);
      },
    );
  },
);

describe('a construct of chat templates', () => {
  it.each(EXPECTED.constructs)(
    'means what it means to jinja2: $source of $given',
    ({ source, given, text }) => {
      const template = new ChatTemplate({ source, namedSpecialTokens: {}, specialTokenTexts: [] });
      expect(template.render([], { ...PLAIN_RENDERING, variables: { given } }).text).toBe(text);
    },
  );
});

describe('the fixture', () => {
  it('holds templates that raise, and the time that is given here', () => {
    const { now, families } = EXPECTED;
    expect(now).toBe('2026-03-05T14:07:09');
    const all = Object.values(families).flatMap(({ cases }) => cases);
    expect(all.filter(({ raises }) => raises != null).length).toBeGreaterThan(10);
    expect(all.some(({ text }) => text?.includes('05 Mar 2026'))).toBe(true);
  });
});
