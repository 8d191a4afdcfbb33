/**
 * Messages -> the one prompt string that a model was trained on, by the checkpoint's own Jinja template.
 * Knows no tokenizer, only the texts of its special tokens, and nothing of HTTP.
 *
 * A template is part of the checkpoint, which the operator chose, and runs on what clients say: within the bounds of
 * template/interpreter.ts.
 */

import type { CalendarTime } from '../base/clock.ts';
import { ServerError, StartupError } from '../base/errors.ts';
import type { JsonObject } from '../base/json-object.ts';
import type { ChatMessage, TextPart, ToolDefinition } from './chat-message.ts';
import { mapClientText, type RenderInput } from './client-text.ts';
import { ExactNumbers } from './exact-numbers.ts';
import { withMergedTurns } from './merged-turns.ts';
import {
  chooseMark,
  insertMarks,
  type RenderedPrompt,
  removeMarks,
  SpecialTextGuard,
} from './special-text-guard.ts';
import { strftime } from './strftime.ts';
import { CONSTANTS } from './template/expressions.ts';
import { GLOBAL_NAMES, renderTemplate, textFunction } from './template/interpreter.ts';
import { namesReadBy, type TemplateNames } from './template/names.ts';
import { parseTemplate } from './template/parser.ts';
import type { Program } from './template/tree.ts';
import { type ProbeRun, probeTemplate, type TemplateAbilities } from './template-abilities.ts';
import { hasLongNumbers, THOUGHT_FIELDS, templateMessage } from './template-message.ts';
import { NAMED_TOKENS, type NamedSpecialTokens } from './tokenizer-files.ts';

export type ChatTemplateOptions = {
  readonly source: string;
  /** Given to the template by name: `bos_token`, `eos_token`, … */
  readonly namedSpecialTokens: NamedSpecialTokens;
  /** Texts that only the template may use as control tokens. */
  readonly specialTokenTexts: readonly string[];
  /** What `strftime_now` writes. Without it a template that calls that is refused. */
  readonly now?: (() => CalendarTime) | undefined;
};

export type RenderOptions = {
  /** Ends the prompt with the beginning of an assistant's turn. Not together with `continueFinalMessage`. */
  readonly addGenerationPrompt: boolean;
  /** Ends the prompt with the last message's content, so that the model writes on where it ends. */
  readonly continueFinalMessage: boolean;
  /** Described to the model where the template can; empty: the template is told of none. */
  readonly tools: readonly ToolDefinition[];
  /** Variables for the template besides its own; none of `RESERVED_VARIABLES`. Strings in them are the client's. */
  readonly variables: JsonObject;
};

/** An assistant's turn begins after the messages. */
export const PLAIN_RENDERING: RenderOptions = {
  addGenerationPrompt: true,
  continueFinalMessage: false,
  tools: [],
  variables: {},
};

/** What a template is given by this file. */
export const RESERVED_VARIABLES: ReadonlySet<string> = new Set([
  'messages',
  'tools',
  'documents',
  'add_generation_prompt',
  'continue_final_message',
  'strftime_now',
  ...NAMED_TOKENS,
  // Of the template language itself.
  ...GLOBAL_NAMES,
  ...CONSTANTS.keys(),
]);

export class ChatTemplate {
  readonly abilities: TemplateAbilities;
  readonly #program: Program;
  readonly #names: TemplateNames;
  readonly #source: string;
  readonly #globals: Readonly<Record<string, unknown>>;
  readonly #guard: SpecialTextGuard;
  readonly #developerRole: 'developer' | 'system';

