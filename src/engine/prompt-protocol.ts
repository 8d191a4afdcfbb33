/** What the thread that encodes long prompts is given, and nothing else. */

import type { MessageParsers } from '../text/message/message-dialect.ts';
import type { EncodePromptOptions } from './prompt-encoding.ts';
import type { Prompt } from './text-generation.ts';

export type PromptThreadData = { readonly modelDirectory: string; readonly parsers: MessageParsers };

export type PromptInput = { readonly prompt: Prompt; readonly options: EncodePromptOptions };
