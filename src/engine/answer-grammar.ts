/**
 * What an answer may look like, as a grammar: thoughts, then calls in the form in which the model writes them, or
 * content. Only here do the two meet; the grammar's engine knows nothing of calls. Pure.
 */

import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import type { ReasoningFormat } from '../text/message/reasoning-parser.ts';
import type { CallWriting, ToolCallFormat } from '../text/message/tool-call-format.ts';
import type { AnswerForm, CallableTool } from './text-generation.ts';

export type WritableFormat = ToolCallFormat & { readonly writing: CallWriting };

export type AnswerGrammarOptions = {
  readonly form: AnswerForm;
  /** `null`: nothing may be called. */
  readonly format: WritableFormat | null;
  /** `null`: the model does not think. */
  readonly reasoning:
    | (ReasoningFormat & {
        /** The prompt ends inside of thoughts. */
        readonly isOpen: boolean;
        /** The request asks for thoughts. */
        readonly isWanted: boolean;
      })
    | null;
  /** What the content has to look like where nothing is called; `null`: anything. */
  readonly content: GrammarSource | null;
  /** Whether the tokenizer has an added token of this text, which then is written with that token alone. */
  readonly isToken: (text: string) => boolean;
};

/** What models put between the end of their thoughts, or the announcement of calls, and what comes then. */
const BLANKS: GrammarSource = { kind: 'regex', pattern: '[ \\n]{0,4}' };

export function answerGrammar(options: AnswerGrammarOptions): GrammarSource | null {
  const answer = afterReasoning(options);
  return answer === null || comesAtOnce(options) ? answer : withReasoning(answer, options);
}

/**
 * What is prescribed comes at once: thoughts that nobody has asked for may have no end, and then it would not come at all.
 */
function comesAtOnce({ form, format, reasoning }: AnswerGrammarOptions): boolean {
  if (reasoning === null || reasoning.isOpen) return false;
  return format === null || (form.mustCall && !reasoning.isWanted);
}

/**
 * What follows the trigger's token where calls are announced by it: one call, or a list of them. It is complete at its
 * end, so nothing is held behind it. How a model puts blanks in front is left to it.
 */
export function announcedCalls(
  options: AnswerGrammarOptions & { readonly format: WritableFormat },
): GrammarSource {
  return new CallGrammar(options, options.format).behindTrigger();
}

function afterReasoning(options: AnswerGrammarOptions): GrammarSource | null {
  const { form, format, content } = options;
  if (format === null || form.tools.length === 0) return content;
  const calls = new CallGrammar(options, format);
  if (form.mustCall) return calls.all();
  return content === null ? calls.inText() : anyOf([calls.all(), content]);
}

function withReasoning(answer: GrammarSource, { reasoning, isToken }: AnswerGrammarOptions): GrammarSource {
  if (reasoning === null) return answer;
  const marks = [reasoning.opening, reasoning.closing];
  const [opening, closing] = marks.map((mark) => written(mark, marks, isToken)) as [
    GrammarSource,
    GrammarSource,
  ];
  const thoughts: GrammarSource = { kind: 'text-until', triggers: [reasoning.closing] };
  const rest = [thoughts, closing, BLANKS, answer];
  return reasoning.isOpen ? sequence(rest) : anyOf([sequence([opening, ...rest]), answer]);
}

/** Calls of one request in one format. */
class CallGrammar {
  readonly #form: AnswerForm;
  readonly #format: ToolCallFormat;
  readonly #writing: CallWriting;
  readonly #isToken: (text: string) => boolean;

  constructor({ form, isToken }: AnswerGrammarOptions, format: WritableFormat) {
    this.#form = form;
    this.#format = format;
    this.#writing = format.writing;
    this.#isToken = isToken;
  }

