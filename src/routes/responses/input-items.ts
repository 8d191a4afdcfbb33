/**
 * From the items of an input to the messages that chat templates know: what an assistant thought, said and called in a
 * row is one message of its own. Pure.
 */

import type { ChatMessage, TextPart, ToolCall } from '../../text/chat-message.ts';
import type { FieldCheck } from '../schema/fields.ts';
import { partFields, THOUGHT_PART_FIELDS } from '../schema/responses-field-tables.ts';
import type { ResponsesRequest, SentItem } from '../schema/responses-request.ts';
import { wellFormed } from '../text-request.ts';
import { type GivenArguments, requireBoundedArguments } from '../tool-arguments.ts';
import type { ContextItem } from './named-items.ts';
import { toldName } from './response-tools.ts';

type MessageItem = Extract<SentItem, { role: string }>;
type CallItem = Extract<SentItem, { type: 'function_call' }>;
type CallOutputItem = Extract<SentItem, { type: 'function_call_output' }>;
type ReasoningItem = Extract<SentItem, { type: 'reasoning' }>;

export type InputOptions = {
  readonly instructions: ResponsesRequest['instructions'];
  readonly fields: FieldCheck;
  /** Whether the chat template shows what an assistant thought. */
  readonly showsThoughts: boolean;
};

/** @throws ServerError for what an item's schema lets pass and this server does not. */
export function messagesOf(context: readonly ContextItem[], options: InputOptions): ChatMessage[] {
  const { instructions } = options;
  const first: ChatMessage[] =
    instructions == null ? [] : [{ role: 'system', content: wellFormed(instructions) }];
  requireBoundedArguments(context.flatMap(argumentsOf));
  const turns = new Turns();
  for (const { item, param, stored } of context) {
    addItem(turns, item, { ...options, exact: `${param}.`, isStored: stored !== null });
  }
  return [...first, ...turns.end()];
}

function argumentsOf({ item, param, stored }: ContextItem): GivenArguments[] {
  if (item.type !== 'function_call') return [];
  return [{ json: item.arguments, param: stored === null ? `${param}.arguments` : param }];
}

type ItemOptions = InputOptions & { readonly exact: string; readonly isStored: boolean };

function addItem(turns: Turns, item: SentItem, options: ItemOptions): void {
  switch (item.type) {
    case 'function_call':
      turns.addCall(item);
      return;
    case 'function_call_output':
      turns.addMessage(outputMessage(item, options));
      return;
    case 'reasoning':
      turns.addThoughts(thoughtsOf(item, options));
      return;
    default: {
      const content = partsOf(item.content, 'content', options);
      if (item.role === 'assistant') turns.addSaid(content);
      else turns.addMessage({ role: item.role, content });
    }
  }
}

function outputMessage({ call_id: callId, output }: CallOutputItem, options: ItemOptions): ChatMessage {
  return { role: 'tool', tool_call_id: wellFormed(callId), content: partsOf(output, 'output', options) };
}

function partsOf(
  content: MessageItem['content'],
  name: 'content' | 'output',
  { fields, exact }: ItemOptions,
): string | readonly TextPart[] {
  if (typeof content === 'string') return wellFormed(content);
  return content.map((part, index) => {
    fields.check(part, partFields(part.type), {
      exact: `${exact}${name}[${index}].`,
      general: `input[].${name}[].`,
    });
    return { type: 'text', text: wellFormed(part.type === 'refusal' ? part.refusal : part.text) };
  });
}

/** The thoughts themselves; where a client has only what sums them up, that. */
function thoughtsOf({ content, summary }: ReasoningItem, options: ItemOptions): string {
  const { fields, exact, showsThoughts, isStored } = options;
  const hasContent = content != null && content.length > 0;
  checkThoughtParts({ content, summary }, fields, exact);
  const text = (hasContent ? content : (summary ?? [])).map((part) => part.text).join('\n');
  if (text === '') return '';
  // What the server has kept itself is no field of the request.
  if (isStored) return wellFormed(text);
  const place = { exact, general: 'input[].' };
  const name = hasContent ? 'content' : 'summary';
  if (!showsThoughts) fields.ignore(name, place, "the model's chat template does not look at thoughts");
  else if (hasContent && summary != null && summary.length > 0) {
    fields.ignore('summary', place, 'content has the thoughts themselves');
  }
  return wellFormed(text);
}

function checkThoughtParts(
  thoughts: Pick<ReasoningItem, 'content' | 'summary'>,
  fields: FieldCheck,
  exact: string,
) {
  for (const name of ['content', 'summary'] as const) {
    for (const [index, part] of (thoughts[name] ?? []).entries()) {
      const place = { exact: `${exact}${name}[${index}].`, general: `input[].${name}[].` };
      fields.check(part, THOUGHT_PART_FIELDS, place);
    }
  }
}

type AssistantTurn = { said: readonly TextPart[] | string | null; thoughts: string; calls: ToolCall[] };

/** Puts items together to messages, in their order. */
class Turns {
  readonly #messages: ChatMessage[] = [];
  /** The assistant's turn that the next item may belong to. */
  #open: AssistantTurn | null = null;

  addMessage(message: ChatMessage): void {
    this.#close();
    this.#messages.push(message);
  }

  /** Thoughts come before what they lead to; none, as where they are encrypted, are no border. */
  addThoughts(thoughts: string): void {
    if (thoughts === '') return;
    const { said, calls } = this.#turn();
    if (said !== null || calls.length > 0) this.#close();
    const turn = this.#turn();
    turn.thoughts = turn.thoughts === '' ? thoughts : `${turn.thoughts}\n${thoughts}`;
  }

  /** What is said after calls, or after something else was said, is a turn of its own. */
  addSaid(said: readonly TextPart[] | string): void {
    const turn = this.#turn();
    if (turn.said !== null || turn.calls.length > 0) this.#close();
    this.#turn().said = said;
  }

  addCall({ call_id: callId, name, namespace, arguments: json }: CallItem): void {
    this.#turn().calls.push({
      id: wellFormed(callId),
      type: 'function',
      function: { name: wellFormed(toldName(name, namespace)), arguments: wellFormed(json) },
    });
  }

  end(): readonly ChatMessage[] {
    this.#close();
    return this.#messages;
  }

  #turn(): AssistantTurn {
    this.#open ??= { said: null, thoughts: '', calls: [] };
    return this.#open;
  }

  #close(): void {
    const turn = this.#open;
    this.#open = null;
    if (turn === null) return;
    const { said, thoughts, calls } = turn;
    if (said === null && thoughts === '' && calls.length === 0) return;
    this.#messages.push({
      role: 'assistant',
      content: said ?? (calls.length === 0 ? '' : null),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(thoughts === '' ? {} : { reasoning: thoughts }),
    });
  }
}
