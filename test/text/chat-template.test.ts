import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerError, StartupError } from '../../src/base/errors.ts';
import type { ChatMessage } from '../../src/text/chat-message.ts';
import { ChatTemplate, type ChatTemplateOptions, PLAIN_RENDERING } from '../../src/text/chat-template.ts';
import { Tokenizer } from '../../src/text/tokenizer.ts';
import { chooseTemplateSources } from '../../src/text/tokenizer-files.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { expectedOf, FAMILIES, type Family, filesOf } from './fixtures.ts';

const NO_TURN = { ...PLAIN_RENDERING, addGenerationPrompt: false };

function aTemplate(source: string, overrides: Partial<ChatTemplateOptions> = {}): ChatTemplate {
  return new ChatTemplate({ source, namedSpecialTokens: {}, specialTokenTexts: [], ...overrides });
}

function familyTemplate(family: Family, tokenizer: Tokenizer): ChatTemplate {
  const { tokenizerConfig } = filesOf(family);
  return new ChatTemplate({
    source: chooseTemplateSources({ templateFile: null, toolTemplateFile: null, tokenizerConfig })!.plain,
    namedSpecialTokens: tokenizer.namedSpecialTokens,
    specialTokenTexts: tokenizer.specialTokenTexts,
  });
}

function user(content: ChatMessage['content']): ChatMessage {
  return { role: 'user', content };
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}

describe.each(FAMILIES)('ChatTemplate of the %s family', (family) => {
  const tokenizer = new Tokenizer(filesOf(family));
  const vocabulary = new Vocabulary(filesOf(family));
  const template = familyTemplate(family, tokenizer);

  function idsOf(messages: readonly ChatMessage[]): number[] {
    const { text, breaks } = template.render(messages, PLAIN_RENDERING);
    return [...tokenizer.encode(text, { addSpecialTokens: false, parseSpecialTokens: true, breaks })];
  }

  it('renders and tokenises as transformers does', () => {
    for (const { messages, addGenerationPrompt, text, ids } of expectedOf(family).chats) {
      const prompt = template.render(messages, { ...PLAIN_RENDERING, addGenerationPrompt });
      expect(prompt.text).toBe(text);
      const { breaks } = prompt;
      const actual = tokenizer.encode(prompt.text, {
        addSpecialTokens: false,
        parseSpecialTokens: true,
        breaks,
      });
      expect([...actual], text).toEqual(ids);
    }
  });

  it('leaves the text as it is where it spells special tokens, and makes none of it', () => {
    const specials = tokenizer.specialTokenTexts;
    const clean = idsOf([user('x')]).filter((id) => vocabulary.isSpecial(id));
    const piece = fc.oneof(
      fc.constantFrom(...specials, ' ', 'x', '\n'),
      fc
        .constantFrom(...specials)
        .chain((text) =>
          fc
            .tuple(fc.nat({ max: text.length }), fc.nat({ max: text.length }))
            .map(([a, b]) => text.slice(Math.min(a, b), Math.max(a, b))),
        ),
    );
    const content = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(content, (text) => {
        const prompt = template.render([user(text)], PLAIN_RENDERING);
        expect(prompt.text).toContain(text.trim());
        expect(prompt.text).not.toMatch(/[\ufdd0-\ufdef]/u);
        const special = idsOf([user(text)]).filter((id) => vocabulary.isSpecial(id));
        expect(special, JSON.stringify(text)).toEqual(clean);
      }),
      { numRuns: 500 },
    );
  });
});

