/** Text of a chat template -> tokens, as jinja2 makes them with `trim_blocks` and `lstrip_blocks`. */

import { pythonTrimEnd, SPACE } from './text.ts';

export type Token = {
  readonly type: 'text' | 'begin' | 'end' | 'name' | 'string' | 'integer' | 'float' | 'operator' | 'eof';
  /** Of a `begin` and an `end`: `block` or `variable`; of a text, with its escapes read. */
  readonly value: string;
  readonly line: number;
};

/** @throws TemplateSyntaxError with what is wrong, and in which line. */
export class TemplateSyntaxError extends Error {
  constructor(message: string, line: number) {
    super(`line ${line}: ${message}`);
    this.name = 'TemplateSyntaxError';
  }
}

const BEGIN = new RegExp(`\\{%([-+]?)${SPACE}*raw${SPACE}*(?:-%\\}${SPACE}*|%\\})|(\\{[%{#])([-+]?)`, 'g');
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}${SPACE}*|#\\}\\n?`, 'g');
const RAW_END = new RegExp(`\\{%([-+]?)${SPACE}*endraw${SPACE}*(?:\\+%\\}|-%\\}${SPACE}*|%\\}\\n?)`, 'g');
const BLOCK_END = new RegExp(`\\+%\\}|-%\\}${SPACE}*|%\\}\\n?`, 'y');
const VARIABLE_END = new RegExp(`-\\}\\}${SPACE}*|\\}\\}`, 'y');
const BLANKS = new RegExp(`${SPACE}+`, 'y');
const ONLY_BLANKS = new RegExp(`^${SPACE}+$`);

const IN_TAG: readonly (readonly [Token['type'], RegExp])[] = [
  ['float', /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy],
  ['integer', /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy],
  ['name', /[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*/uy],
  ['string', /'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"/sy],
  ['operator', /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}>=<.:|,;]/y],
];
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

/** @throws TemplateSyntaxError */
export function tokenize(source: string): readonly Token[] {
  return new Lexer(source.replace(/\r\n?/g, '\n').replace(/\n$/, '')).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;
  /** Where `#line` was counted up to. */
  #counted = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): readonly Token[] {
    while (this.#position < this.#source.length) {
      const begin = this.#find(BEGIN);
      if (begin === null) {
        this.#addText(this.#source.slice(this.#position));
        break;
      }
      this.#addText(this.#textBefore(begin));
      this.#position = begin.index + begin[0].length;
      if (begin[2] === undefined) this.#raw();
      else if (begin[2] === '{#') this.#skipComment();
      else this.#tag(begin[2] === '{%' ? 'block' : 'variable');
    }
    this.#position = this.#source.length;
    this.#add('eof', 'the end of the template');
    return this.#tokens;
  }

  #find(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#source);
  }

  /** @returns what the pattern matches here, which is then behind us; `null` where it does not. */
  #eat(pattern: RegExp): string | null {
    const match = this.#find(pattern);
    if (match === null) return null;
    this.#position += match[0].length;
    return match[0];
  }

  #add(type: Token['type'], value: string, start = this.#position): void {
    this.#tokens.push({ type, value, line: this.#lineAt(start) });
  }

  #addText(text: string): void {
    if (text !== '') this.#add('text', text);
  }

  #lineAt(position: number): number {
    for (let at = this.#counted; at < position; at++) if (this.#source.charAt(at) === '\n') this.#line++;
    this.#counted = Math.max(this.#counted, position);
    return this.#line;
  }

  #fail(message: string, start = this.#position): never {
    throw new TemplateSyntaxError(message, this.#lineAt(start));
  }

  /** `{%-` takes all white space before it, `{%` and `{#` only that between them and the beginning of their line. */
  #textBefore(begin: RegExpExecArray): string {
    const text = this.#source.slice(this.#position, begin.index);
    const sign = begin[3] ?? begin[1];
    if (sign === '-') return pythonTrimEnd(text);
    if (sign === '+' || begin[2] === '{{') return text;
    const lineStart = text.lastIndexOf('\n') + 1;
    const startsLine = lineStart > 0 || this.#position === 0 || this.#source[this.#position - 1] === '\n';
    return startsLine && ONLY_BLANKS.test(text.slice(lineStart)) ? text.slice(0, lineStart) : text;
  }

  #skipComment(): void {
    const end = this.#find(COMMENT_END);
    if (end === null) this.#fail('Missing end of comment tag');
    this.#position = end.index + end[0].length;
  }

  #raw(): void {
    const end = this.#find(RAW_END);
    if (end === null) this.#fail('Missing end of raw directive');
    this.#addText(this.#textBefore(end));
    this.#position = end.index + end[0].length;
  }

  #tag(kind: 'block' | 'variable'): void {
    this.#add('begin', kind);
    const open: string[] = [];
    const endPattern = kind === 'block' ? BLOCK_END : VARIABLE_END;
    for (;;) {
      this.#eat(BLANKS);
      const start = this.#position;
      // In brackets `}}` and `%}` are operators.
      if (open.length === 0 && this.#eat(endPattern) !== null) {
        this.#add('end', kind, start);
        return;
      }
      this.#inTag(open);
    }
  }

  #inTag(open: string[]): void {
    const start = this.#position;
    for (const [type, pattern] of IN_TAG) {
      const found = this.#eat(pattern);
      if (found === null) continue;
      if (type === 'operator') this.#balance(found, open, start);
      this.#add(type, type === 'string' ? this.#unescaped(found.slice(1, -1), start) : found, start);
      return;
    }
    if (start >= this.#source.length) this.#fail('unexpected end of the template');
    this.#fail(`unexpected character '${String.fromCodePoint(this.#source.codePointAt(start)!)}'`);
  }

  #balance(operator: string, open: string[], start: number): void {
    const closing = CLOSING[operator];
    if (closing !== undefined) open.push(closing);
    else if ('})]'.includes(operator)) {
      const expected = open.pop();
      if (expected === operator) return;
      const wanted = expected === undefined ? '' : `, expected '${expected}'`;
      this.#fail(`unexpected '${operator}'${wanted}`, start);
    }
  }

  #unescaped(text: string, start: number): string {
    return text.replace(ESCAPE, (whole: string, escaped: string) => {
      if (/^[xuU]./s.test(escaped)) return String.fromCodePoint(Number.parseInt(escaped.slice(1), 16));
      if (/^[0-7]/.test(escaped)) return String.fromCodePoint(Number.parseInt(escaped, 8));
      if (/^[xuUN]|[^ -~\n]/.test(escaped))
        this.#fail(`the escape '${whole}' of a text is not supported`, start);
      return ESCAPED[escaped] ?? whole;
    });
  }
}

const ESCAPE = /\\(x[\da-fA-F]{2}|u[\da-fA-F]{4}|U00(?:0[\da-fA-F]|10)[\da-fA-F]{4}|[0-7]{1,3}|.)/gsu;
const ESCAPED: Readonly<Record<string, string>> = {
  ...{ '\n': '', '\\': '\\', "'": "'", '"': '"' },
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};
