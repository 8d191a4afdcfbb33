/** What answers with tools are held to, asked of the compiled grammars. */

import { describe, expect, it } from 'vitest';
import { type AnswerGrammarOptions, announcedCalls, answerGrammar } from '../../src/engine/answer-grammar.ts';
import type { AnswerForm, CallableTool } from '../../src/engine/text-generation.ts';
import { MessageParser } from '../../src/text/message/message-parser.ts';
import {
  type CallWriting,
  type ToolCallFormatName,
  toolCallFormat,
} from '../../src/text/message/tool-call-format.ts';
import { type Fit, fitOf } from '../sampling/grammar/grammar-driver.ts';

const WEATHER: CallableTool = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { enum: ['Paris', 'Rome'], type: 'string' } } },
  param: 'tools[0].function.parameters',
  isStrict: true,
};
const NOW: CallableTool = {
  name: 'now',
  parameters: { type: 'object', properties: {} },
  param: 'tools[1].function.parameters',
  isStrict: false,
};
const FORM: AnswerForm = { tools: [WEATHER, NOW], mustCall: true, callsMax: 3, reasoning: 'apart' };
const THINK = { opening: '<think>', closing: '</think>', isOpen: false, isWanted: true };

type Options = Partial<Omit<AnswerGrammarOptions, 'format' | 'form'>> & {
  readonly format?: ToolCallFormatName;
  readonly form?: Partial<AnswerForm>;
};

function fitting(text: string, { format = 'hermes', form = {}, ...options }: Options = {}): Fit {
  const chosen = toolCallFormat(format);
  const writing: CallWriting = chosen.writing!;
  const source = answerGrammar({
    form: { ...FORM, ...form },
    format: { ...chosen, writing },
    reasoning: null,
    content: null,
    isToken: () => false,
    ...options,
  });
  return fitOf(source!, text);
}

/** Calls of get_weather and of now as each format writes them. */
const CALLS: Readonly<Partial<Record<ToolCallFormatName, { one: string; two: string; other: string }>>> = {
  hermes: {
    one: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
    two: '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
    other: '<tool_call>\n{"name": "get_wealth", "arguments": {}}\n</tool_call>',
  },
  llama3_json: {
    one: '{"name": "get_weather", "parameters": {"city": "Paris"}}',
    two: '{"name": "now", "parameters": {}}; {"name": "now", "parameters": {}}',
    other: '{"name": "get_wealth", "parameters": {}}',
  },
  mistral: {
    one: '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    two: '[TOOL_CALLS][{"name": "now", "arguments": {}}, {"name": "now", "arguments": {}}]',
    other: '[TOOL_CALLS][{"name": "get_wealth", "arguments": {}}]',
  },
  mistral_args: {
    one: '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}',
    two: '[TOOL_CALLS]now[ARGS]{}[TOOL_CALLS]now[ARGS]{}',
    other: '[TOOL_CALLS]get_wealth[ARGS]{}',
  },
  json: {
    one: '[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    two: '[{"name": "now", "arguments": {}}, {"name": "now", "arguments": {}}]',
    other: '[{"name": "get_wealth", "arguments": {}}]',
  },
};
const FORMATS = Object.keys(CALLS) as ToolCallFormatName[];

