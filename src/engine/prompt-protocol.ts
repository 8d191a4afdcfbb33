/** What the thread that encodes long prompts is given, and nothing else. */

import type { MessageParsers } from '../text/message/message-dialect.ts';
import type { ModelSource } from './model-directory.ts';
import type { EncodePromptOptions } from './prompt-encoding.ts';
import type { Prompt } from './text-generation.ts';

export type PromptThreadData = {
  /** The files as the main thread has read them: whatever has become of them, both make the same tokens. */
  readonly model: ModelSource;
  /** How calls and thoughts are told apart, as on the main thread. */
  readonly parsers: MessageParsers;
};

export type PromptInput = { readonly prompt: Prompt; readonly options: EncodePromptOptions };
