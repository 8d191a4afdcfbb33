/**
 * Messages -> the one prompt string that a model was trained on, by the checkpoint's own Jinja template, over
 * `@huggingface/jinja`. Knows no tokenizer, only the texts of its special tokens, and nothing of HTTP.
 *
 * A template runs without a limit on time; it is part of the checkpoint, which the operator chose.
 */

import { Template } from '@huggingface/jinja';
import type { CalendarTime } from '../base/clock.ts';
import { ServerError, StartupError } from '../base/errors.ts';
import { renameVariable } from './rename-variable.ts';
import {
  chooseMark,
  insertMarks,
  type RenderedPrompt,
  removeMarks,
  SpecialTextGuard,
} from './special-text-guard.ts';
import { strftime } from './strftime.ts';
import type { JsonObject, NamedSpecialTokens } from './tokenizer-files.ts';
import { isObject, NAMED_TOKENS } from './tokenizer-files.ts';

export type TextPart = { readonly type: 'text'; readonly text: string };

/** A function call that the model made earlier. `arguments` is JSON text, or already an object. */
export type ToolCall = {
  readonly id?: string | undefined;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string | JsonObject };
};

/** One turn, in the shape that templates know. Roles: system, developer, user, assistant, tool. */
export type ChatMessage = {
  readonly role: string;
  /** `null` where an assistant only called tools. */
  readonly content: string | readonly TextPart[] | null;
  readonly name?: string | undefined;
  readonly tool_calls?: readonly ToolCall[] | undefined;
  readonly tool_call_id?: string | undefined;
};

export type ChatTemplateOptions = {
  readonly source: string;
  /** Given to the template by name: `bos_token`, `eos_token`, … */
  readonly namedSpecialTokens: NamedSpecialTokens;
  /** Texts that only the template may use as control tokens. */
  readonly specialTokenTexts: readonly string[];
  /**
   * Given to the template as `date_string`, in its own format. Without it, a template that asks for the date
   * gets the one that it holds itself or, if it calls `strftime_now`, that of `now`.
   */
  readonly dateString?: string | undefined;
  /** What `strftime_now` writes. Without it a template that calls that is refused. */
  readonly now?: (() => CalendarTime) | undefined;
};

export type RenderOptions = {
  /** Ends the prompt with the beginning of an assistant's turn. Not together with `continueFinalMessage`. */
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the last message's content, so that the model writes on where it ends. */
  readonly continueFinalMessage: boolean;
  /** Variables for the template besides its own; none of `RESERVED_VARIABLES`. Strings in them are the client's. */
  readonly variables: JsonObject;
};

/** An assistant's turn begins after the messages. */
export const PLAIN_RENDERING: RenderOptions = {
  addGenerationPrompt: true,
  continueFinalMessage: false,
  variables: {},
};

/** What a template is given by this file. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'documents',
  'add_generation_prompt',
  'continue_final_message',
  // Names of the template language and of its library.
  ...['raise_exception', 'strftime_now', 'range', 'true', 'false', 'none', 'True', 'False', 'None'],
  ...NAMED_TOKENS,
]);

/** The library's own `strftime_now` looks at the machine's clock and cannot be replaced. */
const STRFTIME_NOW = 'octavo_strftime_now';

/** What vLLM and llama.cpp put between text parts for a template that wants a string. */
const PART_SEPARATOR = '\n';

export class ChatTemplate {
  readonly #template: Template;
  readonly #source: string;
  readonly #globals: Readonly<Record<string, unknown>>;
  readonly #guard: SpecialTextGuard;
  readonly #developerRole: 'developer' | 'system';
  readonly #wantsParts: boolean;

