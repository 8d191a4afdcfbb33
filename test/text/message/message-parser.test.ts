import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TOLD_NAME_CHARACTERS_MAX } from '../../../src/base/limits.ts';
import { MessageParser, type MessageParserOptions } from '../../../src/text/message/message-parser.ts';
import { addPart, type MessagePart } from '../../../src/text/message/message-part.ts';
import {
  TOOL_CALL_FORMAT_NAMES,
  type ToolCallFormatName,
  toolCallFormat,
} from '../../../src/text/message/tool-call-format.ts';

const THINK = { opening: '<think>', closing: '</think>' };

type Options = {
  format?: ToolCallFormatName;
  callsMax?: number;
  isAssured?: boolean;
  mayQuoteMarks?: boolean;
  isOpen?: boolean;
  callable?: readonly string[];
};

function parserOptions({ format = 'hermes', callsMax = 128, isOpen, ...options }: Options) {
  const { isAssured = false, mayQuoteMarks = false, callable = ['get_weather', 'now'] } = options;
  return {
    reasoning: isOpen === undefined ? null : { ...THINK, isOpen },
    tools: {
      format: toolCallFormat(format),
      callable: new Set(callable),
      callsMax,
      isAssured,
      mayQuoteMarks,
    },
  } satisfies MessageParserOptions;
}

/** What comes of each piece: `!` before one announces calls with its end. */
function piecewise(pieces: readonly string[], options: MessageParserOptions): (readonly MessagePart[])[] {
  const parser = new MessageParser(options);
  const told = pieces.map((piece) => parser.push(piece.replace(/^!/, ''), piece.startsWith('!')));
  return [...told, parser.flush()];
}

/** All parts of a text that arrives in these pieces, joined where they go on. */
function partsOf(pieces: readonly string[], options: MessageParserOptions): MessagePart[] {
  const parser = new MessageParser(options);
  const parts: MessagePart[] = [];
  for (const piece of pieces) for (const part of parser.push(piece)) addPart(parts, part);
  for (const part of parser.flush()) addPart(parts, part);
  return parts;
}

const parsed = (text: string, options: Options = {}): MessagePart[] =>
  partsOf([text], parserOptions(options));

const content = (text: string): MessagePart => ({ kind: 'content', text });
const reasoning = (text: string): MessagePart => ({ kind: 'reasoning', text });
const call = (name: string, json: string, index = 0): MessagePart[] => [
  { kind: 'tool-call', index, name },
  { kind: 'tool-arguments', index, text: json },
];

const PARIS = '{"city": "Paris"}';
const HERMES_PARIS = `<tool_call>\n{"name": "get_weather", "arguments": ${PARIS}}\n</tool_call>`;

/** A call of get_weather and one of now, in every format, as its documentation shows it. */
const TWO_CALLS: Readonly<Record<ToolCallFormatName, string>> = {
  hermes: `${HERMES_PARIS}\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>`,
  llama3_json: `{"name": "get_weather", "parameters": ${PARIS}}; {"name": "now", "parameters": {}}`,
  mistral: `[TOOL_CALLS] [{"name": "get_weather", "arguments": ${PARIS}}, {"name": "now", "arguments": {}}]`,
  mistral_args: `[TOOL_CALLS]get_weather[ARGS]${PARIS}[TOOL_CALLS]now[ARGS]{}`,
  pythonic: '[get_weather(city="Paris"), now()]',
  json: `[{"name": "get_weather", "arguments": ${PARIS}}, {"name": "now", "arguments": {}}]`,
};

