/**
 * Finds where a model's thoughts end that stay in the content as they were written, marks and white space included, so
 * that nobody looks for calls in them. Like the `ReasoningParser`, it knows thoughts at the very beginning alone.
 */

import { leadingBlanks } from './blanks.ts';
import { beginningLength } from './marks.ts';
import { addPart, type MessagePart } from './message-part.ts';
import type { ReasoningFormat } from './reasoning-parser.ts';

export class InlineThoughts {
  readonly #format: ReasoningFormat;
  #mode: 'before' | 'inside' | 'after';
  #held = '';

  /** @param isOpen the prompt ends with the opening mark, so the text begins inside. */
  constructor(format: ReasoningFormat, isOpen: boolean) {
    this.#format = format;
    this.#mode = isOpen ? 'inside' : 'before';
  }

  /** UTF-16 units that have arrived and are not told yet. */
  get heldLength(): number {
    return this.#held.length;
  }

  /** White space at the very beginning, which is content unless a call comes behind it. */
  get heldBlanks(): string {
    return this.#mode === 'before' ? this.#held.slice(0, leadingBlanks(this.#held)) : '';
  }

  get isInside(): boolean {
    return this.#mode === 'inside';
  }

  /** @returns thoughts with their marks as `reasoning`, and the rest as `content`. */
  push(text: string): readonly MessagePart[] {
    this.#held += text;
    const parts: MessagePart[] = [];
    if (this.#mode === 'before') this.#lookForOpening();
    if (this.#mode === 'inside') this.#readThoughts(parts);
    if (this.#mode === 'after') this.#tell(parts, 'content', this.#held.length);
    return parts;
  }

  /** The text has ended. @returns everything that was held back. */
  flush(): readonly MessagePart[] {
    const parts: MessagePart[] = [];
    this.#tell(parts, this.isInside ? 'reasoning' : 'content', this.#held.length);
    return parts;
  }

  #lookForOpening(): void {
    const { opening } = this.#format;
    const solid = this.#held.slice(leadingBlanks(this.#held));
    if (solid.startsWith(opening)) this.#mode = 'inside';
    else if (!opening.startsWith(solid)) this.#mode = 'after';
  }

  #readThoughts(parts: MessagePart[]): void {
    const { closing } = this.#format;
    const at = this.#held.indexOf(closing);
    const end = at >= 0 ? at + closing.length : this.#held.length - beginningLength(this.#held, closing);
    this.#tell(parts, 'reasoning', end);
    if (at >= 0) this.#mode = 'after';
  }

  #tell(parts: MessagePart[], kind: 'reasoning' | 'content', length: number): void {
    if (length > 0) addPart(parts, { kind, text: this.#held.slice(0, length) });
    this.#held = this.#held.slice(length);
  }
}