  /** One call or more, and nothing else. */
  all(): GrammarSource {
    return sequence([...this.#text(this.#writing.opening), this.#callsBehindOpening()]);
  }

  #callsBehindOpening(): GrammarSource {
    const { separator, closing } = this.#writing;
    const call = this.#call();
    const next = sequence([...this.#text(separator), call]);
    const more = this.#form.callsMax - 1;
    const others: GrammarSource[] = more > 0 ? [{ kind: 'repeat', of: next, min: 0, max: more }] : [];
    return sequence([call, ...others, ...this.#text(closing)]);
  }

  /** Text in which the trigger comes with calls behind it and in no other way. */
  inText(): GrammarSource {
    const { trigger, bareStarts } = this.#format;
    const { opening, head } = this.#writing;
    const isInCalls = (opening + head).startsWith(trigger);
    // Where calls may come without the trigger, their usual beginning is as good as one.
    const triggers = [trigger, ...(bareStarts === '' ? [] : [opening + head])].filter((each) => each !== '');
    const text: GrammarSource = { kind: 'text-until', triggers };
    const announced = isInCalls ? this.#block() : sequence([...this.#text(trigger), this.all()]);
    const blocksMax = opening === '' && isInCalls ? this.#form.callsMax : 1;
    const blocks: GrammarSource = { kind: 'repeat', of: sequence([announced, text]), min: 0, max: blocksMax };
    const inText = sequence([text, blocks]);
    return bareStarts === '' ? inText : anyOf([this.all(), inText]);
  }

  behindTrigger(): GrammarSource {
    const { trigger } = this.#format;
    const { opening, head } = this.#writing;
    const isInCalls = (opening + head).startsWith(trigger);
    const rest = (text: string): GrammarSource[] =>
      this.#text(isInCalls ? text.slice(trigger.length).trimStart() : text);
    if (opening === '') return sequence([BLANKS, ...rest(head), this.#callBehindHead()]);
    return sequence([BLANKS, ...rest(opening), this.#callsBehindOpening()]);
  }

  /** What one trigger announces: a list, or a single call. */
  #block(): GrammarSource {
    return this.#writing.opening === '' ? this.#call() : this.all();
  }

  #call(): GrammarSource {
    return sequence([...this.#text(this.#writing.head), this.#callBehindHead()]);
  }

  #callBehindHead(): GrammarSource {
    const { middle, tail } = this.#writing;
    const tools = this.#form.tools.map((tool) =>
      sequence([...this.#text(tool.name + middle), this.#argumentsOf(tool)]),
    );
    return sequence([anyOf(tools), ...this.#text(tail)]);
  }

  #argumentsOf({ parameters, param, isStrict }: CallableTool): GrammarSource {
    if (hasNoParameters(parameters)) return { kind: 'literal', text: '{}' };
    // A schema without a type takes any value, and a call has no other arguments than an object.
    const schema = { ...parameters, type: 'object' };
    const orObject = !isStrict && !this.#form.mustCall;
    return { kind: 'json-schema', schema, param, orObject };
  }

  #text(text: string): GrammarSource[] {
    return text === '' ? [] : [written(text, this.#format.marks, this.#isToken)];
  }
}

/** Keywords that ask for no other properties. */
const OF_NO_WEIGHT = new Set([
  '$schema',
  '$id',
  'type',
  'title',
  'description',
  'properties',
  'required',
  'additionalProperties',
]);

/** No properties and nothing that speaks of others: a schema that leaves them open is hardly meant to. */
function hasNoParameters(parameters: CallableTool['parameters']): boolean {
  const { properties, required, additionalProperties } = parameters;
  const isEmpty =
    typeof properties === 'object' && properties !== null && Object.keys(properties).length === 0;
  const isClosed = additionalProperties === undefined || additionalProperties === false;
  const requiresNone = !Array.isArray(required) || required.length === 0;
  const asksNoMore = Object.keys(parameters).every((keyword) => OF_NO_WEIGHT.has(keyword));
  return isEmpty && isClosed && requiresNone && asksNoMore;
}

/** Text with marks in it, each of which is its token where there is one. */
function written(text: string, marks: readonly string[], isToken: (text: string) => boolean): GrammarSource {
  const tokens = marks.filter(isToken);
  const parts: GrammarSource[] = [];
  let rest = text;
  while (rest !== '') {
    const found = tokens
      .map((mark) => ({ mark, start: rest.indexOf(mark) }))
      .filter(({ start }) => start >= 0)
      .sort((a, b) => a.start - b.start)[0];
    const end = found?.start ?? rest.length;
    if (end > 0) parts.push({ kind: 'literal', text: rest.slice(0, end) });
    if (found === undefined) break;
    parts.push({ kind: 'special-token', text: found.mark });
    rest = rest.slice(end + found.mark.length);
  }
  return sequence(parts);
}

function sequence(parts: readonly GrammarSource[]): GrammarSource {
  const flat = parts.flatMap((part) => (part.kind === 'sequence' ? part.parts : [part]));
  return flat.length === 1 ? flat[0]! : { kind: 'sequence', parts: flat };
}

function anyOf(options: readonly GrammarSource[]): GrammarSource {
  return options.length === 1 ? options[0]! : { kind: 'any-of', options };
}
