/**
 * The language of chat templates against jinja2 as Hugging Face sets it up: small templates, each of one or two
 * constructs; see test/fixtures/chat-templates/language.py.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  TEMPLATE_CALL_DEPTH_MAX,
  TEMPLATE_LIST_ITEMS_MAX,
  TEMPLATE_STEPS_MAX,
  TEMPLATE_TEXT_CHARACTERS_MAX,
} from '../../src/base/limits.ts';
import { renderTemplate } from '../../src/text/template/interpreter.ts';
import { TemplateSyntaxError } from '../../src/text/template/lexer.ts';
import { parseTemplate } from '../../src/text/template/parser.ts';

type Case = {
  readonly source: string;
  readonly given?: unknown;
  readonly text?: string;
  /** jinja2 raises when it renders the template. */
  readonly raises?: true;
  /** … when it compiles it. */
  readonly refused?: true;
  /** jinja2 writes an address, which is another one in each run. */
  readonly unprintable?: true;
};
type Language = {
  readonly unsupported: readonly string[];
  readonly groups: readonly { readonly name: string; readonly cases: readonly Case[] }[];
};

const FILE = new URL('../fixtures/chat-templates/language.json', import.meta.url);
const { unsupported, groups } = JSON.parse(readFileSync(FILE, 'utf8')) as Language;

function rendered({ source, ...variables }: { readonly source: string; readonly given?: unknown }): string {
  const { given } = variables;
  return renderTemplate(parseTemplate(source), given === undefined ? {} : { given });
}

describe.each(groups)('chat templates: $name', ({ cases }) => {
  it.each(cases.filter(({ text }) => text !== undefined))(
    'makes of $source and $given what jinja2 makes of it',
    ({ source, given, text }) => {
      expect(rendered({ source, given })).toBe(text);
    },
  );

  const raising = cases.filter(({ raises, unprintable }) => raises || unprintable);
  if (raising.length > 0) {
    it.each(raising)('raises an error for $source and $given', ({ source, given }) => {
      expect(() => rendered({ source, given })).toThrow(Error);
    });
  }

  const refused = cases.filter((each) => each.refused);
  if (refused.length > 0) {
    it.each(refused)('refuses to load $source', ({ source }) => {
      expect(() => parseTemplate(source)).toThrow(/^line \d+: /);
    });
  }
});

describe('what the language has and templates do not use', () => {
  it.each(unsupported)('is refused when the template is loaded, by its name and line: %s', (source) => {
    expect(() => parseTemplate(`{# two #}\n\n${source}`)).toThrow(/^line 3: .* not supported$/);
  });

  it.each([
    ['{{ x }}\n{{ x | pprint }}', 2, "the filter 'pprint' is not supported"],
    ["{{ x | map('pprint') }}", 1, "the filter 'pprint' is not supported"],
    ['{{ x is nothing }}', 1, "the test 'nothing' is not supported"],
    ["{% include 'x' %}", 1, "the statement 'include' is not supported"],
    ['{{ x.encode() }}', 1, "the method 'encode' is not supported"],
    ['a\n{% if x %}\n{% break %}\n{% endif %}', 3, "'break' outside of a loop"],
    ['\n{% if x %}', 2, "expected 'elif' or 'else' or 'endif', got the end of the template"],
    ["{{ 'a\nb' }}\n{{ 1 $ }}", 3, "unexpected character '$'"],
  ])('is told of by line: %s', (source, line, message) => {
    expect(() => parseTemplate(source)).toThrow(new TemplateSyntaxError(message, line));
  });
});

describe('a template that does not come to its end', () => {
  const loop = '{% for x in range(100000) %}';

  it.each([
    [`${loop}${loop}{% endfor %}{% endfor %}`, `after ${TEMPLATE_STEPS_MAX} steps`],
    [`${loop}{% set y = range(100000) | list | sum %}{% endfor %}`, `after ${TEMPLATE_STEPS_MAX} steps`],
    [`${loop}{% if x in given %}{% endif %}{% endfor %}`, `after ${TEMPLATE_STEPS_MAX} steps`],
    ['{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', `more than ${TEMPLATE_CALL_DEPTH_MAX} deep`],
    ["{{ 'a' * 1000000000 }}", `more than ${TEMPLATE_TEXT_CHARACTERS_MAX}`],
    ['{{ [1] * 1000000000 }}', `more than ${TEMPLATE_LIST_ITEMS_MAX}`],
    [
      "{% set n = namespace(t='ab') %}{% for x in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
      `longer than ${TEMPLATE_TEXT_CHARACTERS_MAX}`,
    ],
    [
      '{% set n = namespace(t=[1]) %}{% for x in range(99) %}{% set n.t = n.t + n.t %}{% endfor %}',
      `more than ${TEMPLATE_LIST_ITEMS_MAX}`,
    ],
    ["{{ '%1000000000s' % 'a' }}", "'1000000000' of a format is not supported"],
  ])('raises an error: %s', (source, message) => {
    const given = Array.from({ length: 1000 }, () => 'x');
    expect(() => rendered({ source, given })).toThrow(message);
  });

  it('is no template that compares each of a thousand messages with each other', () => {
    const messages = Array.from({ length: 1000 }, (_, index) => ({ role: 'user', n: index }));
    const source =
      '{% for m in given %}{% for o in given %}{% if o.n == m.n %}{{ o.n }}{% endif %}{% endfor %}{% endfor %}';
    expect(rendered({ source, given: messages })).toBe(messages.map(({ n }) => n).join(''));
  });
});

describe('the fixture', () => {
  it('has cases of each kind', () => {
    const cases = groups.flatMap((group) => group.cases);
    expect(cases.filter(({ text }) => text !== undefined).length).toBeGreaterThan(900);
    expect(cases.filter(({ raises }) => raises).length).toBeGreaterThan(100);
    expect(cases.filter(({ refused }) => refused).length).toBeGreaterThan(50);
  });
});
