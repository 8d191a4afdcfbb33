/**
 * Reads one call written as a JSON object, `{"name": …, "arguments": {…}}`, character by character, and passes its
 * arguments on as they are written. What is not such an object fails at the first character that shows it.
 */

import { isJsonObject } from '../../base/json-object.ts';
import { TOLD_NAME_CHARACTERS_MAX } from '../../base/limits.ts';
import { isBlank } from './blanks.ts';
import { JsonScanner, type ScanResult } from './json-scanner.ts';

/** Takes the calls that a reader finds. */
export interface CallSink {
  /** Whether a function of this name may be called. */
  isCallable(name: string): boolean;
  begin(name: string): void;
  /** The next piece of the arguments of the call that began last. */
  addArguments(text: string): void;
}

export type ReadStatus =
  | 'more'
  /** A call is whole; reading may go on with the next one. */
  | 'call'
  /** The calls are over; what follows is not theirs. */
  | 'end'
  | 'failed';

/** Keys of a call besides its name: `id` and `type` are of OpenAI's form, and models repeat what they have read. */
const ARGUMENT_KEYS = ['arguments', 'parameters'];
const SKIPPED_KEYS = ['id', 'type'];
/** Longest JSON text of a name: each character as an escape, and the quotes. */
const NAME_TEXT_MAX = 6 * TOLD_NAME_CHARACTERS_MAX + 2;

type Place = 'open' | 'key-or-close' | 'key' | 'colon' | 'value' | 'comma-or-close';
type ValueUse = 'name' | 'arguments' | 'skip';

export class CallObjectReader {
  status: 'more' | 'call' | 'failed' = 'more';
  readonly #sink: CallSink;
  #place: Place = 'open';
  #scanner = new JsonScanner();
  /** The key or value that is being read, as far as it is kept. */
  #token = '';
  #use: ValueUse = 'skip';
  /** The first character of the value; empty before it. */
  #first = '';
  #name: string | null = null;
  #hasArguments = false;
  /** Arguments that wait for the name. */
  #waiting = '';
  readonly #seen = new Set<string>();

  constructor(sink: CallSink) {
    this.#sink = sink;
  }

  /** Reads `text` from `from` on. @returns the index after what was read. */
  read(text: string, from: number): number {
    let position = from;
    while (position < text.length && this.status === 'more') {
      position = this.#isInToken() ? this.#readToken(text, position) : this.#readPlace(text, position);
    }
    return position;
  }

  #isInToken(): boolean {
    return this.#place === 'key' || this.#place === 'value';
  }

  #readPlace(text: string, position: number): number {
    const character = text.charAt(position);
    if (isBlank(character)) return position + 1;
    const place = this.#place;
    if (place === 'open' && character === '{') this.#place = 'key-or-close';
    else if (place === 'colon' && character === ':') this.#beginToken('value');
    else if (place === 'comma-or-close' && character === ',') this.#beginToken('key');
    else if (place === 'key-or-close' && character === '"') {
      this.#beginToken('key');
      return position;
    } else if (character === '}' && place !== 'open' && place !== 'colon') this.#close();
    else this.status = 'failed';
    return position + 1;
  }

  #beginToken(place: 'key' | 'value'): void {
    this.#place = place;
    this.#scanner = new JsonScanner();
    this.#token = '';
    this.#first = '';
  }

  /** Up to the end of the key or value, or of the text. */
  #readToken(text: string, from: number): number {
    let position = from;
    if (this.#first === '') {
      while (position < text.length && isBlank(text.charAt(position))) position++;
      if (position === text.length) return position;
      this.#first = text.charAt(position);
      if (!this.#canBegin(this.#first)) return this.#fail(position);
    }
    const start = position;
    let result: ScanResult = 'more';
    while (position < text.length && result === 'more') result = this.#scanner.push(text.charAt(position++));
    if (result === 'invalid' || result === 'end-before') position--;
    this.#keep(text.slice(start, position));
    if (result === 'invalid') return this.#fail(position);
    if (result !== 'more' && this.status === 'more') this.#endToken();
    return position;
  }

  #fail(position: number): number {
    this.status = 'failed';
    return position;
  }

  #canBegin(first: string): boolean {
    if (this.#place === 'key' || this.#use === 'name') return first === '"';
    return this.#use === 'skip' || first === '{' || first === '"' || first === 'n';
  }

  #keep(text: string): void {
    if (this.#place === 'value' && this.#use === 'skip') return;
    if (this.#place === 'value' && this.#use === 'arguments' && this.#first === '{') {
      this.#passOn(text);
      return;
    }
    this.#token += text;
    const isLong = this.#token.length > NAME_TEXT_MAX;
    if (isLong && (this.#place === 'key' || this.#use === 'name')) this.status = 'failed';
  }

  #endToken(): void {
    if (this.#place === 'key') {
      this.#place = 'colon';
      this.#use = this.#useOf(JSON.parse(this.#token) as string);
      return;
    }
    this.#place = 'comma-or-close';
    if (this.#use === 'name') this.#setName(JSON.parse(this.#token) as string);
    if (this.#use === 'arguments' && this.#first === '"') this.#passOnQuoted();
  }

  #useOf(key: string): ValueUse {
    const name = ARGUMENT_KEYS.includes(key) ? 'arguments' : key;
    if (this.#seen.has(name)) this.status = 'failed';
    this.#seen.add(name);
    if (name === 'name' || name === 'arguments') return name;
    if (!SKIPPED_KEYS.includes(name)) this.status = 'failed';
    return 'skip';
  }

  #setName(name: string): void {
    if (!this.#sink.isCallable(name)) {
      this.status = 'failed';
      return;
    }
    this.#name = name;
    this.#sink.begin(name);
    if (this.#waiting !== '') this.#sink.addArguments(this.#waiting);
  }

  #passOn(text: string): void {
    this.#hasArguments = true;
    if (this.#name === null) this.#waiting += text;
    else this.#sink.addArguments(text);
  }

  /** Some models write the object once more as JSON text, the way that OpenAI's API shows it. */
  #passOnQuoted(): void {
    const text = JSON.parse(this.#token) as string;
    if (text.trim() === '') return;
    if (holdsJsonObject(text)) this.#passOn(text);
    else this.status = 'failed';
  }

  #close(): void {
    if (this.#name === null) {
      this.status = 'failed';
      return;
    }
    if (!this.#hasArguments) this.#sink.addArguments('{}');
    this.status = 'call';
  }
}

export function holdsJsonObject(text: string): boolean {
  try {
    return isJsonObject(JSON.parse(text));
  } catch {
    return false;
  }
}
