/** A checkpoint's files -> what makes tokens of prompts: its tokenizer and, where it has one, its chat template. */

import { calendarTime, systemClock } from '../base/clock.ts';
import { ChatTemplate } from '../text/chat-template.ts';
import { MessageDialect, type MessageParsers } from '../text/message/message-dialect.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { chooseTemplateSource } from '../text/tokenizer-files.ts';
import type { ModelFiles } from './model-directory.ts';
import type { PromptEncoder } from './prompt-encoding.ts';

/** @throws StartupError when the files cannot be understood. */
export function createPromptEncoder(
  { tokenizer: files, templateFile }: ModelFiles,
  parsers: MessageParsers,
): PromptEncoder {
  const tokenizer = new Tokenizer(files);
  const source = chooseTemplateSource({ templateFile, tokenizerConfig: files.tokenizerConfig });
  if (source === null) return { tokenizer, template: null, dialect: null };
  const { namedSpecialTokens, specialTokenTexts, addedTokens } = tokenizer;
  const now = () => calendarTime(systemClock.unixSeconds());
  const template = new ChatTemplate({ source, namedSpecialTokens, specialTokenTexts, now });
  const addedTokenTexts = addedTokens.map(({ content }) => content);
  return { tokenizer, template, dialect: new MessageDialect({ template, addedTokenTexts, ...parsers }) };
}
