/** A turn of the conversation -> the object that a chat template is given for it. */

import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import type { ChatMessage, TextPart, ToolCall } from './chat-message.ts';
import { type ExactNumbers, hasInexactNumbers } from './exact-numbers.ts';
import type { TemplateAbilities } from './template-abilities.ts';

/** What vLLM and llama.cpp put between text parts for a template that wants a string. */
const PART_SEPARATOR = '\n';

/** What a message's thoughts are called: each template knows one of the names. */
export const THOUGHT_FIELDS = ['reasoning_content', 'reasoning', 'thinking'] as const;

export type TemplateMessageOptions = {
  /** Of the message, as the template calls it. */
  readonly role: string;
  readonly abilities: TemplateAbilities;
  /** Takes numbers of arguments that JavaScript would change; `null`: there are none. */
  readonly numbers: ExactNumbers | null;
};

export function templateMessage(
  message: ChatMessage,
  { role, abilities, numbers }: TemplateMessageOptions,
): JsonObject {
  const { content, name, reasoning, tool_calls, tool_call_id } = message;
  const isEmpty = tool_calls !== undefined && (content === null || content === '');
  const callId = (id: string): string => (abilities.wantsShortCallIds ? shortCallId(id) : id);
  const prepared: Record<string, unknown> = {
    role,
    content: isEmpty ? abilities.emptyContent : contentOf(content, abilities.contentForm),
  };
  if (name !== undefined) prepared['name'] = name;
  if (reasoning !== undefined) for (const field of THOUGHT_FIELDS) prepared[field] = reasoning;
  if (tool_call_id !== undefined) prepared['tool_call_id'] = callId(tool_call_id);
  if (tool_calls !== undefined) {
    const form = abilities.argumentsForm;
    prepared['tool_calls'] = tool_calls.map((call) => templateCall(call, { form, callId, numbers }));
  }
  return prepared;
}

function contentOf(
  content: ChatMessage['content'],
  form: TemplateAbilities['contentForm'],
): string | readonly TextPart[] | null {
  if (form === 'text') return joinedText(content);
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

export function joinedText(content: ChatMessage['content']): string | null {
  if (content === null || typeof content === 'string') return content;
  return content.map((part) => part.text).join(PART_SEPARATOR);
}

type CallOptions = {
  readonly form: TemplateAbilities['argumentsForm'];
  readonly callId: (id: string) => string;
  readonly numbers: ExactNumbers | null;
};

/** A model may have written broken JSON: the template then shows what it wrote. Where that is nothing, it gave no arguments. */
function templateCall(call: ToolCall, { form, callId, numbers }: CallOptions): JsonObject {
  const { arguments: written, name } = call.function;
  const given = typeof written === 'string' && written.trim() === '' ? {} : written;
  const id = call.id === undefined ? {} : { id: callId(call.id) };
  const shown = form === 'object' ? (parsedArguments(given, numbers) ?? given) : argumentsText(given);
  return { ...id, type: call.type, function: { name, arguments: shown } };
}

export function argumentsText(given: string | JsonObject): string {
  return typeof given === 'string' ? given : JSON.stringify(given);
}

function parsedArguments(given: string | JsonObject, numbers: ExactNumbers | null): JsonObject | null {
  if (typeof given !== 'string') return given;
  try {
    const parsed: unknown = JSON.parse(given);
    if (!isJsonObject(parsed)) return null;
    return numbers === null ? parsed : (JSON.parse(numbers.replaced(given)) as JsonObject);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

/** Whether arguments of its calls, given to a template as objects, hold numbers that JavaScript would change. */
export function hasLongNumbers({ tool_calls: calls = [] }: ChatMessage): boolean {
  return calls.some(
    ({ function: { arguments: given } }) => typeof given === 'string' && hasInexactNumbers(given),
  );
}

const SHORT_ID = /^[A-Za-z0-9]{9}$/;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Mistral's templates refuse every other form. The same id gives the same short one, in the call and in its result;
 * by two 32-bit FNV-1a hashes (Fowler, Noll, Vo), of the id and of the id read backwards.
 */
function shortCallId(id: string): string {
  if (SHORT_ID.test(id)) return id;
  let hash = BigInt(fnv1a(id)) * 2n ** 32n + BigInt(fnv1a([...id].reverse().join('')));
  let short = '';
  for (let i = 0; i < 9; i++) {
    short += DIGITS.charAt(Number(hash % 62n));
    hash /= 62n;
  }
  return short;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