describe.each(TOOL_CALL_FORMAT_NAMES)('calls written as %s', (format) => {
  it('come out with names, arguments as they were written, and indices', () => {
    expect(parsed(TWO_CALLS[format], { format })).toEqual([
      ...call('get_weather', PARIS),
      ...call('now', '{}', 1),
    ]);
  });

  it('do not depend on the pieces that the text arrives in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(TWO_CALLS[format].length), { maxLength: 12 }), (cuts) => {
        const options = parserOptions({ format });
        expect(partsOf(cut(TWO_CALLS[format], cuts), options)).toEqual(partsOf([TWO_CALLS[format]], options));
      }),
    );
  });

  it('are complete after as many as are wanted', () => {
    const parser = new MessageParser(parserOptions({ format, callsMax: 1 }));
    expect(parser.push(TWO_CALLS[format])).toEqual(call('get_weather', PARIS));
    expect(parser.isComplete).toBe(true);
    expect(parser.flush()).toEqual([]);
  });

  it('come out as they are written where their form is assured', () => {
    const parser = new MessageParser(parserOptions({ format, isAssured: true }));
    const shown = [...TWO_CALLS[format]].map((character) => parser.push(character).length);
    if (format !== 'pythonic') expect(shown.filter((count) => count > 0).length).toBeGreaterThan(5);
    expect(partsOf([...TWO_CALLS[format]], parserOptions({ format, isAssured: true }))).toEqual(
      parsed(TWO_CALLS[format], { format }),
    );
  });

  it('come out as content when they are cut off, from the first that is not whole', () => {
    const text = TWO_CALLS[format];
    for (let length = 0; length < text.length; length++) {
      const parts = parsed(text.slice(0, length), { format });
      const calls = parts.filter(({ kind }) => kind === 'tool-call').length;
      const shown = parts.map((part) => (part.kind === 'content' ? part.text : '')).join('');
      if (calls === 0) expect(shown).toBe(text.slice(0, length));
    }
  });

  it('come out as far as they were written where their form is assured, and not as content', () => {
    // Character by character, but for the trigger, which is one token.
    const { trigger } = toolCallFormat(format);
    const written = TWO_CALLS[format]
      .split(trigger)
      .flatMap((part, at) => [...(at > 0 ? [trigger] : []), ...part]);
    const pieces = trigger === '' ? [...TWO_CALLS[format]] : written;
    for (let count = 0; count < pieces.length; count++) {
      const parts = partsOf(pieces.slice(0, count), parserOptions({ format, isAssured: true }));
      const shown = parts.filter(({ kind }) => kind === 'content');
      expect(shown, pieces.slice(0, count).join('')).toEqual([]);
    }
  });

  it('of functions that are not there come out as content', () => {
    const text = TWO_CALLS[format].replace('get_weather', 'get_wealth');
    const [first] = parsed(text, { format });
    expect(first!.kind).toBe('content');
    expect((first as { text: string }).text).toContain('get_wealth');
  });
});

it('a call has the longest name that a function in a namespace can have, also where all of it is escaped', () => {
  const name = 'x'.repeat(TOLD_NAME_CHARACTERS_MAX);
  for (const written of [name, name.replaceAll('x', String.raw`\u0078`)]) {
    const text = `<tool_call>{"name": "${written}", "arguments": {}}</tool_call>`;
    expect(parsed(text, { callable: [name] })).toEqual(call(name, '{}'));
  }
});

function cut(text: string, cuts: readonly number[]): string[] {
  const borders = [0, ...[...cuts].sort((a, b) => a - b), text.length];
  return borders.slice(1).map((border, index) => text.slice(borders[index], border));
}

describe('text around calls', () => {
  it('before a call is kept, without the white space in front of it', () => {
    expect(parsed(`Let me look.\n\n${HERMES_PARIS}`)).toEqual([
      content('Let me look.'),
      ...call('get_weather', PARIS),
    ]);
  });

  it('after a call is kept, with the white space that separates it', () => {
    expect(parsed(`${HERMES_PARIS}\nDone. `)).toEqual([...call('get_weather', PARIS), content('\nDone.')]);
  });

  it('between calls is kept in its place', () => {
    expect(parsed(`${HERMES_PARIS} and ${HERMES_PARIS}`)).toEqual([
      ...call('get_weather', PARIS),
      content(' and'),
      ...call('get_weather', PARIS, 1),
    ]);
  });

  it('without any call is kept to the last blank', () => {
    for (const text of ['', ' \n', ' Hello \n', 'a < b and <tool', '{ "x": 1 }\n', '[1, 2] ']) {
      for (const format of TOOL_CALL_FORMAT_NAMES) {
        const expected = text === '' ? [] : [content(text)];
        expect(parsed(text, { format })).toEqual(expected);
      }
    }
  });

  it('is shown at once as long as it cannot begin a call', () => {
    const parser = new MessageParser(parserOptions({}));
    expect(parser.push('Hello')).toEqual([content('Hello')]);
    expect(parser.push(' <to')).toEqual([]);
    expect(parser.heldLength).toBe(4);
    expect(parser.push('day')).toEqual([content(' <today')]);
    expect(parser.heldLength).toBe(0);
  });
});

