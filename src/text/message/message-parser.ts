/** One answer's text -> its parts, as the text arrives: first what the model thinks, then what it says and calls. */

import { InlineThoughts } from './inline-thoughts.ts';
import { addPart, type MessagePart } from './message-part.ts';
import { type ReasoningFormat, ReasoningParser } from './reasoning-parser.ts';
import { ToolCallParser, type ToolCallParserOptions } from './tool-call-parser.ts';

export type MessageParserOptions = {
  /** `null`: what the model thinks is not told apart. */
  readonly reasoning: (ReasoningFormat & { readonly isOpen: boolean }) | null;
  /** What the model thinks stays in the content, with its marks; nothing is called in it. */
  readonly isInline?: boolean;
  /** `null`: nothing is called. */
  readonly tools: ToolCallParserOptions | null;
};

export class MessageParser {
  readonly #reasoning: ReasoningParser | InlineThoughts | null;
  readonly #isInline: boolean;
  readonly #tools: ToolCallParser | null;

  constructor({ reasoning, isInline = false, tools }: MessageParserOptions) {
    const Parser = isInline ? InlineThoughts : ReasoningParser;
    this.#reasoning = reasoning && new Parser(reasoning, reasoning.isOpen);
    this.#isInline = isInline;
    this.#tools = tools && new ToolCallParser(tools);
  }

  /** UTF-16 units that have arrived and are not in any part yet. */
  get heldLength(): number {
    return (this.#reasoning?.heldLength ?? 0) + (this.#tools?.heldLength ?? 0);
  }

  /** White space that has arrived and is content unless thoughts or a call come behind it, if they ever do. */
  get heldBlanks(): string {
    return (this.#reasoning?.heldBlanks ?? '') + (this.#tools?.heldBlanks ?? '');
  }

  /** Whether the text seen so far ends inside of thoughts that are told apart. */
  get isReasoning(): boolean {
    return !this.#isInline && (this.#reasoning?.isInside ?? false);
  }

  /** Whole calls so far. */
  get callCount(): number {
    return this.#tools?.callCount ?? 0;
  }

  /** As many calls as are wanted; the message ends here. */
  get isComplete(): boolean {
    return this.#tools?.isComplete ?? false;
  }

  /** @param isAnnouncement the text ends with what announces calls, and only a call can follow it. */
  push(text: string, isAnnouncement = false): readonly MessagePart[] {
    return this.#tellCalls(this.#tellReasoning(text), isAnnouncement);
  }

  /** The text has ended. @returns everything that was held back. */
  flush(): readonly MessagePart[] {
    const parts = this.#tellCalls(this.#reasoning?.flush() ?? []);
    for (const part of this.#tools?.flush() ?? []) addPart(parts, part);
    return parts;
  }

  #tellReasoning(text: string): readonly MessagePart[] {
    if (this.#reasoning !== null) return this.#reasoning.push(text);
    return text === '' ? [] : [{ kind: 'content', text }];
  }

  #tellCalls(told: readonly MessagePart[], isAnnouncement = false): MessagePart[] {
    const parts: MessagePart[] = [];
    for (const part of told) {
      const isLast = part === told.at(-1);
      const split =
        part.kind === 'content' && this.#tools !== null
          ? this.#tools.push(part.text, isAnnouncement && isLast)
          : [this.#isInline && part.kind === 'reasoning' ? { ...part, kind: 'content' as const } : part];
      for (const each of split) addPart(parts, each);
    }
    return parts;
  }
}