describe.each(FORMATS)('an answer that must call, in the form of %s', (format) => {
  const { one, two, other } = CALLS[format]!;

  it('is calls of functions that there are, with arguments that fit', () => {
    expect(fitting(one, { format })).toBe('whole');
    expect(fitting(two, { format })).toBe('whole');
    expect(fitting(other, { format })).toBe('no');
    expect(fitting(one.replace('Paris', 'Oslo'), { format })).toBe('no');
    expect(fitting('Hello', { format })).toBe('no');
    expect(fitting('', { format })).toBe('beginning');
  });

  it('has an object as arguments also where the parameters do not say so', () => {
    const several = { type: ['object', 'null'], minProperties: 0 };
    for (const parameters of [{}, several, { anyOf: [{ type: 'string' }, {}] }]) {
      const form = { tools: [{ ...WEATHER, parameters }] };
      const shown = JSON.stringify(parameters);
      expect(fitting(one, { format, form }), shown).toBe('whole');
      expect(fitting(one.replace('{"city": "Paris"}', '{}'), { format, form }), shown).toBe('whole');
      for (const value of ['"Paris"', '4', '["Paris"]', 'null']) {
        expect(fitting(one.replace('{"city": "Paris"}', value), { format, form }), shown).toBe('no');
      }
    }
  });

  it('takes no parameters for none where other keywords ask for some', () => {
    const parameters = { type: 'object', properties: {}, required: ['city'] };
    const form = { tools: [{ ...WEATHER, parameters }] };
    expect(fitting(one, { format, form })).toBe('whole');
    expect(fitting(one.replace('{"city": "Paris"}', '{}'), { format, form })).toBe('no');
  });

  it('has no more calls than are wanted', () => {
    expect(fitting(one, { format, form: { callsMax: 1 } })).toBe('whole');
    expect(fitting(two, { format, form: { callsMax: 1 } })).toBe('no');
  });

  it('is read back as the calls that it was held to', () => {
    const tools = {
      format: toolCallFormat(format),
      callable: new Set(['get_weather', 'now']),
      callsMax: 3,
      isAssured: true,
      mayQuoteMarks: false,
    };
    const parser = new MessageParser({ reasoning: null, tools });
    const parts = [...parser.push(two), ...parser.flush()];
    expect(parts.filter(({ kind }) => kind === 'tool-call')).toHaveLength(2);
    expect(parts.filter(({ kind }) => kind === 'content')).toEqual([]);
  });
});

describe('an answer that may call', () => {
  const auto: Options = { form: { mustCall: false } };
  const CALL = CALLS.hermes!.one;

  it('is text, with calls where the mark announces them', () => {
    for (const text of ['', 'Hello', `See: ${CALL}`, `${CALL}${CALL} Done.`, 'a <tool> b', '<tool_cal']) {
      expect(fitting(text, auto), text).toBe('whole');
    }
    expect(fitting('<tool_call>', auto)).toBe('beginning');
    expect(fitting('<tool_call>oops', auto)).toBe('no');
    expect(fitting(CALLS.hermes!.other, auto)).toBe('no');
  });

  it('has arguments that fit, whether the function is strict or not', () => {
    for (const isStrict of [true, false]) {
      const either = { form: { mustCall: false, tools: [{ ...WEATHER, isStrict }] } };
      expect(fitting(CALL, either)).toBe('whole');
      expect(fitting(CALL.replace('Paris', 'Oslo'), either)).toBe('no');
      expect(fitting(CALL.replace('{"city": "Paris"}', '[]'), either)).toBe('no');
    }
  });

  it('has no second call where one is all that is wanted', () => {
    const single: Options = { form: { mustCall: false, callsMax: 1 } };
    expect(fitting(`See: ${CALL} Done.`, single)).toBe('whole');
    expect(fitting(CALL + CALL, single)).toBe('no');
  });

  it('is calls, or content in the form that is prescribed', () => {
    const content = { kind: 'json-object' } as const;
    expect(fitting('{"a": 1}', { ...auto, content })).toBe('whole');
    expect(fitting(CALL, { ...auto, content })).toBe('whole');
    expect(fitting('Hello', { ...auto, content })).toBe('no');
    expect(fitting(`{}${CALL}`, { ...auto, content })).toBe('no');
  });

  it('may begin with a call without its mark, in the form of Llama 3', () => {
    const llama: Options = { ...auto, format: 'llama3_json' };
    const { one, other } = CALLS.llama3_json!;
    for (const text of [one, `<|python_tag|>${one}`, `See: <|python_tag|>${one}`, 'Hello', '{"a": 1}']) {
      expect(fitting(text, llama), text).toBe('whole');
    }
    expect(fitting(other, llama)).toBe('no');
  });
});