describe('calls in the forms that models get nearly right', () => {
  it.each([
    ['no closing tag', '<tool_call>{"name": "now", "arguments": {}}', call('now', '{}')],
    ['no arguments', '<tool_call>{"name": "now"}</tool_call>', call('now', '{}')],
    ['arguments null', '<tool_call>{"name": "now", "arguments": null}</tool_call>', call('now', '{}')],
    [
      'arguments before the name',
      `<tool_call>{"arguments": ${PARIS}, "name": "get_weather"}</tool_call>`,
      call('get_weather', PARIS),
    ],
    [
      'arguments as JSON text',
      `<tool_call>{"name": "get_weather", "arguments": ${JSON.stringify(PARIS)}}</tool_call>`,
      call('get_weather', PARIS),
    ],
    [
      'an id and a type',
      `<tool_call>{"id": "c1", "type": "function", "name": "get_weather", "parameters": ${PARIS}}</tool_call>`,
      call('get_weather', PARIS),
    ],
    [
      'two calls without a closing tag between them',
      '<tool_call>{"name": "now"}<tool_call>{"name": "now"}',
      [...call('now', '{}'), ...call('now', '{}', 1)],
    ],
  ])('%s', (_, text, expected) => {
    expect(parsed(text)).toEqual(expected);
  });

  it.each<[ToolCallFormatName, string]>([
    ['llama3_json', '{"name": "now", "parameters": {}}\n{"name": "now", "parameters": {}}'],
    ['llama3_json', '{"name": "now", "parameters": {}}{"name": "now"};\n'],
    ['json', '{"name": "now", "arguments": {}}\n\n{"name": "now"}\n'],
    ['hermes', '<tool_call>\n{"name": "now"}\n{"name": "now"}\n</tool_call>'],
  ])('%s: several without the mark that separates them: %s', (format, text) => {
    expect(parsed(text, { format })).toEqual([...call('now', '{}'), ...call('now', '{}', 1)]);
  });

  it('behind a tag of their own, in Llama', () => {
    const text = `<|python_tag|>{"name": "get_weather", "parameters": ${PARIS}}`;
    expect(parsed(text, { format: 'llama3_json' })).toEqual(call('get_weather', PARIS));
    expect(parsed(`Let me see. ${text}`, { format: 'llama3_json' })).toEqual([
      content('Let me see.'),
      ...call('get_weather', PARIS),
    ]);
  });

  it('with an id between name and arguments, in Mistral', () => {
    const text = `[TOOL_CALLS]get_weather[CALL_ID]a1b2c3d4e[ARGS]${PARIS}`;
    expect(parsed(text, { format: 'mistral_args' })).toEqual(call('get_weather', PARIS));
    expect(parsed(`[TOOL_CALLS]get_weather${PARIS}`, { format: 'mistral' })).toEqual(
      call('get_weather', PARIS),
    );
  });

  it('between tags, in Llama 4', () => {
    const text = '<|python_start|>[now(), get_weather(city="Paris")]<|python_end|>';
    expect(parsed(text, { format: 'pythonic' })).toEqual([
      ...call('now', '{}'),
      ...call('get_weather', PARIS, 1),
    ]);
  });
});