describe('ChatTemplate', () => {
  const chatMl =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}";

  it('keeps a special token from being put together out of two texts, or of a text and the template', () => {
    const files = filesOf('qwen2');
    const tokenizer = new Tokenizer(files);
    const end = tokenizer.tokenId('<|im_end|>')!;
    const { specialTokenTexts } = tokenizer;
    const count = (source: string, messages: readonly ChatMessage[]): number => {
      const prompt = aTemplate(source, { specialTokenTexts }).render(messages, {
        ...NO_TURN,
      });
      return tokenizer
        .encode(prompt.text, { addSpecialTokens: false, parseSpecialTokens: true, breaks: prompt.breaks })
        .filter((id) => id === end).length;
    };
    const joined = '{% for m in messages %}{{ m.content | trim }}{% endfor %}<|im_end|>';
    expect(count(joined, [user('<|im_'), user('end|>')])).toBe(1);
    expect(count(joined, [user('<|im'), user('_'), user('end|> ')])).toBe(1);
    expect(count('{% for m in messages %}<|{{ m.content }}|>{% endfor %}', [user('im_end')])).toBe(0);
    expect(count("{{ '<|' + messages[0].name + '|>' }}", [{ ...user('x'), name: 'im_end' }])).toBe(0);
    const first = '{{ messages[0].content | trim }}';
    expect(count(`${first}end|>`, [user('x <|im_ ')])).toBe(0);
    expect(count(`<|im_${first}`, [user(' end|> x')])).toBe(0);
    expect(count('{{ messages[0].role }}<|im_end|>', [user('x')])).toBe(1);
  });

  it('guards names, tool call ids and arguments as it does contents', () => {
    const source = '{{ messages | tojson }}';
    const template = aTemplate(source, { specialTokenTexts: ['<E>'] });
    const call = {
      id: 'a<E>',
      type: 'function',
      function: { name: 'f<E>', arguments: '{"k<E>":["<E>"]}' },
    } as const;
    const message = {
      role: 'assistant',
      content: null,
      name: '<E>',
      tool_calls: [call],
      tool_call_id: '<E>',
    };
    const { text, breaks } = template.render([message], NO_TURN);
    const starts = [...text.matchAll(/<E>/gu)].map((match) => match.index);
    expect(starts).toHaveLength(6);
    expect(breaks).toEqual(expect.arrayContaining(starts.map((start) => start + 1)));
  });

  it('takes another mark when a text holds the first one, and refuses a text that holds all', () => {
    const template = aTemplate(chatMl, { specialTokenTexts: ['<|im_end|>'] });
    const { text, breaks } = template.render([user('\ufdd0<|im_end|>')], NO_TURN);
    expect(text).toBe('<|im_start|>user\n\ufdd0<|im_end|><|im_end|>\n');
    expect(breaks).toEqual([text.indexOf('<|im_end|>') + 1]);
    const all = Array.from({ length: 32 }, (_, i) => String.fromCharCode(0xfdd0 + i)).join('');
    const error = thrownBy(() => template.render([user(`${all}<|im_end|>`)], NO_TURN));
    expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
  });

  it('tells the client what the template raised', () => {
    const template = aTemplate("{{ raise_exception('Roles must alternate') }}");
    const error = thrownBy(() => template.render([user('x')], PLAIN_RENDERING));
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
    expect((error as Error).message).toContain('Roles must alternate');
  });

  it('refuses a template that cannot be parsed when it is loaded', () => {
    expect(() => aTemplate('{% if %}')).toThrow(StartupError);
  });

  it('refuses a template with what is not supported when it is loaded, and says where it is', () => {
    expect(() => aTemplate('{% if tools %}\n{{ tools | pprint }}\n{% endif %}')).toThrow(
      new StartupError("the chat template cannot be parsed: line 2: the filter 'pprint' is not supported"),
    );
  });

  it.each([
    ['nothing is used', '{{ messages[0].nothing.at_all }}', "'dict object' has no attribute 'nothing'"],
    [
      'it does not end',
      "{% if messages[0].content == 'x' %}{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}{% endif %}",
      'steps',
    ],
    [
      'a macro calls itself for ever',
      '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
      'macros call each other',
    ],
    ['it adds text to none', "{{ 'a' + none }}", 'can only concatenate str (not "NoneType") to str'],
  ])('tells the client of what stops a template: %s', (_, source, message) => {
    const error = thrownBy(() => aTemplate(source).render([user('x')], PLAIN_RENDERING));
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ code: 'invalid_request', param: 'messages' });
    expect((error as Error).message).toContain(message);
  });

  it.each([
    '{% break %}',
    '{% if x %}{% else %}{% continue %}{% endif %}',
    '{% for x in messages %}{% endfor %}{% break %}',
    '{% for x in messages %}{% else %}{% break %}{% endfor %}',
    '{% macro f() %}{% break %}{% endmacro %}',
    '{% for x in messages %}{% set y %}a{% continue %}{% endset %}{% endfor %}',
  ])('refuses a template that leaves a loop from where no loop is: %s', (source) => {
    expect(() => aTemplate(source)).toThrow(StartupError);
    expect(() => aTemplate(source)).toThrow(/line 1: '(break|continue)' outside of a loop$/);
  });

  it('gives developer messages to a template that knows them, and calls them system for the others', () => {
    const developer = [{ role: 'developer', content: 'Be brief.' }];
    const options = NO_TURN;
    expect(aTemplate('{{ messages[0].role }}').render(developer, options).text).toBe('system');
    const knows = "{{ messages[0].role }}{# 'developer' #}";
    expect(aTemplate(knows).render(developer, options).text).toBe('developer');
  });

  it.each([
    ['refuses them', "{% if m.role == 'developer' %}{{ raise_exception('Who?') }}{% endif %}{{ m.content }}"],
    ['leaves them out', "{% if m.role != 'developer' %}{{ m.content }}{% endif %}"],
    ['speaks of them alone', '{% if m.role in roles %}{{ m.content }}{% endif %}{# As a developer. #}'],
  ])('calls developer messages system for a template that names them and %s', (_, shown) => {
    const roles = "{% set roles = ['system', 'user', 'assistant'] %}";
    const template = aTemplate(`${roles}{% for m in messages %}${shown}{% endfor %}`);
    const developer = [{ role: 'developer', content: 'Be brief.' }];
    expect(template.render(developer, NO_TURN).text).toBe('Be brief.');
  });

  const systems = ['Be brief.', [{ type: 'text', text: 'Be kind.' }] as const].map(
    (content, index): ChatMessage => ({ role: index === 0 ? 'system' : 'developer', content }),
  );
  const told = "{% for m in messages %}[{{ m.role + ': ' + m.content }}]{% endfor %}";
  const second = "{% if m.role == 'system' and not loop.first %}{{ raise_exception('One!') }}{% endif %}";
  const onlyFirst = told.replace('{% endfor %}', `${second}{% endfor %}`);

  it('gives several system messages at the beginning as one to a template that refuses them', () => {
    const { text } = aTemplate(onlyFirst).render([...systems, user('Hi')], NO_TURN);
    expect(text).toBe('[system: Be brief.\n\nBe kind.][user: Hi]');
  });

  it('does so for a template that shows the first of them alone', () => {
    const source =
      "{{ messages[0].content }}{% for m in messages if m.role == 'user' %}[{{ m.content }}]{% endfor %}";
    const { text } = aTemplate(source).render([...systems, user('Hi')], NO_TURN);
    expect(text).toBe('Be brief.\n\nBe kind.[Hi]');
  });

  it('gives several system messages as they are to a template that shows them', () => {
    const { text } = aTemplate(told).render([...systems, user('Hi')], NO_TURN);
    expect(text).toBe('[system: Be brief.][system: Be kind.][user: Hi]');
  });

  it('leaves a later system message, and one with a name, to the template that refuses it', () => {
    const template = aTemplate(onlyFirst);
    const [first, other] = systems as [ChatMessage, ChatMessage];
    const refusal = (...messages: ChatMessage[]) => thrownBy(() => template.render(messages, NO_TURN));
    expect(refusal(first, user('Hi'), other)).toMatchObject({ message: expect.stringContaining('One!') });
    const named = { ...other, name: 'boss' };
    expect(refusal(first, named, user('Hi'))).toMatchObject({ message: expect.stringContaining('One!') });
  });

  const turn =
    "{% if not loop.first and m.role == messages[loop.index0 - 1].role %}{{ raise_exception('Take turns!') }}{% endif %}";
  const inTurns = told.replace('{% endfor %}', `${turn}{% endfor %}`);
  const said = (content: string, more: Partial<ChatMessage> = {}): ChatMessage => ({
    role: 'assistant',
    content,
    ...more,
  });

  it('gives what one says in several messages as one to a template that wants turns', () => {
    const messages = [
      user('a'),
      user([{ type: 'text', text: 'b' }]),
      said('c'),
      said(''),
      said('d'),
      user('e'),
    ];
    const text = '[user: a\n\nb][assistant: c\n\nd][user: e]';
    expect(aTemplate(inTurns).render(messages, NO_TURN).text).toBe(text);
  });

  it('leaves messages of an assistant that calls or thinks in between to the template', () => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    for (const messages of [
      [user('a'), said('b', { tool_calls: [call] }), said('c')],
      [user('a'), said('b'), said('c', { reasoning: 'Hm.' })],
    ]) {
      const refused = thrownBy(() => aTemplate(inTurns).render(messages, NO_TURN));
      expect(refused).toMatchObject({ message: expect.stringContaining('Take turns!') });
    }
  });

  it('keeps the calls of an assistant that has said something in a message before', () => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    const source = inTurns.replace(
      'm.content }}',
      "m.content }}{{ m.tool_calls[0].function.name if m.tool_calls else '' }}",
    );
    const messages = [user('a'), said('b'), { ...said(''), content: null, tool_calls: [call] }];
    expect(aTemplate(source).render(messages, NO_TURN).text).toBe('[user: a][assistant: bf]');
  });

  it('loses no text before calls to a template that shows calls alone', () => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    const source = inTurns
      .replace('loop.first and', 'loop.first and not m.tool_calls and')
      .replace('{{ m.role', "{{ 'calls' if m.tool_calls else m.role");
    const calling = { ...said(''), content: null, tool_calls: [call] };
    const { text } = aTemplate(source).render([user('a'), said('b'), calling], NO_TURN);
    expect(text).toBe('[user: a][assistant: b][calls]');
  });

  it('leaves a developer beside the system to a template that shows both', () => {
    const source = `{# developer #}${onlyFirst}`;
    const { text } = aTemplate(source).render([systems[0]!, { role: 'developer', content: 'x' }], NO_TURN);
    expect(text).toBe('[system: Be brief.][developer: x]');
  });

  it('writes on where the last of them ends', () => {
    const { text } = aTemplate(inTurns).render([user('a'), said('b'), said('c')], {
      ...NO_TURN,
      continueFinalMessage: true,
    });
    expect(text).toBe('[user: a][assistant: b\n\nc');
  });

  it('joins text parts by line breaks for a template that wants a string', () => {
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ] as const;
    const { text } = aTemplate(chatMl).render([user(parts)], NO_TURN);
    expect(text).toBe('<|im_start|>user\none\ntwo<|im_end|>\n');
  });

  it('gives a string as one part to a template that wants parts', () => {
    const source =
      '{% for part in messages[0].content %}{% if part.text %}[{{ part.text }}]{% endif %}{% endfor %}';
    const template = aTemplate(source);
    expect(template.render([user('one')], NO_TURN).text).toBe('[one]');
  });

  it('gives tool call arguments as an object, and as text where they are no JSON object', () => {
    const template = aTemplate('{{ messages[0].tool_calls[0].function.arguments | tojson }}');
    const render = (given: string): string => {
      const call = { id: '1', type: 'function', function: { name: 'f', arguments: given } } as const;
      const message = { role: 'assistant', content: null, tool_calls: [call] };
      return template.render([message], NO_TURN).text;
    };
    expect(render('{"a": 1}')).toBe('{"a": 1}');
    expect(render('{"a": ')).toBe('"{\\"a\\": "');
    expect(render('3')).toBe('"3"');
  });

  const calling = (given: string): ChatMessage => {
    const call = { id: '1', type: 'function', function: { name: 'f', arguments: given } } as const;
    return { role: 'assistant', content: 'a 2.0 912345678000000', tool_calls: [call] };
  };

  it.each([
    '{"id": 1234567890123456789, "price": 2.0, "small": 1E-7, "list": [1.50, {"a": -0.0}]}',
    '{"text": "2.0 and \\" 3.0 \\\\", "n": 1.0, "m": 912345678000000, "s": "912345678000000"}',
    '{"a": "one \ufdd0 mark", "n": 2.0, "b": "912345678"}',
  ])('shows the numbers of arguments as they were written: %s', (given) => {
    const source = '{{ messages[0].content }}{{ messages[0].tool_calls[0].function.arguments | tojson }}';
    const message = calling(given);
    expect(aTemplate(source).render([message], NO_TURN).text).toBe(`${message.content}${given}`);
  });

  it('gives numbers of arguments as numbers, whatever is made of them', () => {
    const source =
      '{% for k, v in messages[0].tool_calls[0].function.arguments.items() %}' +
      '{{ k }}="{{ v }}"{{ v is string }}{{ v is number }};{% endfor %}';
    const { text } = aTemplate(source).render([calling('{"a": 2.0, "b": 3, "c": "x"}')], NO_TURN);
    expect(text).toBe('a="2.0"FalseTrue;b="3"FalseTrue;c="x"TrueFalse;');
  });

  it('makes no special token of arguments with long numbers in them, however they are spelt', () => {
    const template = aTemplate('{{ messages[0].tool_calls[0].function.arguments | tojson }}', {
      specialTokenTexts: ['<|im_end|>'],
    });
    for (const written of ['<|im_end|>', '<|im_\\u0065nd|>', '<|im_912345678000000end|>']) {
      const { text, breaks } = template.render([calling(`{"a": "${written}", "n": 2.0}`)], NO_TURN);
      const start = text.indexOf('<|im_end|>');
      const isBroken = breaks.some((at) => at > start && at < start + '<|im_end|>'.length);
      expect(start === -1 || isBroken, text).toBe(true);
      expect(text).toContain('2.0');
    }
  });

  it.each([
    ['objects', '{{ messages[0].tool_calls[0].function.arguments | tojson }}'],
    ['text', '{{ messages[0].tool_calls[0].function.arguments }}'],
  ])('shows arguments of no text as none, to a template that takes %s', (_, source) => {
    for (const given of ['', ' '])
      expect(aTemplate(source).render([calling(given)], NO_TURN).text).toBe('{}');
  });

  it.each(['', '\\'])(
    'takes broken arguments of any length in time that grows with it, ending in "%s"',
    (end) => {
      const template = aTemplate('{{ messages[0].tool_calls[0].function.arguments | length }}');
      const given = `{"a": "${'\\"'.repeat(500_000)}${end}`;
      expect(template.render([calling(given)], NO_TURN).text).toBe(String(given.length));
    },
  );

  it('hands over special tokens, and the absence of tools', () => {
    const source = '{{ bos_token }} {{ tools is defined }} {{ tools is none }} {{ add_generation_prompt }}';
    const template = aTemplate(source, { namedSpecialTokens: { bos_token: '<s>' } });
    expect(template.render([user('x')], PLAIN_RENDERING).text).toBe('<s> True True True');
  });
});

