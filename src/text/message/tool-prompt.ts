/**
 * Tools for models whose chat template knows none: they are described in the system message, calls of the history
 * become the text that the model would have written, and results become messages of the user. What the template shows
 * by itself is left to it.
 */

import type { ChatMessage, ToolCall, ToolDefinition } from '../chat-message.ts';
import type { TemplateAbilities } from '../template-abilities.ts';
import { argumentsText, joinedText } from '../template-message.ts';
import { type CallWriting, writtenCall } from './tool-call-format.ts';

export type Conversation = {
  readonly messages: readonly ChatMessage[];
  /** For the template. */
  readonly tools: readonly ToolDefinition[];
};

const RESULT_OPENING = '<tool_response>';
const RESULT_CLOSING = '</tool_response>';

/** @param writing how the model is to write calls. @param describes whether the template is not trusted with the tools. */
export function withWrittenTools(
  { messages, tools }: Conversation,
  abilities: TemplateAbilities,
  options: { readonly writing: CallWriting; readonly describes: boolean },
): Conversation {
  const { writing, describes } = options;
  const showsCalls = abilities.calls && !describes;
  const showsResults = abilities.results && !describes;
  let written = showsCalls
    ? withCallsApart(messages, abilities)
    : messages.map((message) => withWrittenCalls(message, writing));
  if (!showsResults) written = withWrittenResults(written);
  if (!describes || tools.length === 0) return { messages: written, tools: describes ? [] : tools };
  return { messages: withInstructions(written, instructions(tools, writing), abilities.system), tools: [] };
}

/**
 * For templates that refuse several calls in one message: one message for each, with its result behind it, as if the model
 * had waited.
 */
function withCallsApart(
  messages: readonly ChatMessage[],
  { severalCalls }: TemplateAbilities,
): readonly ChatMessage[] {
  if (severalCalls) return messages;
  const apart: ChatMessage[] = [];
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    const calls = message.tool_calls ?? [];
    if (calls.length < 2) {
      apart.push(message);
      continue;
    }
    const results: ChatMessage[] = [];
    while (messages[at + 1]?.role === 'tool') results.push(messages[++at]!);
    calls.forEach((call, index) => {
      apart.push(index === 0 ? { ...message, tool_calls: [call] } : callMessage(call));
      const own = results.findIndex(({ tool_call_id: id }) => id === undefined || id === call.id);
      if (own >= 0) apart.push(...results.splice(own, 1));
    });
    apart.push(...results);
  }
  return apart;
}

function callMessage(call: ToolCall): ChatMessage {
  return { role: 'assistant', content: null, tool_calls: [call] };
}

function withWrittenCalls(message: ChatMessage, writing: CallWriting): ChatMessage {
  const { tool_calls: calls, ...rest } = message;
  if (calls === undefined || calls.length === 0) return message;
  const { opening, closing, separator } = writing;
  const each = calls.map(({ function: called }) =>
    writtenCall({ ...writing, opening: '', closing: '' }, called.name, argumentsText(called.arguments)),
  );
  const said = joinedText(message.content);
  const written = opening + each.join(separator) + closing;
  return { ...rest, content: said === null || said === '' ? written : `${said}\n${written}` };
}

/** Results that follow each other become one message: templates want users and assistants to take turns. */
function withWrittenResults(messages: readonly ChatMessage[]): ChatMessage[] {
  const written: ChatMessage[] = [];
  let results: string[] = [];
  const tell = (): void => {
    if (results.length > 0) written.push({ role: 'user', content: results.join('\n') });
    results = [];
  };
  for (const message of messages) {
    if (message.role === 'tool') {
      results.push(`${RESULT_OPENING}\n${joinedText(message.content) ?? ''}\n${RESULT_CLOSING}`);
      continue;
    }
    tell();
    written.push(message);
  }
  tell();
  return written;
}

function instructions(tools: readonly ToolDefinition[], writing: CallWriting): string {
  const example = writtenCall(writing, 'function_name', '{"argument": "value"}');
  return [
    '# Functions',
    '',
    'These functions can be called, one JSON description a line:',
    ...tools.map((tool) => JSON.stringify(tool.function)),
    '',
    'When a function helps, call it: answer with its name and its arguments in exactly this form.',
    example,
    'Several calls follow each other. What a function returns is told in the next message. When no function helps, ' +
      'answer in words.',
  ].join('\n');
}

/** At the end of the system message; where the template has none, before the first message of the user. */
function withInstructions(
  messages: readonly ChatMessage[],
  text: string,
  showsSystem: boolean,
): readonly ChatMessage[] {
  const index = messages.findIndex(({ role }) =>
    showsSystem ? role === 'system' || role === 'developer' : role === 'user',
  );
  const host = messages[index];
  if (host === undefined || (showsSystem && index > 0)) {
    return [{ role: showsSystem ? 'system' : 'user', content: text }, ...messages];
  }
  const own = joinedText(host.content) ?? '';
  const content = showsSystem ? `${own}\n\n${text}` : `${text}\n\n${own}`;
  return messages.map((message, at) => (at === index ? { ...message, content } : message));
}
