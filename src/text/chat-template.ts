/**
 * Messages -> the one prompt string that a model was trained on, by the checkpoint's own Jinja template, over
 * `@huggingface/jinja`. Knows no tokenizer, only the texts of its special tokens, and nothing of HTTP.
 *
 * A template runs without a limit on time; it is part of the checkpoint, which the operator chose.
 */

import { Template } from '@huggingface/jinja';
import { ServerError, StartupError } from '../base/errors.ts';
import {
  chooseMark,
  insertMarks,
  type RenderedPrompt,
  removeMarks,
  SpecialTextGuard,
} from './special-text-guard.ts';
import type { JsonObject, NamedSpecialTokens } from './tokenizer-files.ts';
import { isObject } from './tokenizer-files.ts';

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
   * gets the one that it holds itself or, if it calls `strftime_now`, the machine's.
   */
  readonly dateString?: string | undefined;
};

export type RenderOptions = {
  /** Ends the prompt with the beginning of an assistant's turn. */
  readonly addGenerationPrompt: boolean;
};

/** What vLLM and llama.cpp put between text parts for a template that wants a string. */
const PART_SEPARATOR = '\n';

export class ChatTemplate {
  readonly #template: Template;
  readonly #source: string;
  readonly #globals: JsonObject;
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
    // transformers defines `tools` and `documents` as none, and templates ask for both `defined` and truth.
    this.#globals = {
      ...options.namedSpecialTokens,
      ...(options.dateString === undefined ? {} : { date_string: options.dateString }),
      tools: null,
      documents: null,
    };
    this.#guard = new SpecialTextGuard(options.specialTokenTexts);
    this.#developerRole = options.source.includes('developer') ? 'developer' : 'system';
    this.#wantsParts = this.#detectParts();
  }

  /**
   * @returns the prompt, and the places in it across which no special token may be recognised.
   * @throws ServerError `invalid_request` with the template's own message when it refuses the messages.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): RenderedPrompt {
    const prepared = messages.map((message) => this.#prepare(message));
    let marked = false;
    const texts: string[] = [];
    for (const message of prepared) {
      mapClientText(message, (text) => {
        marked ||= this.#guard.markPositions(text).length > 0;
        texts.push(text);
        return text;
      });
    }
    if (!marked) return { text: this.#run(prepared, options), breaks: [] };

    const mark = chooseMark([...texts, this.#source]);
    const guarded = prepared.map((message) =>
      mapClientText(message, (text) => insertMarks(text, this.#guard.markPositions(text), mark)),
    );
    return removeMarks(this.#run(guarded, options), mark);
  }

  #run(messages: readonly JsonObject[], options: RenderOptions): string {
    try {
      return this.#template.render({
        ...this.#globals,
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
        return this.#run([{ role: 'user', content }], { addGenerationPrompt: false }).includes(probe);
      } catch {
        return false;
      }
    };
    return !shows(probe) && shows([{ type: 'text', text: probe }]);
  }
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
      function: mapStrings(call.function, map),
    }));
  }
  return mapped;
}

/** Strings at any depth; of `function` the names of its own two fields stay, those inside are the client's. */
function mapStrings(called: ToolCall['function'], map: (text: string) => string): JsonObject {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return map(value);
    if (Array.isArray(value)) return value.map(walk);
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [map(key), walk(each)]));
  };
  return { name: map(called.name), arguments: walk(called.arguments) };
}