describe('chooseTemplateSources', () => {
  const LIST = [
    { name: 'tool_use', template: 'tools' },
    { name: 'default', template: 'plain' },
  ];
  const choose = (
    templateFile: string | null,
    chat_template: unknown,
    toolTemplateFile: string | null = null,
  ) => chooseTemplateSources({ templateFile, toolTemplateFile, tokenizerConfig: { chat_template } });

  it('prefers the file, then the string, then those named default and tool_use', () => {
    expect(choose('file', 'string')).toEqual({ plain: 'file', withTools: null });
    expect(choose('file', LIST)).toEqual({ plain: 'file', withTools: null });
    expect(choose(null, 'string')).toEqual({ plain: 'string', withTools: null });
    expect(choose(null, LIST)).toEqual({ plain: 'plain', withTools: 'tools' });
    expect(choose(null, [LIST[1]])).toEqual({ plain: 'plain', withTools: null });
  });

  it('takes the file for tools beside the one for all', () => {
    expect(choose('file', LIST, 'tool file')).toEqual({ plain: 'file', withTools: 'tool file' });
  });

  it('finds none where none is for all', () => {
    expect(choose(null, [LIST[0]])).toBeNull();
    expect(choose(null, undefined)).toBeNull();
    expect(choose(null, undefined, 'tool file')).toBeNull();
  });
});

