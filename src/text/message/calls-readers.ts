/**
 * Readers of a run of calls, from behind what announces it: JSON objects, alone, in a list or separated, and names
 * with arguments after them. They differ in what stands around a call; none of them looks at text before or after.
 */

import { isBlank } from './blanks.ts';
import { CallObjectReader, type CallSink, type ReadStatus } from './call-object-reader.ts';
import { JsonScanner } from './json-scanner.ts';

export interface CallsReader {
  readonly status: ReadStatus;
  /** Reads `text` from `from` on until a call is whole, the calls are over, or `text` is. @returns the index after it. */
  read(text: string, from: number): number;
}

export type JsonCallsOptions = {
  /** What closes the calls; it may be missing. Empty: nothing does. */
  readonly closing: string;
  /** What may stand between two calls that are not in a list, besides white space; empty: nothing else. */
  readonly separator: string;
};

/** `{…}`, `{…}; {…}`, `{…} {…}` or `[{…}, {…}]`, and what closes it. */
export class JsonCallsReader implements CallsReader {
  status: ReadStatus = 'more';
  readonly #sink: CallSink;
  readonly #options: JsonCallsOptions;
  #place: 'first' | 'call' | 'after-call' | 'closing' = 'first';
  #call: CallObjectReader;
  #isList = false;
  /** Characters of `closing` that have been read. */
  #closedLength = 0;

  constructor(sink: CallSink, options: JsonCallsOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#call = new CallObjectReader(sink);
  }

  read(text: string, from: number): number {
    let position = from;
    if (this.status === 'call') this.status = 'more';
    while (position < text.length && this.status === 'more') {
      position = this.#place === 'call' ? this.#readCall(text, position) : this.#readPlace(text, position);
    }
    return position;
  }

  #readCall(text: string, from: number): number {
    const position = this.#call.read(text, from);
    this.status = this.#call.status;
    if (this.status === 'call') this.#place = 'after-call';
    return position;
  }

  #readPlace(text: string, position: number): number {
    const character = text.charAt(position);
    if (isBlank(character) && this.#closedLength === 0) return position + 1;
    switch (this.#place) {
      case 'first':
        this.#isList = character === '[';
        this.#place = 'call';
        return this.#isList ? position + 1 : position;
      case 'after-call':
        return this.#readAfterCall(character, position);
      default:
        this.#readClosing(character);
        return position + 1;
    }
  }

  #readAfterCall(character: string, position: number): number {
    const separator = this.#isList ? ',' : this.#options.separator;
    // Models that are to separate calls by a mark also write one a line.
    const isNext = character === '{' && !this.#isList;
    if (isNext || character === separator) this.#beginCall();
    else if (this.#isList) this.#endList(character);
    else this.#readClosing(character);
    return isNext ? position : position + 1;
  }

  #beginCall(): void {
    this.#call = new CallObjectReader(this.#sink);
    this.#place = 'call';
  }

  #endList(character: string): void {
    if (character !== ']') this.status = 'failed';
    else if (this.#options.closing === '') this.status = 'end';
    else this.#place = 'closing';
  }

  #readClosing(character: string): void {
    const { closing } = this.#options;
    this.#place = 'closing';
    if (closing.charAt(this.#closedLength) !== character) this.status = 'failed';
    else if (++this.#closedLength === closing.length) this.status = 'end';
  }
}

const ARGUMENTS_MARK = '[ARGS]';
const CALL_ID_MARK = '[CALL_ID]';
/** Longest name, and a call's id beside it. */
const HEAD_LENGTH_MAX = 256;

/** Mistral's newer form, behind `[TOOL_CALLS]`: `name[ARGS]{…}`, also `name[CALL_ID]…[ARGS]{…}` and `name{…}`. */
export class NamedCallReader implements CallsReader {
  status: ReadStatus = 'more';
  readonly #sink: CallSink;
  #head = '';
  /** Null while the head is being read. */
  #scanner: JsonScanner | null = null;

  constructor(sink: CallSink) {
    this.#sink = sink;
  }

  read(text: string, from: number): number {
    if (this.status === 'call') {
      this.status = 'end';
      return from;
    }
    let position = from;
    while (this.#scanner === null && position < text.length && this.status === 'more') {
      const isOpen = text.charAt(position) === '{';
      if (isOpen) this.#begin();
      else this.#head += text.charAt(position++);
      if (this.#head.length > HEAD_LENGTH_MAX) this.status = 'failed';
    }
    return this.status === 'more' ? this.#readArguments(text, position) : position;
  }

  #begin(): void {
    const [beforeArguments, ...rest] = this.#head.split(ARGUMENTS_MARK);
    const name = beforeArguments!.split(CALL_ID_MARK)[0]!.trim();
    const isClean = rest.every((each) => each.trim() === '') && rest.length <= 1;
    if (!isClean || !this.#sink.isCallable(name)) {
      this.status = 'failed';
      return;
    }
    this.#sink.begin(name);
    this.#scanner = new JsonScanner();
  }

  #readArguments(text: string, from: number): number {
    if (this.#scanner === null) return from;
    let position = from;
    while (position < text.length && this.status === 'more') {
      const result = this.#scanner.push(text.charAt(position++));
      if (result === 'invalid') {
        this.status = 'failed';
        position--;
      } else if (result !== 'more') {
        this.status = 'call';
      }
    }
    if (position > from) this.#sink.addArguments(text.slice(from, position));
    return position;
  }
}
