/**
 * Long prompts are rendered and tokenised in a thread of their own, because both keep their thread busy, and on the main
 * thread every stream would wait for them. It is started by the first long prompt, since it holds a tokenizer of its own,
 * and anew after it has failed. Short prompts are not worth the way.
 */

import { assertNever } from '../base/assert.ts';
import { LONG_PROMPT_CHARACTERS, PROMPT_PART_CHARACTERS } from '../base/limits.ts';
import type { ChatMessage, ToolCall } from '../text/chat-message.ts';
import { argumentsText } from '../text/template-message.ts';
import { CallThread } from './call-thread.ts';
import type { EncodedPrompt, EncodePromptOptions } from './prompt-encoding.ts';
import type { PromptInput, PromptThreadData } from './prompt-protocol.ts';
import type { Prompt } from './text-generation.ts';

export type PromptThreadOptions = PromptThreadData & {
  /** The compiled worker; the one beside this file by default. */
  readonly workerUrl?: URL;
};

/** Whether a prompt would keep the main thread busy for more than a few milliseconds. */
export function isLongPrompt(prompt: Prompt): boolean {
  switch (prompt.kind) {
    case 'tokens':
      return false;
    case 'text':
      return prompt.text.length > LONG_PROMPT_CHARACTERS;
    case 'infill':
      return prompt.prefix.length + prompt.suffix.length > LONG_PROMPT_CHARACTERS;
    case 'messages':
      return (
        prompt.messages.reduce((sum, message) => sum + lengthOf(message), 0) +
          lengthAsJson(prompt.rendering.tools) +
          lengthAsJson(Object.values(prompt.rendering.variables)) >
        LONG_PROMPT_CHARACTERS
      );
    default:
      return assertNever(prompt);
  }
}

function lengthAsJson(values: readonly unknown[]): number {
  return values.length === 0 ? 0 : JSON.stringify(values).length;
}

/** Of all that a template may show of a message. */
function lengthOf(message: ChatMessage): number {
  const { content, name = '', reasoning = '', tool_calls: calls = [], tool_call_id: callId = '' } = message;
  const called = calls.reduce((sum, call) => sum + lengthOfCall(call), 0);
  return (
    PROMPT_PART_CHARACTERS +
    lengthOfContent(content) +
    name.length +
    reasoning.length +
    callId.length +
    called
  );
}

function lengthOfCall({ id = '', function: { name, arguments: given } }: ToolCall): number {
  return PROMPT_PART_CHARACTERS + id.length + name.length + argumentsText(given).length;
}

function lengthOfContent(content: ChatMessage['content']): number {
  if (content === null) return 0;
  if (typeof content === 'string') return content.length;
  return content.reduce((sum, { text }) => sum + PROMPT_PART_CHARACTERS + text.length, 0);
}

export class PromptThread {
  readonly #thread: CallThread<PromptInput, EncodedPrompt>;

  constructor({ workerUrl, ...data }: PromptThreadOptions) {
    this.#thread = new CallThread({
      name: 'prompt thread',
      workerUrl: workerUrl ?? new URL('./prompt-worker.js', import.meta.url),
      workerData: data satisfies PromptThreadData,
    });
  }

  /**
   * As `encodePrompt`, in order of arrival. A prompt that is no longer wanted when its turn comes is passed over.
   * @throws (rejects with) ServerError of `encodePrompt`; any other error when the thread fails.
   */
  encode(prompt: Prompt, options: EncodePromptOptions, isWanted: () => boolean): Promise<EncodedPrompt> {
    return this.#thread.call({ prompt, options }, { isWanted, size: 0 });
  }
}