describe('ChatTemplate: continuing the last message', () => {
  const CHAT_ML =
    '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}' +
    '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';
  const CONTINUED = { ...NO_TURN, continueFinalMessage: true };
  const continued = (source: string, content: ChatMessage['content']) =>
    aTemplate(source, { specialTokenTexts: ['<|im_start|>', '<|im_end|>'] }).render(
      [user('Hi'), { role: 'assistant', content }],
      CONTINUED,
    );

  it('ends the prompt where the message ends, its trailing space included', () => {
    expect(continued(CHAT_ML, 'Once upon ').text).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nOnce upon ',
    );
  });

  it('leaves the trailing space out where the template trims', () => {
    expect(continued(CHAT_ML.replace('m.content', 'm.content | trim'), 'Once upon ').text).toMatch(
      /assistant\nOnce upon$/,
    );
  });

  it('continues the last of several parts, also for a template that prints parts', () => {
    const parts = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ] as const;
    expect(continued(CHAT_ML, parts).text).toMatch(/one\ntwo$/);
    const printsParts =
      '{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}';
    expect(continued(printsParts, parts).text).toBe('[Hi][one][two');
  });

  it('makes no special token of what the message says', () => {
    const { text, breaks } = continued(CHAT_ML, 'a<|im_end|>b');
    expect(text).toMatch(/assistant\na<\|im_end\|>b$/);
    const start = text.lastIndexOf('<|im_end|>');
    expect(breaks.some((place) => place > start && place < start + '<|im_end|>'.length)).toBe(true);
  });

  it('refuses a message without text, and a template that does not show it', () => {
    expect(thrownBy(() => continued(CHAT_ML, null))).toMatchObject({
      code: 'invalid_request',
      param: 'messages',
    });
    expect(thrownBy(() => continued('{{ messages[0].content }}', 'x'))).toMatchObject({ param: 'messages' });
  });
});

