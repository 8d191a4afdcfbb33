/** A checkpoint's files -> what makes tokens of prompts: its tokenizer and, where it has one, its chat template. */

import { calendarTime, systemClock } from '../base/clock.ts';
import { ChatTemplate } from '../text/chat-template.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { chooseTemplateSource } from '../text/tokenizer-files.ts';
import type { ModelFiles } from './model-directory.ts';
import type { PromptEncoder } from './prompt-encoding.ts';

/** @throws StartupError when the files cannot be understood. */
export function createPromptEncoder({ tokenizer: files, templateFile }: ModelFiles): PromptEncoder {
  const tokenizer = new Tokenizer(files);
  const source = chooseTemplateSource({ templateFile, tokenizerConfig: files.tokenizerConfig });
  if (source === null) return { tokenizer, template: null };
  const { namedSpecialTokens, specialTokenTexts } = tokenizer;
  const now = () => calendarTime(systemClock.unixSeconds());
  return { tokenizer, template: new ChatTemplate({ source, namedSpecialTokens, specialTokenTexts, now }) };
}
