/**
 * From what a request wants of its answer, and what is known of the model, to how the output is constrained and told
 * apart. Pure; one for the whole server.
 */

import { ServerError } from '../base/errors.ts';
import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import type { GrammarTrigger } from '../sampling/grammar/grammar-trigger.ts';
import type { ChatMessage } from '../text/chat-message.ts';
import { type ChatFormats, chatFormatOf } from '../text/message/chat-formats.ts';
import type { MessageDialect } from '../text/message/message-dialect.ts';
import type { MessageParserOptions } from '../text/message/message-parser.ts';
import { type ToolCallFormat, toolCallFormat } from '../text/message/tool-call-format.ts';
import type { AddedToken } from '../text/tokenizer-files.ts';
import { announcedCalls, answerGrammar, type WritableFormat } from './answer-grammar.ts';
import type { ChoiceMessageOptions } from './choice-text.ts';
import type { AnswerForm, TextRequest } from './text-generation.ts';

export type AnswerPlannerOptions = {
  /** `null`: the model has no chat template, so every answer is text. */
  readonly formats: ChatFormats | null;
  readonly tokenizer: { readonly addedTokens: readonly AddedToken[] };
};

export type AnswerPlan = {
  /** `null`: everything is text. */
  readonly message: ChoiceMessageOptions | null;
  /** `null`: anything may come. */
  readonly grammar: GrammarSource | null;
  /** What the grammar waits for; `null`: it holds the whole output. */
  readonly trigger: GrammarTrigger | null;
  /** What the message that is continued may have of the form already; see `GrammarCursor`. */
  readonly begun: string;
};

export class AnswerPlanner {
  readonly #formats: ChatFormats | null;
  /** Of added tokens, by their texts. */
  readonly #tokenIds: ReadonlyMap<string, number>;

  constructor({ formats, tokenizer }: AnswerPlannerOptions) {
    this.#formats = formats;
    this.#tokenIds = new Map(tokenizer.addedTokens.map(({ content, id }) => [content, id]));
  }

  readonly #isToken = (text: string): boolean => this.#tokenIds.has(text);

  /**
   * @param prompt the text that the answer goes on from; null where it is not known.
   * @throws ServerError `unsupported_parameter` when the model's calls cannot be told apart.
   */
  plan(request: TextRequest, prompt: string | null): AnswerPlan {
    const { answerForm: form, grammar: content } = request;
    const formats = this.#formats;
    if (form === null || formats === null)
      return { message: null, grammar: content, trigger: null, begun: '' };
    const { dialect } = chatFormatOf(formats, offeredTools(request));
    const calls = this.#callsOf(form, content, dialect);
    const place = dialect.reasoningAt(prompt ?? '', continuedMessage(request));
    const isOpen = place === 'open';
    const isWanted = wantsThoughts(request);
    const reasoning =
      place === 'closed' ? null : dialect.reasoning && { ...dialect.reasoning, isOpen, isWanted };
    const isHeld = calls === null ? content !== null : calls.isHeld;
    const format = calls?.writable ?? null;
    const options = { form, format, reasoning, content, isToken: this.#isToken };
    const isFree = isHeld || format === null || this.#isRestricted(request, format);
    const trigger = isFree ? null : this.#triggerOf(format, reasoning);
    const message = this.#messageOf(form, calls, reasoning);
    if (format === null || trigger === null) {
      const held = isHeld ? answerGrammar(options) : null;
      return { message, grammar: held, trigger: null, begun: begunJson(request, dialect) };
    }
    return {
      message: message && { ...message, trigger },
      grammar: announcedCalls({ ...options, format }),
      trigger,
      begun: '',
    };
  }

  /** Whether the request itself forbids tokens, or ends at some, without which a call cannot be written. */
  #isRestricted(
    { stopTokenIds, allowedTokenIds, badWords }: TextRequest,
    { marks }: WritableFormat,
  ): boolean {
    const endsAtMark = marks.some((mark) => stopTokenIds.includes(this.#tokenIds.get(mark) ?? -1));
    return endsAtMark || allowedTokenIds !== null || badWords.length > 0;
  }

  /** @returns null where a call may begin without a token that says so, and so nothing can wait for it. */
  #triggerOf(
    { trigger }: WritableFormat,
    reasoning: MessageParserOptions['reasoning'],
  ): GrammarTrigger | null {
    const tokenId = this.#tokenIds.get(trigger);
    if (tokenId === undefined) return null;
    if (reasoning === null) return { tokenId, thoughts: null };
    const openingId = this.#tokenIds.get(reasoning.opening);
    const closingId = this.#tokenIds.get(reasoning.closing);
    if (openingId === undefined || closingId === undefined) return null;
    return { tokenId, thoughts: { openingId, closingId, isOpen: reasoning.isOpen } };
  }

  /** @returns null where nothing may be called. */
  #callsOf(form: AnswerForm, content: GrammarSource | null, dialect: MessageDialect): PlannedCalls | null {
    if (form.tools.length === 0) return null;
    const own = dialect.toolCalls;
    if (own === null) {
      throw new ServerError(
        'unsupported_parameter',
        "'tools' is not supported: the server was started with --tool-call-parser none.",
        { param: 'tools' },
      );
    }
    const isStrict = form.tools.some((tool) => tool.isStrict) && own.writing !== null;
    const isHeld = form.mustCall || content !== null || isStrict;
    // Python calls cannot be held to a schema: where a form is prescribed, it is JSON's.
    const format = isHeld && own.writing === null ? toolCallFormat('json') : own;
    const writable = format.writing === null ? null : { ...format, writing: format.writing };
    // Without its trigger a call may also come in other words than those that are prescribed.
    const isAssured = isHeld && (form.mustCall || format.bareStarts === '');
    const mayQuoteMarks = content !== null && !form.mustCall;
    return { format, writable, isHeld, isAssured, mayQuoteMarks };
  }