  /** @throws StartupError when the template cannot be parsed. */
  constructor(options: ChatTemplateOptions) {
    this.#source = options.source;
    try {
      this.#template = new Template(options.source);
    } catch (error) {
      throw new StartupError(`the chat template cannot be parsed: ${(error as Error).message}`, {
        cause: error,
      });
    }
    renameVariable(this.#template.parsed, 'strftime_now', STRFTIME_NOW);
    // transformers defines `tools` and `documents` as none, and templates ask for both `defined` and truth.
    this.#globals = {
      ...options.namedSpecialTokens,
      ...(options.dateString === undefined ? {} : { date_string: options.dateString }),
      tools: null,
      documents: null,
      [STRFTIME_NOW]: (format: string) => strftime(format, requireNow(options.now)),
    };
    this.#guard = new SpecialTextGuard(options.specialTokenTexts);
    this.#developerRole = options.source.includes('developer') ? 'developer' : 'system';
    this.#wantsParts = this.#detectParts();
  }

  /** Whether the template looks at a variable, as far as its text tells. */
  reads(variable: string): boolean {
    return new RegExp(`(?<![\\w.])${variable.replace(/\W/g, '\\$&')}(?!\\w)`).test(this.#source);
  }

  /** Whether the template looks at a field of messages, as far as its text tells: `message.name`, `message['name']`. */
  readsField(field: string): boolean {
    return new RegExp(`[.'"]${field.replace(/\W/g, '\\$&')}(?!\\w)`).test(this.#source);
  }

  /**
   * @returns the prompt, and the places in it across which no special token may be recognised.
   * @throws ServerError `invalid_request` with the template's own message when it refuses the messages, or when the
   *   last message cannot be continued.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): RenderedPrompt {
    const input: RenderInput = {
      messages: messages.map((message) => this.#prepare(message)),
      variables: options.variables,
    };
    let marked = false;
    const texts: string[] = [];
    mapInput(input, (text) => {
      marked ||= this.#guard.markPositions(text).length > 0;
      texts.push(text);
      return text;
    });
    const guardMark = marked ? chooseMark([...texts, this.#source]) : null;
    const guarded =
      guardMark === null
        ? input
        : mapInput(input, (text) => insertMarks(text, this.#guard.markPositions(text), guardMark));
    const text = options.continueFinalMessage
      ? this.#runUpToEnd(guarded, chooseMark([...texts, this.#source, guardMark ?? '']))
      : this.#run(guarded, options);
    return guardMark === null ? { text, breaks: [] } : removeMarks(text, guardMark);
  }

  /**
   * A mark after the last message's content tells where it ends in the prompt; what the template puts behind it is
   * left out. A space behind the mark tells whether the template trims contents: then the content's own trailing
   * space goes too. This is how Hugging Face transformers does it.
   */
  #runUpToEnd({ messages, variables }: RenderInput, mark: string): string {
    const last = messages.at(-1);
    const content = last === undefined ? null : withEnd(last['content'], `${mark} `);
    if (content === null) throw notContinued('it has no text');
    const continued = { messages: [...messages.slice(0, -1), { ...last, content }], variables };
    const text = this.#run(continued, { addGenerationPrompt: false });
    const end = text.lastIndexOf(mark);
    if (end === -1) throw notContinued('the chat template does not show its text');
    const upToEnd = text.slice(0, end).replaceAll(mark, '');
    return text.charAt(end + 1) === ' ' ? upToEnd : upToEnd.trimEnd();
  }

  #run({ messages, variables }: RenderInput, options: { readonly addGenerationPrompt: boolean }): string {
    try {
      return this.#template.render({
        ...this.#globals,
        ...variables,
        messages,
        add_generation_prompt: options.addGenerationPrompt,
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ServerError('invalid_request', `The chat template does not accept the messages: ${reason}`, {
        param: 'messages',
        cause: error,
      });
    }
  }

  #prepare(message: ChatMessage): JsonObject {
    const prepared: Record<string, unknown> = {
      role: message.role === 'developer' ? this.#developerRole : message.role,
      content: this.#wantsParts ? asParts(message.content) : asString(message.content),
    };
    if (message.name !== undefined) prepared['name'] = message.name;
    if (message.tool_call_id !== undefined) prepared['tool_call_id'] = message.tool_call_id;
    if (message.tool_calls !== undefined)
      prepared['tool_calls'] = message.tool_calls.map(withParsedArguments);
    return prepared;
  }

  /** Some templates print a string content, some only a list of parts: both are tried on a probe. */
  #detectParts(): boolean {
    const probe = 'content probe';
    const shows = (content: unknown): boolean => {
      try {
        const input = { messages: [{ role: 'user', content }], variables: {} };
        return this.#run(input, { addGenerationPrompt: false }).includes(probe);
      } catch {
        return false;
      }
    };
    return !shows(probe) && shows([{ type: 'text', text: probe }]);
  }
}

