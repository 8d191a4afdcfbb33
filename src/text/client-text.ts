/**
 * Which texts of a template's input the client wrote, at any depth: everything but the words that the API itself puts
 * there. Only the template may make special tokens, so these texts are searched for them.
 */

import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import type { TextPart, ToolCall } from './chat-message.ts';
import { THOUGHT_FIELDS } from './template-message.ts';

/** What a template is given besides what it always gets. */
export type RenderInput = {
  readonly messages: readonly JsonObject[];
  readonly tools: readonly JsonObject[];
  readonly variables: JsonObject;
};

/** Keywords and types of JSON Schema and of a tool's own frame: templates compare with them, so they stay as they are. */
const SCHEMA_WORDS: ReadonlySet<string> = new Set(
  (
    'function type name description parameters strict properties required items enum const default title anyOf oneOf ' +
    'allOf not $ref $defs definitions additionalProperties format pattern minimum maximum minLength maxLength minItems ' +
    'maxItems examples nullable string number integer boolean object array null'
  ).split(' '),
);

/** A copy with `map` applied to every text that the client wrote. */
export function mapClientText(
  { messages, tools, variables }: RenderInput,
  map: (text: string) => string,
): RenderInput {
  return {
    messages: messages.map((message) => mapMessage(message, map)),
    tools: tools.map((tool) => mapStrings(tool, (text) => (SCHEMA_WORDS.has(text) ? text : map(text)))),
    variables: mapStrings(variables, (text, place) => (place === 'name' ? text : map(text))),
  };
}

const MESSAGE_TEXTS = ['name', 'tool_call_id', ...THOUGHT_FIELDS];

function mapMessage(message: JsonObject, map: (text: string) => string): JsonObject {
  const mapped: Record<string, unknown> = { ...message };
  const { content, tool_calls } = message;
  if (typeof content === 'string') mapped['content'] = map(content);
  if (Array.isArray(content)) {
    mapped['content'] = content.map((part: TextPart) => ({ ...part, text: map(part.text) }));
  }
  for (const key of MESSAGE_TEXTS) {
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
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [map(key, 'inside'), walk(each)]));
  };
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [map(key, 'name'), walk(each)]));
}
