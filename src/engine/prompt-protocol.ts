/** The messages between the main thread and the one that encodes long prompts, and nothing else. */

import type { ErrorCode } from '../base/errors.ts';
import type { MessageParsers } from '../text/message/message-dialect.ts';
import type { EncodePromptOptions } from './prompt-encoding.ts';
import type { Prompt } from './text-generation.ts';

export type PromptThreadData = { readonly modelDirectory: string; readonly parsers: MessageParsers };

export type PromptCall = {
  readonly callId: number;
  readonly prompt: Prompt;
  readonly options: EncodePromptOptions;
};

export type PromptAnswer = { readonly callId: number } & (
  | { readonly kind: 'prompt-encoded'; readonly text: string | null; readonly tokenIds: Int32Array }
  | {
      readonly kind: 'prompt-refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly param: string | null;
    }
  | { readonly kind: 'prompt-failed'; readonly message: string }
);
