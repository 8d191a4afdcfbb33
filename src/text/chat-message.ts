/** A conversation in the shape that chat templates know: what is said, called and returned. */

import type { JsonObject } from '../base/json-object.ts';

export type TextPart = { readonly type: 'text'; readonly text: string };

/** A function call that the model made earlier. `arguments` is JSON text, or already an object. */
export type ToolCall = {
  readonly id?: string | undefined;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string | JsonObject };
};

/** A function that the model may call, in the shape that templates know. `parameters` is a JSON Schema. */
export type ToolDefinition = {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string | undefined;
    readonly parameters: JsonObject;
  };
};

/** One turn, in the shape that templates know. Roles: system, developer, user, assistant, tool. */
export type ChatMessage = {
  readonly role: string;
  /** `null` where an assistant only called tools. */
  readonly content: string | readonly TextPart[] | null;
  readonly name?: string | undefined;
  /** What an assistant thought before it answered. */
  readonly reasoning?: string | undefined;
  readonly tool_calls?: readonly ToolCall[] | undefined;
  readonly tool_call_id?: string | undefined;
};
