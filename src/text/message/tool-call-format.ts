/**
 * The ways in which models write calls: how they are read, and how they would be written. The marks are texts; where
 * the checkpoint has an added token of the same text, the model writes that.
 */

import type { CallSink } from './call-object-reader.ts';
import { type CallsReader, JsonCallsReader, NamedCallReader } from './calls-readers.ts';
import { PythonicCallsReader } from './pythonic-calls.ts';

export const TOOL_CALL_FORMAT_NAMES = [
  'hermes',
  'llama3_json',
  'mistral',
  'mistral_args',
  'pythonic',
  'json',
] as const;

export type ToolCallFormatName = (typeof TOOL_CALL_FORMAT_NAMES)[number];

/** The texts around names and arguments when calls are written: opening, head name middle arguments tail, … closing. */
export type CallWriting = {
  readonly opening: string;
  readonly head: string;
  readonly middle: string;
  readonly tail: string;
  readonly separator: string;
  readonly closing: string;
};

export type ToolCallFormat = {
  readonly name: ToolCallFormatName;
  /** What announces calls anywhere in the content; empty where nothing does. */
  readonly trigger: string;
  /** Characters that may begin calls without the trigger, as the first of the content. */
  readonly bareStarts: string;
  /** Texts that matter to the reader also where they are special tokens. */
  readonly marks: readonly string[];
  /** @returns a reader of what follows the trigger, or of the content from its bare start. */
  readonly reader: (sink: CallSink) => CallsReader;
  /** How calls are asked for; null where arguments are not written as JSON. */
  readonly writing: CallWriting | null;
};

const JSON_CALL = { head: '{"name": "', middle: '", "arguments": ', tail: '}' };

const FORMATS: Readonly<Record<ToolCallFormatName, ToolCallFormat>> = {
  /** Nous Hermes, Qwen 2.5 and 3: one object between tags for each call. */
  hermes: {
    name: 'hermes',
    trigger: '<tool_call>',
    bareStarts: '',
    marks: ['<tool_call>', '</tool_call>'],
    reader: (sink) => new JsonCallsReader(sink, { closing: '</tool_call>', separator: '' }),
    writing: {
      opening: '',
      head: '<tool_call>\n{"name": "',
      middle: '", "arguments": ',
      tail: '}\n</tool_call>',
      separator: '\n',
      closing: '',
    },
  },
  /** Llama 3.1 to 3.3: the object alone, its arguments named `parameters`; sometimes a tag before it. */
  llama3_json: {
    name: 'llama3_json',
    trigger: '<|python_tag|>',
    bareStarts: '{',
    marks: ['<|python_tag|>'],
    reader: (sink) => new JsonCallsReader(sink, { closing: '', separator: ';' }),
    writing: {
      opening: '',
      head: '{"name": "',
      middle: '", "parameters": ',
      tail: '}',
      separator: '; ',
      closing: '',
    },
  },
  /** Mistral 7B v0.3 to Nemo: one list behind a token. */
  mistral: {
    name: 'mistral',
    trigger: '[TOOL_CALLS]',
    bareStarts: '',
    marks: ['[TOOL_CALLS]'],
    reader: mistralReader,
    writing: { opening: '[TOOL_CALLS][', ...JSON_CALL, separator: ', ', closing: ']' },
  },
  /** Mistral Small 3.2, Magistral, Devstral: name and arguments behind tokens of their own. */
  mistral_args: {
    name: 'mistral_args',
    trigger: '[TOOL_CALLS]',
    bareStarts: '',
    marks: ['[TOOL_CALLS]', '[CALL_ID]', '[ARGS]'],
    reader: mistralReader,
    writing: { opening: '', head: '[TOOL_CALLS]', middle: '[ARGS]', tail: '', separator: '', closing: '' },
  },
  /** Llama 3.2 and 4: a list of Python calls; Llama 4 writes tags around it. */
  pythonic: {
    name: 'pythonic',
    trigger: '<|python_start|>',
    bareStarts: '[',
    marks: ['<|python_start|>', '<|python_end|>'],
    reader: (sink) => new PythonicCallsReader(sink, '<|python_end|>'),
    writing: null,
  },
  /** An object or a list of objects and nothing else. */
  json: {
    name: 'json',
    trigger: '',
    bareStarts: '{[',
    marks: [],
    reader: (sink) => new JsonCallsReader(sink, { closing: '', separator: ';' }),
    writing: { opening: '[', ...JSON_CALL, separator: ', ', closing: ']' },
  },
};

export function toolCallFormat(name: ToolCallFormatName): ToolCallFormat {
  return FORMATS[name];
}

/** Both of Mistral's forms stand behind the same token; the first character tells them apart. */
function mistralReader(sink: CallSink): CallsReader {
  let reader: CallsReader | null = null;
  return {
    get status() {
      return reader?.status ?? 'more';
    },
    read(text, from) {
      let position = from;
      if (reader === null) {
        while (text.charAt(position) === ' ' || text.charAt(position) === '\n') position++;
        if (position === text.length) return position;
        const isJson = '[{'.includes(text.charAt(position));
        reader = isJson
          ? new JsonCallsReader(sink, { closing: '', separator: '' })
          : new NamedCallReader(sink);
      }
      return reader.read(text, position);
    },
  };
}

/** A call as the format writes it. @param json of the arguments. */
export function writtenCall(
  { opening, head, middle, tail, closing }: CallWriting,
  name: string,
  json: string,
): string {
  return `${opening}${head}${name}${middle}${json}${tail}${closing}`;
}