  /** @throws StartupError when the template cannot be parsed, or has what is not supported here. */
  constructor(options: ChatTemplateOptions) {
    // As jinja2 reads it.
    this.#source = options.source.replace(/\r\n?/g, '\n');
    try {
      this.#program = parseTemplate(this.#source);
    } catch (error) {
      throw new StartupError(`the chat template cannot be parsed: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#names = namesReadBy(this.#program);
    // transformers defines `tools` and `documents` as none, and templates ask for both `defined` and truth.
    this.#globals = {
      ...options.namedSpecialTokens,
      tools: null,
      documents: null,
      strftime_now: textFunction('strftime_now', (format) => strftime(format, requireNow(options.now))),
    };
    this.#guard = new SpecialTextGuard(options.specialTokenTexts);
    this.abilities = probeTemplate(this.#probe);
    // Many print whatever role they are given; only who names it was taught it.
    const knowsDevelopers = this.#source.includes('developer') && this.abilities.developer;
    this.#developerRole = knowsDevelopers ? 'developer' : 'system';
  }

  /** Whether the template looks at a variable that it is given, and does not set itself. */
  reads(variable: string): boolean {
    return this.#names.variables.has(variable);
  }

  /** Whether the template shows the name of a message of this role. */
  showsName(role: string): boolean {
    return this.abilities.namedRoles.has(role === 'developer' ? 'system' : role);
  }

  /** Whether the template looks at a message's thoughts, by any of their names. */
  get readsThoughts(): boolean {
    return THOUGHT_FIELDS.some((field) => this.#names.fields.has(field));
  }

  /** Whether the template's own text holds this text. */
  mentions(text: string): boolean {
    return this.#source.includes(text);
  }

  /**
   * @returns the prompt, and the places in it across which no special token may be recognised.
   * @throws ServerError `invalid_request` with the template's own message when it refuses the messages, or when the
   *   last message cannot be continued.
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): RenderedPrompt {
    const plain = this.#input(messages, options, null);
    const numbers = this.#exactNumbers(messages, plain);
    const input = numbers === null ? plain : this.#input(messages, options, numbers);
    let marked = false;
    const texts: string[] = [];
    mapClientText(input, (text) => {
      marked ||= this.#guard.markPositions(text).length > 0;
      texts.push(text);
      return text;
    });
    const guardMark = marked ? chooseMark([...texts, this.#source]) : null;
    const guarded =
      guardMark === null
        ? input
        : mapClientText(input, (text) => insertMarks(text, this.#guard.markPositions(text), guardMark));
    const shown = options.continueFinalMessage
      ? this.#runUpToEnd(guarded, chooseMark([...texts, this.#source, guardMark ?? '']))
      : this.#run(guarded, options);
    const text = numbers === null ? shown : numbers.restored(shown);
    return guardMark === null ? { text, breaks: [] } : removeMarks(text, guardMark);
  }

  #input(
    messages: readonly ChatMessage[],
    { tools, variables }: RenderOptions,
    numbers: ExactNumbers | null,
  ): RenderInput {
    const { abilities } = this;
    const turns = withMergedTurns(messages, {
      roles: abilities.singleRoles,
      roleOf: (message) => this.#speakerOf(message),
      joinsCalls: abilities.textBesideCalls,
    });
    const shown = turns.map((message) =>
      templateMessage(message, { role: this.#roleOf(message), abilities, numbers }),
    );
    return { messages: shown, tools, variables };
  }

  /** @param plain what the template would be given otherwise: escapes of JSON are characters in it. */
  #exactNumbers(messages: readonly ChatMessage[], plain: RenderInput): ExactNumbers | null {
    if (this.abilities.argumentsForm === 'text' || !messages.some(hasLongNumbers)) return null;
    return new ExactNumbers([JSON.stringify(plain), this.#source]);
  }

  /**
   * A mark after the last message's content tells where it ends in the prompt; what the template puts behind it is
   * left out. A space behind the mark tells whether the template trims contents: then the content's own trailing
   * space goes too. This is how Hugging Face transformers does it.
   */
  #runUpToEnd(input: RenderInput, mark: string): string {
    const { messages } = input;
    const last = messages.at(-1);
    const content = last === undefined ? null : withEnd(last['content'], `${mark} `);
    if (content === null) throw notContinued('it has no text');
    const continued = { ...input, messages: [...messages.slice(0, -1), { ...last, content }] };
    const text = this.#run(continued, { addGenerationPrompt: false });
    const end = text.lastIndexOf(mark);
    if (end === -1) throw notContinued('the chat template does not show its text');
    const upToEnd = text.slice(0, end).replaceAll(mark, '');
    return text.charAt(end + 1) === ' ' ? upToEnd : upToEnd.trimEnd();
  }

  #run(input: RenderInput, options: { readonly addGenerationPrompt: boolean }): string {
    const { messages, tools, variables } = input;
    try {
      return renderTemplate(this.#program, {
        ...this.#globals,
        ...variables,
        ...(tools.length === 0 ? {} : { tools }),
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

  /** A template that does not know developers is told of the system. */
  #roleOf({ role }: ChatMessage): string {
    return role === 'developer' ? this.#developerRole : role;
  }

  /** A developer speaks for the system, unless the template has both speak. */
  #speakerOf(message: ChatMessage): string {
    const role = this.#roleOf(message);
    return role === 'developer' && !this.abilities.developerBesideSystem ? 'system' : role;
  }

  readonly #probe: ProbeRun = (messages, tools) => {
    try {
      return this.#run({ messages, tools, variables: {} }, { addGenerationPrompt: false });
    } catch {
      return null;
    }
  };
}

function requireNow(now: ChatTemplateOptions['now']): CalendarTime {
  if (now === undefined) throw new Error('the date is not known here');
  return now();
}

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
