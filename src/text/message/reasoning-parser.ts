/**
 * Tells what a model thinks from what it answers, as the text arrives in any pieces: a block between two marks at the
 * very beginning. White space around the marks belongs to neither.
 */

import { leadingBlanks, solidLength } from './blanks.ts';
import { beginningLength } from './marks.ts';
import { addPart, type MessagePart } from './message-part.ts';

export type ReasoningFormat = { readonly opening: string; readonly closing: string };

export class ReasoningParser {
  readonly #format: ReasoningFormat;
  #mode: 'before' | 'opened' | 'inside' | 'closed' | 'after';
  #held = '';
  /** White space before what is held, which is told only if something follows it. */
  #blanks = '';

  /** @param isOpen the prompt ends with the opening mark, so the text begins inside. */
  constructor(format: ReasoningFormat, isOpen: boolean) {
    this.#format = format;
    this.#mode = isOpen ? 'opened' : 'before';
  }

  /** UTF-16 units that have arrived and are not told yet. */
  get heldLength(): number {
    return this.#blanks.length + this.#held.length;
  }

  /** White space at the very beginning, which is content unless the model thinks behind it. */
  get heldBlanks(): string {
    return this.#mode === 'before' ? this.#blanks : '';
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
    if (!this.isInside) this.#release(parts);
    else if (this.#held !== '') this.#tellReasoning(parts, this.#held);
    this.#forget();
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
        this.#release(parts);
    }
    return this.#mode !== before;
  }

  #lookForOpening(): void {
    const { opening } = this.#format;
    const length = leadingBlanks(this.#held);
    this.#blanks += this.#held.slice(0, length);
    this.#held = this.#held.slice(length);
    if (this.#held.startsWith(opening)) {
      this.#blanks = '';
      this.#held = this.#held.slice(opening.length);
      this.#mode = 'opened';
    } else if (!opening.startsWith(this.#held)) {
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
    const known = end >= 0 ? end : this.#held.length - beginningLength(this.#held, closing);
    this.#tellReasoning(parts, this.#held.slice(0, known));
    this.#held = this.#held.slice(end >= 0 ? end + closing.length : known);
    if (end < 0) return;
    this.#blanks = '';
    this.#mode = 'closed';
  }

  #tellReasoning(parts: MessagePart[], text: string): void {
    const end = solidLength(text);
    if (end > 0) addPart(parts, { kind: 'reasoning', text: this.#blanks + text.slice(0, end) });
    this.#blanks = end > 0 ? text.slice(end) : this.#blanks + text;
  }

  #release(parts: MessagePart[]): void {
    const text = this.#blanks + this.#held;
    if (text !== '') addPart(parts, { kind: 'content', text });
    this.#forget();
  }

  #forget(): void {
    this.#blanks = '';
    this.#held = '';
  }
}
