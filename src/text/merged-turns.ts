/**
 * Conversations for chat templates in which everybody speaks once at a time. A client has a system message of its own, and
 * the library beneath it adds another; it sends what it knows in one message of the user and what was asked in the next.
 */

import type { ChatMessage } from './chat-message.ts';
import { joinedText } from './template-message.ts';

/** What Mistral's own library puts between messages that it makes one. */
const SEPARATOR = '\n\n';

export type MergeOptions = {
  /** Those of which messages that follow each other become one, as `roleOf` calls them. */
  readonly roles: ReadonlySet<string>;
  readonly roleOf: (message: ChatMessage) => string;
  /** Text and calls of an assistant may become one message. */
  readonly joinsCalls: boolean;
};

export function withMergedTurns(
  messages: readonly ChatMessage[],
  options: MergeOptions,
): readonly ChatMessage[] {
  if (options.roles.size === 0) return messages;
  const turns: ChatMessage[][] = [];
  for (const message of messages) {
    const turn = turns.at(-1);
    if (turn !== undefined && goesOn(turn.at(-1)!, message, options)) turn.push(message);
    else turns.push([message]);
  }
  return turns.map(joined);
}

/** A name, or thoughts, would be lost; and what is said after calls is not said before them. */
function goesOn(before: ChatMessage, message: ChatMessage, options: MergeOptions): boolean {
  const { roles, roleOf, joinsCalls } = options;
  const role = roleOf(message);
  const isNamed = before.name !== undefined || message.name !== undefined;
  const isApart = before.tool_calls !== undefined || message.reasoning !== undefined;
  const isJoined = message.tool_calls === undefined || joinsCalls;
  return roles.has(role) && roleOf(before) === role && !isNamed && !isApart && isJoined;
}

function joined(turn: readonly ChatMessage[]): ChatMessage {
  const [first] = turn;
  if (turn.length === 1) return first!;
  const texts = turn.map(({ content }) => joinedText(content) ?? '');
  const content = texts.filter((text) => text !== '').join(SEPARATOR);
  const calls = turn.at(-1)!.tool_calls;
  return { ...first!, content, ...(calls === undefined ? {} : { tool_calls: calls }) };
}
