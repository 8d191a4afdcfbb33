/** The chat templates of a checkpoint, each with the way in which models write that were taught by it. */

import type { ChatTemplate } from '../chat-template.ts';
import type { MessageDialect } from './message-dialect.ts';

export type ChatFormat = { readonly template: ChatTemplate; readonly dialect: MessageDialect };

/** Some checkpoints have a template of its own for conversations in which tools are offered. */
export type ChatFormats = { readonly plain: ChatFormat; readonly withTools: ChatFormat };

/** Of a checkpoint with one template for all. */
export function onlyFormat(format: ChatFormat): ChatFormats {
  return { plain: format, withTools: format };
}

/** @param tools those that are offered */
export function chatFormatOf({ plain, withTools }: ChatFormats, tools: readonly unknown[]): ChatFormat {
  return tools.length > 0 ? withTools : plain;
}

/** Whether one of the templates is as `test` says. */
export function someTemplate(
  formats: ChatFormats | null,
  test: (template: ChatTemplate) => boolean,
): boolean {
  return formats !== null && (test(formats.plain.template) || test(formats.withTools.template));
}
