/**
 * Tells calls from content in one answer's text, as it arrives in any pieces. Text that only looks like a call comes
 * out as content, unchanged; white space around calls belongs to neither.
 *
 * A call is passed on when it is whole, because only then it is known to be one. Where its form is assured (a grammar
 * holds the model to it, always or behind the token that announces calls), it is passed on as it is written.
 */

import { leadingBlanks, solidLength } from './blanks.ts';
import type { CallSink } from './call-object-reader.ts';
import type { CallsReader } from './calls-readers.ts';
import { beginningLength } from './marks.ts';
import { addPart, type MessagePart } from './message-part.ts';
import type { ToolCallFormat } from './tool-call-format.ts';

export type ToolCallParserOptions = {
  readonly format: ToolCallFormat;
  /** Names of the functions that may be called; a call of any other is content. */
  readonly callable: ReadonlySet<string>;
  /** After so many calls the message is complete. */
  readonly callsMax: number;
  /** Whatever begins as a call is one. */
  readonly isAssured: boolean;
  /** But for content that is held to a form of its own, in which the marks of calls may stand. */
  readonly mayQuoteMarks: boolean;
};

export class ToolCallParser {
  readonly #options: ToolCallParserOptions;
  readonly #sink: CallSink;
  #parts: MessagePart[] = [];
  /** Of the call that is being read; passed on when it is whole. */
  #heldParts: MessagePart[] = [];
  /** `start`: nothing but blanks so far, so calls may begin without their trigger. */
  #mode: 'start' | 'content' | 'calls' | 'complete' = 'start';
  #reader: CallsReader | null = null;
  /** Text that has arrived and is not dealt with: what may begin a trigger. */
  #rest = '';
  /** Text that the reader has taken since the last whole call, for the case that it is none. */
  #taken = '';
  /** Of `#taken`, what cannot begin a call again. */
  #openingLength = 0;
  /** White space that is content if content follows. */
  #blanks = '';
  #callCount = 0;
  #isCallOpen = false;
  /** UTF-16 units that have arrived. */
  #arrivedLength = 0;
  /** Where the last trigger begins behind which there are only calls. */
  #announcedAt = -1;
  /** Of the calls that are being read. */
  #isAssured: boolean;

