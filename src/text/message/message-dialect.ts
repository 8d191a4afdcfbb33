/**
 * How a checkpoint's model writes what it thinks and what it calls. Chosen from its chat template: a call of a probe
 * is rendered and looked at; where the template shows none, its own text tells.
 */

import type { ChatMessage } from '../chat-message.ts';
import type { ChatTemplate } from '../chat-template.ts';
import { PROBE_FUNCTION } from '../template-abilities.ts';
import { joinedText } from '../template-message.ts';
import { solidLength } from './blanks.ts';
import type { ReasoningFormat } from './reasoning-parser.ts';
import { type ToolCallFormat, type ToolCallFormatName, toolCallFormat } from './tool-call-format.ts';
import { type Conversation, withWrittenTools } from './tool-prompt.ts';

export const REASONING_FORMATS: Readonly<Record<string, ReasoningFormat>> = {
  think: { opening: '<think>', closing: '</think>' },
  mistral: { opening: '[THINK]', closing: '[/THINK]' },
  seed_oss: { opening: '<seed:think>', closing: '</seed:think>' },
  command: { opening: '<|START_THINKING|>', closing: '<|END_THINKING|>' },
};

/** Of other models, read as the template's own format of calls would be if it had one. */
const FALLBACK: ToolCallFormatName = 'hermes';

/** What an operator may say of the model. */
export type MessageParsers = {
  /** `auto`: from the template. `null`: calls are never told apart, and tools are refused. */
  readonly toolCalls: ToolCallFormatName | 'auto' | null;
  /** A key of `REASONING_FORMATS`; `auto`: from the template. `null`: thoughts are never told apart. */
  readonly reasoning: string | null;
};

export type MessageDialectOptions = MessageParsers & {
  readonly template: ChatTemplate;
  /** Texts of the tokenizer's added tokens, special or not. */
  readonly addedTokenTexts: readonly string[];
};

export class MessageDialect {
  /** `null`: tools cannot be served. */
  readonly toolCalls: ToolCallFormat | null;
  /** `null`: the model is not known to think. */
  readonly reasoning: ReasoningFormat | null;
  readonly #template: ChatTemplate;
  /** The server describes the tools, because the template does not, or in a way that is not understood here. */
  readonly #describesTools: boolean;

  constructor(options: MessageDialectOptions) {
    const { template, toolCalls, reasoning } = options;
    this.#template = template;
    const found = formatOf(template);
    const name = toolCalls === 'auto' ? (found ?? FALLBACK) : toolCalls;
    const isKnown = found !== null || toolCalls !== 'auto';
    this.#describesTools = !template.abilities.tools || !isKnown;
    const format = name === null ? null : toolCallFormat(name);
    // What the server asks for, it has to be able to show.
    const isWritable = format === null || format.writing !== null || !this.#describesTools;
    this.toolCalls = isWritable ? format : toolCallFormat(FALLBACK);
    if (reasoning === 'auto') this.reasoning = reasoningOf(options);
    else this.reasoning = reasoning === null ? null : (REASONING_FORMATS[reasoning] ?? null);
  }

  /** A conversation as the template can show it. */
  shown(conversation: Conversation): Conversation {
    const writing = this.toolCalls?.writing ?? toolCallFormat(FALLBACK).writing!;
    return withWrittenTools(conversation, this.#template.abilities, {
      writing,
      describes: this.#describesTools,
    });
  }

  /**
   * Whether an answer begins inside of what the model thinks (`open`), or with thoughts that may follow, or behind them
   * (`closed`: the prompt holds empty ones, or the end of those that are continued).
   * @param prompt as it was rendered. @param continued the message that the answer goes on from, if it does.
   */
  reasoningAt(prompt: string, continued: ChatMessage | null): 'open' | 'possible' | 'closed' {
    if (this.reasoning === null) return 'closed';
    const { opening, closing } = this.reasoning;
    if (continued !== null) {
      const text = joinedText(continued.content) ?? '';
      return text.lastIndexOf(opening) > text.lastIndexOf(closing) ? 'open' : 'closed';
    }
    const end = prompt.slice(0, solidLength(prompt));
    if (end.endsWith(opening)) return 'open';
    return end.endsWith(closing) ? 'closed' : 'possible';
  }
}

function formatOf(template: ChatTemplate): ToolCallFormatName | null {
  const { shownCall } = template.abilities;
  const shown = shownCall === null ? null : formatOfCall(shownCall);
  return shown ?? (shownCall === null ? formatOfText(template) : null);
}

function formatOfCall(shown: string): ToolCallFormatName | null {
  const before = shown.slice(0, shown.indexOf(PROBE_FUNCTION));
  if (before.includes('[TOOL_CALLS]')) return /["']\s*$/.test(before) ? 'mistral' : 'mistral_args';
  const json = new RegExp(`\\{[^{}]*"name":\\s*"${PROBE_FUNCTION}",?\\s*(?:"(\\w+)":)?`).exec(shown);
  if (json !== null) {
    if (before.includes('<tool_call>')) return 'hermes';
    if (json[1] === 'parameters') return 'llama3_json';
    return json[1] === 'arguments' ? 'json' : null;
  }
  return new RegExp(`\\[\\s*${PROBE_FUNCTION}\\(`).test(shown) ? 'pythonic' : null;
}

/** For templates that describe tools and say how to call them, and show no call of the history. */
function formatOfText(template: ChatTemplate): ToolCallFormatName | null {
  if (!template.abilities.tools) return null;
  if (template.mentions('<tool_call>')) return 'hermes';
  if (template.mentions('[TOOL_CALLS]')) return 'mistral';
  if (template.mentions('"parameters":')) return 'llama3_json';
  return null;
}

function reasoningOf({ template, addedTokenTexts }: MessageDialectOptions): ReasoningFormat | null {
  const formats = Object.values(REASONING_FORMATS);
  const inTemplate = formats.find(({ closing }) => template.mentions(closing));
  if (inTemplate !== undefined) return inTemplate;
  const texts = new Set(addedTokenTexts);
  return formats.find(({ opening, closing }) => texts.has(opening) && texts.has(closing)) ?? null;
}