describe('what only looks like a call is content', () => {
  it.each([
    ['<tool_call>now()</tool_call>'],
    ['<tool_call>{"name": "now", "arguments": [1]}</tool_call>'],
    ['<tool_call>{"name": "now", "arguments": "five"}</tool_call>'],
    ['<tool_call>{"name": "now", "arguments": {}, "arguments": {}}</tool_call>'],
    ['<tool_call>{"name": 5}</tool_call>'],
    ['<tool_call>{"name": "now", "mood": "good"}</tool_call>'],
    ["<tool_call>{'name': 'now'}</tool_call>"],
    ['<tool_call>{"name": "now", "arguments": {"a": 01}}</tool_call>'],
    ['<tool_call>{"name": "now", "arguments": {"a": "b\nc"}}</tool_call>'],
    ['<tool_call>{"name": "now", "arguments": {"a": 1,}}</tool_call>'],
    [`<tool_call>{"name": "now", "arguments": {"a": ${'['.repeat(200)}`],
    ['The tag <tool_call> begins a call.'],
  ])('%s', (text) => {
    expect(parsed(text)).toEqual([content(text)]);
  });

  it('and a call inside of it is still found', () => {
    expect(parsed(`<tool_call>oops ${HERMES_PARIS}`)).toEqual([
      content('<tool_call>oops'),
      ...call('get_weather', PARIS),
    ]);
  });

  it.each<[ToolCallFormatName, string]>([
    ['llama3_json', '\n{"answer": {"name": "now"}}'],
    ['llama3_json', ' {now} is what I asked.'],
    ['json', '\n{"name": "Paris"}'],
  ])('%s: behind a call: %s', (format, text) => {
    expect(parsed(`{"name": "now"}${text}`, { format })).toEqual([...call('now', '{}'), content(text)]);
  });

  it.each<[ToolCallFormatName, string]>([
    ['llama3_json', '{"answer": {"name": "now"}}'],
    ['llama3_json', '<|python_tag|>brave_search.call(query="weather")'],
    ['mistral', '[TOOL_CALLS]'],
    ['mistral', '[TOOL_CALLS] []'],
    ['mistral_args', '[TOOL_CALLS]now[ARGS]5'],
    ['mistral_args', `[TOOL_CALLS]${'x'.repeat(500)}`],
    ['pythonic', '[now(1)]'],
    ['pythonic', '[now(a=b)]'],
    ['pythonic', '[1, 2, 3]'],
    ['pythonic', '[now(a=1, a=2)]'],
    ['pythonic', '[now() or so]'],
    ['json', '{"name": "Paris"}'],
    ['json', '[{"city": "Paris"}]'],
  ])('%s: %s', (format, text) => {
    expect(parsed(text, { format })).toEqual([content(text)]);
  });
});

describe('Python literals', () => {
  it('are given up at the first character that none of them has, so that a trigger begins anew once only', () => {
    const parser = new MessageParser(parserOptions({ format: 'pythonic' }));
    const text = '<|python_start|>[now(a=';
    expect(parser.push(text)).toEqual([]);
    expect(parser.push('<')).toEqual([content(text)]);
    expect(parser.push('|python_start|>[now(a="<|')).toEqual([]);
    expect(parser.push('")]')).toEqual(call('now', '{"a": "<|"}'));
  });

  it('become JSON', () => {
    const text = String.raw`[get_weather(a=-1.5e3, b=[True, None, (1, 2)], c={'k': "it's"}, d='a\n\"\x41\u00e9', e="[)")]`;
    const [, { text: json } = { text: '' }] = parsed(text, { format: 'pythonic' }) as { text: string }[];
    expect(JSON.parse(json)).toEqual({
      a: -1500,
      b: [true, null, [1, 2]],
      c: { k: "it's" },
      d: 'a\n"Aé',
      e: '[)',
    });
  });

  // As Python's ast.literal_eval reads them, where it does.
  it.each([
    [String.raw`'\d+\.\w'`, String.raw`\d+\.\w`],
    [String.raw`"\é\😀\8"`, String.raw`\é\😀\8`],
    [String.raw`"\a\b\f\n\r\t\v\\\"\'"`, '\x07\b\f\n\r\t\v\\"\''],
    [String.raw`"\0\101\1234\400"`, '\0AS4\u0100'],
    [String.raw`"\x41\u00e9\U0001F600"`, 'Aé😀'],
    ['"one\\\ntwo\\\r\nthree"', 'onetwothree'],
    // Errors in Python: nothing of what the model wrote gets lost.
    [String.raw`"C:\Users\xyz\u12 \U00110000"`, String.raw`C:\Users\xyz\u12 \U00110000`],
  ])('in quotes are what they are in Python, however they arrive: %s', (literal, value) => {
    const text = `[now(a=${literal})]`;
    const parts = parsed(text, { format: 'pythonic' });
    expect(parts).toEqual(call('now', `{"a": ${JSON.stringify(value)}}`));
    expect(partsOf([...text], parserOptions({ format: 'pythonic' }))).toEqual(parts);
  });
});

