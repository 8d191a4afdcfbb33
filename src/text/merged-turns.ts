/**
 * Conversations for chat templates in which everybody speaks once at a time. A client has a system message of its own, and
 * the library beneath it adds another; it sends what it knows in one message of the user and what was asked in the next.
 */

import type { ChatMessage } from './chat-message.ts';
import { joinedText } from './template-message.ts';

/** What Mistral's own library puts between messages that it makes one. */
const SEPARATOR = '\n\n';

/** @param roles those of which messages that follow each other become one */
export function withMergedTurns(
  messages: readonly ChatMessage[],
  roles: ReadonlySet<string>,
): readonly ChatMessage[] {
  if (roles.size === 0) return messages;
  const merged: ChatMessage[] = [];
  for (const message of messages) {
    const before = merged.at(-1);
    const isOne = before !== undefined && roles.has(speakerOf(message)) && goesOn(before, message);
    if (isOne) merged[merged.length - 1] = joined(before, message);
    else merged.push(message);
  }
  return merged;
}

/** A name, or thoughts, would be lost; and what is said after calls is not said before them. */
function goesOn(before: ChatMessage, message: ChatMessage): boolean {
  const isNamed = before.name !== undefined || message.name !== undefined;
  const isApart = before.tool_calls !== undefined || message.reasoning !== undefined;
  return speakerOf(before) === speakerOf(message) && !isNamed && !isApart;
}

function speakerOf({ role }: ChatMessage): string {
  return role === 'developer' ? 'system' : role;
}

function joined(before: ChatMessage, message: ChatMessage): ChatMessage {
  const texts = [before, message].map(({ content }) => joinedText(content) ?? '');
  const content = texts.filter((text) => text !== '').join(SEPARATOR);
  const { tool_calls: calls } = message;
  return { ...before, content, ...(calls === undefined ? {} : { tool_calls: calls }) };
}