function requireNow(now: ChatTemplateOptions['now']): CalendarTime {
  if (now === undefined) throw new Error('the date is not known here');
  return now();
}

function asString(content: ChatMessage['content']): string | null {
  if (content === null || typeof content === 'string') return content;
  return content.map((part) => part.text).join(PART_SEPARATOR);
}

function asParts(content: ChatMessage['content']): readonly TextPart[] | null {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** Templates print arguments with `tojson` and so expect an object; JSON text would be quoted twice. */
function withParsedArguments(call: ToolCall): JsonObject {
  const { arguments: given, name } = call.function;
  let parsed: unknown = given;
  if (typeof given === 'string') {
    try {
      parsed = JSON.parse(given);
    } catch {
      // A model may have written broken JSON: the template then shows what it wrote.
    }
  }
  const call_id = call.id === undefined ? {} : { id: call.id };
  return { ...call_id, type: call.type, function: { name, arguments: isObject(parsed) ? parsed : given } };
}

type RenderInput = { readonly messages: readonly JsonObject[]; readonly variables: JsonObject };

function notContinued(reason: string): ServerError {
  return new ServerError('invalid_request', `The last message cannot be continued: ${reason}.`, {
    param: 'messages',
  });
}

/** @returns the content with `end` behind its last text; null when it has none. */
function withEnd(content: unknown, end: string): string | readonly TextPart[] | null {
  if (typeof content === 'string') return content + end;
  if (!Array.isArray(content)) return null;
  const last: TextPart | undefined = content.at(-1);
  return last === undefined ? null : [...content.slice(0, -1), { ...last, text: last.text + end }];
}

/** A copy with `map` applied to every text that the client wrote. */
function mapInput({ messages, variables }: RenderInput, map: (text: string) => string): RenderInput {
  const mapped = mapStrings(variables, (text, place) => (place === 'name' ? text : map(text)));
  return { messages: messages.map((message) => mapClientText(message, map)), variables: mapped };
}

/** A copy of a prepared message with `map` applied to every text in it that the client wrote. */
function mapClientText(message: JsonObject, map: (text: string) => string): JsonObject {
  const mapped: Record<string, unknown> = { ...message };
  const { content, tool_calls } = message;
  if (typeof content === 'string') mapped['content'] = map(content);
  if (Array.isArray(content)) {
    mapped['content'] = content.map((part: TextPart) => ({ ...part, text: map(part.text) }));
  }
  for (const key of ['name', 'tool_call_id']) {
    const value = message[key];
    if (typeof value === 'string') mapped[key] = map(value);
  }
  if (Array.isArray(tool_calls)) {
    mapped['tool_calls'] = tool_calls.map((call: ToolCall) => ({
      ...call,
      ...(call.id === undefined ? {} : { id: map(call.id) }),
      function: mapCalled(call.function, map),
    }));
  }
  return mapped;
}

/** Of a call, the names of its own two fields stay; those inside are the client's. */
function mapCalled(called: ToolCall['function'], map: (text: string) => string): JsonObject {
  const { arguments: given } = called;
  return {
    name: map(called.name),
    arguments: typeof given === 'string' ? map(given) : mapStrings(given, map),
  };
}

/** Strings at any depth, keys included. `name`: the object's own key, at the top level. */
function mapStrings(
  object: JsonObject,
  map: (text: string, place: 'name' | 'inside') => string,
): Record<string, unknown> {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return map(value, 'inside');
    if (Array.isArray(value)) return value.map(walk);
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [map(key, 'inside'), walk(each)]));
  };
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [map(key, 'name'), walk(each)]));
}