  constructor(options: ToolCallParserOptions) {
    this.#options = options;
    this.#isAssured = options.isAssured;
    this.#sink = {
      isCallable: (name) => options.callable.has(name),
      begin: (name) => {
        this.#isCallOpen = true;
        this.#hold({ kind: 'tool-call', index: this.#callCount, name });
      },
      addArguments: (text) => this.#hold({ kind: 'tool-arguments', index: this.#callCount, text }),
    };
  }

  /** UTF-16 units that have arrived and may yet be content or part of a call. */
  get heldLength(): number {
    const isPassedOn = this.#isAssured && this.#isCallOpen;
    return this.#rest.length + this.#blanks.length + (isPassedOn ? 0 : this.#taken.length);
  }

  /**
   * White space that is content unless a call comes behind it. Behind a call it is none of that: models separate
   * calls with it.
   */
  get heldBlanks(): string {
    return this.#callCount > 0 || this.#mode === 'calls' ? '' : this.#blanks;
  }

  get callCount(): number {
    return this.#callCount;
  }

  /** As many calls as are wanted; what follows is not looked at. */
  get isComplete(): boolean {
    return this.#mode === 'complete';
  }

  /**
   * @param isAnnouncement the text ends with the trigger, and a grammar holds what follows.
   * @returns what is known by now.
   */
  push(text: string, isAnnouncement = false): readonly MessagePart[] {
    this.#rest += text;
    this.#arrivedLength += text.length;
    if (isAnnouncement) this.#announcedAt = this.#arrivedLength - this.#options.format.trigger.length;
    this.#run();
    return this.#takeParts();
  }

  /** The text has ended. @returns everything that was held back; of a call that is cut off before its name nothing. */
  flush(): readonly MessagePart[] {
    while (this.#mode === 'calls') {
      if (this.#isOver() || this.#isCutBeforeName()) {
        this.#endCalls();
      } else {
        this.#giveUp();
        this.#run();
      }
    }
    if (this.#mode !== 'complete') this.#addContent(this.#rest);
    this.#rest = '';
    if (this.#callCount === 0 && this.#blanks !== '') this.#add({ kind: 'content', text: this.#blanks });
    this.#blanks = '';
    return this.#takeParts();
  }

  #takeParts(): readonly MessagePart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #run(): void {
    if (this.#mode === 'start') this.#skipToStart();
    while (this.#rest !== '' || this.#reader?.status === 'call') {
      if (this.#mode === 'complete') {
        this.#rest = '';
        return;
      }
      if (this.#mode === 'calls') this.#readCalls();
      else if (this.#mode === 'start' || !this.#findTrigger()) return;
    }
  }

  /** Blanks, then either the bare beginning of calls or content. */
  #skipToStart(): void {
    const length = leadingBlanks(this.#rest);
    this.#blanks += this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    if (this.#rest === '') return;
    this.#mode = 'content';
    if (this.#options.format.bareStarts.includes(this.#rest.charAt(0))) this.#beginCalls('', 1);
  }

  /** @returns whether a trigger was found; what can be none of it has become content. */
  #findTrigger(): boolean {
    const { trigger } = this.#options.format;
    const start = trigger === '' ? -1 : this.#rest.indexOf(trigger);
    if (start >= 0) {
      const isAnnounced = this.#announcedAt === this.#arrivedLength - this.#rest.length + start;
      this.#addContent(this.#rest.slice(0, start));
      this.#rest = this.#rest.slice(start + trigger.length);
      this.#beginCalls(trigger, trigger.length, isAnnounced);
      return true;
    }
    const end = this.#rest.length - beginningLength(this.#rest, trigger);
    this.#addContent(this.#rest.slice(0, end));
    this.#rest = this.#rest.slice(end);
    return false;
  }

  #beginCalls(taken: string, openingLength: number, isAnnounced = false): void {
    this.#mode = 'calls';
    this.#isAssured = this.#options.isAssured || isAnnounced;
    this.#reader = this.#options.format.reader(this.#sink);
    this.#taken = taken;
    this.#openingLength = openingLength;
  }

  #readCalls(): void {
    const reader = this.#reader!;
    const length = reader.read(this.#rest, 0);
    this.#taken += this.#rest.slice(0, length);
    this.#rest = this.#rest.slice(length);
    switch (reader.status) {
      case 'call':
        this.#endCall();
        return;
      case 'end':
        this.#endCalls();
        return;
      case 'failed':
        this.#giveUp();
    }
  }

  #endCall(): void {
    for (const part of this.#heldParts) this.#add(part);
    this.#heldParts = [];
    this.#callCount++;
    this.#isCallOpen = false;
    // One call was announced, or a list, which holds to its end.
    const isList = this.#options.format.writing?.opening !== '';
    this.#isAssured = this.#options.isAssured || (this.#isAssured && isList);
    this.#taken = '';
    this.#openingLength = 0;
    this.#blanks = '';
    if (this.#callCount < this.#options.callsMax) return;
    this.#mode = 'complete';
    this.#reader = null;
  }

  #endCalls(): void {
    this.#mode = 'content';
    this.#reader = null;
    this.#taken = '';
  }

  /** What was taken for a call is content; calls may begin inside of it. */
  #giveUp(): void {
    const isPassedOn = this.#isAssured && this.#isCallOpen;
    const taken = isPassedOn ? '' : this.#taken;
    const opening = taken.slice(0, this.#openingLength);
    this.#rest = taken.slice(opening.length) + this.#rest;
    this.#heldParts = [];
    if (isPassedOn) this.#callCount++;
    this.#isCallOpen = false;
    this.#endCalls();
    this.#addContent(opening);
  }

  /** Behind a whole call only what separates or closes calls can be cut off by the end. */
  #isOver(): boolean {
    if (this.#callCount === 0 || this.#openingLength > 0 || this.#isCallOpen) return false;
    const taken = this.#taken.trim();
    return (
      ['', ';', ',', ']'].includes(taken) || this.#options.format.marks.some((mark) => mark.startsWith(taken))
    );
  }

  /** What can only be a call, and whose name nobody knows, is none, and no content either. */
  #isCutBeforeName(): boolean {
    return this.#isAssured && !this.#isCallOpen && !this.#options.mayQuoteMarks;
  }

  #hold(part: MessagePart): void {
    if (this.#isAssured) this.#add(part);
    else addPart(this.#heldParts, part);
  }

  #addContent(text: string): void {
    const end = solidLength(text);
    if (end > 0) this.#add({ kind: 'content', text: this.#blanks + text.slice(0, end) });
    this.#blanks = end > 0 ? text.slice(end) : this.#blanks + text;
  }

  #add(part: MessagePart): void {
    addPart(this.#parts, part);
  }
}