  #messageOf(
    form: AnswerForm,
    calls: PlannedCalls | null,
    reasoning: MessageParserOptions['reasoning'],
  ): ChoiceMessageOptions | null {
    if (calls === null && reasoning === null) return null;
    const callable = new Set(form.tools.map(({ name }) => name));
    const marks = [...(calls?.format.marks ?? [])];
    if (reasoning !== null) marks.push(reasoning.opening, reasoning.closing);
    return {
      parser: {
        reasoning,
        isInline: form.reasoning === 'inline',
        tools: calls && {
          format: calls.format,
          callable,
          callsMax: form.callsMax,
          isAssured: calls.isAssured,
          mayQuoteMarks: calls.mayQuoteMarks,
        },
      },
      trigger: null,
      shownTokenIds: new Set(marks.flatMap((mark) => this.#tokenIds.get(mark) ?? [])),
      hidesReasoning: form.reasoning === 'hidden',
    };
  }
}

type PlannedCalls = {
  readonly format: ToolCallFormat;
  /** `null`: the format's calls cannot be prescribed. */
  readonly writable: WritableFormat | null;
  /** The output is held to a grammar. */
  readonly isHeld: boolean;
  /** … so that whatever begins as a call is one … */
  readonly isAssured: boolean;
  /** … unless it stands in content that is held to a form of its own. */
  readonly mayQuoteMarks: boolean;
};

/** Tools that the template is told of, of which the answer may call some, or none. */
function offeredTools({ prompts: [prompt] }: TextRequest): readonly unknown[] {
  return prompt?.kind === 'messages' ? prompt.rendering.tools : [];
}

/** By the variables with which templates are asked for thoughts; those that think by themselves may be told not to. */
function wantsThoughts({ prompts: [prompt] }: TextRequest): boolean {
  if (prompt?.kind !== 'messages') return false;
  const { enable_thinking, thinking, reasoning_effort: effort } = prompt.rendering.variables;
  return enable_thinking === true || thinking === true || (effort !== undefined && effort !== 'none');
}

/**
 * JSON that has begun in the message which the answer goes on from, behind its thoughts. The message is to be JSON as a whole then;
 * other forms, text before JSON, and forms beside which calls may come say nothing of what stands before the output.
 */
function begunJson(request: TextRequest, { reasoning }: MessageDialect): string {
  const kind = request.grammar?.kind;
  const message = mayCall(request) ? null : continuedMessage(request);
  if (message === null || (kind !== 'json-object' && kind !== 'json-schema')) return '';
  const text = oneText(message);
  if (OPENS_JSON.test(text)) return text.trimStart();
  if (reasoning === null || text.lastIndexOf(reasoning.opening) > text.lastIndexOf(reasoning.closing))
    return '';
  const said = text.split(reasoning.closing).at(-1)!;
  return OPENS_JSON.test(said) ? said.trimStart() : '';
}

const OPENS_JSON = /^\s*[{[]/;

/** How a template joins several parts is its own affair. */
function oneText({ content }: ChatMessage): string {
  if (content === null || typeof content === 'string') return content ?? '';
  return content.length === 1 ? content[0]!.text : '';
}

function mayCall({ answerForm }: TextRequest): boolean {
  return answerForm !== null && answerForm.tools.length > 0;
}

/** The message that the answer goes on from, if it does. */
function continuedMessage({ prompts: [prompt] }: TextRequest): ChatMessage | null {
  if (prompt?.kind !== 'messages' || !prompt.rendering.continueFinalMessage) return null;
  return prompt.messages.at(-1) ?? null;
}
