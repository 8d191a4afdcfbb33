/**
 * Calls written as a list of Python calls, `[get_weather(city="Paris", days=3), now()]`. The list is read to its end
 * before anything is passed on, because only then it is known to be one.
 */

import { CALL_DEPTH_MAX } from '../../base/limits.ts';
import type { CallSink, ReadStatus } from './call-object-reader.ts';
import type { CallsReader } from './calls-readers.ts';

type PythonCall = { readonly name: string; readonly arguments: string };

const NAME_CHARACTER = /[\w.-]/;
/** What stands outside of strings in a list of calls. */
const CALL_CHARACTER = /[\w\s.,:=+()[\]{}-]/;

/** Reads from the opening bracket to the one that closes it, and what closes the calls behind that. */
export class PythonicCallsReader implements CallsReader {
  status: ReadStatus = 'more';
  readonly #sink: CallSink;
  readonly #closing: string;
  #text = '';
  #depth = 0;
  /** The quote of the string that is open; empty outside of strings. */
  #quote = '';
  #isEscaped = false;
  #isNameChecked = false;
  /** Calls of the list that have not been told yet; null while the list is being read. */
  #calls: PythonCall[] | null = null;
  #rest = '';

  /** @param closing what may stand behind the list; empty: nothing. */
  constructor(sink: CallSink, closing: string) {
    this.#sink = sink;
    this.#closing = closing;
  }

  read(text: string, from: number): number {
    let position = from;
    if (this.#calls === null) {
      while (position < text.length && this.#calls === null && this.status === 'more') {
        this.#push(text.charAt(position++));
      }
      if (this.#calls === null) return position;
    }
    const call = this.#calls.shift();
    if (call !== undefined) {
      this.#sink.begin(call.name);
      this.#sink.addArguments(call.arguments);
      this.status = 'call';
      return position;
    }
    return this.#readClosing(text, position);
  }

  #push(character: string): void {
    this.#text += character;
    if (this.#quote !== '') {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === this.#quote) this.#quote = '';
    } else if (character === '"' || character === "'") {
      this.#quote = character;
    } else if ('[({'.includes(character)) {
      this.#depth++;
    } else if ('])}'.includes(character)) {
      this.#depth--;
    } else if (!CALL_CHARACTER.test(character)) {
      this.status = 'failed';
    }
    this.#checkName(character);
    if (this.#depth <= 0 && this.#text.trim() !== '' && this.status === 'more') this.#end();
  }

  /** Ordinary text in brackets fails with its first word. */
  #checkName(character: string): void {
    if (this.#isNameChecked || NAME_CHARACTER.test(character)) return;
    const head = /^\s*\[\s*([\w.-]*)\s*(\(?)$/.exec(this.#text);
    if (head === null) {
      if (this.#text.trim() !== '') this.status = 'failed';
    } else if (head[2] === '(') {
      this.#isNameChecked = true;
      if (!this.#sink.isCallable(head[1]!)) this.status = 'failed';
    }
  }

  #end(): void {
    const calls = parsePythonCalls(this.#text);
    if (calls === null || !calls.every(({ name }) => this.#sink.isCallable(name))) this.status = 'failed';
    else this.#calls = [...calls];
  }

  #readClosing(text: string, from: number): number {
    let position = from;
    this.status = this.#closing === '' ? 'end' : 'more';
    while (position < text.length && this.status === 'more') {
      this.#rest += text.charAt(position++);
      const seen = this.#rest.trimStart();
      if (seen === this.#closing) this.status = 'end';
      else if (!this.#closing.startsWith(seen)) this.status = 'failed';
    }
    return position;
  }
}

/** @returns null when the text is no list of calls with named arguments that are literals. */
function parsePythonCalls(text: string): readonly PythonCall[] | null {
  try {
    return new PythonParser(text).calls();
  } catch (error) {
    if (error instanceof NotPython) return null;
    throw error;
  }
}

class NotPython extends Error {}

const CONSTANTS: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);
/** Escapes of one character; behind a backslash a line end is nothing. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['\n', ''],
  ['\r', ''],
  ['\r\n', ''],
]);
const ESCAPE =
  /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U(0010[\da-fA-F]{4}|000[\da-fA-F]{5})|([0-7]{1,3})|(\r\n|.))/gs;

/** Recursive descent over Python literals; every method returns JSON text. */
class PythonParser {
  readonly #text: string;
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  calls(): PythonCall[] {
    this.#expect('[');
    const calls = this.#items(']', () => this.#call());
    if (this.#peek() !== '' || calls.length === 0) throw new NotPython();
    return calls;
  }

  #call(): PythonCall {
    const name = this.#match(/[A-Za-z_][\w.-]*/y);
    this.#expect('(');
    const keys = new Set<string>();
    const members = this.#items(')', () => {
      const key = this.#match(/[A-Za-z_]\w*/y);
      if (keys.has(key)) throw new NotPython();
      keys.add(key);
      this.#expect('=');
      return `${JSON.stringify(key)}: ${this.#value()}`;
    });
    return { name, arguments: `{${members.join(', ')}}` };
  }

  /** Items between commas; a comma may stand behind the last one. */
  #items<Item>(closing: string, item: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.#take(closing)) {
      if (items.length > 0) {
        this.#expect(',');
        if (this.#take(closing)) break;
      }
      items.push(item());
    }
    return items;
  }

  #value(): string {
    if (++this.#depth > CALL_DEPTH_MAX) throw new NotPython();
    const value = this.#literal();
    this.#depth--;
    return value;
  }

  #literal(): string {
    const first = this.#peek();
    if (first === '"' || first === "'") return JSON.stringify(this.#quoted());
    if (this.#take('[')) return `[${this.#items(']', () => this.#value()).join(', ')}]`;
    if (this.#take('(')) return `[${this.#items(')', () => this.#value()).join(', ')}]`;
    if (this.#take('{')) return `{${this.#items('}', () => this.#member()).join(', ')}}`;
    if (/[-\d]/.test(first)) return this.#match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y);
    const constant = CONSTANTS.get(this.#match(/[A-Za-z]+(?!\w)/y));
    if (constant === undefined) throw new NotPython();
    return constant;
  }

  #member(): string {
    this.#peek();
    const key = JSON.stringify(this.#quoted());
    this.#expect(':');
    return `${key}: ${this.#value()}`;
  }

  /** An escape that Python does not know is the text that it is. */
  #quoted(): string {
    const source = this.#match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy).slice(1, -1);
    return source.replace(
      ESCAPE,
      (written, byte?: string, unit?: string, point?: string, octal?: string, other?: string) => {
        const digits = byte ?? unit ?? point;
        if (digits !== undefined) return String.fromCodePoint(Number.parseInt(digits, 16));
        if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
        return ESCAPES.get(other!) ?? written;
      },
    );
  }

  /** The next character that is not blank; empty at the end. */
  #peek(): string {
    while (/\s/.test(this.#text.charAt(this.#position))) this.#position++;
    return this.#text.charAt(this.#position);
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#position++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new NotPython();
  }

  #match(pattern: RegExp): string {
    this.#peek();
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text)?.[0];
    if (match === undefined) throw new NotPython();
    this.#position += match.length;
    return match;
  }
}