describe('what follows the token that announces calls', () => {
  const ANNOUNCED = {
    hermes: '<tool_call>',
    llama3_json: '<|python_tag|>',
    mistral: '[TOOL_CALLS]',
    mistral_args: '[TOOL_CALLS]',
  } as const;

  const behind = (format: keyof typeof ANNOUNCED, text: string, form: Partial<AnswerForm> = {}): Fit => {
    const chosen = toolCallFormat(format);
    const source = announcedCalls({
      form: { ...FORM, mustCall: false, ...form },
      format: { ...chosen, writing: chosen.writing! },
      reasoning: null,
      content: null,
      isToken: () => false,
    });
    return fitOf(source, text);
  };

  it.each(Object.keys(ANNOUNCED) as (keyof typeof ANNOUNCED)[])(
    'is one call, or the list of them, in the form of %s',
    (format) => {
      const trigger = ANNOUNCED[format];
      const written = (text: string) => (text.startsWith(trigger) ? text.slice(trigger.length) : text);
      const { one, two, other } = CALLS[format]!;
      expect(behind(format, written(one))).toBe('whole');
      expect(behind(format, ` \n${written(one).trimStart()}`)).toBe('whole');
      expect(behind(format, written(other))).toBe('no');
      expect(behind(format, '')).toBe('beginning');
      expect(behind(format, 'Hello')).toBe('no');
      expect(behind(format, written(two))).toBe(format === 'mistral' ? 'whole' : 'no');
    },
  );

  const CALL = CALLS.hermes!.one.slice('<tool_call>'.length);

  it('has arguments that fit, whether the function is strict or not', () => {
    for (const isStrict of [true, false]) {
      const form = { tools: [{ ...WEATHER, isStrict }] };
      expect(behind('hermes', CALL, form)).toBe('whole');
      expect(behind('hermes', CALL.replace('Paris', 'Oslo'), form)).toBe('no');
      expect(behind('hermes', CALL.replace('{"city": "Paris"}', '[]'), form)).toBe('no');
    }
  });

  it('has any object as arguments where a schema that is not strict cannot be served', () => {
    const city = { not: { enum: ['Oslo'] }, type: 'string' };
    const nothing = { allOf: [{ type: 'string' }, { type: 'integer' }] };
    for (const property of [city, nothing]) {
      const parameters = { type: 'object', properties: { city: property }, required: ['city'] };
      const form = { tools: [{ ...WEATHER, parameters, isStrict: false }, NOW] };
      expect(behind('hermes', CALL, form)).toBe('whole');
      expect(behind('hermes', CALL.replace('{"city": "Paris"}', '[]'), form)).toBe('no');
      expect(behind('hermes', CALLS.hermes!.other.slice('<tool_call>'.length), form)).toBe('no');
    }
  });

  it('holds as many functions to their schemas as one grammar has room for', () => {
    const properties = {
      text: { type: 'string', minLength: 3, maxLength: 4000 },
      ...(WEATHER.parameters['properties'] as object),
    };
    const tools = Array.from({ length: 8 }, (_, index) => ({
      ...WEATHER,
      name: `weather_${index}`,
      parameters: { type: 'object', properties, required: ['text'] },
      isStrict: false,
    }));
    const fits = (name: string) => behind('hermes', CALL.replace('get_weather', name), { tools });
    expect(fits('weather_0')).toBe('no');
    expect(fits('weather_7')).toBe('whole');
  });
});

describe('thoughts', () => {
  const CALL = CALLS.hermes!.one;

  it('do not come before a forced call when nobody asked for them', () => {
    const options = { reasoning: { ...THINK, isWanted: false } };
    expect(fitting(CALL, options)).toBe('whole');
    expect(fitting('<think>Hm', options)).toBe('no');
  });

  it('may come first where they are wanted', () => {
    const options = { reasoning: THINK };
    expect(fitting(CALL, options)).toBe('whole');
    expect(fitting(`<think>\nHm, <tool_call> may do.\n</think>\n\n${CALL}`, options)).toBe('whole');
    expect(fitting('<think>Hm', options)).toBe('beginning');
    expect(fitting('<think>Hm</think>Hello', options)).toBe('no');
  });

  it('go on where the prompt has opened them', () => {
    const options = { reasoning: { ...THINK, isOpen: true } };
    expect(fitting(`Hm</think>\n\n${CALL}`, options)).toBe('whole');
    expect(fitting('Hm', options)).toBe('beginning');
  });

  it('come before content that is prescribed only where the prompt has opened them', () => {
    const source = (isOpen: boolean) =>
      answerGrammar({
        form: { ...FORM, tools: [], mustCall: false },
        format: null,
        reasoning: { ...THINK, isOpen },
        content: { kind: 'choice', choices: ['yes', 'no'] },
        isToken: () => false,
      })!;
    expect(fitOf(source(false), 'yes')).toBe('whole');
    expect(fitOf(source(false), '<think>Hm</think>\nyes')).toBe('no');
    expect(fitOf(source(true), 'Hm</think>\nyes')).toBe('whole');
    expect(fitOf(source(true), 'yes')).toBe('beginning');
  });
});
