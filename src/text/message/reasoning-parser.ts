/**
 * Tells what a model thinks from what it answers, as the text arrives in any pieces: a block between two marks at the
 * very beginning. White space around the marks belongs to neither.
 */

import { leadingBlanks, solidLength } from './blanks.ts';
import { addPart, type MessagePart } from './message-part.ts';
import { beginningLength } from './tool-call-parser.ts';

export type ReasoningFormat = { readonly opening: string; readonly closing: string };

export class ReasoningParser {
  readonly #format: ReasoningFormat;
  #mode: 'before' | 'opened' | 'inside' | 'closed' | 'after';
  #held = '';

  /** @param isOpen the prompt ends with the opening mark, so the text begins inside. */
  constructor(format: ReasoningFormat, isOpen: boolean) {
    this.#format = format;
    this.#mode = isOpen ? 'opened' : 'before';
  }

  /** UTF-16 units that have arrived and are not told yet. */
  get heldLength(): number {
    return this.#held.length;
  }

  get isInside(): boolean {
    return this.#mode === 'opened' || this.#mode === 'inside';
  }

  push(text: string): readonly MessagePart[] {
    if (this.#mode === 'after') return text === '' ? [] : [{ kind: 'content', text }];
    const parts: MessagePart[] = [];
    this.#held += text;
    while (this.#step(parts));
    return parts;
  }

  /** The text has ended. @returns everything that was held back. */
  flush(): readonly MessagePart[] {
    const parts: MessagePart[] = [];
    if (this.isInside) this.#held = this.#held.slice(0, solidLength(this.#held));
    this.#release(parts, this.isInside ? 'reasoning' : 'content');
    return parts;
  }

  /** @returns whether the text has led to another mode, in which more of it can be told. */
  #step(parts: MessagePart[]): boolean {
    const before = this.#mode;
    switch (before) {
      case 'before':
        this.#lookForOpening();
        break;
      case 'opened':
        this.#skipBlanks('inside');
        break;
      case 'inside':
        this.#readReasoning(parts);
        break;
      case 'closed':
        this.#skipBlanks('after');
        break;
      case 'after':
        this.#release(parts, 'content');
    }
    return this.#mode !== before;
  }

  #lookForOpening(): void {
    const { opening } = this.#format;
    const text = this.#held.slice(leadingBlanks(this.#held));
    if (text.startsWith(opening)) {
      this.#held = text.slice(opening.length);
      this.#mode = 'opened';
    } else if (!opening.startsWith(text)) {
      this.#mode = 'after';
    }
  }

  #skipBlanks(next: 'inside' | 'after'): void {
    this.#held = this.#held.slice(leadingBlanks(this.#held));
    if (this.#held !== '') this.#mode = next;
  }

  #readReasoning(parts: MessagePart[]): void {
    const { closing } = this.#format;
    const end = this.#held.indexOf(closing);
    if (end >= 0) {
      const text = this.#held.slice(0, solidLength(this.#held.slice(0, end)));
      if (text !== '') addPart(parts, { kind: 'reasoning', text });
      this.#held = this.#held.slice(end + closing.length);
      this.#mode = 'closed';
      return;
    }
    const shown = solidLength(this.#held.slice(0, this.#held.length - beginningLength(this.#held, closing)));
    if (shown > 0) addPart(parts, { kind: 'reasoning', text: this.#held.slice(0, shown) });
    this.#held = this.#held.slice(shown);
  }

  #release(parts: MessagePart[], kind: 'content' | 'reasoning'): void {
    if (this.#held !== '') addPart(parts, { kind, text: this.#held });
    this.#held = '';
  }
}