describe('reasoning', () => {
  it('is told apart, with or without its opening mark in the prompt', () => {
    const answer = [reasoning('Hm.\n\nYes.'), content('Hello\n')];
    expect(parsed('<think>\nHm.\n\nYes.\n</think>\n\nHello\n', { isOpen: false })).toEqual(answer);
    expect(parsed('\nHm.\n\nYes.\n</think>\n\nHello\n', { isOpen: true })).toEqual(answer);
  });

  it('may be empty', () => {
    expect(parsed('<think>\n\n</think>\n\nHello', { isOpen: false })).toEqual([content('Hello')]);
  });

  it('may never end', () => {
    expect(parsed('<think>Hm, </thi', { isOpen: false })).toEqual([reasoning('Hm, </thi')]);
    expect(parsed('Hm.\n', { isOpen: true })).toEqual([reasoning('Hm.')]);
  });

  it('is looked for at the beginning only', () => {
    const text = ' The tag <think>is</think> this.';
    expect(parsed(text, { isOpen: false })).toEqual([content(text)]);
    expect(parsed('<thi', { isOpen: false })).toEqual([content('<thi')]);
  });

  it('comes before calls, and calls in it are none', () => {
    const text = `<think>I could ${HERMES_PARIS}</think>\n${HERMES_PARIS}`;
    expect(parsed(text, { isOpen: false })).toEqual([
      reasoning(`I could ${HERMES_PARIS}`),
      ...call('get_weather', PARIS),
    ]);
  });

  it('tells at every moment whether it goes on', () => {
    const parser = new MessageParser(parserOptions({ isOpen: false }));
    const seen = ['<think>', 'Hm', '</think>', 'Hello'].map((piece) => {
      parser.push(piece);
      return parser.isReasoning;
    });
    expect(seen).toEqual([true, true, false, false]);
  });
});