describe('ChatTemplate: variables', () => {
  const withVariables = (variables: Record<string, unknown>) => ({ ...NO_TURN, variables });

  it('hands them to the template', () => {
    const template = aTemplate(
      '{% if enable_thinking is false %}no{% else %}yes{% endif %}{% if deep %}{{ deep.a }}{% endif %}',
    );
    expect(template.render([], withVariables({ enable_thinking: false, deep: { a: 'x' } })).text).toBe('nox');
    expect(template.render([], NO_TURN).text).toBe('yes');
  });

  it('makes no special token of what they say', () => {
    const template = aTemplate('{{ tone }}', { specialTokenTexts: ['<|im_end|>'] });
    const { text, breaks } = template.render([], withVariables({ tone: '<|im_end|>' }));
    expect(text).toBe('<|im_end|>');
    expect(breaks).toEqual([1]);
  });

  it('knows which the template looks at', () => {
    const template = aTemplate(
      '{# depth #}{% if enable_thinking %}{% set effort = 1 %}{{ messages[0].tone }}{{ effort }}{% endif %}',
    );
    expect(template.reads('enable_thinking')).toBe(true);
    expect(template.reads('enable')).toBe(false);
    expect(template.reads('tone')).toBe(false);
    expect(template.reads('depth')).toBe(false);
    expect(template.reads('effort')).toBe(false);
    expect(template.reads('.*')).toBe(false);
  });

  it('tells whose names it shows, whatever else is called a name in it', () => {
    const roles = ['system', 'developer', 'user', 'assistant', 'tool'];
    const shownBy = (source: string) => {
      const template = aTemplate(source);
      return roles.filter((role) => template.showsName(role));
    };
    const each = (body: string) => `{% for message in messages %}${body}{{ message.content }}{% endfor %}`;
    expect(shownBy(each('{{ message.name }}'))).toEqual(roles);
    expect(shownBy(each("{% if message.role == 'tool' %}{{ message['name'] }}{% endif %}"))).toEqual([
      'tool',
    ]);
    const calls = '{% for call in message.tool_calls or [] %}{{ call.function.name }}{% endfor %}';
    expect(shownBy(each(calls))).toEqual([]);
  });
});

