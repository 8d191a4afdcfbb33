/** A checkpoint's files -> what makes tokens of prompts: its tokenizer and, where it has one, its chat template. */

import { calendarTime, systemClock } from '../base/clock.ts';
import { ChatTemplate } from '../text/chat-template.ts';
import { type ChatFormat, onlyFormat } from '../text/message/chat-formats.ts';
import { MessageDialect, type MessageParsers } from '../text/message/message-dialect.ts';
import { Tokenizer } from '../text/tokenizer.ts';
import { chooseTemplateSources } from '../text/tokenizer-files.ts';
import type { ModelFiles } from './model-directory.ts';
import type { PromptEncoder } from './prompt-encoding.ts';

/** @throws StartupError when the files cannot be understood. */
export function createPromptEncoder(
  { tokenizer: files, templateFile, toolTemplateFile }: ModelFiles,
  parsers: MessageParsers,
): PromptEncoder {
  const tokenizer = new Tokenizer(files);
  const { tokenizerConfig } = files;
  const sources = chooseTemplateSources({ templateFile, toolTemplateFile, tokenizerConfig });
  if (sources === null) return { tokenizer, formats: null };
  const { namedSpecialTokens, specialTokenTexts, addedTokens } = tokenizer;
  const now = () => calendarTime(systemClock.unixSeconds());
  const addedTokenTexts = addedTokens.map(({ content }) => content);
  const formatOf = (source: string): ChatFormat => {
    const template = new ChatTemplate({ source, namedSpecialTokens, specialTokenTexts, now });
    return { template, dialect: new MessageDialect({ template, addedTokenTexts, ...parsers }) };
  };
  const plain = formatOf(sources.plain);
  const { withTools } = sources;
  const formats = withTools === null ? onlyFormat(plain) : { plain, withTools: formatOf(withTools) };
  return { tokenizer, formats };
}