describe('any text in any pieces', () => {
  const fragment = fc.constantFrom(
    '<tool_call>',
    '</tool_call>',
    '<think>',
    '</think>',
    '{"name": "now"}',
    HERMES_PARIS,
    '{"name": "get_weather", "arguments": {"a": "',
    '"}}',
    '[TOOL_CALLS]',
    '[ARGS]',
    'now',
    '<|python_tag|>',
    '[now(a=1)]',
    ';',
    '[',
    ']',
    '{',
    ' ',
    '\n',
    '\u00a0',
    'Text',
    '😀',
  );
  const text = fc.array(fragment, { maxLength: 12 }).map((fragments) => fragments.join(''));

  it('gives the same parts as the whole text at once', () => {
    fc.assert(
      fc.property(
        text,
        fc.array(fc.nat(200), { maxLength: 20 }),
        fc.constantFrom(...TOOL_CALL_FORMAT_NAMES),
        fc.boolean(),
        fc.constantFrom(undefined, false, true),
        (whole, cuts, format, isAssured, isOpen) => {
          const options = parserOptions({ format, isAssured, ...(isOpen === undefined ? {} : { isOpen }) });
          const pieces = cut(
            whole,
            cuts.map((each) => Math.min(each, whole.length)),
          );
          expect(partsOf(pieces, options)).toEqual(partsOf([whole], options));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('gives arguments that are JSON objects, of calls that have one name each', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(...TOOL_CALL_FORMAT_NAMES), (whole, format) => {
        const parts = parsed(whole, { format });
        const calls = parts.filter(({ kind }) => kind === 'tool-call');
        const jsons = parts.flatMap((part) => (part.kind === 'tool-arguments' ? [part] : []));
        expect(jsons.map(({ index }) => index)).toEqual(calls.map((_, index) => index));
        for (const json of jsons) expect(JSON.parse(json.text)).toBeTypeOf('object');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('calls that are announced by a token', () => {
  const NOW = ['{"name": "now", "arguments": {', '"a": 1', '}}\n', '</tool_call>'];
  const told = (pieces: readonly string[], options: Options = {}) =>
    piecewise(pieces, parserOptions(options));
  const joined = (pieces: readonly string[], options: Options = {}): MessagePart[] => {
    const parts: MessagePart[] = [];
    for (const each of told(pieces, options)) for (const part of each) addPart(parts, part);
    return parts;
  };

  it('are told as they are written', () => {
    expect(told(['Hi', '!<tool_call>', ...NOW])).toEqual([
      [content('Hi')],
      [],
      [...call('now', '{')],
      [{ kind: 'tool-arguments', index: 0, text: '"a": 1' }],
      [{ kind: 'tool-arguments', index: 0, text: '}' }],
      [],
      [],
    ]);
  });

  it('are not where only the text of the token is written, before or after one that is', () => {
    const whole = call('now', '{"a": 1}');
    expect(told(['<tool_call>', ...NOW]).filter((each) => each.length > 0)).toEqual([whole]);
    const second = told(['!<tool_call>', ...NOW, '<tool_call>', ...NOW]);
    expect(second.slice(5).filter((each) => each.length > 0)).toEqual([call('now', '{"a": 1}', 1)]);
    const first = told(['<tool_call>', ...NOW, '!<tool_call>', ...NOW]);
    expect(first.filter((each) => each.length > 0)).toHaveLength(4);
  });

  it('are, where a text that only looks like one comes before', () => {
    for (const before of ['<tool_', '<tool_call>{"name":', '<tool_call>']) {
      const shown = told([before, '!<tool_call>', ...NOW]).filter((each) => each.length > 0);
      expect(shown, before).toHaveLength(4);
      expect(shown[0], before).toEqual([content(before)]);
    }
  });

  it('are behind thoughts, and not in them', () => {
    const pieces = ['<think>', 'Hm, ', '!<tool_call>', 'no', '</think>', '!<tool_call>', ...NOW];
    expect(joined(pieces, { isOpen: false })).toEqual([
      reasoning('Hm, <tool_call>no'),
      ...call('now', '{"a": 1}'),
    ]);
    expect(told(pieces, { isOpen: false }).filter((each) => each.length > 0)).toHaveLength(6);
  });

  it('are one, or a list; what else follows is told when it is whole', () => {
    const next = ['{"name": "now", ', '"parameters": {', '}', '}'];
    const shown = told(['!<|python_tag|>', ...next, '; ', ...next], { format: 'llama3_json' });
    expect(shown.filter((each) => each.length > 0)).toEqual([
      [{ kind: 'tool-call', index: 0, name: 'now' }],
      [{ kind: 'tool-arguments', index: 0, text: '{' }],
      [{ kind: 'tool-arguments', index: 0, text: '}' }],
      call('now', '{}', 1),
    ]);
    const mistral = ['{"name": "now", ', '"arguments": {', '}', '}'];
    const listed = told(['![TOOL_CALLS]', '[', ...mistral, ', ', ...mistral, ']'], { format: 'mistral' });
    expect(listed.filter((each) => each.length > 0)).toHaveLength(6);
  });

  it('keep what they had when the output is cut off', () => {
    expect(joined(['!<tool_call>', ...NOW.slice(0, 2)])).toEqual(call('now', '{"a": 1'));
  });

  it('are nothing when the output is cut off before their name', () => {
    for (const cutOff of ['', '\n', '{"name": "no']) {
      expect(joined(['Hi \n', '!<tool_call>', cutOff])).toEqual([content('Hi \n')]);
      expect(parsed(`<tool_call>${cutOff}`, { isAssured: true })).toEqual([]);
    }
    const next = ['!<tool_call>', ...NOW, '\n', '!<tool_call>', '{"na'];
    expect(joined(next)).toEqual(call('now', '{"a": 1}'));
  });

  it('are content there where its own form may hold their marks', () => {
    const text = '{"said": "<tool_call>';
    expect(parsed(text, { isAssured: true, mayQuoteMarks: true })).toEqual([content(text)]);
  });
});