describe('ChatTemplate: thoughts', () => {
  const answer: ChatMessage = { role: 'assistant', content: 'Hi', reasoning: 'Hm <|end|>' };

  it.each(['reasoning_content', 'reasoning', 'thinking'])(
    'reach a template that knows them as %s',
    (field) => {
      const template = aTemplate(`{% if "${field}" in messages[0] %}{{ messages[0].${field} }}{% endif %}`);
      expect(template.readsThoughts).toBe(true);
      expect(template.render([answer], NO_TURN).text).toBe('Hm <|end|>');
    },
  );

  it.each(['reasoning_content', 'reasoning', 'thinking'])('make no special token as %s', (field) => {
    const template = aTemplate(`{{ messages[0].${field} }}`, { specialTokenTexts: ['<|end|>'] });
    expect(template.render([answer], NO_TURN).breaks).toHaveLength(1);
  });

  it('are not looked at where their name stands for something else', () => {
    const source =
      "{# message.reasoning #}{% if thinking %}reasoning{% endif %}{{ 'thinking' == messages[0].type }}";
    expect(aTemplate(source).readsThoughts).toBe(false);
  });

  it('are not looked at where they would be parts of a content, as Mistral writes them', () => {
    const source = `{% for message in messages %}{% if message['content'] is string %}{{ message['content'] }}{% else %}
      {%- for block in message['content'] %}{% if block['type'] == 'text' %}{{ block['text'] }}
      {%- elif block['type'] == 'thinking' %}{{ '[THINK]' + block['thinking'] + '[/THINK]' }}{% endif %}{% endfor %}
      {%- endif %}{% endfor %}`;
    const template = aTemplate(source);
    expect(template.render([answer], NO_TURN).text).toBe('Hi');
    expect(template.readsThoughts).toBe(false);
  });
});
